//! No secrets: nothing that is one stands where it could be read.

use crate::chaos::audit::Audit;

pub(super) fn check(audit: &Audit) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, text) in &audit.places {
        if text.is_empty() {
            wrong.push(format!("{place} could not be searched"));
        }
        let found = audit.secrets.iter().filter(|(_, secret)| text.contains(secret.as_str()));
        wrong.extend(found.map(|(what, _)| format!("{what} stands in {place}")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let secrets = vec![("a password", "hunter2".to_owned())];
        let logs = |text: &str| vec![("the logs".to_owned(), text.to_owned())];
        let clean = Audit { places: logs("nothing"), secrets, ..Audit::default() };
        assert_eq!(check(&clean), Vec::<String>::new());
        let told = Audit { places: logs("login hunter2"), ..clean.clone() };
        assert_eq!(check(&told), ["a password stands in the logs"]);
        let unread = Audit { places: logs(""), ..clean };
        assert_eq!(check(&unread).len(), 1);
    }
}
