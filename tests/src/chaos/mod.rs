//! Chaos: real processes, broken on purpose, and what must hold all the same.
//!
//! Deliberately not here: any weakened mode of the services. What a control breaks it breaks from
//! outside, with the [`proxy`].

pub mod proxy;
