//! The text before an event as JSON, encoded in pieces that all who ask for it share, wherever they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::yield_now;

use super::event::Seq;
use super::stream::Stream;

/// Bytes of text that are copied under the stream's lock and encoded at once.
pub(super) const PIECE: usize = 16 << 10;
/// Shorter pieces are copied.
const SHORT: usize = 1 << 10;

/// A JSON object of the text of all events before one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The number of the first event that it does not hold.
    pub(crate) next: Seq,
    pieces: Vec<Bytes>,
}

/// Which text of each channel comes before an event.
pub(super) struct Outline {
    pub(super) next: Seq,
    /// Bytes that were dropped from the front.
    pub(super) cut: usize,
    /// By channel.
    pub(super) spans: Vec<Span>,
}

/// The part of one lane, counted in bytes from its begin.
pub(super) struct Span {
    pub(super) channel: Box<str>,
    pub(super) lane: u16,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What was encoded of a stream's texts.
#[derive(Default)]
pub(super) struct Encoded {
    lanes: BTreeMap<u16, Lane>,
    last: Option<Arc<Snapshot>>,
}

#[derive(Default)]
struct Lane {
    from: u64,
    /// Each with where it ends.
    pieces: Vec<(u64, Bytes)>,
    /// What is behind the last of them, and from where to where.
    tail: ((u64, u64), Bytes),
}

impl Snapshot {
    /// The number of the last event that it holds.
    pub(crate) fn sequence(&self) -> Seq {
        self.next.saturating_sub(1)
    }

    /// The JSON, one piece after the other.
    pub(crate) fn piece(&self, place: usize) -> Option<&Bytes> {
        self.pieces.get(place)
    }

    /// The same in one piece.
    pub(crate) fn json(&self) -> String {
        String::from_utf8_lossy(&self.pieces.concat()).into_owned()
    }
}

impl Stream {
    /// The text before the oldest event that is kept; for one who cannot keep up, before a newer one.
    ///
    /// It is encoded in turns with all else that runs, and what was encoded before is not encoded again.
    pub(crate) async fn snapshot(&self, is_slow: bool) -> Arc<Snapshot> {
        let mut encoded = self.encoded.lock().await;
        loop {
            let outline = self.log().outline(is_slow);
            if let Some(last) = encoded.last.as_ref().filter(|last| last.next == outline.next) {
                return Arc::clone(last);
            }
            // What was dropped from the front meanwhile is looked for no longer.
            if let Some(pieces) = encoded.encode(self, &outline).await {
                let snapshot = Arc::new(Snapshot { next: outline.next, pieces });
                encoded.last = Some(Arc::clone(&snapshot));
                return snapshot;
            }
        }
    }

    /// Nobody looks on any more.
    pub(crate) fn forget_snapshot(&self) {
        if let Ok(mut encoded) = self.encoded.try_lock() {
            *encoded = Encoded::default();
        }
    }
}

impl Encoded {
    async fn encode(&mut self, stream: &Stream, outline: &Outline) -> Option<Vec<Bytes>> {
        let mut written = Written::default();
        written.text(&format!("{{\"sequence\":{},\"channels\":{{", outline.next.saturating_sub(1)));
        let mut channel = None;
        for span in &outline.spans {
            if channel != Some(&span.channel) {
                let before = if channel.is_some() { "\"," } else { "" };
                let name = serde_json::to_string(&span.channel).unwrap_or_default();
                written.text(&format!("{before}{name}:\""));
            }
            channel = Some(&span.channel);
            let lane = self.lanes.entry(span.lane).or_default();
            lane.encode(stream, span).await?;
            lane.until(span.to).for_each(|piece| written.piece(piece));
        }
        let cut = if outline.cut > 0 { format!(",\"cut\":{}", outline.cut) } else { String::new() };
        written.text(&format!("{}}}{cut}}}", if channel.is_some() { "\"" } else { "" }));
        Some(written.all())
    }
}

impl Lane {
    /// `None` where the text is not kept any more.
    async fn encode(&mut self, stream: &Stream, span: &Span) -> Option<()> {
        if self.from != span.from {
            *self = Self { from: span.from, ..Self::default() };
        }
        while self.end(self.pieces.len()) + PIECE as u64 <= span.to {
            let at = self.end(self.pieces.len());
            let text = stream.part(span.lane, at, PIECE)?;
            self.pieces.push((at + text.len() as u64, encoded(&text)));
            yield_now().await;
        }
        let at = self.end(self.whole(span.to));
        if self.tail.0 != (at, span.to) {
            let text = stream.part(span.lane, at, usize::try_from(span.to - at).ok()?)?;
            self.tail = ((at, span.to), encoded(&text));
        }
        Some(())
    }

    /// How many pieces end there or before.
    fn whole(&self, to: u64) -> usize {
        self.pieces.partition_point(|(end, _)| *end <= to)
    }

