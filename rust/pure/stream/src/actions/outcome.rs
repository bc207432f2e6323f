//! What a result of a tool says: progress, an error, that one should wait, or nothing.

use super::clock;
use super::hash::Hash;

/// Bytes of a result that may be a mere status.
const STATUS: usize = 400;
/// Bytes at the start and at the end of a result in which an error is looked for.
const ERROR: usize = 400;

/// Words of a status that say to wait, and of failures that pass by themselves.
const WAIT: [&str; 33] = [
    "429",
    "502",
    "503",
    "504",
    "booting",
    "building",
    "busy",
    "deploying",
    "downloading",
    "inprogress",
    "initialising",
    "initializing",
    "installing",
    "overloaded",
    "pending",
    "processing",
    "provisioning",
    "queued",
    "remaining",
    "retry",
    "retrying",
    "running",
    "scheduled",
    "starting",
    "temporarily",
    "throttled",
    "timeout",
    "unavailable",
    "uploading",
    "wait",
    "waiting",
    "yet",
    "ratelimit",
];
const WAIT_PAIRS: [(&str, &str); 6] =
    [("in", "progress"), ("not", "ready"), ("rate", "limit"), ("timed", "out"), ("too", "many"), ("try", "again")];
/// Words that say no more than that a call was taken.
const NOTHING: [&str; 14] = [
    "acknowledged",
    "done",
    "message",
    "none",
    "null",
    "ok",
    "okay",
    "result",
    "status",
    "succeeded",
    "success",
    "successful",
    "successfully",
    "true",
];
/// Words of a tool's name whose calls are meant to be repeated.
const PATIENT: [&str; 7] = ["monitor", "poll", "polling", "sleep", "status", "wait", "watch"];
/// First words of a failure.
const FAILED: [&str; 8] = ["error", "exception", "failed", "failure", "fatal", "panic", "traceback", "panicked"];
/// What failures say anywhere in their first or last lines.
const FAILURES: [&str; 12] = [
    "command not found",
    "errno",
    "error:",
    "execution failed",
    "exit code 1",
    "exit code: 1",
    "exitcode: 1",
    "is not recognized as",
    "no such file or directory",
    "permission denied",
    "\"error\"",
    "traceback (most recent call last)",
];

/// A result as far as loops are concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// Equal for results that say the same.
    pub text: u64,
    pub failed: bool,
    /// Getting it again proves little: it says to wait, or nothing at all.
    pub waits: bool,
}

impl Outcome {
    /// Reads a result; `failed` is what the caller knows of it.
    pub(super) fn of(text: &str, failed: Option<bool>) -> Self {
        let text = text.trim();
        let failed = failed.unwrap_or_else(|| looks_failed(text));
        Self { text: number(text, failed), failed, waits: waits(text) || says_nothing(text) }
    }
}

/// Whether calls of that tool, or with those arguments, are meant to be repeated until something has happened.
pub(super) fn is_patient(tool: &str, arguments: &str) -> bool {
    names(tool).any(|word| PATIENT.iter().any(|patient| word.eq_ignore_ascii_case(patient)))
        || arguments.get(..ERROR.min(arguments.len())).is_some_and(|start| words(start).any(|word| word == "sleep"))
}

/// Equal where two results differ by what a clock says alone, and of failures by names of temporary files and addresses.
fn number(text: &str, failed: bool) -> u64 {
    let bytes = text.as_bytes();
    let (mut hash, mut at, mut kept) = (Hash::new(), 0, false);
    while let Some(byte) = bytes.get(at) {
        let starts = at == 0 || bytes.get(at - 1).is_some_and(|before| !before.is_ascii_alphanumeric());
        let rest = bytes.get(at..).unwrap_or_default();
        let time = if starts && byte.is_ascii_digit() { clock::length(rest) } else { 0 };
        let skipped = if starts && failed { time.max(hex(rest)) } else { time };
        kept |= skipped == 0 && byte.is_ascii_alphanumeric();
        hash.byte(if skipped == 0 { *byte } else { 0 });
        at += skipped.max(1);
    }
    if kept { hash.finish() } else { Hash::of(b'r', bytes) }
}

/// Bytes of the address or random name that begins there: eight hexadecimal digits or more, letters and figures.
fn hex(rest: &[u8]) -> usize {
    let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'x').count();
    let run = rest.get(..length).unwrap_or_default();
    let mixed = run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic);
    if length >= 8 && mixed { length } else { 0 }
}

fn looks_failed(text: &str) -> bool {
    let first = words(text).next().unwrap_or_default();
    if FAILED.iter().any(|failed| first.eq_ignore_ascii_case(failed)) {
        return true;
    }
    let bytes = text.as_bytes();
    let start = bytes.get(..ERROR.min(bytes.len())).unwrap_or_default();
    let end = bytes.get(bytes.len().saturating_sub(ERROR)..).unwrap_or_default();
    says_failed(start) || says_failed(end)
}

