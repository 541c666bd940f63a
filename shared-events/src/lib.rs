//! The published language of Turnstile: what is stored, relayed and answered.
//!
//! What a stored event promises: it never changes, it is never deleted, and every version that was
//! ever released can still be read ([`upcast`] lifts old versions, `golden/` holds one of each).
//! Times are UTC. No secret and no personal data stands in an event: those live in the vault of
//! `ticketing`.
//!
//! Deliberately not here: how anything is stored (`ticketing`), how anything is sent (`lapin`
//! stands in the services), and any decision.

pub mod access_right;
pub mod account;
pub mod announcement;
pub mod basket;
pub mod engagements;
pub mod envelope;
pub mod film;
pub mod fixture;
mod id;
pub mod link_request;
pub mod listing;
pub mod order;
pub mod payment;
pub mod price;
pub mod purchase;
pub mod rating;
pub mod seat;
pub mod stadium;
pub mod tariff;
pub mod top_up;
pub mod topology;
pub mod upcast;
pub mod verdict;
pub mod wallet;

pub use access_right::{AccessRightEvent, AccessRightId};
pub use account::{AccountId, Tier};
pub use announcement::{AnnouncementEvent, AnnouncementId, BookingId, TextId};
pub use basket::{BasketEvent, BasketId, HeldTicket};
pub use engagements::{EngagementsEvent, EngagementsId};
pub use envelope::Envelope;
pub use film::FilmId;
pub use fixture::{Block, FixtureEvent, FixtureId, OfferedSeat, TicketId};
pub use link_request::{LinkRequestEvent, Outcome, RequestId, Requester, TokenId};
pub use listing::{ListingEvent, ListingId, TitleId};
pub use order::{CancelReason, OrderEvent, OrderId};
pub use payment::{PaymentEvent, PaymentId, RefundReason};
pub use price::{Currency, Price};
pub use purchase::{BoughtTicket, PurchaseEvent, PurchaseId};
pub use rating::{RatingEvent, RatingId, ReviewId, Side};
pub use seat::{HoldId, SeatEvent};
pub use stadium::{Place, SeatId, SectionPlan, StadiumEvent, StadiumId};
pub use tariff::{TariffEvent, TariffId};
pub use top_up::{TopUpEvent, TopUpId};
pub use upcast::{DecodeError, decode};
pub use verdict::{Decision, Verdict};
pub use wallet::{Cause, LedgerAccount, TransactionId, WalletEvent, WalletId};
