//! Weakened versions of the functions that write, made from the text of the real ones: each
//! replacement has to be found in it exactly once, so a changed function can not leave a control
//! without effect. A checkpoint, which no function writes, is moved on by a trigger.

use anyhow::{Result, bail, ensure};

use super::Control;

const APPEND: &str = include_str!("../../../../schema/current/append_events.sql");
const JUDGE: &str = include_str!("../../../../schema/current/judge_in_order.sql");

const LOCK: &str = "    perform pg_advisory_xact_lock(hashtextextended('append:' || p_log, 0));\n";
const HEAD: &str = "select coalesce((select e.position from events e where e.log = p_log \
                    order by e.position desc limit 1), 0) into head;";
const INSERT_EVENTS: &str = "    insert into events (log";
const SEQUENCE: &str = "e.aggregate_id, e.sequence, e.type, e.version,\n           e.at";
const STREAM_MOVED: &str = "if heads[i] <> s_expected[i] then";
const STREAM_MOVED_IN_BATCH: &str = "if stream_heads[s_slot[i]] <> s_expected[i] then";
const MESSAGE_SEEN: &str = "if messages_seen[i] then";
const MESSAGE_SEEN_IN_BATCH: &str = "if m_append[m] = a and message_slots[m_slot[m]] then";
const INBOX: &str = "m(append, consumer, id, at)\n    where outcomes[m.append] = 0;";
const VAULT: &str = "v(append, id, name, value, expires)\n    where outcomes[v.append] = 0;";
const KEYS: &str =
    "k(append, key, fingerprint, status, body, at)\n    where outcomes[k.append] = 0;";

/// Each event comes after what its stream has by now, whatever its command has seen.
const SHIFTED: &str = "e.aggregate_id, coalesce((select max(x.sequence) from events x \
    where x.aggregate_id = e.aggregate_id and x.aggregate = e.aggregate), 0) \
    + row_number() over (partition by e.aggregate, e.aggregate_id order by e.append, e.nth), \
    e.type, e.version,\n           e.at";
/// Positions come in blocks, each wide enough for a batch.
const SEQUENCE_OF_POSITIONS: &str = "create sequence chaos_positions increment 1000;\n\
    grant usage on sequence chaos_positions to turnstile_app;\n";
/// Transactions take a moment between taking their positions and being committed, as they do on a
/// busy server.
const A_MOMENT: &str = "    perform pg_sleep(random() * 0.05);\n";
/// Each step of the projection leaves out the event that comes after it.
const CHECKPOINT_AHEAD: &str = "create function chaos_ahead() returns trigger language plpgsql \
    as $$ begin new.position := new.position + 1; return new; end $$;\n\
    create trigger chaos_ahead before update of position on checkpoints for each row \
    when (new.projection = 'outing_notices') execute function chaos_ahead();\n";

/// The statements that break what this control is about.
///
/// # Errors
/// If the functions are not what this was written for, or the control is not one of SQL.
pub(super) fn of(control: Control) -> Result<String> {
    let append = Text(APPEND.replace("create function", "create or replace function"));
    let judge = Text(JUDGE.replace("create function", "create or replace function"));
    Ok(match control {
        Control::NaiveCursor => {
            let append = append
                .with(LOCK, "")?
                .with(HEAD, "select nextval('chaos_positions') into head;")?
                .with(INSERT_EVENTS, &format!("{A_MOMENT}{INSERT_EVENTS}"))?;
            format!("{SEQUENCE_OF_POSITIONS}{}", append.0)
        }
        Control::NoUnique | Control::PaidTwice => {
            let append = append.with(STREAM_MOVED, "if false then")?.with(SEQUENCE, SHIFTED)?;
            let judge = judge.with(STREAM_MOVED_IN_BATCH, "if false then")?;
            let constraint = "alter table events drop constraint events_stream_key;\n";
            format!("{constraint}{}{}", append.0, judge.0)
        }
        Control::NoDedupe => {
            let of_command = |moved: &str, append: &str| {
                moved.replace(" then", &format!(" and not ({append} = any (m_append)) then"))
            };
            let append = append
                .with(MESSAGE_SEEN, "if false then")?
                .with(STREAM_MOVED, &of_command(STREAM_MOVED, "s_append[i]"))?
                .with(SEQUENCE, SHIFTED)?
                .with(INBOX, &INBOX.replace(';', " on conflict do nothing;"))?
                .with(VAULT, &VAULT.replace(';', " on conflict do nothing;"))?;
            let judge = judge
                .with(MESSAGE_SEEN_IN_BATCH, "if false then")?
                .with(STREAM_MOVED_IN_BATCH, &of_command(STREAM_MOVED_IN_BATCH, "a"))?;
            format!("{}{}", append.0, judge.0)
        }
        Control::NoIdempotency => {
            append.with(KEYS, &KEYS.replace("outcomes[k.append] = 0", "false"))?.0
        }
        Control::NaiveCheckpoint => CHECKPOINT_AHEAD.to_owned(),
        Control::NoConfirm | Control::NoMandatory | Control::AckFirst => {
            bail!("{} is not broken in the database", control.name())
        }
    })
}

/// The text of a function.
struct Text(String);

impl Text {
    /// The same with one thing changed.
    ///
    /// # Errors
    /// If it does not stand there exactly once.
    fn with(self, from: &str, to: &str) -> Result<Self> {
        let found = self.0.matches(from).count();
        ensure!(found == 1, "the function has {found} times: {from}");
        Ok(Self(self.0.replace(from, to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_replacement_finds_its_place() {
        for control in [
            Control::NaiveCursor,
            Control::NoUnique,
            Control::PaidTwice,
            Control::NoDedupe,
            Control::NoIdempotency,
        ] {
            let sabotaged = of(control).expect("the functions as they are");
            assert!(sabotaged.contains("create or replace function append_events"));
        }
        assert!(of(Control::NoConfirm).is_err());
    }

    #[test]
    fn a_text_that_has_changed_is_refused() {
        assert!(Text("a b".into()).with("c", "d").is_err());
        assert!(Text("a a".into()).with("a", "d").is_err());
        assert_eq!(Text("a b".into()).with("a", "d").expect("changed").0, "d b");
    }
}
