//! To which servers the password and mails are handed over: to none without TLS where there is a
//! password, and to none whose certificate is not valid.

use super::given::WithMail;
use crate::harness::eventually;
use crate::peers::certificates::{Certificate, certificates};
use crate::peers::smtp::{Entry, PASSWORD, Sink};
use crate::world::people::User;

impl WithMail {
    /// Mail that trusts the authority of the tests, and somebody for whom one waits.
    async fn given_waiting(entry: Entry<'_>) -> (Self, User) {
        let trusted = [("SSL_CERT_FILE", certificates().authority.chain.as_str())];
        let mail = Self::through(Sink::start(entry).await, &trusted).await;
        let reader = mail.world.given_reader("reader-").await;
        mail.tell(&reader).await;
        mail.until_delivery_is(&reader, "waiting").await;
        (mail, reader)
    }

    /// From now on another server is where the first was. The service begins anew as well: it would
    /// ask this one late, because it was put off by the one before.
    async fn meets(&mut self, entry: Entry<'_>) {
        self.world.system.ticketing.stop().await.unwrap();
        self.sink.stop();
        self.sink.start_again(entry).await;
        self.world.system.ticketing.start().await.unwrap();
    }

    /// The server that is there is asked this, and then no more; what waits stays due.
    async fn hands_nothing_over(&self, asked: &str) {
        let tried = async || self.sink.heard().starts_with(asked);
        eventually(&format!("it is asked {asked:?}"), tried).await;
        let attempts = "select max(attempts)::bigint from deliveries where state = 'waiting'";
        let attempts = format!("select coalesce(({attempts}), 0)");
        let before = self.world.count(&attempts).await;
        // One that began there has ended.
        let again = async || self.world.count(&attempts).await > before;
        eventually("it is tried again", again).await;
        let heard = self.sink.heard();
        assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{heard}");
        assert_eq!(self.sink.mails().len(), 0);
    }
}

const NO_TLS: &str = "EHLO\n";
const TLS: &str = "EHLO\nSTARTTLS\n";

#[tokio::test]
async fn a_password_is_told_only_to_a_server_with_tls_and_a_valid_certificate() {
    let certificates = certificates();
    let with = |certificate: Option<&'static Certificate>| Entry { login: true, certificate };
    // It would take the password as it is.
    let (mut mail, reader) = WithMail::given_waiting(with(None)).await;
    mail.hands_nothing_over(NO_TLS).await;
    for certificate in [&certificates.of_a_stranger, &certificates.of_another_host] {
        mail.meets(with(Some(certificate))).await;
        mail.hands_nothing_over(TLS).await;
    }
    mail.meets(with(Some(&certificates.valid))).await;
    mail.until_mails(&reader, 1).await;
    assert_eq!(mail.deliveries(&reader).await, [("sent".to_owned(), None)]);
    let heard = mail.sink.heard();
    assert!(heard.starts_with(&format!("{TLS}EHLO\nAUTH ")), "{heard}");
    assert!(!mail.world.logs().contains(PASSWORD), "the password stands in the logs");
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn where_tls_is_offered_the_certificate_has_to_be_valid_without_a_password_too() {
    let certificates = certificates();
    let with = |certificate| Entry { login: false, certificate: Some(certificate) };
    let (mut mail, reader) = WithMail::given_waiting(with(&certificates.of_a_stranger)).await;
    mail.hands_nothing_over(TLS).await;
    mail.meets(with(&certificates.of_another_host)).await;
    mail.hands_nothing_over(TLS).await;
    mail.meets(with(&certificates.valid)).await;
    mail.until_mails(&reader, 1).await;
    let heard = mail.sink.heard();
    assert!(heard.starts_with(&format!("{TLS}EHLO\nMAIL\n")), "{heard}");
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
