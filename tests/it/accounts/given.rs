//! What tests start from, and the calls they make.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{PASSWORD, new_name};

/// What no account of these tests has.
pub(super) const WRONG: &str = "wrong-password";
/// What accounts of these tests get instead of [`PASSWORD`].
pub(super) const NEXT: &str = "5t6Z7U8i";

/// Two tokens of one session.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Pair {
    pub(super) fn of(answer: &Answer) -> Self {
        Self { access: answer.member("access"), refresh: answer.member("refresh") }
    }
}

/// An account made under `/auth`, with a session.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) email: String,
    pub(super) tokens: Pair,
}

/// What a new user says, under a name nobody else has.
pub(super) fn new_user() -> Value {
    let username = new_name();
    let email = format!("{username}@example.com");
    json!({ "username": username, "email": email, "password": PASSWORD,
            "first_name": "John", "last_name": "Doe" })
}

/// A request with a token under the scheme of these doors.
pub(super) fn jwt(request: RequestBuilder, token: &str) -> RequestBuilder {
    request.header("authorization", format!("JWT {token}"))
}

impl World {
    pub(super) async fn create_user(&self, user: &Value) -> Answer {
        self.post("/auth/users/").json(user).ask().await
    }

    pub(super) async fn create_tokens(&self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password });
        self.post("/auth/jwt/create").json(&body).ask().await
    }

    pub(super) async fn refresh_tokens(&self, refresh: &str) -> Answer {
        self.post("/auth/jwt/refresh").json(&json!({ "refresh": refresh })).ask().await
    }

    pub(super) async fn verify_token(&self, token: &str) -> Answer {
        self.post("/auth/jwt/verify").json(&json!({ "token": token })).ask().await
    }

    pub(super) async fn me(&self, access: &str) -> Answer {
        jwt(self.get("/auth/users/me"), access).ask().await
    }

    pub(super) async fn set_password(&self, access: &str, current: &str, new: &str) -> Answer {
        let body = json!({ "current_password": current, "new_password": new });
        jwt(self.post("/auth/users/set_password/"), access).json(&body).ask().await
    }

    /// An account made under `/auth`, with a session.
    pub(super) async fn given_known(&self) -> Known {
        let made = self.create_user(&new_user()).await.is(201);
        let username = made.member("username");
        let tokens = Pair::of(&self.create_tokens(&username, PASSWORD).await.is(200));
        Known { id: made.member("id"), email: made.member("email"), username, tokens }
    }
}
