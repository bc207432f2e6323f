//! What is known of a stream, as it is told.

use serde::{Deserialize, Serialize};
#[cfg_attr(not(doc), allow(unused_imports, reason = "a schema names it"))]
use serde_json::Value;
use serde_json::value::RawValue;

use super::event::Seq;
use super::id::StreamId;
use crate::cause::Cause;
use crate::endpoint::Api;
use crate::usage::UsageRecord;

/// How far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The upstream was asked and has not answered.
    Waiting,
    /// Its answer passes.
    Running,
    /// Over; the summary says how.
    Ended,
}

/// What is known of a stream from its request on.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Meta {
    #[schema(value_type = String)]
    pub(crate) id: StreamId,
    pub(crate) api: Api,
    pub(crate) path: String,
    pub(crate) model: Option<String>,
    /// Seconds since 1970.
    pub(crate) started: f64,
    /// Whose key asked, by its name.
    pub(crate) key: Option<String>,
    pub(crate) tenant: Option<String>,
}

/// Who may see a stream: whoever started it, and those of its tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub(crate) id: &'a StreamId,
    /// Whose key asked, by its name.
    pub(crate) key: Option<&'a str>,
    pub(crate) tenant: Option<&'a str>,
}

impl Meta {
    pub(crate) fn whose(&self) -> Whose<'_> {
        Whose { id: &self.id, key: self.key.as_deref(), tenant: self.tenant.as_deref() }
    }
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Last {
    /// The number of the next event.
    pub(crate) next: Seq,
    pub(crate) ended: bool,
    /// Events before this one outlive the process.
    pub(crate) durable: Seq,
    /// The log could not keep up or failed.
    pub(crate) broken: bool,
    /// Frames that passed.
    pub(crate) passed: u64,
}

/// How a stream ended, in a word, and what did it where the word does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct End {
    pub(crate) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

/// What a viewer gets next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Viewed<T> {
    /// The next.
    Next(T),
    /// Those before that event are not kept any more.
    Lagged(Seq),
    /// Nothing is left and nothing comes.
    Ended,
    /// Nothing is there yet.
    Wait,
}

/// A stream as the gateway's own endpoints show it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Stream)]
pub(crate) struct Shown<'a> {
    #[serde(flatten)]
    #[schema(value_type = Meta)]
    pub(super) meta: &'a Meta,
    pub(super) state: State,
    pub(super) end: Option<End>,
    pub(super) upstream: Option<String>,
    /// Why it ended before its end.
    #[schema(value_type = Option<String>)]
    pub(super) cause: Option<Cause>,
    pub(super) events: u64,
    /// Events that outlive the process, and whether the rest will; nothing where no log is kept.
    pub(super) stored: Option<Stored>,
    pub(super) viewers: usize,
    /// The newest, at most 100.
    #[schema(value_type = Vec<Object>)]
    pub(super) findings: Vec<Box<RawValue>>,
    /// How many there were.
    pub(super) finding_count: u64,
    #[schema(value_type = Vec<Value>)]
    pub(super) notes: Vec<Box<RawValue>>,
    #[schema(value_type = Option<Object>)]
    pub(super) summary: Option<Box<RawValue>>,
    /// One record for each upstream that was asked and is done.
    #[schema(value_type = Vec<Object>)]
    pub(super) usage: Vec<UsageRecord>,
}

/// What the log holds of a stream.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Stored {
    pub(super) durable: u64,
    pub(super) not_resumable: bool,
}

impl End {
    pub(crate) fn new(state: &str, cause: Option<&str>) -> Self {
        Self { state: state.to_owned(), cause: cause.map(str::to_owned) }
    }

    /// Of a stream that nobody answered: whoever ended it did not wait, else nobody could.
    pub(super) fn unanswered(cause: Option<Cause>) -> Self {
        cause.map_or_else(|| Self::new("failed", Some("no_answer")), |cause| Self::new("cancelled", Some(cause.name())))
    }

    /// As a guard's summary says.
    pub(super) fn of(summary: &str, cause: Option<Cause>) -> Self {
        #[derive(Deserialize)]
        struct Summary {
            ending: String,
        }
        let state = serde_json::from_str(summary).map_or_else(|_| "failed".to_owned(), |Summary { ending }| ending);
        let cause = cause.filter(|_| state != "complete").map(|cause| cause.name().to_owned());
        Self { state, cause }
    }
}
