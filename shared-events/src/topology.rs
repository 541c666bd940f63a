//! Every exchange, queue, routing key and header name. These strings exist nowhere else.
//!
//! The publisher declares its exchange; the consumer declares queue, binding and dead letters; the
//! publisher declares the work queues it feeds too, because the broker can not tell it of a single
//! queue that is missing. All declarations are idempotent. Not here: `lapin`; each service turns
//! this into its own calls.

/// An exchange that messages are published to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub name: &'static str,
    /// How it routes.
    pub kind: ExchangeKind,
}

/// How an exchange routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKind {
    /// By routing key exactly.
    Direct,
    /// By routing key pattern.
    Topic,
}

/// What a queue takes from an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// From which exchange.
    pub exchange: Exchange,
    /// Which routing keys.
    pub routing_key: &'static str,
}

/// A durable quorum queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name: `<service>.<purpose>`.
    pub name: &'static str,
    /// What it takes.
    pub binding: Binding,
    /// One consumer at a time, the others stand by.
    pub single_active_consumer: bool,
    /// At most so many messages, the oldest dropped first; only for queues whose reader can read
    /// the store instead.
    pub max_length: Option<i64>,
    /// Where its consumer puts what can not be processed.
    pub dead_letters: DeadLetters,
}

/// The queue of a queue's dead letters and the exchange that leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// The exchange; the routing key is the name of the queue the message came from.
    pub exchange: Exchange,
    /// The queue: `<queue>.dead`.
    pub queue: &'static str,
}

/// A queue argument's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Text.
    Text(&'static str),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// How often the broker may redeliver a message before dropping it: never in practice. It is no
/// poison detector: a crash loop would take the innocent prefetched neighbours along. Set because
/// 4.x defaults to 20, and -1 breaks 3.10.
const DELIVERY_LIMIT: i64 = 1_000_000;

impl Queue {
    /// The arguments it is declared with; they can not be changed later.
    pub fn arguments(&self) -> Vec<(&'static str, Argument)> {
        let mut arguments = dead_letter_arguments();
        if self.single_active_consumer {
            arguments.push(("x-single-active-consumer", Argument::Flag(true)));
        }
        if let Some(length) = self.max_length {
            arguments.push(("x-max-length", Argument::Number(length)));
            arguments.push(("x-overflow", Argument::Text("drop-head")));
        }
        arguments
    }
}

/// The arguments a queue of dead letters is declared with.
pub fn dead_letter_arguments() -> Vec<(&'static str, Argument)> {
    vec![
        ("x-queue-type", Argument::Text("quorum")),
        ("x-delivery-limit", Argument::Number(DELIVERY_LIMIT)),
    ]
}

/// The routing key on a queue's dead-letter exchange that leads back into the queue itself.
pub fn redrive_key(queue: &Queue) -> String {
    format!("{}.redrive", queue.name)
}

/// The log of the access links.
pub const LINKS_LOG: &str = "links";

/// Everything that happens to link requests; written by `ticketing` only.
pub const LINKS_EVENTS: Exchange = Exchange { name: "links.events", kind: ExchangeKind::Topic };
/// The log of the market.
pub const MARKET_LOG: &str = "market";

/// Everything that happens to listings, orders and payments; written by `ticketing` only.
pub const MARKET_EVENTS: Exchange = Exchange { name: "market.events", kind: ExchangeKind::Topic };
/// The log of stadiums, matches, seats and wallets.
pub const VENUES_LOG: &str = "venues";

/// Everything that happens to stadiums, matches, seats and wallets; written by `ticketing` only.
pub const VENUES_EVENTS: Exchange = Exchange { name: "venues.events", kind: ExchangeKind::Topic };
/// The log of announcements, bookings and ratings.
pub const OUTINGS_LOG: &str = "outings";

/// Everything that happens to announcements, bookings and ratings; written by `ticketing` only.
pub const OUTINGS_EVENTS: Exchange = Exchange { name: "outings.events", kind: ExchangeKind::Topic };
/// What the rule service decided; written by `rules` only.
pub const RULES_VERDICTS: Exchange = Exchange { name: "rules.verdicts", kind: ExchangeKind::Topic };
/// The dead letters of `ticketing`'s queues.
pub const TICKETING_DEAD_LETTERS: Exchange =
    Exchange { name: "ticketing.dead_letters", kind: ExchangeKind::Direct };
/// The dead letters of `rules`' queues.
pub const RULES_DEAD_LETTERS: Exchange =
    Exchange { name: "rules.dead_letters", kind: ExchangeKind::Direct };

/// The routing key of `Requested`, what the rule service listens to.
pub const LINK_REQUESTED: &str = "links.link_request.requested";
/// The routing key of `TicketBought`: a link was used.
pub const LINK_USED: &str = "links.link_request.ticket_bought";
/// The routing key of verdicts.
pub const VERDICT: &str = "rules.verdict";
/// The `type` property of a verdict.
pub const VERDICT_TYPE: &str = "Verdict";

/// Requests waiting for the rule service.
pub const EVALUATE_LINK_REQUESTS: Queue = Queue {
    name: "rules.evaluate_link_requests",
    binding: Binding { exchange: LINKS_EVENTS, routing_key: LINK_REQUESTED },
    single_active_consumer: false,
    max_length: None,
    dead_letters: DeadLetters {
        exchange: RULES_DEAD_LETTERS,
        queue: "rules.evaluate_link_requests.dead",
    },
};

/// Verdicts waiting to be recorded.
pub const RECORD_VERDICTS: Queue = Queue {
    name: "ticketing.record_verdicts",
    binding: Binding { exchange: RULES_VERDICTS, routing_key: VERDICT },
    single_active_consumer: false,
    max_length: None,
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.record_verdicts.dead",
    },
};

