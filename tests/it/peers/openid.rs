//! A sign-in provider, and a browser that goes there and comes back.

use std::sync::OnceLock;

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde_json::Value;
use tests::local;

use super::{Peer, free_port, node_modules, program, write_whole};
use crate::world::answer::{Answer, Ask};
use crate::world::{World, for_all};

/// How the service is known to the provider.
const CLIENT: &str = "turnstile";
pub(crate) const SECRET: &str = "canary-of-the-provider-0123456789";

/// A running system with a sign-in provider that is both its Google and its Facebook.
pub(crate) struct SignIn {
    pub(crate) world: World,
    _provider: Peer,
}

impl SignIn {
    /// The one for those who look at nothing but what they did there.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<SignIn> = OnceLock::new();
        SHARED.get_or_init(|| for_all(|| Self::start("")))
    }

    /// `issuer` is what follows the provider's address in that of its issuer.
    pub(crate) async fn start(issuer: &str) -> Self {
        let port = free_port();
        let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let (issuer, authorize, token, user) = (at(issuer), at("/auth"), at("/token"), at("/me"));
        let settings = [
            ("GOOGLE_CLIENT_ID", CLIENT),
            ("GOOGLE_CLIENT_SECRET", SECRET),
            ("GOOGLE_ISSUER", &issuer),
            ("FACEBOOK_CLIENT_ID", CLIENT),
            ("FACEBOOK_CLIENT_SECRET", SECRET),
            ("FACEBOOK_AUTHORIZE_URL", &authorize),
            ("FACEBOOK_TOKEN_URL", &token),
            ("FACEBOOK_USER_URL", user.as_str()),
        ];
        let world = World::start(&settings).await;
        let folder = node_modules();
        let script = include_str!("openid_provider.mjs");
        // Node looks for packages where the script is. Another test's may be reading it.
        write_whole(&folder.join("openid_provider.mjs"), script);
        let public = &world.system.wiring.public_url;
        let back = ["google", "facebook"].map(|name| format!("{public}/api/users/{name}/redirect"));
        let (node, port_text) = (program("node", "nodejs"), port.to_string());
        let node = node.to_str().expect("a path");
        let command = [node, "openid_provider.mjs", &port_text, CLIENT, SECRET, &back[0], &back[1]];
        let provider = Peer::start(folder, port, &command).await;
        Self { world, _provider: provider }
    }

    /// Somebody's browser.
    pub(crate) fn browser(&self) -> Browser {
        let client = local::builder().cookie_store(true).redirect(Policy::none());
        let public = self.world.system.wiring.public_url.clone();
        Browser { client: client.build().expect("a client"), public, url: self.world.system.url() }
    }
}

/// A browser: keeps cookies, and shows each redirect before it is followed.
pub(crate) struct Browser {
    client: Client,
    public: String,
    url: String,
}

impl Browser {
    /// Sets out to a provider: the address it is sent to.
    pub(crate) async fn begin(&self, provider: &str) -> Url {
        let answer = self.open(&format!("/api/users/{provider}")).await;
        location(&answer.is(302))
    }

    /// Opens a page of the service.
    pub(crate) async fn open(&self, path: &str) -> Answer {
        self.client.get(format!("{}{path}", self.url)).ask().await
    }

    /// Signs in at the provider as who these claims say, and agrees to everything: the address
    /// that leads back, not yet opened.
    pub(crate) async fn agree(&self, there: Url, claims: &Value) -> Url {
        self.follow(there, async |at, page| self.submit(at, page, claims).await).await
    }

    /// Goes to the provider and presses cancel: the address that leads back, not yet opened.
    pub(crate) async fn cancel(&self, there: Url) -> Url {
        let press = async |at: &Url, page: &str| {
            let links = page.split(r#"href=""#).filter_map(|rest| Some(rest.split_once('"')?.0));
            let cancel = links.filter(|link| link.ends_with("/abort")).last();
            self.get(&at.join(cancel.expect("a way out")).expect("an address")).await
        };
        self.follow(there, press).await
    }

    /// Follows redirects, and answers each page, until they lead back to the service.
    async fn follow(&self, there: Url, answer: impl AsyncFn(&Url, &str) -> Response) -> Url {
        let mut next = there;
        for _ in 0..20 {
            if next.as_str().starts_with(&self.public) {
                return next;
            }
            let mut shown = self.get(&next).await;
            if shown.status() == 200 {
                let page = shown.text().await.expect("a page");
                shown = answer(&next, &page).await;
            }
            let to = shown.headers().get(LOCATION).expect("a redirect");
            next = next.join(to.to_str().expect("text")).expect("an address");
        }
        panic!("the provider does not lead back: {next}");
    }

    async fn submit(&self, at: &Url, page: &str, claims: &Value) -> Response {
        let prompt = if page.contains(r#"name="login""#) { "login" } else { "consent" };
        let action = page.split_once(r#"action=""#).and_then(|(_, rest)| rest.split_once('"'));
        let to = at.join(action.expect("a form").0).expect("an address");
        let form = [("prompt", prompt), ("login", &claims.to_string()), ("password", "x")];
        let mut body = Url::parse("form:?").expect("an address");
        body.query_pairs_mut().extend_pairs(form);
        let kind = "application/x-www-form-urlencoded";
        let request = self.client.post(to).header("content-type", kind);
        request.body(body.query().unwrap_or_default().to_owned()).send().await.expect("an answer")
    }

    async fn get(&self, url: &Url) -> Response {
        self.client.get(url.clone()).send().await.expect("an answer")
    }

    /// Opens the address that leads back to the service.
    pub(crate) async fn come_back(&self, back: &Url) -> Answer {
        let query = back.query().unwrap_or_default();
        self.open(&format!("{}?{query}", back.path())).await
    }

    /// The whole way there and back.
    pub(crate) async fn sign_in(&self, provider: &str, claims: &Value) -> Answer {
        let there = self.begin(provider).await;
        let back = self.agree(there, claims).await;
        self.come_back(&back).await
    }
}

fn location(answer: &Answer) -> Url {
    answer.header("location").parse().expect("an address")
}

/// The same address with another value of one parameter; without it if that is empty.
pub(crate) fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    let others = url.query_pairs().filter(|(found, _)| found != name);
    changed.query_pairs_mut().clear().extend_pairs(others);
    if !value.is_empty() {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed
}
