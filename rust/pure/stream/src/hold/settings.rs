use midstream_series::Span;
use serde::{Deserialize, Deserializer};

use crate::{Action, ChannelKind, Error};

/// Which text waits for the caller's check, and for how long.
///
/// ```
/// use midstream_stream::Settings;
/// let settings = Settings::from_json(r#"{"hold": {"max_hold_s": 2, "at_max_hold": "stop"}}"#)?;
/// assert_eq!(settings.hold.map(|hold| hold.limit), Some(200));
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldSettings {
    /// Kinds of channels whose text waits.
    #[serde(deserialize_with = "kinds")]
    pub channels: Vec<ChannelKind>,
    /// Characters at which a text is checked although its sentence has no end.
    pub limit: u32,
    /// Seconds that the check may take for one text. `None`: as long as it takes.
    pub max_hold_s: Option<f64>,
    /// What becomes of a text whose check takes longer; needed with `max_hold_s`, and with it alone.
    pub at_max_hold: Option<AtMaxHold>,
    /// Names of tools whose arguments do not wait.
    pub tools_off: Vec<String>,
}

/// What becomes of a text that waited too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtMaxHold {
    /// It passes unchecked; where the check refuses it later, the stream is stopped then.
    Pass,
    /// The stream is stopped.
    Stop,
}

impl Default for HoldSettings {
    fn default() -> Self {
        Self {
            channels: vec![ChannelKind::Text],
            limit: 200,
            max_hold_s: None,
            at_max_hold: None,
            tools_off: Vec::new(),
        }
    }
}

impl HoldSettings {
    /// Whether a channel's text waits.
    pub(super) fn holds(&self, kind: ChannelKind, tool: Option<&str>) -> bool {
        self.channels.contains(&kind) && !tool.is_some_and(|tool| self.tools_off.iter().any(|off| off == tool))
    }

    /// What a text that waits too long asks for.
    pub(crate) fn at_max_hold(&self) -> Option<Action> {
        self.at_max_hold.map(|then| if then == AtMaxHold::Pass { Action::Warn } else { Action::Stop })
    }

    pub(super) fn max_hold(&self) -> Option<Span> {
        self.max_hold_s.map(|seconds| Span::from_nanos((seconds * 1e9) as i64))
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let wrong = |field: &str, value: String, allowed: &str| {
            Err(Error::Setting { field: format!("hold.{field}"), value, allowed: allowed.into() })
        };
        if self.channels.is_empty() {
            return wrong("channels", "empty".into(), "at least one of reasoning, refusal, text, tool");
        }
        if !(1..=1_000_000).contains(&self.limit) {
            return wrong("limit", self.limit.to_string(), "from 1 to 1000000");
        }
        match (self.max_hold_s, self.at_max_hold) {
            (Some(seconds), _) if !(seconds > 0.0 && seconds <= 1e9) => {
                wrong("max_hold_s", seconds.to_string(), "more than 0, at most 1e9")
            }
            (Some(_), None) => wrong("at_max_hold", "not given".into(), "pass or stop, which hold.max_hold_s needs"),
            (None, Some(_)) => wrong("max_hold_s", "not given".into(), "seconds, which hold.at_max_hold needs"),
            _ => Ok(()),
        }
    }
}

/// Reads kinds of channels, sound not being one of them.
fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ChannelKind>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Named {
        Reasoning,
        Refusal,
        Text,
        Tool,
    }
    let kind = |named| match named {
        Named::Reasoning => ChannelKind::Reasoning,
        Named::Refusal => ChannelKind::Refusal,
        Named::Text => ChannelKind::Text,
        Named::Tool => ChannelKind::Tool,
    };
    Ok(Vec::deserialize(deserializer)?.into_iter().map(kind).collect())
}
