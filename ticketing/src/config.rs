//! Every setting of `ticketing`; nothing else reads the environment.
//!
//! | variable | default | effect |
//! | --- | --- | --- |
//! | `DATABASE_URL` | (required) | Postgres; the role must be a member of `turnstile_app`, and may create it for `migrate` |
//! | `AMQP_URL` | (required) | RabbitMQ, as the user `ticketing` |
//! | `PORT` | `5000` | where HTTP is served |
//! | `BIND_ADDRESS` | `0.0.0.0` | on which address |
//! | `PUBLIC_URL` | `http://localhost:$PORT` | what links carry |
//! | `TOKEN_KEYS_DIR` | (required) | private keys of login tokens, `<yyyymmdd>T<hhmmss>Z.pem`; each signs from its time on |
//! | `LINK_KEYS_FILE` | (required) | JWKS with the rule service's public keys |
//! | `TEST_CLOCK` | off | `1`: the clock can be moved by `PUT /test/clock` (also `--test-clock`) |
//! | `RATE_LIMITS` | `on` | `off`: no limit by account or address |
//! | `LOGINS_PER_MINUTE` | `5` | per account and address |
//! | `LINK_REQUESTS_PER_MINUTE` | `10` | per account |
//! | `GUEST_LINK_REQUESTS_PER_MINUTE` | `30` | per address, accounts included |
//! | `REGISTRATIONS_PER_MINUTE` | `60` | per address |
//! | `MARKET_CHANGES_PER_MINUTE` | `120` | what an account may change in the market |
//! | `VENUES_CHANGES_PER_MINUTE` | `240` | what an account may change at the venues |
//! | `OUTINGS_CHANGES_PER_MINUTE` | `120` | what an account may change of outings: announce, apply, answer, rate |
//! | `CATALOGUE_CHANGES_PER_MINUTE` | `120` | what an account may change in the catalogue: follow, mark, review, like |
//! | `PROFILE_CHANGES_PER_MINUTE` | `30` | how often an account may change its profile |
//! | `SHORT_LINKS_PER_MINUTE` | `30` | short links that an account may make or delete |
//! | `SHORT_LINK_VISITS_PER_MINUTE` | `300` | visits of short links, and of links that stop mail, per address |
//! | `ALLOWED_LINK_HOSTS` | this machine | where short links lead besides `PUBLIC_URL`'s host: `host[:port]`, comma separated |
//! | `NOTIFICATION_CHANGES_PER_MINUTE` | `120` | notifications that an account may mark or switch |
//! | `SMTP_URL` | none | where mail goes: `smtp://[user:password@]host[:port]` or `smtps://…`; none without it |
//! | `MAIL_FROM` | none | who mail is from, `Turnstile <tickets@example.com>`; needed with `SMTP_URL` |
//! | `TRUSTED_PROXIES` | none | addresses or networks whose `X-Forwarded-For` counts, comma separated |
//! | `TIER_POLICY` | `self_service` | `entitled`: registration grants `standard`, an operator more (`ticketing grant`) |
//! | `ALLOWED_ORIGINS` | none | origins other than `PUBLIC_URL` that browsers may call from, comma separated |
//! | `DATABASE_POOL_SIZE` | `16` | too low: reads queue; too high: Postgres spends its time switching |
//! | `MAX_CONNECTIONS` | `10000` | HTTP connections at once; more wait in the listen backlog |
//! | `REQUEST_TIMEOUT_SECONDS` | `10` | a request that takes longer is answered 503 |
//! | `RESEND_AFTER_SECONDS` | `10` | a request without a verdict is published again after so long (1 to 86400) |
//! | `HOLD_SECONDS` | `900` | how long an order holds its ticket |
//! | `PAYMENT_SECONDS` | `600` | how much longer while its payment is made; shorter than a provider may take: late captures go back |
//! | `SEAT_HOLD_SECONDS` | `300` | how long a seat of a match is held |
//! | `REFUND_UNTIL_HOURS` | `24` | a buyer may give tickets back until so long before their match |
//! | `CURRENCY` | `usd` | of prices: `eur`, `gbp` or `usd` |
//! | `PAYMENT_PROVIDER` | `test` | who takes new payments; `stripe`: moves real money |
//! | `STRIPE_SECRET_KEY` | none | needed for `stripe`, and to end or give back what was begun with it |
//! | `STRIPE_URL` | `https://api.stripe.com` | where Stripe, or what speaks like it, is reached |
//! | `STRIPE_WEBHOOK_SECRET` | none | signs what Stripe tells; without it `/webhooks/stripe` is 404 |
//! | `GOOGLE_CLIENT_ID`, `GOOGLE_CLIENT_SECRET` | none | signing in with Google, both or none; without them its routes are 404 |
//! | `GOOGLE_ISSUER` | `https://accounts.google.com` | an OpenID provider |
//! | `FACEBOOK_CLIENT_ID`, `FACEBOOK_CLIENT_SECRET` | none | signing in with Facebook, both or none; without them its routes are 404 |
//! | `FACEBOOK_AUTHORIZE_URL`, `FACEBOOK_TOKEN_URL`, `FACEBOOK_USER_URL` | Facebook's | an OAuth 2 provider |
//! | `ALLOW_UNSAFE_DATABASE` | off | `1`: start although Postgres does not flush its commits |
//! | `RUST_LOG` | `info` | filter of the log, `tracing` syntax |

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use shared_events::Currency;

