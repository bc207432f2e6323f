//! What is told of a gateway's own life.

use std::net::SocketAddr;

use super::events;
use crate::proxy::Proxy;
use crate::setup::Setup;

impl Proxy {
    /// It listens.
    pub(crate) fn tell_started(&self, address: SocketAddr) {
        let setup = self.setup.load();
        events::started(address, &setup.upstreams.names(), setup.tls.is_some(), setup.access.count());
    }

    /// It goes by another configuration.
    pub(crate) fn tell_reloaded(&self, before: &Setup, setup: &Setup) {
        events::configuration_reloaded(&setup.upstreams.names());
        let sha256 = |setup: &Setup| setup.tls.as_ref().map(|tls| tls.certificate.sha256.clone());
        if let Some(now) = sha256(setup).filter(|now| sha256(before).as_ref() != Some(now)) {
            events::certificate_reloaded(&now);
        }
    }
}
