//! Listings over HTTP: offering a ticket, changing it, withdrawing it, and looking for one. Reading
//! needs no account. Some calls have two addresses: that of the original system, and the plain one.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, OpenApi};
use shared_events::{AccountId, Currency, ListingId, Price, TitleId};
use uuid::Uuid;

use super::super::listing::{EditListing, ListTicket, Listing, ListingCommand, WithdrawListing};
use super::super::listings::{Filter, Found, Key, Listings, Sort, Status, TITLE};
use super::Tag;
use super::answers::{Gone, ListingAnswer, ListingMade, ListingPage, ListingSeen};
use super::errors::unknown_listing;
use super::limits::MarketLimits;
use super::requests::{Judge, ListingChange, NewListing};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::{OptionalCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::idempotent::{Call, Idempotent, Keep};
use crate::api::if_match;
use crate::api::money::Money;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};
use crate::platform::append::{Attached, NewSecret};
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use crate::platform::commands::{Commands, Done, Execution};

const CREATE: &str = "/api/tickets/create";
const TICKETS: &str = "/api/tickets";

/// What the routes need.
pub struct ListingsApi {
    /// Commands on listings.
    pub commands: Commands<Listing>,
    /// Reads listings.
    pub listings: Listings,
    /// Waits for them to be listed.
    pub caught_up: CaughtUp,
    /// Repeats of the same call.
    pub idempotent: Idempotent,
    /// Who may how often.
    pub limits: MarketLimits,
    /// The time.
    pub clock: Clock,
    /// What prices are in.
    pub currency: Currency,
}

/// Which listings a list has.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "ListingStatus", rename_all = "snake_case")]
enum StatusAsked {
    Free,
    Held,
    Sold,
    Withdrawn,
    All,
}

impl StatusAsked {
    fn as_str(self) -> &'static str {
        self.status().map_or("all", Status::as_str)
    }

    fn status(self) -> Option<Status> {
        match self {
            Self::Free => Some(Status::Free),
            Self::Held => Some(Status::Held),
            Self::Sold => Some(Status::Sold),
            Self::Withdrawn => Some(Status::Withdrawn),
            Self::All => None,
        }
    }
}

/// In which order a list is.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "ListingSort")]
enum SortAsked {
    /// Oldest first.
    #[oai(rename = "created")]
    Oldest,
    /// Newest first.
    #[oai(rename = "-created")]
    Newest,
    /// Cheapest first.
    #[oai(rename = "price")]
    Cheapest,
    /// Dearest first.
    #[oai(rename = "-price")]
    Dearest,
}

impl SortAsked {
    fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "created",
            Self::Newest => "-created",
            Self::Cheapest => "price",
            Self::Dearest => "-price",
        }
    }
}

impl From<SortAsked> for Sort {
    fn from(asked: SortAsked) -> Self {
        match asked {
            SortAsked::Oldest => Self::Oldest,
            SortAsked::Newest => Self::Newest,
            SortAsked::Cheapest => Self::Cheapest,
            SortAsked::Dearest => Self::Dearest,
        }
    }
}

