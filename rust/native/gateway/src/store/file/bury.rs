//! Ends streams that nobody writes any more, and tells what they used as far as the log holds it.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;

use midstream_stream::{Usage, UsageSource};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::index::{Kept, Shared};
use super::record::{self, Kind, events_of, written};
use super::segments::{Segments, read_at};
use super::writer::body_of_end;
use crate::store::{Finished, Unended};
use crate::streams::{End, Meta, State};

/// What is known of a stream whose process died.
#[derive(Serialize)]
struct Lost<'a> {
    #[serde(flatten)]
    meta: &'a Meta,
    state: State,
    end: &'a End,
    cause: Option<&'a str>,
    events: u64,
    findings: [(); 0],
    finding_count: u64,
    notes: [(); 0],
    summary: Option<()>,
    usage: Vec<Box<RawValue>>,
}

/// What an event says of usage.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(default)]
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    input: Option<u64>,
    output: Option<u64>,
}

/// Ends what nobody writes any more; `book` gives the records of usage that each has, as JSON.
pub(super) fn bury(
    shared: &Shared,
    segments: &mut Segments,
    book: impl FnOnce(&[Unended]) -> Vec<Vec<Box<RawValue>>>,
) -> io::Result<()> {
    let mut index = shared.index();
    let unended: Vec<_> = index.streams.values().filter(|kept| kept.finished.is_none()).collect();
    let unended: Vec<Unended> = unended.into_iter().map(|kept| read(shared, segments, kept)).collect();
    if unended.is_empty() {
        return Ok(());
    }
    let mut usage = book(&unended).into_iter();
    let mut records = Vec::new();
    let (segment, _) = segments.current();
    for (id, kept) in &mut index.streams {
        if kept.finished.is_some() {
            continue;
        }
        let end = End::new("failed", Some("owner_lost"));
        let (meta, next) = (&kept.meta, kept.next);
        let lost = Lost {
            meta,
            state: State::Ended,
            end: &end,
            cause: end.cause.as_deref(),
            events: next,
            findings: [],
            finding_count: 0,
            notes: [],
            summary: None,
            usage: usage.next().unwrap_or_default(),
        };
        let shown = serde_json::to_string(&lost).unwrap_or_default();
        let finished = Finished { end, next, shown };
        records.extend_from_slice(&written(Kind::Ended, id, next, &body_of_end(&finished)));
        kept.ended(segment, finished);
    }
    // What they hold can be read all the same where the disk is full.
    match segments.write(&records) {
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => segments.sync(),
    }
}

/// What the events of a stream say of its usage.
fn read(shared: &Shared, segments: &Segments, kept: &Kept) -> Unended {
    let at = segments.kept.iter().find(|segment| segment.number == kept.last_in).map(|segment| segment.written);
    let at = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|at| at.as_secs_f64());
    let duration_s = at.map_or(0.0, |at| (at - kept.meta.started).max(0.0));
    let usage = Usage { source: UsageSource::Reported, ..Usage::default() };
    let mut unended = Unended { meta: kept.meta.clone(), duration_s, usage, characters: 0 };
    for place in kept.places() {
        // What does not read back is not counted.
        let bytes = read_at(&shared.folder, place.segment, place.at, place.length).unwrap_or_default();
        let events = record::read(&bytes).and_then(|record| events_of(place.first, record.body)).unwrap_or_default();
        for event in events {
            let json = event.json();
            let Ok(Said { text, model, usage }) = serde_json::from_slice(&json) else { continue };
            unended.characters += text.map_or(0, |text| text.chars().count() as u64);
            if unended.meta.model.is_none() {
                unended.meta.model = model.map(Cow::into_owned);
            }
            if let Some(Counted { input, output }) = usage {
                unended.usage.input = input.or(unended.usage.input);
                unended.usage.output = output.or(unended.usage.output);
            }
        }
    }
    unended
}