/// Where history is kept.
#[derive(Args, Clone, Debug)]
pub struct DatabaseSettings {
    /// Postgres, `postgres://user:password@host:port/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Connections kept for reads, projections and workers. Each log's writer has one of its own.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value_t = 16)]
    pub database_pool_size: usize,
    /// Start although Postgres may lose acknowledged commits in a crash of the machine.
    #[arg(long, env = "ALLOW_UNSAFE_DATABASE", value_parser = switch(), default_value = "off")]
    pub allow_unsafe_database: bool,
}

/// Where messages go.
#[derive(Args, Clone, Debug)]
pub struct BrokerSettings {
    /// RabbitMQ, `amqp://user:password@host:port/vhost`.
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: String,
}

/// What is logged.
#[derive(Args, Clone, Debug)]
pub struct LogSettings {
    /// What to log, in the syntax of the crate `tracing`.
    #[arg(long, env = "RUST_LOG", default_value = "info", global = true)]
    pub log: String,
}

/// Everything `ticketing serve` needs to know.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Where history is kept.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Where messages go.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// The edge.
    #[command(flatten)]
    pub http: HttpSettings,
    /// Who may how often.
    #[command(flatten)]
    pub limits: LimitSettings,
    /// How tickets are held and paid.
    #[command(flatten)]
    pub payments: PaymentSettings,
    /// How seats of matches are held and given back.
    #[command(flatten)]
    pub venues: VenuesSettings,
    /// With whom people may sign in.
    #[command(flatten)]
    pub sign_in: SignInSettings,
    /// How mail is sent.
    #[command(flatten)]
    pub mail: MailSettings,
    /// Folder of the private keys that sign login tokens, shared by all replicas.
    #[arg(long, env = "TOKEN_KEYS_DIR")]
    pub token_keys_dir: PathBuf,
    /// JWKS file with the public keys of the rule service.
    #[arg(long, env = "LINK_KEYS_FILE")]
    pub link_keys_file: PathBuf,
    /// How long, in seconds, a request may be without a verdict before it is published again, to
    /// heal a queue that was lost.
    #[arg(long, env = "RESEND_AFTER_SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub resend_after_seconds: u32,
    /// What the role named at registration is worth.
    #[arg(long, env = "TIER_POLICY", value_enum, default_value_t = TierPolicy::SelfService)]
    pub tier_policy: TierPolicy,
    /// Let `PUT /test/clock` move the clock forward. Never in production.
    #[arg(long, env = "TEST_CLOCK", value_parser = switch(), num_args = 0..=1,
          default_value = "off", default_missing_value = "on")]
    pub test_clock: bool,
}

/// What `ticketing generate-data` needs to know.
#[derive(Args, Clone, Debug)]
pub struct SampleSettings {
    /// Where history is kept.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Folder of the private keys that sign login tokens.
    #[arg(long, env = "TOKEN_KEYS_DIR")]
    pub token_keys_dir: PathBuf,
    /// What prices are in.
    #[arg(long, env = "CURRENCY", value_enum, default_value_t = CurrencyName::Usd)]
    pub currency: CurrencyName,
}