#[OpenApi(tag = "Tag::Market")]
impl ListingsApi {
    /// Offer a ticket
    ///
    /// Others can buy it from now on.
    ///
    /// Errors: `invalid_fields`, `unavailable`.
    #[oai(path = "/api/tickets/create", method = "post", operation_id = "create_ticket")]
    async fn create(
        &self,
        caller: RequiredCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewListing>,
    ) -> Result<Limited<ListingMade>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.list(CREATE, caller.0, context, key.0, body).await)
    }

    /// Offer a ticket
    ///
    /// The same as `POST /api/tickets/create`.
    ///
    /// Errors: `invalid_fields`, `unavailable`.
    #[oai(path = "/api/tickets", method = "post", operation_id = "post_ticket")]
    async fn create_plainly(
        &self,
        caller: RequiredCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewListing>,
    ) -> Result<Limited<ListingMade>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.list(TICKETS, caller.0, context, key.0, body).await)
    }

    /// Change a ticket that you offer
    ///
    /// Only while nobody holds or has it.
    ///
    /// Errors: `not_found`, `invalid_fields`, `ticket_reserved`, `ticket_withdrawn`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/tickets/update/:id", method = "put", operation_id = "update_ticket")]
    async fn update(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which listing.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<ListingChange>,
    ) -> Result<Limited<ListingAnswer>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.edit(caller.0, context, ListingId(id.0), if_match.0, body.value).await)
    }

    /// Change a ticket that you offer
    ///
    /// The same as `PUT /api/tickets/update/{id}`.
    ///
    /// Errors: `not_found`, `invalid_fields`, `ticket_reserved`, `ticket_withdrawn`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/tickets/:id", method = "put", operation_id = "put_ticket")]
    async fn update_plainly(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which listing.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<ListingChange>,
    ) -> Result<Limited<ListingAnswer>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        rate.on(self.edit(caller.0, context, ListingId(id.0), if_match.0, body.value).await)
    }

    /// Withdraw a ticket that you offer
    ///
    /// Only while nobody holds or has it. Doing it again changes nothing.
    ///
    /// Errors: `not_found`, `ticket_reserved`, `concurrent_change`, `precondition_failed`,
    /// `unavailable`.
    #[oai(path = "/api/tickets/:id", method = "delete", operation_id = "withdraw_ticket")]
    async fn withdraw(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which listing.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.limits.change(caller.0.account)?;
        let now = self.clock.now();
        let by = caller.0.account;
        let command = ListingCommand::Withdraw(WithdrawListing { by, now });
        let expected = if_match.0.as_deref();
        let withdrawn = async {
            let execution = if_match::only_at(Execution::new(context.origin(), now), expected)?;
            let nothing = |_: &Done<Listing>| Attached::default();
            let done = self.commands.execute(id.0, command, execution, nothing).await;
            done.map_err(|error| if_match::refused(error, expected))?;
            Ok(Gone::Done)
        };
        rate.on(withdrawn.await)
    }

    /// Look for tickets
    ///
    /// Free ones, oldest first, unless something else is said.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/tickets", method = "get", operation_id = "list_tickets")]
    #[expect(clippy::too_many_arguments, reason = "one for each parameter of the query")]
    async fn find_many(
        &self,
        caller: OptionalCaller,
        /// In which state they are; `free` unless said.
        status: Query<Option<StatusAsked>>,
        /// Only tickets with this text in their title, whatever its case.
        q: Query<Option<String>>,
        /// Only tickets of this account.
        seller: Query<Option<Uuid>>,
        /// In which order; `created` unless said.
        sort: Query<Option<SortAsked>>,
        /// Tickets of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<ListingPage, ApiError> {
        if q.0.as_ref().is_some_and(|text| text.contains('\0')) {
            let detail = "q holds a NUL character, which no title has";
            return Err(ApiError::new(Code::MalformedParameter, detail));
        }
        let seller_text = seller.0.map(|seller| seller.to_string());
        let filters = [
            ("status", status.0.map(StatusAsked::as_str)),
            ("q", q.0.as_deref()),
            ("seller", seller_text.as_deref()),
            ("sort", sort.0.map(SortAsked::as_str)),
        ];
        let page = Page::read(TICKETS, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after.as_deref().map(|key| Key::parse(key).ok_or_else(Page::invalid));
        let after = after.transpose()?;
        // Who has just offered something finds it among their own.
        if seller.0.is_some() && seller.0 == caller.0.map(|caller| caller.account.0) {
            self.caught_up.wait().await?;
        }
        let now = self.clock.now();
        let filter = Filter {
            status: status.0.map_or(Some(Status::Free), StatusAsked::status),
            text: q.0.clone(),
            seller: seller.0.map(AccountId),
        };
        let sort = sort.0.map(Sort::from).unwrap_or_default();
        let mut found = self.listings.list(&filter, sort, after, page.fetch(), now).await?;
        let next = page.cut(&mut found, |found| Key::of(&found.row).to_string());
        let found = found.into_iter().map(|found| ListingSeen::at(found, now)).collect();
        Ok(ListingPage::Page(Json(found), next))
    }

    /// Read a ticket
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/tickets/:id", method = "get", operation_id = "read_ticket")]
    async fn find(
        &self,
        /// Which listing.
        id: Path<Uuid>,
    ) -> Result<ListingAnswer, ApiError> {
        self.seen(ListingId(id.0)).await
    }
}

