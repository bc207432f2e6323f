//! Reads hand-made frames, for the tests of the dialects.

use midstream_series::Timestamp;

use super::{Dialect, Reading};
use crate::decode::{Frame, FrameKind, Framing};
use crate::emit::Known;
use crate::{Anomaly, Close, Ending, Event, EventKind, Events, Text};

/// What a dialect made of some frames.
pub(crate) struct Sample {
    pub(crate) known: Known,
    pub(crate) dialect: Dialect,
    events: Events,
}

impl Sample {
    /// Reads frames without a name.
    pub(crate) fn of(dialect: Dialect, frames: &[&str]) -> Self {
        let frames: Vec<_> = frames.iter().map(|data| (FrameKind::Message, "", *data)).collect();
        Self::of_frames(dialect, &frames)
    }

    /// Reads frames of a kind and a name.
    pub(crate) fn of_frames(dialect: Dialect, frames: &[(FrameKind, &str, &str)]) -> Self {
        let mut sample = Self { known: Known::default(), dialect, events: Events::default() };
        let mut reading = Reading::new(dialect, Framing::Auto);
        let mut at = 0;
        for (kind, name, data) in frames {
            let bytes = at..at + data.len() as u64;
            let frame = Frame { kind: *kind, name, data, data_at: Some(at), bytes: bytes.clone() };
            reading.frame(&frame, &mut sample.known, &mut sample.events, Timestamp::from_nanos(0), &mut |_, _, _| {});
            at = bytes.end;
        }
        reading.give_up(&mut sample.known, &mut sample.events, Timestamp::from_nanos(0), &mut |_, _, _| {});
        sample.dialect = reading.dialect();
        sample
    }

    /// One line an event: its name, its channel and what it holds.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.events.iter().map(|event| self.line(event)).collect()
    }

    fn line(&self, event: &Event) -> String {
        let text = |text: Text| self.events.text(text);
        let channel = event.channel.and_then(|index| self.known.channels.get(index)).map(|channel| channel.id.as_str());
        let rest = match &event.kind {
            EventKind::Audio { bytes } => bytes.to_string(),
            EventKind::Citation | EventKind::Ping => String::new(),
            EventKind::End { state } => state.name().into(),
            EventKind::Error { code, message, retryable } => {
                format!("{} {}{}", text(*code), text(*message), if *retryable { " (retryable)" } else { "" })
            }
            EventKind::Finish { choice, reason, raw } => format!("{choice} {} {}", reason.name(), text(*raw)),
            EventKind::Other { name } | EventKind::ServerTool { name } => text(*name).into(),
            EventKind::Reasoning { text: fragment, signed } => {
                format!("{}{}", text(*fragment), if *signed { " (signed)" } else { "" })
            }
            EventKind::Refusal { text: fragment } | EventKind::Text { text: fragment } => text(*fragment).into(),
            EventKind::Start { id, model } => format!("{} {}", text(*id), text(*model)),
            EventKind::ToolArgs { fragment } => text(*fragment).into(),
            EventKind::ToolEnd { valid_json } => format!("{valid_json:?}"),
            EventKind::ToolStart { call, name } => format!("{} {}", text(*call), text(*name)),
            EventKind::Usage(usage) => format!("{:?} {:?}", usage.input, usage.output),
        };
        [event.kind.name(), channel.unwrap_or_default(), &rest]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The lines whose event has one of these names.
    pub(crate) fn only(&self, names: &[&str]) -> Vec<String> {
        self.events.iter().filter(|event| names.contains(&event.kind.name())).map(|event| self.line(event)).collect()
    }

    /// All text of a channel.
    pub(crate) fn text(&self, channel: &str) -> String {
        let in_channel = |event: &&Event| {
            event.channel.and_then(|index| self.known.channels.get(index)).is_some_and(|found| found.id == channel)
        };
        let texts = self.events.iter().filter(in_channel).filter_map(|event| event.kind.checked_text());
        texts.map(|text| self.events.text(text)).collect()
    }

    pub(crate) fn count(&self, anomaly: Anomaly) -> u64 {
        self.known.anomalies.count(anomaly)
    }

    /// The end if the body closes cleanly here.
    pub(crate) fn ending(&self) -> Ending {
        self.known.end.conclude(Close::Clean, false, self.known.tools.any_cut())
    }
}