/// How HTTP is served.
#[derive(Args, Clone, Debug)]
pub struct HttpSettings {
    /// The port.
    #[arg(long, env = "PORT", default_value_t = 5000)]
    pub port: u16,
    /// The address to listen on.
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    pub bind_address: IpAddr,
    /// What links carry; without a slash at its end.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Addresses or networks (CIDR) of proxies whose `X-Forwarded-For` counts.
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<String>,
    /// Origins that browsers may call from, beside `PUBLIC_URL`.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,
    /// Hosts, with any port or with one, that short links may lead to.
    #[arg(long, env = "ALLOWED_LINK_HOSTS", value_delimiter = ',')]
    pub allowed_link_hosts: Vec<String>,
    /// HTTP connections at once. Too low: clients wait to connect; too high: memory and
    /// descriptors.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: usize,
    /// How long a request may take, in seconds, before it is answered 503.
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS", default_value_t = 10)]
    pub request_timeout_seconds: u64,
}

impl HttpSettings {
    /// What links carry, without a slash at its end.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://localhost:{}", self.port),
        }
    }

    /// How long a request may take.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }
}

/// Who may how often. Counted by each replica for itself.
#[derive(Args, Clone, Debug)]
pub struct LimitSettings {
    /// All of the limits below, or none.
    #[arg(long, env = "RATE_LIMITS", value_parser = switch(), default_value = "on",
          action = clap::ArgAction::Set)]
    pub rate_limits: bool,
    /// Attempts to log in, per minute, account and address.
    #[arg(long, env = "LOGINS_PER_MINUTE", default_value_t = 5)]
    pub logins_per_minute: u32,
    /// Link requests per minute and account.
    #[arg(long, env = "LINK_REQUESTS_PER_MINUTE", default_value_t = 10)]
    pub link_requests_per_minute: u32,
    /// Link requests per minute and address.
    #[arg(long, env = "GUEST_LINK_REQUESTS_PER_MINUTE", default_value_t = 30)]
    pub guest_link_requests_per_minute: u32,
    /// Changes in the market, per minute and account.
    #[arg(long, env = "MARKET_CHANGES_PER_MINUTE", default_value_t = 120)]
    pub market_changes_per_minute: u32,
    /// Changes at the venues, per minute and account.
    #[arg(long, env = "VENUES_CHANGES_PER_MINUTE", default_value_t = 240)]
    pub venues_changes_per_minute: u32,
    /// Changes of outings, per minute and account.
    #[arg(long, env = "OUTINGS_CHANGES_PER_MINUTE", default_value_t = 120)]
    pub outings_changes_per_minute: u32,
    /// Changes in the catalogue, per minute and account.
    #[arg(long, env = "CATALOGUE_CHANGES_PER_MINUTE", default_value_t = 120)]
    pub catalogue_changes_per_minute: u32,
    /// Changes of a profile, per minute and account.
    #[arg(long, env = "PROFILE_CHANGES_PER_MINUTE", default_value_t = 30)]
    pub profile_changes_per_minute: u32,
    /// Notifications marked or switched, per minute and account.
    #[arg(long, env = "NOTIFICATION_CHANGES_PER_MINUTE", default_value_t = 120)]
    pub notification_changes_per_minute: u32,
    /// Short links made or deleted, per minute and account.
    #[arg(long, env = "SHORT_LINKS_PER_MINUTE", default_value_t = 30)]
    pub short_links_per_minute: u32,
    /// Visits of short links, and of links that stop mail, per minute and address.
    #[arg(long, env = "SHORT_LINK_VISITS_PER_MINUTE", default_value_t = 300)]
    pub short_link_visits_per_minute: u32,
    /// Registrations per minute and address.
    #[arg(long, env = "REGISTRATIONS_PER_MINUTE", default_value_t = 60)]
    pub registrations_per_minute: u32,
}

