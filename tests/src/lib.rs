//! The private servers of Turnstile and everything that starts them: for `make run` (the binary
//! `turnstile`), for the integration tests, for the fault tests and for the benchmarks.
//!
//! Built in layers: [`process`] (a child in a session of its own) carries [`postgres`],
//! [`rabbitmq`] and [`service`]; [`home`] remembers ports, passwords and keys; [`servers`] is both
//! servers together, [`system`] a whole Turnstile, [`supervise`] keeps things alive; [`run`],
//! [`admin`], [`mod@bench`] and [`chaos`] are the commands.
//!
//! Deliberately not here: anything `ticketing` and `rules` decide, and their settings; the tests
//! themselves (`it/`).

pub mod account;
pub mod admin;
pub mod bench;
pub mod chaos;
pub mod diagram;
pub mod files;
pub mod greeting;
pub mod home;
pub mod install;
pub mod local;
pub mod log_file;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod process_table;
pub mod programs;
pub mod rabbitmq;
pub mod run;
pub mod say;
pub mod secrets;
pub mod servers;
pub mod service;
pub mod settings;
pub mod signals;
pub mod supervise;
pub mod system;
pub mod temporary;
pub mod throwaway;
pub mod wiring;
pub mod with_system;
