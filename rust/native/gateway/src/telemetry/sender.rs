//! Sends reports on the gateway's own runtime, for exporters that have threads without one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::log::{Trouble, events};
use crate::upstream::{self, PING, client};

const CONNECT: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 1 << 20;

/// A client of a collector.
#[derive(Debug)]
pub(super) struct Sender {
    runtime: Handle,
    client: upstream::HttpClient,
    /// What it sends: traces or metrics.
    signal: &'static str,
    trouble: Arc<Trouble>,
}

impl Sender {
    /// On the runtime of whoever calls.
    pub(super) fn new(signal: &'static str, tls: ClientConfig) -> Self {
        Self { runtime: Handle::current(), client: client(CONNECT, PING, tls), signal, trouble: Arc::default() }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = async move {
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        let (signal, trouble) = (self.signal, Arc::clone(&self.trouble));
        let told = async move {
            let sent = timeout(LONGEST, sent).await;
            tell(signal, &trouble, &sent);
            sent
        };
        self.runtime.spawn(told).await??
    }
}

/// Tells where the collector begins to refuse or to be gone, and where it takes reports again.
fn tell(signal: &str, trouble: &Trouble, sent: &Result<Result<Response<Bytes>, HttpError>, Elapsed>) {
    let reason = match sent {
        Ok(Ok(response)) if response.status().is_success() => {
            if trouble.is_over() {
                events::telemetry_recovered(signal);
            }
            return;
        }
        Ok(Ok(response)) => format!("the collector answers with the status {}", response.status().as_u16()),
        Ok(Err(_)) => "the collector cannot be reached".to_owned(),
        Err(_) => "the collector does not answer in time".to_owned(),
    };
    if trouble.began() {
        events::telemetry_failed(signal, &reason);
    }
}
