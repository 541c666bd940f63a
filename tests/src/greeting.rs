//! What a person reads when everything runs: where it is, how to try it, how to end it.

use std::path::Path;

use crate::home::Home;
use crate::rabbitmq::management::Management;

/// The greeting. `url` is where people reach the API; a server that is not ours has no `management`
/// or `database` address here, only the setting that named it.
pub fn greeting(
    url: &str,
    home: &Home,
    management: Option<&Management>,
    database: Option<String>,
) -> String {
    let console = management.map_or_else(
        || "as given by AMQP_URL".to_owned(),
        |console| {
            let (user, password) = (console.user(), console.password());
            format!("{}   (log in as {user} with {password})", console.url())
        },
    );
    let database = database.unwrap_or_else(|| "as given by DATABASE_URL".to_owned());
    let logs = shown(&home.root().join("logs"));
    let home = shown(home.root());
    format!(
        r#"
Turnstile is running.

  API                    {url}
  To try it in a browser {url}/docs
  RabbitMQ console       {console}
  Postgres               {database}
  Logs                   {logs}/*.log

To try it here: an account, its token, a link to the ticket page.

  curl {url}/register -H 'Content-Type: application/json' -d \
    '{{"email":"john@gmail.com","username":"john","password":"1q2W3E4r","role":"premium"}}'
  curl {url}/login -H 'Content-Type: application/json' -d \
    '{{"username":"john","password":"1q2W3E4r"}}'
  curl {url}/request_for_ticketing_link -H 'Authorization: Bearer <access_token>'

Ctrl-C stops everything; the data stay in {home}.
"#
    )
}

/// A path as short as it can be typed here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryHome;

    #[test]
    fn a_server_that_is_not_ours_is_named_by_its_setting() {
        let home = TemporaryHome::make().expect("made");
        let text = greeting("http://localhost:5010", &home.home, None, None);
        assert!(text.contains("http://localhost:5010/docs"), "{text}");
        assert!(text.contains("AMQP_URL") && text.contains("DATABASE_URL"), "{text}");
    }

    #[test]
    fn the_console_comes_with_how_to_log_in() {
        let home = TemporaryHome::make().expect("made");
        let console = Management::new(15672, "operator", "secret");
        let text = greeting("http://localhost:5000", &home.home, Some(&console), None);
        assert!(text.contains("http://127.0.0.1:15672   (log in as operator with secret)"));
    }
}
