//! Asks one upstream after the other, and each again where that may help, until one answers.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;

use crate::endpoint::Api;
use crate::fault::Fault;
use crate::upstream::Upstream;

/// A provider that asks for more is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One upstream with what it is to be asked.
pub(crate) struct Candidate {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) body: Bytes,
}

/// What every upstream is asked alike.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) headers: HeaderMap,
    pub(crate) api: Api,
}

impl Request<'_> {
    /// The first answer that is no refusal, else the last one, with who gave it.
    pub(crate) async fn ask(&self, candidates: Vec<Candidate>) -> Result<(Response<Incoming>, Arc<Upstream>), Fault> {
        let mut last = Err(Fault::no_upstream(self.api));
        for candidate in candidates {
            let upstream = Arc::clone(&candidate.upstream);
            last = self.ask_one(&candidate).await.map(|response| (response, upstream));
            if last.as_ref().is_ok_and(|(response, _)| !may_pass_by(response.status())) {
                break;
            }
        }
        last
    }

    async fn ask_one(&self, candidate: &Candidate) -> Result<Response<Incoming>, Fault> {
        let Candidate { upstream, body } = candidate;
        let waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(upstream.config.retries)
            .with_jitter()
            .build();
        for wait in waits {
            let answer =
                upstream.ask(self.method.clone(), self.path, self.headers.clone(), body.clone(), self.api).await;
            let wait = match &answer {
                Ok(response) if may_pass_by(response.status()) => retry_after(response).unwrap_or(wait),
                Err(fault) if fault.status == StatusCode::BAD_GATEWAY => wait,
                _ => return answer,
            };
            if wait > LONGEST_WAIT {
                return answer;
            }
            tokio::time::sleep(wait).await;
        }
        upstream.ask(self.method.clone(), self.path, self.headers.clone(), body.clone(), self.api).await
    }
}

/// Whether somebody else, or the same one later, may answer better.
fn may_pass_by(status: StatusCode) -> bool {
    /// Anthropic's overload.
    const OVERLOADED: u16 = 529;
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504 | OVERLOADED)
}

/// What the provider asks for, in whole seconds.
fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
