//! The client for servers on this machine, asked without TLS.

use std::sync::LazyLock;

use reqwest::{Client, ClientBuilder, redirect};

/// A client that keeps no connection, so that any runtime may use it and end; it follows no
/// redirect. One for all: it is cheap to clone.
#[expect(clippy::expect_used, reason = "no setting of it can be refused")]
pub fn client() -> Client {
    static CLIENT: LazyLock<Client> =
        LazyLock::new(|| builder().redirect(redirect::Policy::none()).build().expect("a client"));
    CLIENT.clone()
}

/// What makes another one. None knows any authority: to read those of the machine takes a tenth of
/// a second of a program that is not optimised.
pub fn builder() -> ClientBuilder {
    Client::builder().tls_certs_only([]).pool_max_idle_per_host(0)
}