impl ListingsApi {
    async fn list(
        &self,
        path: &str,
        caller: Caller,
        context: Context,
        key: Option<String>,
        body: Body<NewListing>,
    ) -> Result<ListingMade, ApiError> {
        let mut judge = Judge::default();
        let title = judge.title(&body.value.title);
        let price_minor = judge.price(body.value.price);
        judge.verdict()?;
        let (id, title_id, now) = (Uuid::now_v7(), TitleId(Uuid::now_v7()), self.clock.now());
        let seller = caller.account;
        let price = Price { price_minor, currency: self.currency };
        let command = ListingCommand::List(ListTicket { seller, title: title_id, price });
        let answer = |_: &Done<Listing>| ListingSeen {
            id,
            title: title.clone(),
            price: Money::minor(price_minor),
            user_id: seller.0,
            status: Status::Free.to_string(),
        };
        let call = Call {
            key: key.as_deref(),
            caller: Some(seller),
            method: "POST",
            path,
            body: &body.bytes,
        };
        let execution = Execution::new(context.origin(), now);
        let create = |keep: Arc<Keep<_>>| {
            let secret = in_vault(title_id, &title);
            self.commands.create(id, command, execution, move |done| Attached {
                secrets: vec![secret.clone()],
                ..keep.attach(done)
            })
        };
        let made = self.idempotent.run(call, StatusCode::CREATED, answer, create).await?;
        Ok(ListingMade::Made(Json(made)))
    }

    async fn edit(
        &self,
        caller: Caller,
        context: Context,
        id: ListingId,
        expected: Option<String>,
        change: ListingChange,
    ) -> Result<ListingAnswer, ApiError> {
        let mut judge = Judge::default();
        let title = change.title.as_ref().map(|title| judge.title(title));
        let price_minor = change.price.map(|price| judge.price(price));
        judge.verdict()?;
        let title = match title {
            // The same title again is no change.
            Some(title) if !self.has_title(id, &title).await? => {
                Some((TitleId(Uuid::now_v7()), title))
            }
            _ => None,
        };
        let now = self.clock.now();
        let command = ListingCommand::Edit(EditListing {
            by: caller.account,
            title: title.as_ref().map(|(id, _)| *id),
            price: price_minor.map(|price_minor| Price { price_minor, currency: self.currency }),
            now,
        });
        let expected = expected.as_deref();
        let execution = if_match::only_at(Execution::new(context.origin(), now), expected)?;
        let secrets: Vec<_> = title.iter().map(|(id, title)| in_vault(*id, title)).collect();
        let attach =
            |_: &Done<Listing>| Attached { secrets: secrets.clone(), ..Attached::default() };
        let done = self.commands.execute(id.0, command, execution, attach).await;
        done.map_err(|error| if_match::refused(error, expected))?;
        self.seen(id).await
    }

    async fn has_title(&self, id: ListingId, title: &str) -> Result<bool, ApiError> {
        Ok(self.listings.find(id).await?.is_some_and(|found| found.title == title))
    }

    async fn seen(&self, id: ListingId) -> Result<ListingAnswer, ApiError> {
        let found: Found = self.listings.find(id).await?.ok_or_else(unknown_listing)?;
        let etag = if_match::etag(found.row.sequence);
        Ok(ListingAnswer::One(Json(ListingSeen::at(found, self.clock.now())), etag))
    }
}

fn in_vault(id: TitleId, title: &str) -> NewSecret {
    NewSecret { id: id.0, name: TITLE, value: title.to_owned(), expires_at: None }
}
