//! Total queue: what was relayed was consumed, nothing waits, and the dead letters are exactly the
//! poison that was given.

use crate::chaos::findings::{Findings, Progress};

pub(super) fn check(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    let links = findings.events.last().map_or(0, |event| event.position);
    let market = findings.market_events.last().map_or(0, |sale| sale.position);
    let venues = findings.venues_events.last().map_or(0, |event| event.position);
    let outings = findings.outings.events.last().map_or(0, |event| event.position);
    for (head, progress) in [
        (links, findings.links),
        (market, findings.market),
        (venues, findings.venues),
        (outings, findings.outings.progress),
    ] {
        let Progress { relayed, projected } = progress;
        if relayed != head {
            wrong.push(format!("relayed up to {relayed} of {head}"));
        }
        if projected != head {
            wrong.push(format!("projected up to {projected} of {head}"));
        }
    }
    for queue in findings.queues.iter().filter(|queue| queue.ready > 0) {
        wrong.push(format!("{} messages wait in {}", queue.ready, queue.name));
    }
    if findings.retries > 0 {
        wrong.push(format!("{} refused messages wait to be tried again", findings.retries));
    }
    let mut given: Vec<&str> = findings.poison.iter().map(String::as_str).collect();
    for letter in &findings.dead {
        let known = |text: &str| given.iter().position(|poison| text.contains(poison));
        match known(&letter.properties).or_else(|| known(&letter.body)) {
            Some(index) => drop(given.swap_remove(index)),
            None => wrong
                .push(format!("an innocent dead letter in {}: {}", letter.queue, letter.reason)),
        }
        if letter.reason.is_empty() {
            wrong.push(format!("a dead letter in {} has no reason", letter.queue));
        }
    }
    for poison in given {
        wrong.push(format!("the poison {poison} is no dead letter"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::sound;
    use crate::chaos::findings::outings::Outings;
    use crate::chaos::world::letters::Letter;

    fn letter(properties: &str) -> Letter {
        let (queue, reason) = ("a.dead".to_owned(), "not a verdict".to_owned());
        Letter { queue, reason, properties: properties.to_owned(), body: String::new() }
    }

    #[test]
    fn an_empty_house_passes() {
        assert_eq!(check(&sound()), Vec::<String>::new());
        let (dead, poison) = (vec![letter("id: p1")], vec!["p1".to_owned()]);
        assert_eq!(check(&Findings { dead, poison, ..sound() }), Vec::<String>::new());
    }

    #[test]
    fn what_was_not_relayed_or_waits_is_found() {
        let relayed = Progress { relayed: 3, projected: 4 };
        assert_eq!(check(&Findings { links: relayed, ..sound() }).len(), 1);
        let projected = Progress { relayed: 4, projected: 3 };
        assert_eq!(check(&Findings { links: projected, ..sound() }).len(), 1);
        assert_eq!(check(&Findings { market: relayed, ..sound() }).len(), 2);
        assert_eq!(check(&Findings { venues: relayed, ..sound() }).len(), 2);
        let outings = Outings { progress: relayed, ..Outings::default() };
        assert_eq!(check(&Findings { outings, ..sound() }).len(), 2);
        assert_eq!(check(&Findings { retries: 1, ..sound() }).len(), 1);
        let mut waiting = sound();
        waiting.queues[0].ready = 1;
        assert_eq!(check(&waiting).len(), 1);
    }

    #[test]
    fn an_innocent_or_a_missing_dead_letter_is_found() {
        let dead = vec![letter("id: x")];
        assert_eq!(check(&Findings { dead, ..sound() }).len(), 1);
        let poison = vec!["p1".to_owned()];
        assert_eq!(check(&Findings { poison: poison.clone(), ..sound() }).len(), 1);
        let dead = vec![letter("id: p1"), letter("id: p1")];
        assert_eq!(check(&Findings { dead, poison, ..sound() }).len(), 1);
    }
}
