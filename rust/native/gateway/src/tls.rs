//! Certificates: the gateway's own towards clients, and those that upstreams are verified with.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use midstream_stream::Error;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::config::{TlsConfig, unreadable};
use crate::hex;

/// A certificate that was made is good for so long.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// Clocks of clients may be behind by so much.
const DAY: Duration = Duration::from_secs(86_400);

/// What the gateway proves to clients.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) certificate: Certificate,
    made: Option<Made>,
}

/// The certificate of a gateway, as its clients may pin it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// In PEM, with those that lead to its root.
    pub pem: String,
    /// The SHA-256 of the certificate alone, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A certificate that signs itself, with its key.
#[derive(Clone)]
struct Made {
    names: Vec<String>,
    certificate: CertificateDer<'static>,
    key: Arc<PrivatePkcs8KeyDer<'static>>,
}

impl Tls {
    /// Reads the files, or makes a certificate unless one was made `before` for the same names.
    pub(crate) fn of(config: &TlsConfig, listen: SocketAddr, before: Option<&Self>) -> Result<Self, Error> {
        let (chain, key, made) = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("tls.certificate", certificate)?;
                let read = |bytes: &[u8]| PrivateKeyDer::from_pem_slice(bytes).map_err(|error| error.to_string());
                (chain, from_file("tls.key", key, read)?, None)
            }
            _ => {
                let names = names(config, listen);
                let kept = before.and_then(|before| before.made.clone()).filter(|made| made.names == names);
                let made = kept.map_or_else(|| Made::new(names), Ok)?;
                (vec![made.certificate.clone()], made.key.clone_key().into(), Some(made))
            }
        };
        let certificate = Certificate::of(&chain);
        let field = config.certificate.as_deref().unwrap_or(Path::new(""));
        let unusable = |error: rustls::Error| fault("tls.certificate", field, error.to_string());
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(unusable)?;
        let builder = match &config.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(clients(path)?),
        };
        let mut tls = builder.with_single_cert(chain, key).map_err(unusable)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(tls)), certificate, made })
    }
}

impl Certificate {
    fn of(chain: &[CertificateDer<'_>]) -> Self {
        let blocks = chain.iter().map(|one| pem::encode(&pem::Pem::new("CERTIFICATE", one.to_vec())));
        let sha256 = hex::written(&chain.first().map(Sha256::digest).unwrap_or_default());
        Self { pem: blocks.collect(), sha256 }
    }
}

impl Made {
    fn new(names: Vec<String>) -> Result<Self, Error> {
        let unusable = |error: rcgen::Error| Error::Setting {
            field: "tls.names".to_owned(),
            value: format!("{names:?}"),
            allowed: format!("names that a certificate can hold: {error}"),
        };
        let mut params = CertificateParams::new(names.clone()).map_err(unusable)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "midstream");
        let now = SystemTime::now();
        params.not_before = (now - DAY).into();
        params.not_after = (now + YEAR).into();
        let key = KeyPair::generate().map_err(unusable)?;
        let certificate = params.self_signed(&key).map_err(unusable)?.der().clone();
        Ok(Self { names, certificate, key: Arc::new(key.serialize_der().into()) })
    }
}

/// What clients may call the gateway.
fn names(config: &TlsConfig, listen: SocketAddr) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let own = Some(listen.ip()).filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    for name in own.iter().chain(&config.names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Clients without a certificate that one of these signed are not served.
fn clients(path: &Path) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let roots = Arc::new(roots("tls.client_ca", path)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
    verifier.map_err(|error| fault("tls.client_ca", path, error.to_string()))
}

/// TLS towards an upstream, always verified: by the certificates of a file, else by the system's.
pub(crate) fn towards_upstream(field: &str, ca: Option<&Path>) -> Result<ClientConfig, Error> {
    let roots = match ca {
        Some(path) => roots(field, path)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    #[expect(clippy::expect_used, reason = "ring speaks both versions")]
    let config = config.expect("the provider speaks TLS 1.2 and 1.3");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(field: &str, path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(field, path)? {
        roots.add(certificate).map_err(|error| fault(field, path, error.to_string()))?;
    }
    Ok(roots)
}

fn certificates(field: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    from_file(field, path, |bytes| {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        let read = read.map_err(|error| error.to_string())?;
        if read.is_empty() { Err("it holds no certificate in PEM".to_owned()) } else { Ok(read) }
    })
}

fn from_file<T>(field: &str, path: &Path, read: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(|error| fault(field, path, unreadable(&error)))?;
    read(&bytes).map_err(|reason| fault(field, path, reason))
}

fn fault(field: &str, path: &Path, reason: String) -> Error {
    Error::Setting {
        field: field.to_owned(),
        value: format!("{:?}", path.display().to_string()),
        allowed: format!("a file in PEM that can be used; this one cannot: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str], before: Option<&Tls>) -> Tls {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let config = TlsConfig { generated: true, names, ..TlsConfig::default() };
        Tls::of(&config, SocketAddr::from(([127, 0, 0, 1], 0)), before).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_certificate_that_was_made_stays_while_its_names_do() {
        let first = made(&["gateway.example"], None);
        assert_eq!(made(&["gateway.example"], Some(&first)).certificate, first.certificate);
        assert_ne!(made(&["other.example"], Some(&first)).certificate, first.certificate);
        assert_eq!(first.certificate.sha256.len(), 64);
    }

    #[test]
    fn a_file_that_is_no_certificate_is_named_with_what_is_wrong() {
        let file = Path::new("Cargo.toml");
        let config = TlsConfig { certificate: Some(file.into()), key: Some(file.into()), ..TlsConfig::default() };
        let made = Tls::of(&config, SocketAddr::from(([127, 0, 0, 1], 0)), None);
        let text = made.map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            text,
            "tls.certificate is \"Cargo.toml\", allowed is a file in PEM that can be used; this one cannot: it holds no \
             certificate in PEM"
        );
        let gone = TlsConfig { certificate: Some("gone.pem".into()), ..config };
        let made = Tls::of(&gone, SocketAddr::from(([127, 0, 0, 1], 0)), None);
        assert!(made.map(|_| ()).unwrap_err().to_string().ends_with("this one cannot: no such file"));
    }
}
