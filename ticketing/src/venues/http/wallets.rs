//! Wallets over HTTP: opening one, topping it up, buying with it, and its statement.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use secrecy::SecretString;
use shared_events::{AccountId, Price, PurchaseId, TopUpId, TransactionId, WalletId};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::super::purchasing::{Order, Purchasing, Receipt};
use super::super::topping_up::{Charge, Standing, ToppingUp};
use super::super::wallet::{OpenWallet, OpeningSum, Wallet, WalletCommand, WalletError};
use super::super::wallets::{WalletNow, Wallets};
use super::answers::{Done as Answered, Made, Many, One};
use super::errors::{invalid, unknown_wallet};
use super::ticket_requests::{NewTopUp, NewWallet};
use super::wallet_answers::{ChargeAnswer, Charged, PurchaseMade, TransactionSeen, WalletSeen};
use super::{Service, Tag, call};
use crate::accounts::{Caller, People};
use crate::api::Context;
use crate::api::authentication::{AdministratorCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::idempotent::{CallError, Keep};
use crate::api::if_match;
use crate::api::money::Money;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};
use crate::platform::causes::causes;
use crate::platform::commands::{Commands, Done};

const WALLETS: &str = "/api/wallet";
const TRANSACTIONS: &str = "/api/transactions";
/// When to ask again after a top-up whose outcome is not known yet.
const LATER: Duration = Duration::from_secs(5);
/// How long a call waits for the outcome; shorter than any call may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often a repeated call looks for the outcome of the first.
const POLL: Duration = Duration::from_millis(100);
/// The most that a wallet is opened with, in hundredths.
const MOST_AT_FIRST: i64 = 100_000_000;

/// What the routes need.
pub struct WalletsApi {
    /// Commands on wallets.
    pub commands: Commands<Wallet>,
    /// Reads wallets.
    pub wallets: Wallets,
    /// Tops them up.
    pub topping_up: ToppingUp,
    /// Buys with them.
    pub purchasing: Purchasing,
    /// Knows who there is.
    pub people: People,
    /// What all routes need.
    pub shared: Service,
}

