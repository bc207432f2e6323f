//! Under which name a gateway without keys is asked: the name of a web page may be made to lead to this machine, and then
//! the page is of the same origin as the gateway.

use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};

use crate::access::is_loopback;
use crate::fault::Fault;

/// Refuses every name but those of loopback; who names none is no browser.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
    let named = headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut named = named.chain(uri.authority().map(Authority::as_str));
    if named.all(is_of_loopback) { Ok(()) } else { Err(Fault::foreign_host()) }
}

/// Whether a host, with any port, is `localhost` or an address of loopback.
fn is_of_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(is_loopback)
}

impl Fault {
    fn foreign_host() -> Self {
        let message = "a gateway without keys is asked as localhost or by an address of loopback, and by no other name; \
                       give it keys, or ask it as localhost";
        Self::new(StatusCode::FORBIDDEN, "midstream_host", message)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn may(uri: &str, hosts: &[&'static str]) -> bool {
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect();
        check(&uri.parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn loopback_may_be_named_in_any_way() {
        for host in
            ["localhost", "LocalHost:4000", "127.0.0.1", "127.1.2.3:4000", "[::1]", "[::1]:80", "[::ffff:127.0.0.1]"]
        {
            assert!(may("/", &[host]), "{host}");
        }
        assert!(may("/", &[]));
        assert!(may("http://localhost:4000/", &["localhost:4000"]));
    }

    #[test]
    fn another_name_is_refused_also_where_it_leads_here() {
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "10.0.0.1:4000", "", "[::]"]
        {
            assert!(!may("/", &[host]), "{host}");
        }
        assert!(!may("http://evil.example/", &[]));
        assert!(!may("http://evil.example/", &["localhost"]));
        assert!(!may("/", &["localhost", "evil.example"]));
    }
}
