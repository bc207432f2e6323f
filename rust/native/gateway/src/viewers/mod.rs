//! Those who look on: each is a cursor of its own, and none of them is waited for.

pub(crate) mod audience;
pub(crate) mod embedded;
mod seat;
pub(crate) mod sse;
pub(crate) mod token;
pub(crate) mod ws;

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use self::audience::Place;
pub(crate) use self::seat::{Seat, Subject};
use crate::client::Client;
use crate::frames::Frame;
use crate::store::{Entry, Finished, StoreError, StreamStore};
use crate::streams::{Event, Last, Seq, Snapshot, Stream, Viewed};

/// What a viewer reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Events that are the same for every provider.
    #[default]
    Norm,
    /// What passed to the client.
    Raw,
}

/// What a viewer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Event(Event),
    /// A frame as it passed to the client.
    Passed(Frame),
    /// What is not an event of the stream: a name and JSON.
    Mark(&'static str, String),
    /// The text before the oldest event that comes; the viewer now has everything up to that.
    Snapshot(Arc<Snapshot>),
}

/// One who looks on.
pub(crate) struct Viewer {
    source: Source,
    mode: Mode,
    /// The number of the event that comes next.
    next: Seq,
    /// What is told before anything else.
    marks: VecDeque<Told>,
    is_over: bool,
    /// Bytes that it was given since others had their turn.
    given: usize,
}

/// Bytes that a viewer is given at once: who is far behind takes turns with all else that runs.
pub(crate) const TURN: usize = 32 << 10;

enum Source {
    /// A stream of this process.
    Here(Here),
    /// One that only the log knows.
    Log { entries: BoxStream<'static, Result<Entry, StoreError>>, finished: Finished, _seat: Seat },
}

struct Here {
    stream: Arc<Stream>,
    follow: watch::Receiver<Last>,
    /// Where the log is read while the ring is ahead.
    behind: Option<BoxStream<'static, Result<Entry, StoreError>>>,
    store: Option<Arc<dyn StreamStore>>,
    /// The next frame, in raw mode.
    frame: u64,
    /// The text so far is to be told.
    lacks_text: bool,
    /// It was told before: events go faster than this viewer.
    is_slow: bool,
    told: Last,
    place: Place,
    _seat: Seat,
}

impl Viewer {
    /// Of a stream of this process, from an event on.
    pub(crate) fn new(
        (stream, seat): (Arc<Stream>, Seat),
        store: Option<Arc<dyn StreamStore>>,
        next: Seq,
        mode: Mode,
    ) -> Self {
        let (follow, (frame, from)) = (stream.look(), stream.passed_behind(next));
        let lacks_text = mode == Mode::Raw && next < from.max(stream.kept().0);
        let place = Place::new(&seat.all, &stream);
        place.moved(next);
        let (behind, is_slow, told) = (None, false, Last::default());
        let here = Here { stream, follow, behind, store, frame, lacks_text, is_slow, told, place, _seat: seat };
        Self::of(Source::Here(here), mode, next)
    }

    /// Of a stream that only the log knows.
    pub(crate) fn of_log(
        entries: BoxStream<'static, Result<Entry, StoreError>>,
        next: Seq,
        (finished, seat): (Finished, Seat),
    ) -> Self {
        let source = Source::Log { entries, finished, _seat: seat };
        Self::of(source, Mode::Norm, next)
    }

    fn of(source: Source, mode: Mode, next: Seq) -> Self {
        Self { source, mode, next, marks: VecDeque::new(), is_over: false, given: 0 }
    }

    /// Whose connection ends where it takes nothing.
    pub(crate) fn of_client(mut self, client: Option<Arc<Client>>) -> Self {
        if let Source::Here(here) = &mut self.source {
            here.place.client = client;
        }
        self
    }

    /// It took nothing for too long.
    pub(crate) fn let_go(&self) {
        if let Source::Here(here) = &self.source {
            here.place.let_go();
        }
    }

