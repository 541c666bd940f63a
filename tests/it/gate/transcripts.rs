//! The transcripts of the contract, run as they stand by the `curl` program; only the port is
//! another.

use serde_json::Value;
use tokio::process::Command;

use crate::world::World;

const REGISTER_JOHN: &str = r#"curl --location --request POST 'http://localhost:5000/register' --header 'Content-Type: application/json' \
  --data-raw '{"email":"john@gmail.com","username":"john","password":"1q2W3E4r","role": "premium"}'"#;
const LOGIN_JOHN: &str = r#"curl --location --request POST 'http://localhost:5000/login' --header 'Content-Type: application/json' \
  --data-raw '{"username":"john","password":"1q2W3E4r"}'"#;
const REQUEST: &str = r#"curl --location --request GET 'http://localhost:5000/request_for_ticketing_link' --header 'Authorization: Bearer TOKEN' --data-raw ''"#;
const CHECK: &str = r#"curl --location --request GET 'http://localhost:5000/check_ticketing_link?request_id=ID' --header 'Authorization: Bearer TOKEN' --data-raw ''"#;
const REQUEST_AS_GUEST: &str = "curl --location --request GET 'http://localhost:5000/request_for_ticketing_link' --data-raw ''";
const CHECK_AS_GUEST: &str = "curl --location --request GET 'http://localhost:5000/check_ticketing_link?request_id=ID' --data-raw ''";
const BUY: &str = "curl --location --request GET 'LINK'";

/// Runs a line of a transcript in a shell against the shared system; answers with its output.
async fn run(line: &str) -> Value {
    let port = World::shared().system.wiring.port;
    let line = line.replacen("curl ", "curl --silent --show-error ", 1);
    let line = line.replace("localhost:5000", &format!("localhost:{port}"));
    let output = Command::new("sh").args(["-c", &line]).output().await.expect("curl");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The member that is text.
fn member(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned()
}

/// Everything up to the answer to the check.
async fn checked(username: &str, role: &str) -> Value {
    let named = |line: &str| line.replace("john", username).replace("premium", role);
    let registered = run(&named(REGISTER_JOHN)).await;
    assert_eq!(registered["message"], "Account created successfully");
    let login = run(&named(LOGIN_JOHN)).await;
    assert_eq!(login["message"], "Login Success");
    let token = member(&login, "access_token");
    let made = run(&REQUEST.replace("TOKEN", &token)).await;
    assert_eq!(made["message"], "Your request is created successfully");
    // The token last: a part of it may spell ID.
    let check = CHECK.replace("ID", &member(&made, "request_id"));
    run(&check.replace("TOKEN", &token)).await
}

#[tokio::test]
async fn the_premium_transcript_leads_to_the_ticket_page() {
    let checked = checked("john", "premium").await;
    assert_eq!(checked["message"], "Link Generated Successfully");
    let link = member(&checked, "link");
    let port = World::shared().system.wiring.port;
    assert!(link.starts_with(&format!("http://localhost:{port}/buy_ticket/")), "{link}");
    assert!(link.contains("?request_id="), "{link}");
    let bought = run(&BUY.replace("LINK", &link)).await;
    assert_eq!(bought["message"], "Welcome to the Ticket Page");
}

#[tokio::test]
async fn the_standard_transcript_ends_with_waiting() {
    let checked = checked("cena", "standard").await;
    assert_eq!(checked["message"], "Your link is not ready yet please wait");
    assert!(checked.get("link").is_none(), "{checked}");
}

#[tokio::test]
async fn the_guest_transcript_ends_with_waiting() {
    let made = run(REQUEST_AS_GUEST).await;
    assert_eq!(made["message"], "Your request is created successfully");
    let id = member(&made, "request_id");
    let checked = run(&CHECK_AS_GUEST.replace("ID", &id)).await;
    assert_eq!(checked["message"], "Your link is not ready yet please wait");
    assert!(checked.get("link").is_none(), "{checked}");
}
