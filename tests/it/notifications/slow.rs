//! A mail server that is slow, or was away for long: what can be sent is sent at once.

use super::given::WithMail;
use crate::harness::eventually;

/// It may take a minute to reply, which is more than this test waits.
#[tokio::test]
async fn a_mail_that_the_server_is_slow_with_holds_up_no_other() {
    let mut mail = WithMail::start().await;
    let (slow, other) =
        (mail.world.given_reader("hang-").await, mail.world.given_reader("other-").await);
    mail.tell(&slow).await;
    let taken = async || mail.sink.mails_to(&slow.email).len() == 1;
    eventually("the server has the text, and does not reply", taken).await;
    mail.tell(&other).await;
    mail.until_delivery_is(&other, "sent").await;
    mail.until_delivery_is(&slow, "sending").await;
    mail.world.system.ticketing.kill().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