/// With whom people may sign in.
#[derive(Args, Clone, Debug)]
pub struct SignInSettings {
    /// How Google knows this service.
    #[arg(long, env = "GOOGLE_CLIENT_ID", value_parser = NonEmptyStringValueParser::new(),
          requires = "google_client_secret")]
    pub google_client_id: Option<String>,
    /// What proves to Google that it is this service.
    #[arg(long, env = "GOOGLE_CLIENT_SECRET", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new(), requires = "google_client_id")]
    pub google_client_secret: Option<String>,
    /// The OpenID provider behind these routes.
    #[arg(long, env = "GOOGLE_ISSUER", default_value = "https://accounts.google.com")]
    pub google_issuer: String,
    /// How Facebook knows this service.
    #[arg(long, env = "FACEBOOK_CLIENT_ID", value_parser = NonEmptyStringValueParser::new(),
          requires = "facebook_client_secret")]
    pub facebook_client_id: Option<String>,
    /// What proves to Facebook that it is this service.
    #[arg(long, env = "FACEBOOK_CLIENT_SECRET", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new(), requires = "facebook_client_id")]
    pub facebook_client_secret: Option<String>,
    /// Where people are sent to.
    #[arg(
        long,
        env = "FACEBOOK_AUTHORIZE_URL",
        default_value = "https://www.facebook.com/v21.0/dialog/oauth"
    )]
    pub facebook_authorize_url: String,
    /// Where a code becomes a token.
    #[arg(
        long,
        env = "FACEBOOK_TOKEN_URL",
        default_value = "https://graph.facebook.com/v21.0/oauth/access_token"
    )]
    pub facebook_token_url: String,
    /// Where a token becomes a person.
    #[arg(
        long,
        env = "FACEBOOK_USER_URL",
        default_value = "https://graph.facebook.com/v21.0/me?fields=id,email,first_name,last_name"
    )]
    pub facebook_user_url: String,
}

/// How mail is sent.
#[derive(Args, Clone, Debug)]
pub struct MailSettings {
    /// The SMTP server that takes it. `smtp://` with `STARTTLS` if it is offered, only with it by
    /// `?tls=required` or if there is a password, never by `?tls=none`; `smtps://` with TLS from
    /// the beginning.
    #[arg(long, env = "SMTP_URL", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new(), requires = "mail_from")]
    pub smtp_url: Option<String>,
    /// Who it is from.
    #[arg(long, env = "MAIL_FROM", value_parser = NonEmptyStringValueParser::new(),
          requires = "smtp_url")]
    pub mail_from: Option<String>,
}

/// How tickets are held and paid.
#[derive(Args, Clone, Debug)]
pub struct PaymentSettings {
    /// How long, in seconds, an order holds its ticket.
    #[arg(long, env = "HOLD_SECONDS", default_value_t = 900,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub hold_seconds: u32,
    /// How much longer, in seconds, while its payment is made. Too low: captures come too late and
    /// go back; too high: a payment that hangs keeps the ticket from others.
    #[arg(long, env = "PAYMENT_SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub payment_seconds: u32,
    /// What prices are in.
    #[arg(long, env = "CURRENCY", value_enum, default_value_t = CurrencyName::Usd)]
    pub currency: CurrencyName,
    /// Who moves the money.
    #[arg(long, env = "PAYMENT_PROVIDER", value_enum, default_value_t = ProviderName::Test)]
    pub payment_provider: ProviderName,
    /// Stripe's secret key.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub stripe_secret_key: Option<String>,
    /// Where Stripe is reached.
    #[arg(long, env = "STRIPE_URL", default_value = "https://api.stripe.com")]
    pub stripe_url: String,
    /// What signs Stripe's webhooks.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRET", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub stripe_webhook_secret: Option<String>,
}

/// How seats of matches are held and given back.
#[derive(Args, Clone, Copy, Debug)]
pub struct VenuesSettings {
    /// How long, in seconds, a seat is held for who has reserved it.
    #[arg(long, env = "SEAT_HOLD_SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seat_hold_seconds: u32,
    /// How many hours before a match its tickets can be given back by who has bought them.
    #[arg(long, env = "REFUND_UNTIL_HOURS", default_value_t = 24,
          value_parser = clap::value_parser!(u32).range(0..=8_760))]
    pub refund_until_hours: u32,
}