#[OpenApi(tag = "Tag::Venues")]
impl WalletsApi {
    /// Open a wallet
    ///
    /// One's own, which is empty; each has one, which the refusal of a second names. An
    /// administrator opens anybody's, with an opening sum if there is to be one.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `wallet_exists`, `concurrent_change`, `unavailable`.
    #[oai(path = "/api/wallet", method = "post", operation_id = "create_wallet")]
    async fn create(
        &self,
        caller: RequiredCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<Option<NewWallet>>,
    ) -> Result<Limited<Made<WalletSeen>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let opened = async {
            let NewWallet { user, money } =
                body.value.unwrap_or(NewWallet { user: None, money: None });
            let (owner, amount_minor) = self.opening(&caller.0, user, money).await?;
            let id = WalletId::of(owner);
            let by = caller.0.account;
            let transaction = TransactionId(Uuid::now_v7());
            let sum = OpeningSum { by, transaction, amount_minor };
            let open = OpenWallet { owner, currency: self.shared.currency, sum: Some(sum) };
            let answer = |done: &Done<Wallet>| WalletSeen {
                id: id.0,
                user: owner.0,
                money: Money::minor(done.state.balance().map_or(0, |(_, balance)| balance)),
            };
            let call = call(&caller.0, key.0.as_deref(), "POST", WALLETS, &body.bytes);
            let execution = self.shared.execution(&context);
            let create = |keep: Arc<Keep<_>>| {
                let open = WalletCommand::Open(open);
                self.commands.execute(id.0, open, execution, move |done| keep.attach(done))
            };
            let idempotent = &self.shared.idempotent;
            match idempotent.run(call, StatusCode::CREATED, answer, create).await {
                Ok(made) => Ok(Made::Made(Json(made))),
                // Who may open it may also know which it is.
                Err(CallError::Refused(WalletError::AlreadyOpen)) => {
                    let detail = format!("The account has a wallet already: {id}");
                    Err(ApiError::new(Code::WalletExists, detail))
                }
                Err(error) => Err(error.into()),
            }
        };
        rate.on(opened.await)
    }

    /// List wallets
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/api/wallet", method = "get", operation_id = "list_wallets")]
    async fn find_many(
        &self,
        _caller: AdministratorCaller,
        /// Wallets of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<WalletSeen>, ApiError> {
        let page = Page::read(WALLETS, limit.0, after.0.as_deref(), &[])?;
        let mut rows = self.wallets.list(page.after_number()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.first_position.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(WalletSeen::from).collect()), next))
    }

    /// Read a wallet
    ///
    /// For its owner and for administrators.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/wallet/:id", method = "get", operation_id = "read_wallet")]
    async fn find(
        &self,
        caller: RequiredCaller,
        /// Which wallet.
        id: Path<Uuid>,
    ) -> Result<One<WalletSeen>, ApiError> {
        let wallet = self.wallet(&caller.0, WalletId(id.0)).await?;
        let etag = if_match::etag(wallet.sequence);
        Ok(One::One(Json(wallet.into()), etag))
    }

    /// Top a wallet up
    ///
    /// For its owner and for administrators, through the payment provider. A repeat with the same
    /// `Idempotency-Key` takes the money once and is told what came of it.
    ///
    /// Errors: `not_found`, `invalid_fields`, `payment_declined`, `wallet_full`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/api/wallet/:id/charge", method = "post", operation_id = "charge_wallet")]
    async fn charge(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which wallet.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewTopUp>,
    ) -> Result<Limited<ChargeAnswer>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        rate.on(self.top_up(&caller.0, context, WalletId(id.0), key.0.as_deref(), body).await)
    }

    /// Buy all that you have reserved
    ///
    /// With one's own wallet only.
    ///
    /// Errors: `not_found`, `insufficient_funds`, `nothing_held`, `ticket_not_held`, `match_begun`,
    /// `concurrent_change`, `unavailable`.
    #[oai(path = "/api/wallet/:id/purchase", method = "post", operation_id = "purchase")]
    async fn purchase(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which wallet.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<Answered<PurchaseMade>>, ApiError> {
        let rate = self.shared.limits.change(caller.0.account)?;
        let bought = async {
            let (buyer, wallet) = (caller.0.account, WalletId(id.0));
            if WalletId::of(buyer) != wallet {
                return Err(unknown_wallet());
            }
            let purchase = PurchaseId(Uuid::now_v7());
            let transaction = TransactionId(Uuid::now_v7());
            let order = Order { purchase, transaction, buyer, wallet };
            let path = format!("{WALLETS}/{}/purchase", id.0);
            let call = call(&caller.0, key.0.as_deref(), "POST", &path, &[]);
            let answer = |receipt: &Receipt| PurchaseMade::of("Purchase successful", receipt);
            let execution = self.shared.execution(&context);
            let buy = |keep: Arc<Keep<_>>| async move {
                self.purchasing.buy(order, execution, |receipt| keep.attach(receipt)).await
            };
            let made = self.shared.idempotent.run(call, StatusCode::OK, answer, buy).await?;
            Ok(Answered::Done(Json(made)))
        };
        rate.on(bought.await)
    }

    /// Read a wallet's statement
    ///
    /// For its owner and for administrators. Oldest first, each posting with its tickets and what
    /// was in the wallet then.
    ///
    /// Errors: `not_found`, `invalid_cursor`, `unavailable`.
    #[oai(path = "/api/wallet/:id/transactions", method = "get", operation_id = "read_statement")]
    async fn statement(
        &self,
        caller: RequiredCaller,
        /// Which wallet.
        id: Path<Uuid>,
        /// Postings of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<TransactionSeen>, ApiError> {
        let wallet = self.wallet(&caller.0, WalletId(id.0)).await?.id;
        let path = format!("{WALLETS}/{wallet}/transactions");
        let page = Page::read(&path, limit.0, after.0.as_deref(), &[])?;
        let after = page.after_number()?;
        self.shared.caught_up.wait().await?;
        let mut rows = self.wallets.statement(wallet, after, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.sequence.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(TransactionSeen::from).collect()), next))
    }

    /// List the postings of all wallets
    ///
    /// For administrators. Oldest first.
    ///
    /// Errors: `invalid_cursor`, `forbidden`, `unavailable`.
    #[oai(path = "/api/transactions", method = "get", operation_id = "list_transactions")]
    async fn transactions(
        &self,
        _caller: AdministratorCaller,
        /// Postings of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<TransactionSeen>, ApiError> {
        let page = Page::read(TRANSACTIONS, limit.0, after.0.as_deref(), &[])?;
        let mut rows = self.wallets.transactions(page.after_uuid()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.transaction.to_string());
        Ok(Many::Page(Json(rows.into_iter().map(TransactionSeen::from).collect()), next))
    }
}

