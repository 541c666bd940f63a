//! Whether a server that refused an address for good says that there is none. Anything else may be
//! its policy towards us, and says nothing of the address. Not here: what follows (`outcome.rs`).

/// Words of those who refuse us and give no enhanced code. Who is wrong about one keeps an address
/// that is dead, which costs less than to give up one that is not.
const POLICY: [&str; 9] = [
    "relay",
    "rcpthosts",
    "denied",
    "blocked",
    "blacklist",
    "policy",
    "spam",
    "sender",
    "authenticat",
];

/// Whether this reply says so: by its enhanced code, wherever it stands (RFC 3463, section 3.2: the
/// address is wrong; 7 and 8 are the sender's), or, without one, by its code and words.
pub(super) fn is_dead(code: &str, text: &str) -> bool {
    match text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(enhanced) {
        Some((subject, detail)) => subject == 1 && !matches!(detail, 7 | 8),
        None => {
            let text = text.to_lowercase();
            matches!(code, "550" | "551" | "553") && !POLICY.iter().any(|word| text.contains(word))
        }
    }
}

/// Subject and detail of an enhanced code of a refusal for good.
fn enhanced(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.trim_matches('.').split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    if class != "5" || parts.next().is_some() {
        return None;
    }
    Some((subject.parse().ok()?, detail.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_dead_if_the_server_says_so() {
        for (code, text) in [
            ("550", "5.1.1 <ann@example.com> is unknown"),
            ("554", "5.1.10 the domain takes no mail"),
            ("550", "no such user"),
            ("550", "Requested action not taken: mailbox unavailable"),
            ("550", "<ann@10.5.1.7.example> unknown (#5.1.1)"),
            ("553", ""),
        ] {
            assert!(is_dead(code, text), "{code} {text}");
        }
    }

    #[test]
    fn who_is_refused_by_policy_is_not_dead() {
        for (code, text) in [
            ("550", "5.7.1 we do not relay for you"),
            ("554", "5.7.1 not wanted"),
            ("550", "5.2.1 the mailbox is disabled"),
            ("553", "5.1.8 the sender's domain is unknown"),
            ("550", "relay not permitted"),
            ("553", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
            ("553", "sorry, that domain isn't in my list of allowed rcpthosts."),
            ("550", "Message REJECTED [5.7.509]: Access Denied"),
            ("550", "192.0.2.1 is blocked, see https://lists.example/5.1.1.1"),
            ("554", "no"),
            ("503", "RCPT first"),
        ] {
            assert!(!is_dead(code, text), "{code} {text}");
        }
    }
}
