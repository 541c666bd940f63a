//! The code of a short link. Not here: whether it is taken (the table's key decides).

use aws_lc_rs::rand;

/// How many characters a code has: 62^8 are 218 million million codes.
pub(super) const LENGTH: usize = 8;
/// How often another code is tried. That even one is taken happens once in a million times only
/// when there are 218 million links.
pub(super) const ATTEMPTS: usize = 5;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The largest multiple of 62 that a byte can hold: bytes from there on would make some characters
/// likelier than others.
const FAIR: u8 = 248;

/// The operating system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes to be had")]
pub(super) struct NoChance;

/// A new code by chance (a CSPRNG), all equally likely.
///
/// # Errors
/// [`NoChance`] if there are no random bytes.
pub(super) fn new() -> Result<String, NoChance> {
    let mut code = String::with_capacity(LENGTH);
    let mut bytes = [0; 2 * LENGTH];
    while code.len() < LENGTH {
        rand::fill(&mut bytes).map_err(|_| NoChance)?;
        code.extend(characters(&bytes).take(LENGTH - code.len()));
    }
    Ok(code)
}

/// Whether this could be a code at all.
pub(super) fn is_code(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn characters(bytes: &[u8]) -> impl Iterator<Item = char> {
    let fair = bytes.iter().filter(|byte| **byte < FAIR);
    fair.filter_map(|byte| {
        ALPHABET.get(usize::from(*byte) % ALPHABET.len()).copied().map(char::from)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn a_code_has_eight_characters_and_does_not_come_twice() {
        let codes: HashSet<_> = (0..10_000).map(|_| new().unwrap()).collect();
        assert_eq!(codes.len(), 10_000);
        assert!(codes.iter().all(|code| is_code(code)));
    }

    #[test]
    fn every_character_is_as_likely_as_every_other() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut counts = HashMap::new();
        characters(&bytes).for_each(|c| *counts.entry(c).or_insert(0) += 1);
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| *count == 4), "{counts:?}");
    }

    #[test]
    fn what_can_be_no_code_is_none() {
        for text in ["", "short", "123456789", "1234567-", "1234567é", "1234 678"] {
            assert!(!is_code(text), "{text}");
        }
    }
}