    /// What comes next; `None` behind the end.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        if self.given >= TURN {
            self.given = 0;
            tokio::task::yield_now().await;
        }
        loop {
            if let Some(told) = self.marks.pop_front() {
                self.given += told.len();
                if let Source::Here(here) = &self.source {
                    here.place.moved(self.next);
                }
                return Some(told);
            }
            if self.is_over {
                return None;
            }
            match &mut self.source {
                Source::Here(_) => self.look().await,
                Source::Log { .. } => self.read().await,
            }
        }
    }

    async fn read(&mut self) {
        let Source::Log { entries, finished, .. } = &mut self.source else { return };
        match entries.next().await {
            Some(Ok(Entry::Event(event))) => {
                self.next = event.sequence + 1;
                self.marks.push_back(Told::Event(event));
            }
            Some(Ok(Entry::Lagged(oldest))) => {
                self.marks.push_back(lagged(self.next, oldest));
                self.next = oldest;
            }
            // What does not read back is missing: it is told, and then the end, which is known.
            Some(Err(_)) | None => {
                if self.next < finished.next {
                    self.marks.push_back(lagged(self.next, finished.next));
                }
                self.marks.push_back(Told::Mark("midstream.end", finished.shown.clone()));
                self.is_over = true;
            }
        }
    }

    async fn look(&mut self) {
        let Source::Here(here) = &mut self.source else { return };
        if here.lacks_text {
            return self.tell_text().await;
        }
        if here.behind.is_some() {
            return self.catch_up().await;
        }
        if let Some(mark) = here.of_log() {
            self.marks.push_back(mark);
            return;
        }
        let viewed = match self.mode {
            Mode::Norm => map(here.stream.next(self.next), |event| (event.sequence, Told::Event(event))),
            Mode::Raw => map(here.stream.passed(here.frame), |frame| (frame.last, Told::Passed(frame))),
        };
        match viewed {
            Viewed::Next((sequence, told)) => {
                self.next = self.next.max(sequence + 1);
                here.frame += 1;
                self.marks.push_back(told);
            }
            Viewed::Lagged(_) => self.lag(),
            Viewed::Ended => {
                self.marks.push_back(Told::Mark("midstream.end", here.stream.json()));
                self.is_over = true;
            }
            Viewed::Wait => {
                // The stream is held as long as its viewer: its end comes before its sender goes.
                let _ = here.follow.changed().await;
            }
        }
    }

    /// The ring has gone on: what the log has is read there, else the text so far is told.
    fn lag(&mut self) {
        let Source::Here(here) = &mut self.source else { return };
        match &here.store {
            Some(store) if self.mode == Mode::Norm && here.may_have(self.next) => {
                here.behind = Some(store.read(&here.stream.meta.id, self.next));
            }
            _ => here.lacks_text = true,
        }
    }

    async fn catch_up(&mut self) {
        let Source::Here(here) = &mut self.source else { return };
        if !here.may_have(self.next) {
            here.behind = None;
            here.lacks_text = true;
            return;
        }
        let Some(behind) = &mut here.behind else { return };
        // The ring has what the log does not have yet.
        let entry = tokio::select! {
            entry = behind.next() => entry,
            _ = here.follow.changed() => return,
        };
        match entry {
            Some(Ok(Entry::Event(event))) if event.sequence == self.next => {
                self.next += 1;
                if here.stream.kept().0 <= self.next {
                    here.behind = None;
                }
                self.marks.push_back(Told::Event(event));
            }
            Some(Ok(Entry::Event(_))) => {}
            // The log does not have it either.
            Some(Ok(Entry::Lagged(_)) | Err(_)) | None => {
                here.behind = None;
                here.lacks_text = true;
            }
        }
    }

    async fn tell_text(&mut self) {
        let Source::Here(here) = &mut self.source else { return };
        if here.stream.kept().0 > self.next {
            let snapshot = here.stream.snapshot(here.is_slow).await;
            let next = snapshot.next;
            here.is_slow = true;
            here.place.missed(next.saturating_sub(self.next));
            self.marks.push_back(lagged(self.next, next));
            self.marks.push_back(Told::Snapshot(snapshot));
            self.next = next;
        }
        here.lacks_text = false;
        if self.mode == Mode::Raw {
            let (frame, from) = here.stream.passed_behind(self.next);
            if from > self.next {
                here.place.missed(from - self.next);
                self.marks.push_back(lagged(self.next, from));
            }
            (here.frame, self.next) = (frame, from);
        }
    }
}

impl Told {
    /// About how many bytes it has; those of a snapshot are given apart.
    fn len(&self) -> usize {
        match self {
            Self::Event(event) => event.len(),
            Self::Passed(frame) => frame.bytes.len(),
            Self::Mark(_, text) => text.len(),
            Self::Snapshot(_) => 0,
        }
    }
}

impl Here {
    /// Whether the log has an event, or will.
    fn may_have(&self, sequence: Seq) -> bool {
        let last = self.stream.last();
        !last.broken || sequence < last.durable
    }

    /// What is to be told of the log.
    fn of_log(&mut self) -> Option<Told> {
        let last = *self.follow.borrow_and_update();
        self.store.as_ref()?;
        let before = std::mem::replace(&mut self.told, last);
        if last.broken && !before.broken {
            let text = json!({"durable": last.durable}).to_string();
            return Some(Told::Mark("midstream.not_resumable", text));
        }
        (last.durable > before.durable)
            .then(|| Told::Mark("midstream.durable", json!({"sequence": last.durable - 1}).to_string()))
    }
}

fn lagged(from: Seq, oldest: Seq) -> Told {
    let text = json!({"from": from, "to": oldest.saturating_sub(1), "dropped": oldest.saturating_sub(from)});
    Told::Mark("midstream.lagged", text.to_string())
}

fn map<T, U>(viewed: Viewed<T>, with: impl FnOnce(T) -> U) -> Viewed<U> {
    match viewed {
        Viewed::Next(next) => Viewed::Next(with(next)),
        Viewed::Lagged(oldest) => Viewed::Lagged(oldest),
        Viewed::Ended => Viewed::Ended,
        Viewed::Wait => Viewed::Wait,
    }
}

#[cfg(test)]
mod tests;