impl WalletsApi {
    /// A wallet that the caller may see.
    async fn wallet(&self, caller: &Caller, id: WalletId) -> Result<WalletNow, ApiError> {
        let found = self.wallets.find(id).await?;
        let seen =
            found.filter(|wallet| wallet.owner == caller.account || caller.is_administrator());
        seen.ok_or_else(unknown_wallet)
    }

    /// Whose wallet is to be opened with how much, in hundredths.
    async fn opening(
        &self,
        caller: &Caller,
        user: Option<Uuid>,
        money: Option<Money>,
    ) -> Result<(AccountId, i64), ApiError> {
        let owner = user.map_or(caller.account, AccountId);
        let given = money.is_some_and(|money| money != Money::minor(0));
        if !caller.is_administrator() && (owner != caller.account || given) {
            let detail = "Only an administrator opens a wallet for others or with money in it";
            return Err(ApiError::new(Code::Forbidden, detail));
        }
        let minor = money.map_or(Some(0), |Money(minor)| minor);
        let fits = minor.filter(|minor| (0..=MOST_AT_FIRST).contains(minor));
        let minor =
            fits.ok_or_else(|| invalid("money", "must be 0 to 1000000, with at most two places"))?;
        if owner != caller.account && self.people.usernames(&[owner]).await?.is_empty() {
            return Err(invalid("user", "there is no such account"));
        }
        Ok((owner, minor))
    }

    async fn top_up(
        &self,
        caller: &Caller,
        context: Context,
        wallet: WalletId,
        key: Option<&str>,
        body: Body<NewTopUp>,
    ) -> Result<ChargeAnswer, ApiError> {
        let (price_minor, source) = body.value.judge()?;
        self.wallet(caller, wallet).await?;
        let charge = Charge {
            top_up: TopUpId(Uuid::now_v7()),
            wallet,
            by: caller.account,
            price: Price { price_minor, currency: self.shared.currency },
            source: SecretString::from(source),
        };
        let path = format!("{WALLETS}/{wallet}/charge");
        let call = call(caller, key, "POST", &path, &body.bytes);
        let pending = "The payment provider has not decided yet";
        let answer = |top_up: &TopUpId| Charged {
            message: pending.to_owned(),
            id: top_up.0,
            new_balance: None,
        };
        let execution = self.shared.execution(&context);
        let start = |keep: Arc<Keep<_>>| {
            let charge = &charge;
            async move {
                let attach = |top_up: &TopUpId| keep.attach(top_up);
                self.topping_up.start(charge, execution, attach).await
            }
        };
        let idempotent = &self.shared.idempotent;
        let started = idempotent.run(call, StatusCode::ACCEPTED, answer, start).await?;
        let standing = if started.id == charge.top_up.0 {
            self.capture(charge).await
        } else {
            self.outcome(TopUpId(started.id)).await?
        };
        match standing {
            Standing::Charged { amount_minor, balance_minor } => {
                let amount = serde_json::to_string(&shown(amount_minor)).unwrap_or_default();
                let message = format!("Wallet charged by {amount}");
                let new_balance = Some(Money::minor(balance_minor));
                Ok(ChargeAnswer::Charged(Json(Charged { message, new_balance, ..started })))
            }
            Standing::Open => Ok(ChargeAnswer::Pending(Json(started), LATER.as_secs())),
            Standing::Declined { reason } => {
                let detail = format!("The payment was declined: {reason}");
                Err(ApiError::new(Code::PaymentDeclined, detail))
            }
        }
    }

    /// Asks the provider. A client that leaves meanwhile ends nothing; what takes too long or fails
    /// is settled by its deadline.
    async fn capture(&self, charge: Charge) -> Standing {
        let (topping_up, top_up) = (self.topping_up.clone(), charge.top_up);
        let captured = tokio::spawn(async move { topping_up.capture(&charge).await });
        match timeout(PATIENCE, captured).await {
            Ok(Ok(Ok(standing))) => standing,
            Ok(Ok(Err(error))) => {
                tracing::warn!(%top_up, error = causes(&error), "a top-up has to wait");
                Standing::Open
            }
            Ok(Err(_)) | Err(_) => Standing::Open,
        }
    }

    /// What came of a top-up that another call has started.
    async fn outcome(&self, top_up: TopUpId) -> Result<Standing, ApiError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.topping_up.standing(top_up).await? {
                Standing::Open if Instant::now() < deadline => sleep(POLL).await,
                standing => return Ok(standing),
            }
        }
    }
}

/// An amount as it is written on the wire.
fn shown(minor: i64) -> serde_json::Value {
    poem_openapi::types::ToJSON::to_json(&Money::minor(minor)).unwrap_or_default()
}
