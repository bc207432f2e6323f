//! Why an upstream gave no answer, in words that hold no address and no key.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use rustls::CertificateError;

/// What broke a connection.
pub(crate) fn reason(error: &legacy::Error) -> &'static str {
    match of_tls(error) {
        Some(rustls::Error::InvalidCertificate(fault)) => of_certificate(fault),
        Some(_) => "no TLS connection could be made",
        None if error.is_connect() => "no connection could be made",
        None => match cause::<hyper::Error>(error) {
            Some(fault) if fault.is_parse_too_large() => {
                "the head of its answer has too many headers, or too long ones"
            }
            Some(fault) if fault.is_parse() => "its answer is no HTTP",
            _ => "the connection broke before the answer",
        },
    }
}

fn of_certificate(fault: &CertificateError) -> &'static str {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::Revoked => "its certificate was revoked",
        CertificateError::BadSignature | CertificateError::UnknownIssuer => {
            "nobody who is trusted signed its certificate"
        }
        _ => "its certificate is not valid",
    }
}

/// The fault of TLS among the causes of an error.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    cause(error)
}

/// One of that kind among the causes of an error.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref() {
            return Some(fault);
        }
        next = match error.downcast_ref::<io::Error>() {
            // What it wraps is not its source, but what that has is.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
