//! What must hold of notices at every moment; `ticketing verify` asks. That each table follows from
//! history is asked of the projections.

use crate::verify::Invariant;

/// All notices. Written out: what is asked is one text, known when the program is built.
macro_rules! all {
    () => {
        "(select id, person, kind, cause from link_notices \
          union all select id, person, kind, cause from market_notices \
          union all select id, person, kind, cause from venue_notices \
          union all select id, person, kind, cause from outing_notices)"
    };
}

/// Each counts its violations.
pub(super) const INVARIANTS: [Invariant; 4] = [
    Invariant {
        name: "a person is told once of what a cause has to tell",
        violations: concat!(
            "select count(*) from (select 1 from ",
            all!(),
            " n group by cause, person, kind having count(*) > 1) x"
        ),
    },
    Invariant {
        name: "a notice has one delivery by each channel",
        violations: concat!(
            "select count(*) from (select 1 from deliveries d join ",
            all!(),
            " n on n.id = d.notice group by n.cause, n.person, n.kind, d.channel \
              having count(*) > 1) x"
        ),
    },
    Invariant {
        name: "nothing is delivered without its notice, nor to anybody else",
        violations: concat!(
            "select count(*) from deliveries d where not exists (select from ",
            all!(),
            " n where n.id = d.notice and n.person = d.person)"
        ),
    },
    Invariant {
        name: "what is settled has a time, and nothing else has",
        violations: "select count(*) from deliveries where channel = 'email' \
                     and (settled_at is null) <> (state in ('waiting', 'claimed', 'sending'))",
    },
];
