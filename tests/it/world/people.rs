//! People with accounts, each with a name nobody else has.

use serde_json::{Value, json};
use uuid::Uuid;

use super::World;
use crate::world::answer::{Answer, Ask};

/// What every account of the tests is registered with: the password of the transcripts.
pub(crate) const PASSWORD: &str = "1q2W3E4r";

/// An account that is logged in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// A name nobody else has.
pub(crate) fn new_name() -> String {
    format!("u-{}", Uuid::new_v4().simple())
}

/// An address nobody else has.
pub(crate) fn new_email() -> String {
    format!("{}@example.com", new_name())
}

/// A complete registration under a name nobody else has.
pub(crate) fn registration(role: &str) -> Value {
    let username = new_name();
    let email = format!("{username}@example.com");
    json!({ "email": email, "username": username, "password": PASSWORD, "role": role })
}

impl World {
    pub(crate) async fn register(&self, registration: &Value) -> Answer {
        self.post("/register").json(registration).ask().await
    }

    pub(crate) async fn login(&self, username: &str, password: &str) -> Answer {
        let credentials = json!({ "username": username, "password": password });
        self.post("/login").json(&credentials).ask().await
    }

    /// An account that asked for this tier, logged in.
    pub(crate) async fn given_user(&self, role: &str) -> User {
        self.given_registered(&registration(role)).await
    }

    /// An account of the standard tier that names this address, whoever's that is, logged in.
    pub(crate) async fn given_user_at(&self, email: &str) -> User {
        let mut registration = registration("standard");
        registration["email"] = json!(email);
        self.given_registered(&registration).await
    }

    async fn given_registered(&self, registration: &Value) -> User {
        self.register(registration).await.is(201);
        let text = |name: &str| registration[name].as_str().expect("text").to_owned();
        let (username, email) = (text("username"), text("email"));
        let token = self.login(&username, PASSWORD).await.is(200).member("access_token");
        User { username, email, token }
    }

    /// The same user in another session: an hour ends a login, and its token says what was true
    /// when it began.
    pub(crate) async fn logged_in_again(&self, user: &User) -> User {
        let token = self.login(&user.username, PASSWORD).await.is(200).member("access_token");
        User { token, ..user.clone() }
    }

    /// Which account somebody has.
    pub(crate) async fn id_of(&self, user: &User) -> String {
        let me = self.get("/api/users/currentuser").bearer_auth(&user.token).ask().await.is(200);
        me.json["currentUser"]["id"].as_str().expect("an id").to_owned()
    }
}
