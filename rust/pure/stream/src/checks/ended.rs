//! The finding of a stream that did not reach its semantic end.

use crate::{Action, Dialect, Ending, EndingState, Finding};

/// An ending other than complete is a finding too; our own stop is none, since its cause is one already.
pub(super) fn finding(
    ending: &Ending,
    mistaken: Option<(Dialect, Dialect)>,
    action: Option<Action>,
) -> Option<Finding> {
    if matches!(ending.state, EndingState::Complete | EndingState::Halted) {
        return None;
    }
    let explanation = match mistaken {
        Some((given, seen)) if ending.state == EndingState::Truncated => {
            format!("read as {}, but the bytes look like {}", given.name(), seen.name())
        }
        _ => cause(ending).to_owned(),
    };
    Some(Finding {
        check: "ending",
        kind: ending.state.name().into(),
        action: action?,
        channel: None,
        offset: None,
        onset: None,
        period: None,
        score: 1.0,
        evidence: ending.notes.join(", "),
        explanation,
    })
}

fn cause(ending: &Ending) -> &'static str {
    let noted = |note| ending.notes.contains(&note);
    match ending.state {
        EndingState::Cancelled => "the stream was cancelled before its end",
        EndingState::Complete | EndingState::Halted => "",
        EndingState::Failed if noted("http_status") => "the HTTP status says that the request failed",
        EndingState::Failed if noted("error_page") => "the body is a web page and not a stream",
        EndingState::Failed => "the provider reported an error inside the stream",
        EndingState::Stalled => "the stream went quiet and was given up",
        EndingState::Truncated if noted("cut_tool_call") => "the stream stopped inside the arguments of a tool call",
        EndingState::Truncated if noted("compressed") => {
            "the body is compressed, so no end of the stream was seen in it"
        }
        EndingState::Truncated => "the stream stopped before its end",
    }
}
