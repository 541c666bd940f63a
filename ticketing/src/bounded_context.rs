//! What a context of the trade offers to the service, so that the composition root has one list of
//! contexts and nothing else to say of any of them. Not here: how a context is wired inside
//! (`<context>/wiring.rs`), and what runs behind it (`platform/background.rs`).
//!
//! The document, `rebuild` and `verify` are made without a running service: what they need is said
//! by the type alone, hence functions without `self`.

use std::sync::Arc;

use poem_openapi::OpenApi;

use crate::api::idempotent::Idempotent;
use crate::api::rate_limits::RateLimits;
use crate::config::Settings;
use crate::platform::Platform;
use crate::platform::background::{Background, Following};
use crate::platform::erasure::Erasure;
use crate::platform::housekeeping::Rule;
use crate::platform::projections::Projection;
use crate::verify::Invariant;

/// What contexts are wired with.
#[derive(Clone, Copy)]
pub struct Service<'a> {
    /// The mechanisms.
    pub platform: &'a Platform,
    /// Every setting.
    pub settings: &'a Settings,
    /// Where a route declares how often it may be used.
    pub limits: &'a RateLimits,
    /// Recognises repeats of a call.
    pub idempotent: &'a Idempotent,
}

/// A context: its routes, its read tables, its promises, and what runs behind them. A tuple of
/// contexts is a context.
pub trait BoundedContext {
    /// Its operations: one API or a tuple of several.
    type Routes: OpenApi + 'static;

    /// Its read tables: the same list for running, `rebuild` and `verify`.
    fn projections() -> Vec<Arc<dyn Projection>>;

    /// What must hold of its history, for `verify`.
    fn invariants() -> Vec<Invariant> {
        Vec::new()
    }

    /// What it forgets of somebody who is erased.
    fn erasures() -> Vec<Erasure> {
        Vec::new()
    }

    /// Queries for the accounts of which something may still come that it forgets, however late:
    /// one `uuid` a row. Who of them was erased is erased again until nothing is awaited.
    fn awaited() -> Vec<&'static str> {
        Vec::new()
    }

    /// Patterns of its paths whose GET acts, such as `/buy_ticket/{token}`: HEAD and prefetches
    /// must not reach them.
    fn acting_gets() -> Vec<&'static str> {
        Vec::new()
    }

    /// What housekeeping deletes of its tables that are not projected.
    fn served_their_time() -> Vec<Rule> {
        Vec::new()
    }

    /// Puts it together: its routes, and the background of each of its logs. Starts nothing but the
    /// writers of its logs.
    ///
    /// # Errors
    /// If a setting or a file that it needs can not be used.
    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)>;

    /// What runs behind it that follows logs of other contexts. Starts nothing.
    ///
    /// # Errors
    /// As [`BoundedContext::wire`].
    fn follow(service: Service<'_>) -> anyhow::Result<Vec<Following>> {
        let Service { .. } = service;
        Ok(Vec::new())
    }
}

/// Tuples: the lists one after the other, in the order of the tuple.
macro_rules! tuple_of_contexts {
    ($($context:ident $routes:ident),+) => {
        impl<$($context: BoundedContext),+> BoundedContext for ($($context,)+) {
            // The last makes a tuple of one context a tuple of APIs too.
            type Routes = ($($context::Routes,)+ ());

            fn projections() -> Vec<Arc<dyn Projection>> {
                [$($context::projections()),+].concat()
            }

            fn invariants() -> Vec<Invariant> {
                [$($context::invariants()),+].concat()
            }

            fn erasures() -> Vec<Erasure> {
                [$($context::erasures()),+].concat()
            }

            fn awaited() -> Vec<&'static str> {
                [$($context::awaited()),+].concat()
            }

            fn acting_gets() -> Vec<&'static str> {
                [$($context::acting_gets()),+].concat()
            }

            fn served_their_time() -> Vec<Rule> {
                [$($context::served_their_time()),+].concat()
            }

            fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
                let mut background = Vec::new();
                $(
                    let ($routes, more) = $context::wire(service)?;
                    background.extend(more);
                )+
                Ok((($($routes,)+ ()), background))
            }

            fn follow(service: Service<'_>) -> anyhow::Result<Vec<Following>> {
                let mut following = Vec::new();
                $(following.extend($context::follow(service)?);)+
                Ok(following)
            }
        }
    };
}

tuple_of_contexts!(A a);
tuple_of_contexts!(A a, B b);
tuple_of_contexts!(A a, B b, C c);
tuple_of_contexts!(A a, B b, C c, D d);
tuple_of_contexts!(A a, B b, C c, D d, E e);
tuple_of_contexts!(A a, B b, C c, D d, E e, F f);
tuple_of_contexts!(A a, B b, C c, D d, E e, F f, G g);
tuple_of_contexts!(A a, B b, C c, D d, E e, F f, G g, H h);

#[cfg(test)]
mod tests {
    use super::*;

    struct One;
    struct Two;

    impl BoundedContext for One {
        type Routes = ();

        fn projections() -> Vec<Arc<dyn Projection>> {
            Vec::new()
        }

        fn acting_gets() -> Vec<&'static str> {
            vec!["/one"]
        }

        fn wire(_: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
            Ok(((), Vec::new()))
        }
    }

    impl BoundedContext for Two {
        type Routes = ();

        fn projections() -> Vec<Arc<dyn Projection>> {
            Vec::new()
        }

        fn invariants() -> Vec<Invariant> {
            vec![Invariant { name: "two", violations: "select 0" }]
        }

        fn acting_gets() -> Vec<&'static str> {
            vec!["/two", "/second"]
        }

        fn served_their_time() -> Vec<Rule> {
            vec![Rule { table: "two", column: "ended_at", age: chrono::TimeDelta::days(1) }]
        }

        fn wire(_: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
            Ok(((), Vec::new()))
        }
    }

    #[test]
    fn a_tuple_is_all_of_its_contexts_in_order() {
        type Both = (One, Two);
        assert_eq!(Both::acting_gets(), ["/one", "/two", "/second"]);
        assert_eq!(<(Two, One)>::acting_gets(), ["/two", "/second", "/one"]);
        assert_eq!(Both::invariants().len(), 1);
        assert_eq!(Both::served_their_time().len(), 1);
    }
}
