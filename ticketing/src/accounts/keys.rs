//! The keys that sign login tokens: one file each, `<yyyymmdd>T<hhmmss>Z.pem`, PKCS#8, P-256. A key
//! signs from the time in its name until its successor does; what it signed is accepted for
//! [`OVERLAP`] longer. The folder is read again every few seconds, so keys are changed by adding a
//! file, without a restart. Not here: what a token says.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use crate::platform::clock::Clock;

/// How long a key verifies after its successor started to sign; longer than any token lives.
pub const OVERLAP: TimeDelta = TimeDelta::hours(2);
/// How often the folder is read.
const READ_EVERY: Duration = Duration::from_secs(5);
/// The time in a file's name.
const NAME_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// Only its owner reads a private key.
const PRIVATE: u32 = 0o600;

/// Why the keys can not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The folder can not be read or written.
    #[error("TOKEN_KEYS_DIR: {0} can not be read or written")]
    Folder(PathBuf, #[source] std::io::Error),
    /// A file's name is not the time from which it signs.
    #[error("TOKEN_KEYS_DIR: {0} is not named <yyyymmdd>T<hhmmss>Z.pem")]
    Name(PathBuf),
    /// A file does not hold a private key of ES256.
    #[error("TOKEN_KEYS_DIR: {0} is not a PKCS#8 private key for P-256")]
    Content(PathBuf),
    /// There is no key at all.
    #[error("TOKEN_KEYS_DIR: {0} has no key; `ticketing generate-key` makes one")]
    Empty(PathBuf),
    /// A key could not be made.
    #[error("a key could not be made")]
    Generate,
}

/// One key.
pub(super) struct Key {
    /// RFC 7638 thumbprint, base64url.
    pub(super) id: String,
    pub(super) signs_from: DateTime<Utc>,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    public: Jwk,
}

/// The keys of one reading of the folder, oldest first; never empty.
#[derive(Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Another number for every other set.
    pub(super) generation: u64,
}

impl KeySet {
    fn load(folder: &Path) -> Result<Self, KeyError> {
        let unreadable = |error| KeyError::Folder(folder.to_owned(), error);
        let mut keys = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                keys.push(load_key(&path)?);
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Empty(folder.to_owned()));
        }
        keys.sort_by_key(|key| key.signs_from);
        Ok(Self { keys, generation: 0 })
    }

    /// The newest key whose time has come.
    pub(super) fn signing(&self, now: DateTime<Utc>) -> Option<&Key> {
        self.keys.iter().rev().find(|key| key.signs_from <= now)
    }

    /// The key of this id, unless its successor has signed for longer than [`OVERLAP`].
    pub(super) fn verifying(&self, id: &str, now: DateTime<Utc>) -> Option<&Key> {
        self.usable(now).find(|key| key.id == id)
    }

    fn usable(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Key> {
        let successors = self.keys.iter().skip(1).map(|key| Some(key.signs_from));
        self.keys
            .iter()
            .zip(successors.chain([None]))
            .filter(move |(_, successor)| successor.is_none_or(|from| now < from + OVERLAP))
            .map(|(key, _)| key)
    }

    fn is_same(&self, other: &Self) -> bool {
        let names = |set: &Self| {
            set.keys.iter().map(|key| (key.signs_from, key.id.clone())).collect::<Vec<_>>()
        };
        names(self) == names(other)
    }
}

fn load_key(path: &Path) -> Result<Key, KeyError> {
    let bad_name = || KeyError::Name(path.to_owned());
    let bad_content = || KeyError::Content(path.to_owned());
    let name = path.file_stem().and_then(|name| name.to_str()).ok_or_else(bad_name)?;
    let signs_from =
        NaiveDateTime::parse_from_str(name, NAME_FORMAT).map_err(|_| bad_name())?.and_utc();
    let pem = fs::read(path).map_err(|error| KeyError::Folder(path.to_owned(), error))?;
    let signing = EncodingKey::from_ec_pem(&pem).map_err(|_| bad_content())?;
    let mut public =
        Jwk::from_encoding_key(&signing, Algorithm::ES256).map_err(|_| bad_content())?;
    let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| bad_content())?;
    public.common.key_id = Some(id.clone());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    let verifying = DecodingKey::from_jwk(&public).map_err(|_| bad_content())?;
    Ok(Key { id, signs_from, signing, verifying, public })
}

/// The present keys; cheap to clone, all clones follow the folder.
#[derive(Clone)]
pub struct TokenKeys {
    folder: Arc<Path>,
    current: Arc<RwLock<Arc<KeySet>>>,
}

impl TokenKeys {
    /// Reads the folder.
    ///
    /// # Errors
    /// [`KeyError`] names the file that can not be used.
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let set = KeySet::load(folder)?;
        Ok(Self { folder: folder.into(), current: Arc::new(RwLock::new(Arc::new(set))) })
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The public keys as a JWK set (RFC 7517): those that sign, will sign, or signed tokens that
    /// may still be valid.
    pub fn jwks(&self, now: DateTime<Utc>) -> String {
        let keys = self.current().usable(now).map(|key| key.public.clone()).collect();
        serde_json::to_string(&JwkSet { keys }).unwrap_or_default()
    }

