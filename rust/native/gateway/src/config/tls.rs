//! How a gateway proves to clients who it is, and clients to it.

use std::path::PathBuf;

use midstream_stream::Error;
use serde::Deserialize;

use super::values::setting;

/// A certificate with its key from files, or one that is made at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The file of the certificate and those that lead to its root, in PEM.
    pub certificate: Option<PathBuf>,
    /// The file of its private key, in PEM.
    pub key: Option<PathBuf>,
    /// Makes a certificate that signs itself; clients pin it.
    pub generated: bool,
    /// Names and addresses that it holds besides those of this machine's loopback and the one that is listened on.
    pub names: Vec<String>,
    /// The file of the certificates that sign those of clients, in PEM; with it, a client without one is not served.
    pub client_ca: Option<PathBuf>,
}

impl TlsConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        match (&self.certificate, &self.key, self.generated) {
            (Some(_), Some(_), false) if self.names.is_empty() => Ok(()),
            (None, None, true) => Ok(()),
            (Some(_), Some(_), false) => {
                Err(setting("names", "a list", "nothing beside a certificate that has names of its own"))
            }
            (None, None, false) => Err(setting("generated", "false", "true, or else certificate and key")),
            (Some(_), None, _) => Err(setting("key", "left out", "the file of the certificate's key")),
            (None, Some(_), _) => Err(setting("certificate", "left out", "the file of the key's certificate")),
            (Some(_), Some(_), true) => Err(setting("generated", "true", "false beside certificate and key")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_given_with_its_key_or_made() {
        let of = |certificate: Option<&str>, key: Option<&str>, generated| {
            let (certificate, key) = (certificate.map(PathBuf::from), key.map(PathBuf::from));
            TlsConfig { certificate, key, generated, ..TlsConfig::default() }.validate()
        };
        assert!(of(Some("a"), Some("b"), false).is_ok());
        assert!(of(None, None, true).is_ok());
        for (certificate, key, generated) in
            [(None, None, false), (Some("a"), None, false), (None, Some("b"), true), (Some("a"), Some("b"), true)]
        {
            assert!(of(certificate, key, generated).is_err());
        }
    }
}
