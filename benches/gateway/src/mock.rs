//! The provider.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// Words that no check takes for a loop: every chunk has another.
const WORDS: [&str; 16] = [
    "river", "stone", "lantern", "market", "winter", "copper", "garden", "signal", "harbour", "violet", "engine",
    "meadow", "anchor", "silver", "thunder", "paper",
];

/// Nanoseconds since 1970: the processes of one machine share this clock.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// Serves until the process ends. The path says how: `/RATE/SECONDS/...`.
pub(crate) async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(answer);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Chunks>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let number = |name: &str| -> Option<f64> {
        let text = str::from_utf8(&body).ok()?;
        text.split_once(&format!("\"{name}\":"))?.1.split([',', '}']).next()?.trim().parse().ok()
    };
    let (rate, seconds) = (number("rate").unwrap_or(50.0), number("seconds").unwrap_or(5.0));
    let every = Duration::from_secs_f64(1.0 / rate);
    let seed = now();
    let mut clock = tokio::time::interval_at(Instant::now() + every.mul_f64(seed as f64 % 97.0 / 97.0), every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut response = Response::new(Chunks { clock, left: (rate * seconds) as u64, seed, ended: false });
    if let Ok(kind) = "text/event-stream".parse() {
        response.headers_mut().insert("content-type", kind);
    }
    Ok(response)
}

struct Chunks {
    clock: Interval,
    left: u64,
    seed: u64,
    ended: bool,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        ready!(self.clock.poll_tick(cx));
        if self.left == 0 {
            self.ended = true;
            let end = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\
                       \"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(end.as_bytes())))));
        }
        self.left -= 1;
        // A xorshift generator: any will do.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let word = WORDS.get((self.seed >> 20) as usize % WORDS.len()).copied().unwrap_or_default();
        let chunk = format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1795298177,\"model\":\"m\",\
             \"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {word}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}],\"sent\":{:020}}}\n\n",
            now()
        );
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }
}
