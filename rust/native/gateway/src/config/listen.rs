//! Where a gateway listens.

use std::fmt;
use std::net::SocketAddr;

use midstream_stream::Error;
use serde::de::{self, Deserializer, Unexpected, Visitor};

use super::Config;
use super::values::setting;
use crate::access::is_loopback;

/// An address and a port; `localhost` is its address of IPv4.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    struct Read;
    impl Visitor<'_> for Read {
        type Value = SocketAddr;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an IP address or localhost, and a port, such as \"127.0.0.1:4000\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<SocketAddr, E> {
            let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
            let parsed = local.as_deref().unwrap_or(text).parse();
            parsed.map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Read)
}

/// Who reaches the gateway from afar needs a key, and nobody on the way may read it.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    if config.keys.is_empty() && !is_loopback(config.listen.ip()) {
        let allowed = "an address of loopback, as long as there are no keys";
        return Err(setting("listen", &format!("\"{}\"", config.listen), allowed));
    }
    if config.tls.is_none() && !config.insecure && !is_loopback(config.listen.ip()) {
        let allowed = "an address of loopback, as long as there is neither a table tls nor insecure = true";
        return Err(setting("listen", &format!("\"{}\"", config.listen), allowed));
    }
    Ok(())
}
