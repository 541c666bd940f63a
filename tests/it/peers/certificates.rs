//! Certificates of servers on this machine, made once in each run: of an authority that programs
//! can be told to trust, and such as nobody has a reason to trust.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{program, run};
use crate::harness::servers;

/// What certificates are for, in openssl's words (x509v3_config(5)).
const EXTENSIONS: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
[here]
subjectAltName = IP:127.0.0.1
[elsewhere]
subjectAltName = DNS:elsewhere.example
";

/// A certificate with its key, as paths of files.
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// All of them.
pub(crate) struct Certificates {
    /// The authority: what `SSL_CERT_FILE` names for who is to trust it.
    pub(crate) authority: Certificate,
    /// Its word for 127.0.0.1.
    pub(crate) valid: Certificate,
    /// Its word for another host.
    pub(crate) of_another_host: Certificate,
    /// An unknown authority's word for 127.0.0.1.
    pub(crate) of_a_stranger: Certificate,
}

/// The certificates of this run; they vanish with its servers.
pub(crate) fn certificates() -> &'static Certificates {
    static MADE: OnceLock<Certificates> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = servers().home.join("certificates");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("extensions"), EXTENSIONS).expect("written");
        let maker = Maker { folder, openssl: program("openssl", "openssl") };
        let (authority, stranger) = (maker.authority("authority"), maker.authority("stranger"));
        Certificates {
            valid: maker.signed("valid", &authority, "here"),
            of_another_host: maker.signed("another", &authority, "elsewhere"),
            of_a_stranger: maker.signed("strangers", &stranger, "here"),
            authority,
        }
    })
}

struct Maker {
    folder: PathBuf,
    openssl: PathBuf,
}

impl Maker {
    /// A new key, and a request or a certificate for it.
    fn new_key(&self, name: &str, more: &[&str]) -> Certificate {
        let path = |file: String| self.folder.join(file).display().to_string();
        let made =
            Certificate { chain: path(format!("{name}.pem")), key: path(format!("{name}.key")) };
        let key = ["req", "-config", "extensions", "-newkey", "rsa:2048", "-nodes", "-new"];
        let subject = format!("/CN={name}");
        let into = ["-subj", &subject, "-keyout", &made.key, "-out", &made.chain];
        run(self.openssl().args(key).args(into).args(more));
        made
    }

    /// An authority that vouches for itself.
    fn authority(&self, name: &str) -> Certificate {
        self.new_key(name, &["-x509", "-extensions", "authority", "-days", "2"])
    }

    /// An authority's word for whoever the extensions name.
    fn signed(&self, name: &str, by: &Certificate, extensions: &str) -> Certificate {
        let request = self.new_key(&format!("{name}-request"), &[]);
        let signed = self.folder.join(format!("{name}.pem")).display().to_string();
        let of = ["x509", "-req", "-in", &request.chain, "-days", "2", "-out", &signed];
        let by = ["-CA", &by.chain, "-CAkey", &by.key, "-CAcreateserial"];
        let for_whom = ["-extfile", "extensions", "-extensions", extensions];
        run(self.openssl().args(of).args(by).args(for_whom));
        Certificate { chain: signed, key: request.key }
    }

    fn openssl(&self) -> Command {
        let mut command = Command::new(&self.openssl);
        command.current_dir(&self.folder);
        command
    }
}
