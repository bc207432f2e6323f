//! What is said to the model in its next turn.

use crate::{Action, Finding};

impl Finding {
    /// One message to the model, where a hint is asked for.
    ///
    /// ```
    /// use midstream_series::Timestamp;
    /// use midstream_stream::{ChannelKind, Checks, Settings};
    /// let settings = Settings::from_json(r#"{"repeat": {"exact": "hint"}}"#)?;
    /// let mut checks = Checks::new(settings, None)?;
    /// let decision = checks.push_text(ChannelKind::Text, &"I am done. ".repeat(20), Timestamp::from_nanos(0))?;
    /// assert_eq!(
    ///     decision.findings[0].hint().as_deref(),
    ///     Some("You repeat yourself: 11 characters repeated 8.3 times since character 11. Say it once, and go on.")
    /// );
    /// # Ok::<(), midstream_stream::Error>(())
    /// ```
    pub fn hint(&self) -> Option<String> {
        (self.action == Action::Hint).then(|| self.sentence())
    }

    fn sentence(&self) -> String {
        let found = &self.explanation;
        match self.check {
            "actions" => loops(found),
            "repeat" => format!("You repeat yourself: {found}. Say it once, and go on."),
            _ => format!("Note: {found}. Come to an end, or do it another way."),
        }
    }
}

/// The message for loops of an agent.
pub(crate) fn loops(found: &str) -> String {
    format!("You seem to be in a loop: {found}. Try something else, or say what is missing.")
}
