//! Named prices over HTTP.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{Price, TariffId};
use uuid::Uuid;

use super::super::tariff::{ChangeTariff, DefineTariff, RemoveTariff, Tariff, TariffCommand};
use super::super::tariffs::{TariffRow, Tariffs};
use super::answers::{Gone, Made, Many, One, TariffSeen};
use super::errors::unknown_tariff;
use super::requests::{Judge, NewTariff, TariffChange};
use super::{Service, Tag, call};
use crate::api::Context;
use crate::api::authentication::{AdministratorCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::if_match;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::ApiError;
use crate::platform::commands::{Commands, Done};

const PRICES: &str = "/api/price";

/// What the routes need.
pub struct TariffsApi {
    /// Commands on named prices.
    pub commands: Commands<Tariff>,
    /// Reads named prices.
    pub tariffs: Tariffs,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl TariffsApi {
    /// Name a price
    ///
    /// For administrators. Seats are put on sale under it.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `unavailable`.
    #[oai(path = "/api/price", method = "post", operation_id = "create_price")]
    async fn create(
        &self,
        caller: AdministratorCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewTariff>,
    ) -> Result<Limited<Made<TariffSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let made = async {
            let mut judge = Judge::default();
            let name = judge.name(&body.value.name);
            let price_minor = judge.unit_price(body.value.unit_price);
            judge.verdict()?;
            let id = Uuid::now_v7();
            let seen = TariffRow {
                tariff_id: id,
                name: name.clone(),
                price_minor,
                ..TariffRow::default()
            };
            let answer = |_: &Done<Tariff>| TariffSeen::from(seen.clone());
            let call = call(&caller.0, key.0.as_deref(), "POST", PRICES, &body.bytes);
            let execution = self.shared.execution(&context);
            let price = Price { price_minor, currency: self.shared.currency };
            let define = TariffCommand::Define(DefineTariff { name, price });
            let create = |keep: Arc<Keep<_>>| {
                self.commands.create(id, define, execution, move |done| keep.attach(done))
            };
            let idempotent = &self.shared.idempotent;
            let made = idempotent.run(call, StatusCode::CREATED, answer, create).await?;
            Ok(Made::Made(Json(made)))
        };
        rate.on(made.await)
    }

    /// List named prices
    ///
    /// Oldest first.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/price", method = "get", operation_id = "list_prices")]
    async fn find_many(
        &self,
        _caller: RequiredCaller,
        /// Prices of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<TariffSeen>, ApiError> {
        let page = Page::read(PRICES, limit.0, after.0.as_deref(), &[])?;
        self.shared.caught_up.wait().await?;
        let mut rows = self.tariffs.list(page.after_number()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.first_position.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(TariffSeen::from).collect()), next))
    }

    /// Read a named price
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/price/:id", method = "get", operation_id = "read_price")]
    async fn find(
        &self,
        _caller: RequiredCaller,
        /// Which price.
        id: Path<Uuid>,
    ) -> Result<One<TariffSeen>, ApiError> {
        self.seen(id.0).await
    }

    /// Change a named price
    ///
    /// For administrators. What is on sale keeps the price it was offered for.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/price/:id", method = "put", operation_id = "put_price")]
    async fn replace(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which price.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewTariff>,
    ) -> Result<Limited<One<TariffSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let change = body.value.into();
        rate.on(self.set(context, id.0, if_match.0.as_deref(), change).await)
    }

    /// Change a named price
    ///
    /// For administrators. What is left out stays, and so does the price of what is on sale.
    ///
    /// Errors: `not_found`, `invalid_fields`, `forbidden`, `concurrent_change`,
    /// `precondition_failed`, `unavailable`.
    #[oai(path = "/api/price/:id", method = "patch", operation_id = "patch_price")]
    async fn change(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which price.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<TariffChange>,
    ) -> Result<Limited<One<TariffSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        rate.on(self.set(context, id.0, if_match.0.as_deref(), body.value).await)
    }

    /// Remove a named price
    ///
    /// For administrators. What is on sale stays on sale.
    ///
    /// Errors: `not_found`, `forbidden`, `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/price/:id", method = "delete", operation_id = "delete_price")]
    async fn remove(
        &self,
        caller: AdministratorCaller,
        context: Context,
        /// Which price.
        id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let remove = TariffCommand::Remove(RemoveTariff);
        let header = if_match.0.as_deref();
        let removed = self.shared.execute(&self.commands, &context, id.0, header, remove).await;
        rate.on(removed.map(|_| Gone::Done))
    }
}

impl TariffsApi {
    async fn seen(&self, id: Uuid) -> Result<One<TariffSeen>, ApiError> {
        let row = self.tariffs.find(TariffId(id)).await?.ok_or_else(unknown_tariff)?;
        let etag = if_match::etag(row.sequence);
        Ok(One::One(Json(row.into()), etag))
    }

    async fn set(
        &self,
        context: Context,
        id: Uuid,
        header: Option<&str>,
        change: TariffChange,
    ) -> Result<One<TariffSeen>, ApiError> {
        let mut judge = Judge::default();
        let name = change.name.as_ref().map(|name| judge.name(name));
        let price = change.unit_price.map(|price| judge.unit_price(price));
        judge.verdict()?;
        let currency = self.shared.currency;
        let price = price.map(|price_minor| Price { price_minor, currency });
        let change = TariffCommand::Change(ChangeTariff { name, price });
        self.shared.execute(&self.commands, &context, id, header, change).await?;
        self.seen(id).await
    }
}