/// Events waiting for the links projections. Bounded: what it drops is read from the store.
pub const PROJECT_LINKS: Queue = Queue {
    name: "ticketing.project_links",
    binding: Binding { exchange: LINKS_EVENTS, routing_key: "links.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_links.dead",
    },
};

/// Events waiting for the market's projections. Bounded: what it drops is read from the store.
pub const PROJECT_MARKET: Queue = Queue {
    name: "ticketing.project_market",
    binding: Binding { exchange: MARKET_EVENTS, routing_key: "market.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_market.dead",
    },
};

/// Events waiting for the venues' projections. Bounded: what it drops is read from the store.
pub const PROJECT_VENUES: Queue = Queue {
    name: "ticketing.project_venues",
    binding: Binding { exchange: VENUES_EVENTS, routing_key: "venues.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_venues.dead",
    },
};

/// Events waiting for the outings' projections. Bounded: what it drops is read from the store.
pub const PROJECT_OUTINGS: Queue = Queue {
    name: "ticketing.project_outings",
    binding: Binding { exchange: OUTINGS_EVENTS, routing_key: "outings.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_outings.dead",
    },
};

/// Events waiting to become notices of the links. Bounded: what it drops is read from the store.
pub const PROJECT_LINK_NOTICES: Queue = Queue {
    name: "ticketing.project_link_notices",
    binding: Binding { exchange: LINKS_EVENTS, routing_key: "links.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_link_notices.dead",
    },
};

/// Events waiting to become notices of the market. Bounded: what it drops is read from the store.
pub const PROJECT_MARKET_NOTICES: Queue = Queue {
    name: "ticketing.project_market_notices",
    binding: Binding { exchange: MARKET_EVENTS, routing_key: "market.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_market_notices.dead",
    },
};

/// Events waiting to become notices of the venues. Bounded: what it drops is read from the store.
pub const PROJECT_VENUE_NOTICES: Queue = Queue {
    name: "ticketing.project_venue_notices",
    binding: Binding { exchange: VENUES_EVENTS, routing_key: "venues.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_venue_notices.dead",
    },
};

/// Events waiting to become notices of the outings. Bounded: what it drops is read from the store.
pub const PROJECT_OUTING_NOTICES: Queue = Queue {
    name: "ticketing.project_outing_notices",
    binding: Binding { exchange: OUTINGS_EVENTS, routing_key: "outings.#" },
    single_active_consumer: true,
    max_length: Some(100_000),
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.project_outing_notices.dead",
    },
};