/// A currency of prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CurrencyName {
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// US dollar.
    Usd,
}

impl From<CurrencyName> for Currency {
    fn from(name: CurrencyName) -> Self {
        match name {
            CurrencyName::Eur => Self::Eur,
            CurrencyName::Gbp => Self::Gbp,
            CurrencyName::Usd => Self::Usd,
        }
    }
}

/// Who moves the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProviderName {
    /// Nobody: payments are made up.
    Test,
    /// Stripe.
    Stripe,
}

/// What the role named at registration is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TierPolicy {
    /// The tier that is asked for is granted.
    #[value(name = "self_service")]
    SelfService,
    /// `standard` is granted; more needs an operator.
    #[value(name = "entitled")]
    Entitled,
}

/// Reads `1`, `on`, `true`, `yes` and their opposites.
fn switch() -> impl clap::builder::TypedValueParser<Value = bool> {
    use clap::builder::TypedValueParser;
    clap::builder::StringValueParser::new().try_map(|text| match text.as_str() {
        "1" | "on" | "true" | "yes" => Ok(true),
        "" | "0" | "off" | "false" | "no" => Ok(false),
        _ => Err("expected on or off"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use clap::error::ErrorKind;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(more: &[&str]) -> Settings {
        try_parse(more).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_parse(more: &[&str]) -> Result<Settings, clap::Error> {
        let required = [
            "ticketing",
            "--database-url=postgres://x",
            "--amqp-url=amqp://x",
            "--token-keys-dir=/keys",
            "--link-keys-file=/links.json",
        ];
        Ok(Program::try_parse_from(required.iter().chain(more))?.settings)
    }

    #[test]
    fn links_carry_the_port_unless_a_public_address_is_set() {
        assert_eq!(parse(&["--port=5010"]).http.public_url(), "http://localhost:5010");
        let behind_proxy = parse(&["--public-url=https://tickets.example/"]);
        assert_eq!(behind_proxy.http.public_url(), "https://tickets.example");
    }

    #[test]
    fn a_request_is_published_again_after_ten_seconds_unless_said() {
        assert_eq!(parse(&[]).resend_after_seconds, 10);
        assert_eq!(parse(&["--resend-after-seconds=86400"]).resend_after_seconds, 86_400);
    }

    #[test]
    fn limits_are_on_and_the_test_clock_is_off_unless_said() {
        let settings = parse(&[]);
        assert!(settings.limits.rate_limits && !settings.test_clock);
        let settings = parse(&["--rate-limits=off", "--test-clock"]);
        assert!(!settings.limits.rate_limits && settings.test_clock);
    }

    /// It would be off without a word.
    #[test]
    fn a_sign_in_provider_is_set_up_as_a_whole_or_not_at_all() {
        for name in ["google", "facebook"] {
            let (id, secret) = (format!("--{name}-client-id"), format!("--{name}-client-secret"));
            assert!(try_parse(&[&format!("{id}=x"), &format!("{secret}=y")]).is_ok());
            for (set, missing) in [(&id, &secret), (&secret, &id)] {
                let refused = try_parse(&[&format!("{set}=x")]).map(drop).unwrap_err().to_string();
                assert!(refused.contains(missing.as_str()), "{refused}");
            }
        }
    }

    /// It would be off without a word.
    #[test]
    fn mail_has_a_server_and_a_sender_or_neither() {
        let (server, from) = ("--smtp-url=smtp://localhost", "--mail-from=a@example.com");
        assert!(try_parse(&[server, from]).is_ok());
        for half in [server, from] {
            let refused = try_parse(&[half]).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::MissingRequiredArgument);
        }
    }

    /// An empty secret would sign for anybody.
    #[test]
    fn secrets_are_not_empty() {
        assert!(try_parse(&["--stripe-webhook-secret=whsec_1"]).is_ok());
        for secret in [
            "google-client-secret",
            "facebook-client-secret",
            "stripe-secret-key",
            "stripe-webhook-secret",
        ] {
            let refused = try_parse(&[&format!("--{secret}=")]).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidValue, "{secret}");
        }
    }
}