    /// Where so many pieces end.
    fn end(&self, count: usize) -> u64 {
        count.checked_sub(1).and_then(|last| self.pieces.get(last)).map_or(self.from, |(end, _)| *end)
    }

    fn until(&self, to: u64) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter().take(self.whole(to)).map(|(_, piece)| piece).chain([&self.tail.1])
    }
}

/// A text as it stands between quotation marks.
fn encoded(text: &str) -> Bytes {
    let quoted = Bytes::from(serde_json::to_string(text).unwrap_or_default());
    let end = quoted.len().saturating_sub(1);
    if end > 0 { quoted.slice(1..end) } else { quoted }
}

/// Pieces, and what is not one yet.
#[derive(Default)]
struct Written {
    pieces: Vec<Bytes>,
    open: Vec<u8>,
}

impl Written {
    fn text(&mut self, text: &str) {
        self.open.extend_from_slice(text.as_bytes());
        if self.open.len() >= PIECE {
            self.close();
        }
    }

    fn piece(&mut self, piece: &Bytes) {
        if piece.len() < SHORT {
            self.open.extend_from_slice(piece);
        } else {
            self.close();
            self.pieces.push(piece.clone());
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.pieces.push(std::mem::take(&mut self.open).into());
        }
    }

    fn all(mut self) -> Vec<Bytes> {
        self.close();
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::{Line, MAX_EVENTS};
    use super::super::tests::{started, streams};
    use super::*;

    fn said(stream: &Stream, channel: &str, kind: &str, text: &str) {
        stream.tell([Line::Said { channel, kind, text }]);
    }

    /// What all that is older than the ring looks like, encoded at once.
    fn at_once(stream: &Stream, snapshot: &Snapshot) -> String {
        let members = stream.log().ring.text();
        format!("{{\"sequence\":{},{}", snapshot.sequence(), members.strip_prefix('{').unwrap())
    }

    #[tokio::test]
    async fn a_snapshot_is_what_its_text_encoded_at_once_is() {
        let stream = started(&streams());
        for number in 0..3 * MAX_EVENTS {
            let text = format!("\u{e9}\n\"{number}\" ").repeat(number % 9);
            said(&stream, ["b", "a"][number % 2], ["text", "reasoning"][number % 3 / 2], &text);
            if number % 1500 == 0 {
                let snapshot = stream.snapshot(false).await;
                assert_eq!(snapshot.json(), at_once(&stream, &snapshot));
            }
        }
        // Longer than what is kept.
        for _ in 0..40 {
            said(&stream, "a", "text", &"long\t".repeat(40_000));
            let snapshot = stream.snapshot(false).await;
            assert_eq!(snapshot.json(), at_once(&stream, &snapshot));
        }
    }

    #[tokio::test]
    async fn whoever_asks_gets_the_same_bytes_also_from_another_event_on() {
        let stream = started(&streams());
        (0..2 * MAX_EVENTS).for_each(|_| said(&stream, "c", "text", "twenty bytes of text"));
        let (first, again) = (stream.snapshot(false).await, stream.snapshot(false).await);
        assert!(Arc::ptr_eq(&first, &again) && first.pieces.len() > 3);
        said(&stream, "c", "text", "more");
        let later = stream.snapshot(false).await;
        assert_eq!(later.next, first.next + 1);
        let shared = |place: usize| first.pieces[place].as_ptr() == later.pieces[place].as_ptr();
        assert!((1..later.pieces.len() - 2).all(shared));
        assert!(later.pieces.iter().all(|piece| piece.len() <= PIECE + SHORT));
    }

    #[tokio::test]
    async fn who_cannot_keep_up_gets_more_text_and_the_older_one_is_shared() {
        let stream = started(&streams());
        (0..2 * MAX_EVENTS).for_each(|number| said(&stream, "c", "text", &format!("{number} and so on ")));
        let (newer, older) = (stream.snapshot(true).await, stream.snapshot(false).await);
        assert_eq!(newer.next, older.next + MAX_EVENTS as u64 / 4);
        assert_eq!(older.json(), at_once(&stream, &older));
        assert_eq!(older.pieces[1].as_ptr(), newer.pieces[1].as_ptr());
        stream.tell((0..MAX_EVENTS / 4).map(|_| Line::Json("{}".to_owned())));
        assert_eq!(newer.json(), at_once(&stream, &newer));
    }

    #[tokio::test]
    async fn others_run_while_a_snapshot_is_encoded() {
        let stream = started(&streams());
        (0..40).for_each(|_| said(&stream, "c", "text", &"x".repeat(100_000)));
        let mut making = Box::pin(stream.snapshot(false));
        let mut turns = 0;
        while futures_util::poll!(&mut making).is_pending() {
            turns += 1;
        }
        assert!(turns > 29 * 100_000 / PIECE, "{turns}");
    }
}