    /// Reads the folder again; true if the keys are others now.
    ///
    /// # Errors
    /// [`KeyError`] names the file that can not be used; the keys stay as they were.
    pub fn reload(&self) -> Result<bool, KeyError> {
        let mut set = KeySet::load(&self.folder)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if set.is_same(&current) {
            return Ok(false);
        }
        set.generation = current.generation.wrapping_add(1);
        *current = Arc::new(set);
        Ok(true)
    }

    /// Follows the folder until cancelled. A file that can not be used is told once, and leaves the
    /// keys as they are.
    pub async fn run(self) {
        let mut tick = tokio::time::interval(READ_EVERY);
        let mut told = String::new();
        loop {
            tick.tick().await;
            let keys = self.clone();
            let problem = match tokio::task::spawn_blocking(move || keys.reload()).await {
                Ok(Ok(changed)) => {
                    if changed {
                        tracing::info!("the keys of login tokens were changed");
                    }
                    String::new()
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => continue,
            };
            if problem != told && !problem.is_empty() {
                tracing::error!(problem, "the keys of login tokens stay as they were");
            }
            told = problem;
        }
    }
}

/// Makes a first key that signs from the present second on; does nothing if the folder has one.
/// Returns the new file.
///
/// # Errors
/// [`KeyError`] if the folder can not be written.
pub fn generate(folder: &Path, clock: &Clock) -> Result<Option<PathBuf>, KeyError> {
    let failed = |error| KeyError::Folder(folder.to_owned(), error);
    fs::create_dir_all(folder).map_err(failed)?;
    match KeySet::load(folder) {
        Ok(_) => return Ok(None),
        Err(KeyError::Empty(_)) => {}
        Err(error) => return Err(error),
    }
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let document = pair.and_then(|pair| pair.to_pkcs8v1()).map_err(|_| KeyError::Generate)?;
    let text = pem::encode(&pem::Pem::new("PRIVATE KEY", document.as_ref()));
    let name = clock.now().format(NAME_FORMAT);
    let path = folder.join(format!("{name}.pem"));
    // Written under another name first: a reader never sees half a key.
    let draft = folder.join(format!("{name}.draft"));
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(PRIVATE).open(&draft).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, &path).map_err(failed)?;
    Ok(Some(path))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder of keys that is gone after the test.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new() -> Self {
            let path = std::env::temp_dir().join(format!("keys-{}", uuid::Uuid::new_v4()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        /// Adds a key that signs from this time on.
        pub(crate) fn add(&self, signs_from: &str) {
            let other = Self::new();
            let made = generate(&other.0, &Clock::default()).unwrap().unwrap();
            fs::copy(made, self.0.join(format!("{signs_from}.pem"))).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_key_whose_time_has_come_signs_and_the_older_one_verifies_two_hours_longer() {
        let folder = Folder::new();
        folder.add("20270101T000000Z");
        folder.add("20270201T000000Z");
        let keys = TokenKeys::open(&folder.0).unwrap();
        let set = keys.current();
        assert!(set.signing(at("2026-12-31T23:59:59Z")).is_none());
        let old = set.signing(at("2027-01-31T23:59:59Z")).unwrap();
        let new = set.signing(at("2027-02-01T00:00:00Z")).unwrap();
        assert_ne!(old.id, new.id);
        assert!(set.verifying(&old.id, at("2027-02-01T01:59:59Z")).is_some());
        assert!(set.verifying(&old.id, at("2027-02-01T02:00:00Z")).is_none());
        assert!(set.verifying(&new.id, at("2030-01-01T00:00:00Z")).is_some());

        let published = keys.jwks(at("2027-02-01T01:00:00Z"));
        assert!(published.contains(&old.id) && published.contains(&new.id));
        assert!(!published.contains("\"d\""), "a private key was published");
        assert!(!keys.jwks(at("2027-02-01T02:00:00Z")).contains(&old.id));
    }

    #[test]
    fn keys_change_without_a_restart_and_a_bad_file_changes_nothing() {
        let folder = Folder::new();
        folder.add("20270101T000000Z");
        let keys = TokenKeys::open(&folder.0).unwrap();
        assert!(!keys.reload().unwrap());
        folder.add("20270201T000000Z");
        assert!(keys.reload().unwrap());

        fs::write(folder.0.join("20270301T000000Z.pem"), "not a key").unwrap();
        assert!(matches!(keys.reload(), Err(KeyError::Content(_))));
        assert_eq!(keys.current().keys.len(), 2);
        fs::remove_file(folder.0.join("20270301T000000Z.pem")).unwrap();

        fs::write(folder.0.join("tomorrow.pem"), "").unwrap();
        assert!(matches!(keys.reload(), Err(KeyError::Name(_))));
    }

    #[test]
    fn a_first_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = Folder::new();
        assert!(matches!(TokenKeys::open(&folder.0), Err(KeyError::Empty(_))));
        let made = generate(&folder.0, &Clock::default()).unwrap().unwrap();
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(generate(&folder.0, &Clock::default()).unwrap(), None);
        let keys = TokenKeys::open(&folder.0).unwrap();
        assert!(keys.current().signing(Clock::default().now()).is_some());
    }
}
