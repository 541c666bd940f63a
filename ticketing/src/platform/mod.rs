//! The mechanisms, without a word of the trade: how events are appended, read, relayed and projected, how time is told,
//! how repeats are recognised and overload is refused. Contexts stand on these; nothing here knows a context.

pub mod clock;
pub mod database;
