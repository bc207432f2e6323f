//! Copies of events for those who observe streams from beside: no stream ever waits for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::streams::Meta;

/// An event of a stream, or its summary.
pub struct Observed {
    stream: Arc<Meta>,
    sequence: u64,
    what: What,
}

enum What {
    /// JSON.
    Event(Bytes),
    /// JSON; `None` where no upstream answered.
    Summary(Option<String>),
}

/// Where streams leave copies of their events.
#[derive(Clone)]
pub(crate) struct Tap {
    sender: mpsc::Sender<Observed>,
    lost: Arc<AtomicU64>,
}

/// Where those copies are taken, in order.
pub struct Observer {
    receiver: Mutex<mpsc::Receiver<Observed>>,
    lost: Arc<AtomicU64>,
}

/// A tap and its observer, with room for `capacity` copies between them.
pub(crate) fn observer(capacity: usize) -> (Tap, Observer) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let lost = Arc::<AtomicU64>::default();
    (Tap { sender, lost: Arc::clone(&lost) }, Observer { receiver: Mutex::new(receiver), lost })
}

impl Tap {
    pub(crate) fn event(&self, stream: &Arc<Meta>, sequence: u64, json: Bytes) {
        self.leave(stream, sequence, What::Event(json));
    }

    pub(crate) fn end(&self, stream: &Arc<Meta>, sequence: u64, summary: Option<&str>) {
        self.leave(stream, sequence, What::Summary(summary.map(str::to_owned)));
    }

    fn leave(&self, stream: &Arc<Meta>, sequence: u64, what: What) {
        if self.sender.try_send(Observed { stream: Arc::clone(stream), sequence, what }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observer {
    /// Waits for copies, and takes as many as are there, at most `limit`; none once the gateway has stopped.
    ///
    /// # Panics
    /// Inside an asynchronous task: it blocks its thread.
    pub fn take(&self, limit: usize) -> Vec<Observed> {
        let mut taken = Vec::new();
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(&mut taken, limit);
        taken
    }

    /// Copies that found no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Observed {
    /// One JSON object: the stream, the number in it, and the event or the summary.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Shown<'a> {
            stream: &'a Meta,
            sequence: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            event: Option<&'a RawValue>,
            summary: Option<&'a RawValue>,
        }
        let raw = |json| serde_json::from_slice(json).ok();
        let (event, summary) = match &self.what {
            What::Event(json) => (raw(json), None),
            What::Summary(json) => (None, json.as_ref().and_then(|json| raw(json.as_bytes()))),
        };
        let shown = Shown { stream: &self.stream, sequence: self.sequence, event, summary };
        serde_json::to_string(&shown).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Api;
    use crate::streams::tests::streams;

    #[test]
    fn an_observer_gets_copies_in_order_and_then_the_summary() {
        let streams = streams();
        let observer = streams.observe(8).unwrap();
        let stream = streams.start(Api::Openai, "/v1/chat/completions", Some("m".into()), None);
        stream.append(["{}", "{\"a\":1}"].map(str::to_owned));
        stream.end(Some("{\"ending\":\"complete\"}".into()));
        let told: Vec<String> = observer.take(9).iter().map(Observed::to_json).collect();
        assert!(
            told[0].contains("\"model\":\"m\"")
                && told[0].ends_with("\"sequence\":0,\"event\":{\"sequence\":0},\"summary\":null}")
        );
        assert!(told[1].ends_with("\"sequence\":1,\"event\":{\"sequence\":1,\"a\":1},\"summary\":null}"));
        assert!(told[2].ends_with("\"sequence\":2,\"summary\":{\"ending\":\"complete\"}}"));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let streams = streams();
        let observer = streams.observe(2).unwrap();
        streams.start(Api::Openai, "/", None, None).append((0..5).map(|_| "{}".to_owned()));
        assert_eq!((observer.take(9).len(), observer.lost()), (2, 3));
    }

    #[test]
    fn an_observer_of_a_gateway_that_is_gone_gets_nothing() {
        let streams = streams();
        let observer = streams.observe(2).unwrap();
        drop(streams);
        assert!(observer.take(9).is_empty());
    }

    #[test]
    fn there_is_one_observer() {
        let streams = streams();
        assert!(streams.observe(2).is_some() && streams.observe(2).is_none());
    }
}
