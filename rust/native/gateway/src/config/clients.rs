//! What a client's connection may take of a gateway.

use std::time::Duration;

use midstream_stream::Error;
use serde::Deserialize;

use super::values::{seconds, setting};

/// How many connections there may be, and how slow and how large the requests on them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientsConfig {
    /// Connections at once; those beyond are told that the gateway is full.
    pub connections: usize,
    /// Seconds for the head of a request, also of the next one on the same connection.
    pub header_s: f64,
    /// The largest head, in bytes; at least 8192.
    pub header_bytes: usize,
    /// The most fields in a head.
    pub headers: usize,
    /// Seconds for the body of a request.
    pub body_s: f64,
    /// Seconds for a TLS handshake.
    pub handshake_s: f64,
    /// Seconds in which a client takes nothing of an answer that waits for it, until its upstream is closed.
    pub slow_s: f64,
    /// Seconds of silence after which a client of HTTP/2 is asked whether it is there, and seconds that it has to say so.
    pub ping_s: f64,
}

impl Default for ClientsConfig {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_s: 10.0,
            header_bytes: 64 << 10,
            headers: 100,
            body_s: 60.0,
            handshake_s: 10.0,
            slow_s: 30.0,
            ping_s: 20.0,
        }
    }
}

impl ClientsConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        for (name, value) in [
            ("body_s", self.body_s),
            ("handshake_s", self.handshake_s),
            ("header_s", self.header_s),
            ("slow_s", self.slow_s),
            ("ping_s", self.ping_s),
        ] {
            seconds(name, value)?;
        }
        /// What hyper needs to read a head at all.
        const LEAST: usize = 8192;
        /// What fits into HTTP/2's setting.
        const MOST: usize = 1 << 24;
        if !(LEAST..=MOST).contains(&self.header_bytes) {
            return Err(setting("header_bytes", &self.header_bytes.to_string(), "a number from 8192 to 16777216"));
        }
        if !(1..=MOST).contains(&self.connections) {
            return Err(setting("connections", &self.connections.to_string(), "a number from 1 to 16777216"));
        }
        if !(1..=MOST).contains(&self.headers) {
            return Err(setting("headers", &self.headers.to_string(), "a number from 1 to 16777216"));
        }
        Ok(())
    }

    pub(crate) fn header(&self) -> Duration {
        Duration::from_secs_f64(self.header_s)
    }

    pub(crate) fn body(&self) -> Duration {
        Duration::from_secs_f64(self.body_s)
    }

    pub(crate) fn handshake(&self) -> Duration {
        Duration::from_secs_f64(self.handshake_s)
    }

    pub(crate) fn ping(&self) -> Duration {
        Duration::from_secs_f64(self.ping_s)
    }

    pub(crate) fn slow(&self) -> Duration {
        Duration::from_secs_f64(self.slow_s)
    }
}
