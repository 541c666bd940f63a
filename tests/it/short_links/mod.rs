//! Short links played over HTTP: where they may lead, how often they are visited, when they die.

mod making;
mod visiting;

use reqwest::Method;
use serde_json::Value;

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn shorten(&self, user: &User, link: &Value) -> Answer {
        self.by(user, Method::POST, "/api/v1/shortener/").json(link).ask().await
    }

    /// The code of a new link.
    async fn given_short_link(&self, user: &User, link: &Value) -> String {
        let url = self.shorten(user, link).await.is(201).member("url");
        url.rsplit_once("/s/").expect("a short address").1.to_owned()
    }

    async fn visit(&self, code: &str) -> Answer {
        self.get(&format!("/s/{code}")).ask().await
    }
}
