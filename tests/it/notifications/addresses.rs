//! Addresses that are not ASCII.

use super::given::WithMail;
use crate::world::people::new_name;

#[tokio::test]
async fn who_has_an_address_in_another_script_gets_mail_as_far_as_the_server_can() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let name = new_name();
    let reader = world.given_user_at(&format!("{name}@пример.рф")).await;
    mail.tell(&reader).await;
    mail.until_delivery_is(&reader, "sent").await;
    assert_eq!(mail.sink.mails_to(&format!("{name}@xn--e1afmkfd.xn--p1ai")).len(), 1);
    // What stands before the domain has no other form, and this server does not know it.
    let anna = world.given_reader("анна-").await;
    mail.tell(&anna).await;
    mail.until_delivery_is(&anna, "refused").await;
    let refused = ("refused".to_owned(), Some("smtputf8".to_owned()));
    assert_eq!(mail.deliveries(&anna).await, [refused]);
    // That says nothing of the address.
    mail.sink.offer_utf8();
    mail.tell(&anna).await;
    mail.until_mails(&anna, 1).await;
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
