//! Making the signing key and publishing its public half, for `rules generate-key`. Not here:
//! signing (`token.rs`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::JwkSet;
use pem::{EncodeConfig, LineEnding, Pem};

use crate::token::LinkSigner;

/// Only the owner reads the private key.
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

/// What [`generate`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// There was no private key; now there is.
    NewKey,
    /// The private key was there and is kept; its public half was written again.
    KeptKey,
}

/// Makes sure that `private` holds a key (PKCS#8 PEM, P-256, readable by its owner only) and
/// `public` a JWKS (RFC 7517 §5) with its public half. An existing key is never replaced.
///
/// # Errors
/// If a file can not be read or written, or `private` holds something that is no such key.
pub fn generate(private: &Path, public: &Path) -> anyhow::Result<Generated> {
    let done = if private.try_exists().with_context(|| named(private))? {
        Generated::KeptKey
    } else {
        write_whole(private, new_private_key()?.as_bytes(), PRIVATE_MODE)?;
        Generated::NewKey
    };
    let signer = read_signer(private)?;
    let keys = JwkSet { keys: vec![signer.public().clone()] };
    let mut text = serde_json::to_string_pretty(&keys)?;
    text.push('\n');
    write_whole(public, text.as_bytes(), PUBLIC_MODE)?;
    Ok(done)
}

/// Reads the private key that signs links.
///
/// # Errors
/// If the file can not be read or is no P-256 private key as PKCS#8 PEM.
pub fn read_signer(private: &Path) -> anyhow::Result<LinkSigner> {
    let pem = fs::read(private).with_context(|| named(private))?;
    LinkSigner::from_pem(&pem).with_context(|| named(private))
}

/// A new private key, PKCS#8 PEM on curve P-256.
///
/// # Errors
/// If the system has no random numbers to give.
pub fn new_private_key() -> anyhow::Result<String> {
    let random = SystemRandom::new();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        .map_err(|_| anyhow!("no key could be generated"))?;
    let lines = EncodeConfig::new().set_line_ending(LineEnding::LF);
    Ok(pem::encode_config(&Pem::new("PRIVATE KEY", der.as_ref()), lines))
}

/// Writes a file so that no reader ever sees half of it: beside its place first, then moved there.
fn write_whole(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", uuid::Uuid::new_v4()));
    let beside = Path::new(&beside);
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(beside, path)
    };
    written().inspect_err(|_| drop(fs::remove_file(beside))).with_context(|| named(path))
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("rules-keys-{}", uuid::Uuid::new_v4()));
            fs::create_dir(&path).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("removed");
        }
    }

    #[test]
    fn a_key_is_made_once_and_kept_from_then_on() {
        let folder = Folder::new();
        let (private, public) = (folder.0.join("link.pem"), folder.0.join("link.jwks.json"));
        assert_eq!(generate(&private, &public).expect("generated"), Generated::NewKey);
        let (key, jwks) = (fs::read(&private).expect("key"), fs::read(&public).expect("JWKS"));
        fs::remove_file(&public).expect("removed");
        assert_eq!(generate(&private, &public).expect("kept"), Generated::KeptKey);
        assert_eq!(fs::read(&private).expect("key"), key);
        assert_eq!(fs::read(&public).expect("JWKS"), jwks);
        assert_eq!(fs::read_dir(&folder.0).expect("folder").count(), 2, "nothing else is left");
    }

    #[test]
    fn only_its_owner_reads_the_private_key() {
        let folder = Folder::new();
        let private = folder.0.join("link.pem");
        generate(&private, &folder.0.join("link.jwks.json")).expect("generated");
        let mode = fs::metadata(&private).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE_MODE);
    }

    #[test]
    fn the_published_set_holds_the_public_half_and_nothing_private() {
        let folder = Folder::new();
        let public = folder.0.join("link.jwks.json");
        generate(&folder.0.join("link.pem"), &public).expect("generated");
        let text = fs::read_to_string(&public).expect("JWKS");
        let set: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let key = set["keys"][0].as_object().expect("a key");
        let mut members: Vec<_> = key.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!((key["alg"].as_str(), key["crv"].as_str()), (Some("ES256"), Some("P-256")));
    }

    #[test]
    fn what_is_no_key_is_reported_with_its_file_and_left_alone() {
        let folder = Folder::new();
        let private = folder.0.join("link.pem");
        fs::write(&private, "not a key").expect("written");
        let error = generate(&private, &folder.0.join("link.jwks.json")).expect_err("refused");
        assert!(format!("{error:#}").contains("link.pem"), "{error:#}");
        assert_eq!(fs::read_to_string(&private).expect("kept"), "not a key");
    }
}