fn says_failed(text: &[u8]) -> bool {
    (0..text.len()).filter_map(|at| text.get(at..)).any(|rest| {
        let first = rest.first().map(u8::to_ascii_lowercase);
        let begins =
            |failure: &[u8]| rest.get(..failure.len()).is_some_and(|start| start.eq_ignore_ascii_case(failure));
        FAILURES.iter().any(|failure| first == failure.bytes().next() && begins(failure.as_bytes()))
    })
}

fn waits(text: &str) -> bool {
    let is = |word: &str, known: &str| word.eq_ignore_ascii_case(known);
    let pair = |one: &str, other: &str| WAIT_PAIRS.iter().any(|(first, second)| is(one, first) && is(other, second));
    text.len() <= STATUS
        && (words(text).any(|word| WAIT.iter().any(|wait| is(word, wait)))
            || words(text).zip(words(text).skip(1)).any(|(one, other)| pair(one, other)))
}

fn says_nothing(text: &str) -> bool {
    let nothing = |word: &str| NOTHING.iter().any(|nothing| word.eq_ignore_ascii_case(nothing));
    text.is_empty()
        || text.len() <= STATUS && text.is_ascii() && words(text).next().is_some() && words(text).all(nothing)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// The words of a name in any case: `wait_for_job`, `waitForJob`.
fn names(name: &str) -> impl Iterator<Item = &str> {
    words(name).flat_map(|word| {
        let humps = word.char_indices().filter(|(at, character)| *at > 0 && character.is_ascii_uppercase());
        let mut starts: Vec<usize> = std::iter::once(0).chain(humps.map(|(at, _)| at)).collect();
        starts.push(word.len());
        let parts = starts.windows(2).filter_map(|pair| word.get(pair[0]..pair[1])).collect::<Vec<_>>();
        std::iter::once(word).chain(parts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Outcome {
        Outcome::of(text, None)
    }

    #[test]
    fn what_a_clock_says_is_no_news() {
        for (one, other) in [
            ("2026-11-21 14:47:03 build ok", "2026-11-21 14:47:09 build ok"),
            ("1 failed, 3 passed in 0.31s", "1 failed, 3 passed in 0.29s"),
            ("You visited this page 8 seconds ago.", "You visited this page 12 seconds ago."),
            (r#"{"at":"2026-11-21T14:47:03.5Z","n":1}"#, r#"{"at":"2026-11-21T14:49:13.9+01:00","n":1}"#),
        ] {
            assert_eq!(outcome(one), outcome(other), "{one}");
        }
    }

    #[test]
    fn what_a_clock_was_asked_for_is() {
        assert_ne!(outcome("14:47:03").text, outcome("14:47:09").text);
        assert_ne!(outcome("12 files in 3s").text, outcome("13 files in 3s").text);
        assert_ne!(outcome("12% of 30 MB").text, outcome("14% of 30 MB").text);
    }

    #[test]
    fn failures_differ_by_more_than_names_of_temporary_files() {
        let failure =
            |name| format!("Traceback (most recent call last):\n  File \"/tmp/run_{name}.py\", line 3\nKeyError");
        assert_eq!(outcome(&failure("4cd8b3abbf91")), outcome(&failure("0aa9b3abb001")));
        assert_ne!(outcome("Error: no field a").text, outcome("Error: no field b").text);
        assert_ne!(outcome("commit 4cd8b3abbf91").text, outcome("commit 0aa9b3abb001").text);
    }

    #[test]
    fn failures_are_told_from_what_they_say() {
        let failures = [
            "Error: no such user",
            "bash: foo: command not found",
            r#"{"error": "bad date"}"#,
            "fatal: not a git repository",
        ];
        for text in failures {
            assert!(outcome(text).failed, "{text}");
        }
        for text in ["0 errors", "no failures in 12 tests", "", "The error was mended"] {
            assert!(!outcome(text).failed, "{text}");
        }
        assert!(Outcome::of("fine", Some(true)).failed);
    }

    #[test]
    fn a_status_says_to_wait_and_a_log_that_runs_does_not() {
        for text in
            [r#"{"status": "in_progress"}"#, "Job 7: RUNNING", "HTTP 503", "not ready", "Rate limit reached, try again"]
        {
            assert!(outcome(text).waits, "{text}");
        }
        let log = format!("running 5 tests\n{}", "test a ... FAILED\n".repeat(40));
        for text in ["[]", "no hits", "Wrong flag!", "file not found", &log] {
            assert!(!outcome(text).waits, "{text}");
        }
    }

    #[test]
    fn an_acknowledgement_says_nothing() {
        for text in ["", "ok", "OK.", r#"{"success": true}"#, r#"{"status":"ok"}"#] {
            assert!(outcome(text).waits, "{text}");
        }
    }

    #[test]
    fn tools_that_wait_are_known_by_their_names() {
        for tool in ["wait_for_job", "jobStatus", "poll", "SleepTool"] {
            assert!(is_patient(tool, "{}"), "{tool}");
        }
        assert!(is_patient("bash", r#"{"command": "sleep 30; tail log"}"#));
        for tool in ["await", "statusbar", "search"] {
            assert!(!is_patient(tool, "{}"), "{tool}");
        }
    }
}
