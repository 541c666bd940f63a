//! What people are told of, and by which way: the closed lists, their names, and where each leads.
//! Not here: what is said (`words.rs`).

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Declares the kinds, each with its name and the path it leads to, before the id it is about.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $path:literal;)+) => {
        /// What somebody is told of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            /// All kinds.
            pub(super) const ALL: &'static [Self] = &[$(Self::$kind,)+];
            /// Their names.
            pub(super) const NAMES: &'static [&'static str] = &[$($name,)+];

            /// The name on the wire and in tables.
            pub(super) fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// The path that shows what it is about.
            pub(super) fn path(self, about: Uuid) -> String {
                let before = match self { $(Self::$kind => $path,)+ };
                format!("{before}{about}")
            }
        }
    };
}

kinds! {
    /// A ticket link can be used.
    LinkReady = "link_ready", "/check_ticketing_link?request_id=";
    /// An order will soon no longer hold its ticket.
    OrderExpiring = "order_expiring", "/api/orders/";
    /// The money of an order went back.
    OrderRefunded = "order_refunded", "/api/orders/";
    /// A match for which somebody has tickets takes place at another time.
    MatchMoved = "match_moved", "/api/match/";
    /// A match for which somebody has tickets does not take place.
    MatchCancelled = "match_cancelled", "/api/purchase/";
    /// The money of tickets for a match went back.
    PurchaseRefunded = "purchase_refunded", "/api/purchase/";
    /// An announcement is described otherwise, or has another number of places.
    AnnouncementChanged = "announcement_changed", "/app/v1/announcement/";
    /// An outing takes place at another time.
    AnnouncementMoved = "announcement_moved", "/app/v1/announcement/";
    /// An outing does not take place: its announcement is not there any more, one's booking is.
    AnnouncementCancelled = "announcement_cancelled", "/app/v1/booking/";
    /// No place is left, for who waits for one.
    AnnouncementFull = "announcement_full", "/app/v1/announcement/";
    /// There is a place again, for who waits for one.
    AnnouncementReopened = "announcement_reopened", "/app/v1/announcement/";
    /// Somebody applied for a place.
    BookingApplied = "booking_applied", "/app/v1/booking/";
    /// The host takes the guest along.
    BookingAccepted = "booking_accepted", "/app/v1/booking/";
    /// The host does not take the guest along.
    BookingDeclined = "booking_declined", "/app/v1/booking/";
    /// The guest does not come.
    BookingWithdrawn = "booking_withdrawn", "/app/v1/booking/";
    /// The guest comes after all.
    BookingConfirmed = "booking_confirmed", "/app/v1/booking/";
    /// The guest's booking is no more: what it was for is there.
    BookingRemoved = "booking_removed", "/app/v1/announcement/";
    /// The outing was moved to a time at which the guest is elsewhere.
    BookingClashes = "booking_clashes", "/app/v1/booking/";
    /// The guest is not elsewhere any more.
    BookingClashCleared = "booking_clash_cleared", "/app/v1/booking/";
    /// An outing begins in 24 hours.
    ReminderDay = "reminder_day", "/app/v1/announcement/";
    /// An outing begins in an hour.
    ReminderHour = "reminder_hour", "/app/v1/announcement/";
}

/// The text names none of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is none of the names")]
pub(super) struct UnknownName;

impl FromStr for Kind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownName)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By which way somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Channel {
    /// Listed in the product.
    Product,
    /// Sent by e-mail.
    Email,
}

impl Channel {
    /// The name in tables.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Email => "email",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_survives_the_way_through_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("".parse::<Kind>(), Err(UnknownName));
    }

    #[test]
    fn changes_lead_to_the_announcement_and_answers_to_the_booking() {
        let about = Uuid::nil();
        for kind in Kind::ALL {
            let path = kind.path(about);
            let to = |context: &str| path.starts_with(&format!("/app/v1/{context}/"));
            let (is_change, is_answer) = match kind {
                // Each leads to what is left.
                Kind::AnnouncementCancelled => (false, true),
                Kind::BookingRemoved => (true, false),
                kind => {
                    let is_change = is_named(*kind, &["announcement_", "reminder_"]);
                    (is_change, is_named(*kind, &["booking_"]))
                }
            };
            assert_eq!((to("announcement"), to("booking")), (is_change, is_answer), "{kind}");
        }
    }

    fn is_named(kind: Kind, beginnings: &[&str]) -> bool {
        beginnings.iter().any(|beginning| kind.as_str().starts_with(beginning))
    }
}