/// Used links waiting to become rights to buy.
pub const GRANT_ACCESS_RIGHTS: Queue = Queue {
    name: "ticketing.grant_access_rights",
    binding: Binding { exchange: LINKS_EVENTS, routing_key: LINK_USED },
    single_active_consumer: false,
    max_length: None,
    dead_letters: DeadLetters {
        exchange: TICKETING_DEAD_LETTERS,
        queue: "ticketing.grant_access_rights.dead",
    },
};

/// Every exchange.
pub const EXCHANGES: [Exchange; 7] = [
    LINKS_EVENTS,
    MARKET_EVENTS,
    VENUES_EVENTS,
    OUTINGS_EVENTS,
    RULES_VERDICTS,
    TICKETING_DEAD_LETTERS,
    RULES_DEAD_LETTERS,
];
/// Every queue that is not one of dead letters.
pub const QUEUES: [Queue; 11] = [
    EVALUATE_LINK_REQUESTS,
    RECORD_VERDICTS,
    PROJECT_LINKS,
    PROJECT_MARKET,
    PROJECT_VENUES,
    PROJECT_OUTINGS,
    PROJECT_LINK_NOTICES,
    PROJECT_MARKET_NOTICES,
    PROJECT_VENUE_NOTICES,
    PROJECT_OUTING_NOTICES,
    GRANT_ACCESS_RIGHTS,
];

/// The names of message headers.
pub mod header {
    /// Which aggregate the event belongs to.
    pub const AGGREGATE_ID: &str = "aggregate_id";
    /// The event's place in its stream.
    pub const SEQUENCE: &str = "sequence";
    /// The event's place in its log.
    pub const POSITION: &str = "position";
    /// The position before it.
    pub const PREVIOUS: &str = "previous";
    /// Which history the message belongs to.
    pub const HISTORY: &str = "history";
    /// The version of the payload's shape.
    pub const EVENT_VERSION: &str = "event_version";
    /// W3C Trace Context.
    pub const TRACEPARENT: &str = "traceparent";
    /// On a dead letter: why it is there.
    pub const DEAD_REASON: &str = "dead_reason";
    /// On a dead letter: when it was put there, RFC 3339.
    pub const DEAD_AT: &str = "dead_at";
    /// On a dead letter: the exchange it came through.
    pub const DEAD_EXCHANGE: &str = "dead_exchange";
    /// On a dead letter: its routing key.
    pub const DEAD_ROUTING_KEY: &str = "dead_routing_key";
}

/// The routing key of an event: `<log>.<aggregate>.<event>`, the event's name in snake case.
pub fn routing_key(log: &str, aggregate: &str, event_type: &str) -> String {
    let mut key = format!("{log}.{aggregate}.");
    for (index, letter) in event_type.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            key.push('_');
        }
        key.push(letter.to_ascii_lowercase());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_name_becomes_a_routing_key() {
        assert_eq!(routing_key("links", "link_request", "Requested"), LINK_REQUESTED);
        assert_eq!(
            routing_key("links", "link_request", "RuleEvaluated"),
            "links.link_request.rule_evaluated"
        );
    }

    #[test]
    fn every_queue_has_dead_letters_of_its_own_service() {
        for queue in QUEUES {
            assert_eq!(queue.dead_letters.queue, format!("{}.dead", queue.name));
            let service = queue.name.split('.').next().expect("a service");
            assert!(queue.dead_letters.exchange.name.starts_with(service), "{}", queue.name);
        }
    }

    #[test]
    fn every_queue_is_a_quorum_queue_with_a_delivery_limit() {
        for queue in QUEUES {
            let arguments = queue.arguments();
            assert!(arguments.contains(&("x-queue-type", Argument::Text("quorum"))));
            assert!(arguments.contains(&("x-delivery-limit", Argument::Number(DELIVERY_LIMIT))));
        }
    }
}
