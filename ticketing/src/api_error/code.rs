//! The table of problem codes: each with its status, its title and what it means. The code is also
//! the end of the problem's `type`, `/problems/<code>`, where its meaning can be read. Not here:
//! the words of a single refusal.

use http::StatusCode;

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+
       $name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// Why a request was refused. The names never change: clients decide by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $meaning])+ $name,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status it is answered with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// A short name for people; the same for every refusal with this code.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it means, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning,)+).trim_ascii(),)+ }
            }

            /// A URI reference that identifies the code (RFC 9457, section 3.1.1).
            pub fn type_uri(self) -> &'static str {
                match self { $(Self::$name => concat!("/problems/", $code),)+ }
            }
        }
    };
}

codes! {
    // The edge
    /// The request could not be read: a part of it is not what HTTP or this API asks for.
    MalformedRequest = "malformed_request", BAD_REQUEST, "Malformed request";
    /// The body is not JSON, not UTF-8, or holds a NUL character.
    MalformedBody = "malformed_body", BAD_REQUEST, "Malformed body";
    /// A parameter in the path, the query or a header can not be read.
    MalformedParameter = "malformed_parameter", BAD_REQUEST, "Malformed parameter";
    /// `after` is not a cursor of this list, or it was made with other filters.
    InvalidCursor = "invalid_cursor", BAD_REQUEST, "Invalid cursor";
    /// The call needs a login token and there is none.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Not authenticated";
    /// The login token has expired, was revoked, or was never one of ours.
    InvalidToken = "invalid_token", UNAUTHORIZED, "Invalid login token";
    /// Who asks is known, and may not do this.
    Forbidden = "forbidden", FORBIDDEN, "Not allowed";
    /// A web page of another origin tried to write with the cookies of who looks at it, or to set
    /// them.
    ForeignOrigin = "foreign_origin", FORBIDDEN, "Foreign origin";
    /// There is nothing at this path.
    UnknownRoute = "unknown_route", NOT_FOUND, "Unknown route";
    /// What was asked for does not exist, or belongs to somebody else.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The path exists, but not with this method; `Allow` lists those it has.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// Others changed the same thing at the same time, again and again. Trying once more may
    /// succeed.
    ConcurrentChange = "concurrent_change", CONFLICT, "Changed at the same time";
    /// `If-Match` names another state than the present one.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    /// The body is larger than 64 KiB.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Body too large";
    /// The body is of a type other than JSON.
    UnsupportedMediaType =
        "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// The body is JSON, but members are missing or break a rule; `errors` lists each of them.
    InvalidFields = "invalid_fields", UNPROCESSABLE_ENTITY, "Invalid fields";
    /// `Idempotency-Key` is not a string of 1 to 255 characters, or is a guest's and not a UUID.
    InvalidIdempotencyKey = "invalid_idempotency_key", BAD_REQUEST, "Invalid idempotency key";
    /// The `Idempotency-Key` was used with another request body.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency key reused";
    /// A request with the same `Idempotency-Key` is still being worked on.
    RequestInFlight = "request_in_flight", CONFLICT, "Request in flight";
    /// This account or address has made too many requests of this kind; `Retry-After` says how long
    /// to wait.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// A page was to be fetched ahead of its use; this call acts, so it is not done ahead.
    PrefetchRefused = "prefetch_refused", SERVICE_UNAVAILABLE, "Not done ahead";
    /// The service has more to do than it can take on. The request was not carried out.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// The request took too long. Whether it was carried out is not known; `Idempotency-Key` makes
    /// repeating safe.
    TimedOut = "timed_out", SERVICE_UNAVAILABLE, "Timed out";
    /// Something the service depends on can not be reached.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Temporarily unavailable";
    /// The service failed. The request id finds the reason in its log.
    InternalError = "internal_error", INTERNAL_SERVER_ERROR, "Internal error";

    // Accounts
    /// The role is not one of `premium`, `standard` and `default`.
    InvalidRole = "invalid_role", BAD_REQUEST, "Invalid role";
    /// The username or the e-mail address belongs to an account already.
    AccountExists = "account_exists", CONFLICT, "Account exists";
    /// The e-mail address belongs to an account already.
    EmailRegistered = "email_registered", BAD_REQUEST, "E-mail address registered";
    /// There is no account with this e-mail address and password.
    InvalidCredentials = "invalid_credentials", BAD_REQUEST, "Invalid credentials";
    /// The refresh token is missing, too old, or was used before.
    InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "Invalid refresh token";
    /// What the sign-in provider sent back does not belong to a sign-in that was begun here, or
    /// the provider does not vouch for anybody: perhaps nobody agreed to it there.
    SignInRefused = "sign_in_refused", UNAUTHORIZED, "Sign-in refused";
    /// There is no account with this username and password.
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "Wrong credentials";
    /// The current password is another one.
    WrongPassword = "wrong_password", BAD_REQUEST, "Wrong password";
    /// The account has no password: it belongs to who signs in with a provider.
    NoPassword = "no_password", CONFLICT, "No password";
    /// The account follows as many as it can, or marks as many films: 5,000.
    TooManyFollowed = "too_many_followed", CONFLICT, "Too many followed";
    /// The account has as many short links as it can: 1,000.
    TooManyLinks = "too_many_links", CONFLICT, "Too many short links";
    /// Nobody can do this to their own account, such as following it.
    OwnAccount = "own_account", FORBIDDEN, "Own account";

    // Access links
    /// The parameter `request_id` is missing.
    RequestIdMissing = "request_id_missing", BAD_REQUEST, "Request id missing";
    /// No link request has this id, or it is another account's.
    LinkRequestUnknown = "link_request_unknown", NOT_FOUND, "Unknown link request";
    /// The link is not open yet; `opens_at` says when it will be.
    LinkNotYetOpen = "link_not_yet_open", TOO_EARLY, "Link not open yet";
    /// The link's token belongs to another request, or was not made by this service.
    LinkWrong = "link_wrong", BAD_REQUEST, "Wrong link";
    /// The link was used. A link works once.
    LinkUsed = "link_used", BAD_REQUEST, "Link used";
    /// The link is past its time.
    LinkExpired = "link_expired", UNAUTHORIZED, "Link expired";
    /// The link is no more: it was used, is past its time, or the rules refuse to open it.
    LinkGone = "link_gone", GONE, "Link gone";

    // The market
    /// An order holds or has the ticket.
    TicketReserved = "ticket_reserved", CONFLICT, "Ticket reserved";
    /// The ticket is no longer offered.
    TicketWithdrawn = "ticket_withdrawn", CONFLICT, "Ticket withdrawn";
    /// Nobody can buy a ticket that they offer themselves.
    OwnTicket = "own_ticket", FORBIDDEN, "Own ticket";
    /// The order has expired, was cancelled, or was refunded.
    OrderEnded = "order_ended", CONFLICT, "Order ended";
    /// The order is paid. Only a refund ends it now.
    OrderPaid = "order_paid", CONFLICT, "Order paid";
    /// A payment for the order is being made; what came of it is known shortly.
    PaymentInProgress = "payment_in_progress", CONFLICT, "Payment in progress";
    /// The payment provider refused the payment; the detail holds its reason. The order stays, and
    /// can be paid otherwise until it expires; the third refusal cancels it.
    PaymentDeclined = "payment_declined", PAYMENT_REQUIRED, "Payment declined";
    /// The money came after the order had ended, and goes back.
    PaymentTooLate = "payment_too_late", CONFLICT, "Payment too late";
    /// Nothing was paid, so nothing can be given back.
    NothingPaid = "nothing_paid", CONFLICT, "Nothing paid";
    /// The signature of a webhook is missing, wrong, or older than five minutes.
    InvalidSignature = "invalid_signature", BAD_REQUEST, "Invalid signature";

    // The venues
    /// The stadium has a seat or a section there already.
    SeatExists = "seat_exists", CONFLICT, "Seat exists";
    /// The stadium would have more seats than any has, or more that were moved or put in one by
    /// one.
    TooManySeats = "too_many_seats", CONFLICT, "Too many seats";
    /// Another match takes place in the stadium at that time; the detail names it.
    MatchesOverlap = "matches_overlap", CONFLICT, "Matches overlap";
    /// Matches will take place in the stadium.
    StadiumInUse = "stadium_in_use", CONFLICT, "Stadium in use";
    /// The match has begun, so nothing about it changes and nothing is sold any more.
    MatchBegun = "match_begun", CONFLICT, "Match begun";
    /// Somebody holds tickets of the match, or has bought them.
    MatchHasSales = "match_has_sales", CONFLICT, "Match has sales";
    /// The match is sold to holders of a used access link; `request_id` names theirs.
    LinkRequired = "link_required", FORBIDDEN, "Access link required";
    /// The access link has been used to reserve before. It works once.
    LinkSpent = "link_spent", CONFLICT, "Access link spent";
    /// Somebody holds the ticket or has it, or not so many are to be had.
    TicketUnavailable = "ticket_unavailable", CONFLICT, "Ticket unavailable";
    /// The caller does not hold the ticket, or not any more.
    TicketNotHeld = "ticket_not_held", CONFLICT, "Ticket not held";
    /// The seat is on sale already, at another price, or its place is as another seat's.
    TicketExists = "ticket_exists", CONFLICT, "Ticket exists";
    /// The caller holds as many tickets as is allowed; 100 at most.
    TooManyHeld = "too_many_held", CONFLICT, "Too many tickets held";
    /// The account has a wallet already; each has one.
    WalletExists = "wallet_exists", CONFLICT, "Wallet exists";
    /// The wallet holds money of another currency.
    OtherCurrency = "other_currency", CONFLICT, "Other currency";
    /// There would be more money in the wallet than any holds.
    WalletFull = "wallet_full", CONFLICT, "Wallet full";
    /// There is less in the wallet than is to be paid.
    InsufficientFunds = "insufficient_funds", PAYMENT_REQUIRED, "Insufficient funds";
    /// The caller holds nothing, so nothing can be bought.
    NothingHeld = "nothing_held", CONFLICT, "Nothing held";
    /// The purchase was refunded before.
    AlreadyRefunded = "already_refunded", CONFLICT, "Already refunded";
    /// The buyer may not give it back any more; an administrator may.
    RefundTooLate = "refund_too_late", CONFLICT, "Refund too late";

    // The outings
    /// Nobody applies for a place at their own outing.
    OwnAnnouncement = "own_announcement", FORBIDDEN, "Own announcement";
    /// Somebody would be at two outings at a time; the detail says who.
    TimeTaken = "time_taken", CONFLICT, "Time taken";
    /// Nobody can apply: the announcement is a draft, or was called off.
    AnnouncementNotOpen = "announcement_not_open", CONFLICT, "Announcement not open";
    /// Guests can apply, so it can not be a draft again.
    AnnouncementOpen = "announcement_open", CONFLICT, "Announcement open";
    /// No place is left.
    AnnouncementFull = "announcement_full", CONFLICT, "Announcement full";
    /// The outing has begun, so nothing about it changes any more.
    OutingBegun = "outing_begun", CONFLICT, "Outing begun";
    /// More guests are accepted than there would be places.
    PlacesTaken = "places_taken", CONFLICT, "Places taken";
    /// A person has one booking of an announcement; it can be changed. Who was declined does not
    /// apply again.
    AlreadyBooked = "already_booked", CONFLICT, "Already booked";
    /// The announcement has as many bookings as any can have, or somebody as many engagements.
    TooManyBookings = "too_many_bookings", CONFLICT, "Too many bookings";
    /// People rate each other when the outing is over.
    OutingNotOver = "outing_not_over", CONFLICT, "Outing not over";
    /// All can read the review, so it does not change any more.
    ReviewPublished = "review_published", CONFLICT, "Review published";

    // Short links
    /// The short link has expired, or was visited as often as it may be.
    ShortLinkGone = "short_link_gone", GONE, "Short link gone";
}

impl Code {
    /// The code of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_is_an_error() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error(), "{code:?} is {status}");
            assert!(code.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code:?}");
            assert_eq!(code.type_uri(), format!("/problems/{}", code.as_str()));
            assert_eq!(Code::find(code.as_str()), Some(*code));
            assert!(code.meaning().ends_with('.') && !code.title().ends_with('.'), "{code:?}");
        }
    }
}
