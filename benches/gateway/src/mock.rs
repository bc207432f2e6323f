//! The provider.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::ask::{Ask, Ended};
use crate::times::{MARK, letters, now};

/// The header that says when the request came.
pub(crate) const ASKED: &str = "x-asked-ns";
/// Words that no check takes for a loop: no two chunks have the same time behind them.
const WORDS: [&str; 16] = [
    "river", "stone", "lantern", "market", "winter", "copper", "garden", "signal", "harbour", "violet", "engine",
    "meadow", "anchor", "silver", "thunder", "paper",
];

type Log = Arc<Mutex<Vec<Ended>>>;
type Answer = Response<Either<Chunks, Full<Bytes>>>;

/// Serves until the process ends. `GET /ended` tells once of every stream that ended.
pub(crate) async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let log = Log::default();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&log)));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, log: Log) -> Result<Answer, Infallible> {
    if request.method() == Method::GET {
        let ended = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
        return Ok(Response::new(Either::Right(Full::from(serde_json::to_vec(&ended).unwrap_or_default()))));
    }
    let asked = now();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let ask = Ask::read(&body).unwrap_or_else(|| Ask::new(0, 50.0, 5.0));
    let noted = Noted { log, ended: Ended { number: ask.number, is_whole: false, sent_ns: asked, closed_ns: 0 } };
    tokio::time::sleep(Duration::from_secs_f64(ask.wait)).await;
    let mut response = Response::new(Either::Left(Chunks::new(&ask, noted)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(ASKED, HeaderValue::from(asked));
    Ok(response)
}

/// Notes the end of a stream when it is dropped.
struct Noted {
    log: Log,
    ended: Ended,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.ended.closed_ns = now();
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(self.ended);
    }
}

struct Chunks {
    clock: Interval,
    sent: u64,
    in_all: u64,
    loop_at: u64,
    seed: u64,
    noted: Noted,
}

impl Chunks {
    /// The first chunk is sent at once, so that what a client waits for it is what its way takes.
    fn new(ask: &Ask, noted: Noted) -> Self {
        let every = Duration::from_secs_f64(1.0 / ask.rate);
        let seed = now() | 1;
        // Streams that began together do not go on together.
        let mut clock = tokio::time::interval_at(Instant::now() + every.mul_f64(seed as f64 % 97.0 / 97.0), every);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let in_all = (ask.rate * ask.seconds) as u64;
        Self { clock, sent: 0, in_all, loop_at: ask.loop_at.unwrap_or(u64::MAX), seed, noted }
    }

    /// The time and a word, or one of few words where the text loops.
    fn text(&mut self) -> String {
        let word = |place: u64| WORDS.get((place % WORDS.len() as u64) as usize).copied().unwrap_or_default();
        if self.sent > self.loop_at {
            return format!("{} ", word(self.sent % 5));
        }
        // A xorshift generator: any will do.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        // What ends with a space is no beginning of a secret, and waits for nothing where text is redacted.
        format!("{}{} {} ", char::from(MARK), letters(now()), word(self.seed >> 20))
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.noted.ended.is_whole {
            return Poll::Ready(None);
        }
        if self.sent > 0 {
            ready!(self.clock.poll_tick(cx));
        }
        if self.sent == self.in_all {
            self.noted.ended.is_whole = true;
            let end = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1795298177,\"model\":\"mock\",\
                       \"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(end.as_bytes())))));
        }
        self.sent += 1;
        let text = self.text();
        self.noted.ended.sent_ns = now();
        let chunk = format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1795298177,\"model\":\"mock\",\
             \"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}\n\n",
        );
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }
}
