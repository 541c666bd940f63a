//! The whole story of a ticket, played as Swagger UI plays it: with the example bodies of the
//! document, the cookies of a browser, and the service's own origin.

use reqwest::{Client, Method};
use serde_json::Value;
use tests::local;

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::new_email;

/// A person with a browser in which the document is open.
struct Reader<'a> {
    world: &'a World,
    document: &'a Value,
    browser: Client,
}

impl<'a> Reader<'a> {
    fn new(world: &'a World, document: &'a Value) -> Self {
        let browser = local::builder().cookie_store(true);
        Self { world, document, browser: browser.build().unwrap() }
    }

    /// Tries out a POST with its example body, in which `own` is written over one member; the `id`
    /// in the path is replaced by its value where there is one.
    async fn tries_out(&self, path: &str, own: (&str, &str)) -> Answer {
        let operation = &self.document["paths"][path]["post"];
        assert!(operation.is_object(), "{path} is not documented");
        let url = format!("{}{}", self.world.system.url(), path.replace("{id}", own.1));
        let request = self.browser.request(Method::POST, url);
        let request = request.header("origin", self.world.system.url());
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(schema) = schema["$ref"].as_str() else { return request.ask().await };
        let schema = self.document.pointer(schema.trim_start_matches('#')).unwrap();
        let mut body = schema["example"].clone();
        assert!(body.is_object(), "{path} has no example");
        if !own.0.is_empty() {
            assert!(body[own.0].is_string(), "the example of {path} has no {}", own.0);
            body[own.0] = own.1.into();
        }
        request.json(&body).ask().await
    }
}

#[tokio::test]
async fn the_whole_story_can_be_played_from_the_document() {
    let world = World::shared();
    let document = world.get("/openapi.json").ask().await.is(200).json;
    let (seller, buyer) = (Reader::new(world, &document), Reader::new(world, &document));
    for reader in [&seller, &buyer] {
        // Two can not both be John.
        reader.tries_out("/api/users/signup", ("email", &new_email())).await.is(201);
    }
    let ticket = seller.tries_out("/api/tickets/create", ("", "")).await.is(201).member("id");
    let order = buyer.tries_out("/api/orders", ("ticketId", &ticket)).await.is(201).member("id");
    let paid = buyer.tries_out("/api/payments/charge", ("orderId", &order)).await.is(201);
    assert_eq!(world.ticket(&ticket).await["status"], "sold");
    let back = seller.tries_out("/api/payments/{id}/refund", ("", &paid.member("id"))).await;
    back.is(200);
    assert_eq!(world.ticket(&ticket).await["status"], "free");
}
