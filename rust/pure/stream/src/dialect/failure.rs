//! Errors as providers word them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::emit::Emit;
use crate::json::{self, Leaf};

/// Words in a code or type that say that a retry may help.
const PASSING: [&str; 12] = [
    "capacity",
    "internal",
    "overload",
    "rate_limit",
    "ratelimit",
    "server_error",
    "server_overloaded",
    "throttl",
    "timeout",
    "timed_out",
    "too_many_requests",
    "unavailable",
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire<'a> {
    #[serde(borrow)]
    code: Leaf<'a>,
    #[serde(borrow)]
    message: Leaf<'a>,
    #[serde(borrow)]
    msg: Leaf<'a>,
    #[serde(borrow)]
    detail: Leaf<'a>,
    #[serde(borrow)]
    title: Leaf<'a>,
    #[serde(borrow)]
    status: Leaf<'a>,
    #[serde(borrow, alias = "statusCode", alias = "http_status_code")]
    status_code: Leaf<'a>,
    #[serde(borrow, rename = "type")]
    kind: Leaf<'a>,
}

/// One error of a provider.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Failure<'a> {
    /// The code, else the type, else the HTTP status; empty where there is none.
    pub(super) code: Cow<'a, str>,
    /// Empty where there is none.
    pub(super) message: Cow<'a, str>,
    pub(super) retryable: bool,
}

impl<'a> Failure<'a> {
    /// The error that `leaf` holds, an object or a message; `None` where it is neither.
    pub(super) fn read(leaf: Leaf<'a>) -> Option<Self> {
        let raw = leaf?.get();
        if raw.starts_with('{') {
            return Some(Self::of(&serde_json::from_str(raw).unwrap_or_default()));
        }
        let message = json::string(json::words(leaf))?;
        Some(Self { code: Cow::Borrowed(""), retryable: is_passing(&message), message })
    }

    /// The error that a payload is as a whole.
    pub(super) fn whole(data: &'a str) -> Self {
        let mut wire: Wire<'a> = serde_json::from_str(data).unwrap_or_default();
        wire.kind = wire.kind.filter(|kind| kind.get() != "\"error\"");
        Self::of(&wire)
    }

    fn of(wire: &Wire<'a>) -> Self {
        let word = |leaf: Leaf<'a>| json::string(json::words(leaf));
        let number = |leaf: Leaf<'a>| leaf.map(|leaf| leaf.get()).filter(|raw| raw.bytes().all(|b| b.is_ascii_digit()));
        let statuses = [number(wire.code), number(wire.status_code), number(wire.status)];
        let words = [word(wire.code), word(wire.kind), word(wire.status)];
        let status = statuses.iter().flatten().next().copied();
        let final_word = words.iter().flatten().any(|word| word.contains("quota"));
        let passing = words.iter().flatten().any(|word| is_passing(word)) || status.is_some_and(is_passing);
        let code = words.into_iter().flatten().next().or(status.map(Cow::Borrowed)).unwrap_or_default();
        let messages = [word(wire.message), word(wire.msg), word(wire.detail), word(wire.title)];
        let message = messages.into_iter().flatten().next().unwrap_or_default();
        Self { code, message, retryable: passing && !final_word }
    }

    /// The stream failed with it.
    pub(super) fn emit(&self, emit: &mut Emit<'_>) {
        emit.error(&self.code, &self.message, self.retryable);
    }
}

/// The keys that say that a body as a whole is an error, in the words of providers, gateways and web frameworks.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    error: Leaf<'a>,
    #[serde(borrow)]
    errors: Leaf<'a>,
    #[serde(borrow)]
    detail: Leaf<'a>,
    #[serde(borrow)]
    message: Leaf<'a>,
    #[serde(borrow)]
    msg: Leaf<'a>,
    #[serde(borrow)]
    title: Leaf<'a>,
    #[serde(borrow)]
    success: Leaf<'a>,
    #[serde(borrow, alias = "status_code", alias = "statusCode", alias = "http_status_code")]
    code: Leaf<'a>,
    #[serde(borrow)]
    status: Leaf<'a>,
    #[serde(borrow, rename = "__type")]
    amazon: Leaf<'a>,
}

/// The error that a payload of no known shape is as a whole; `None` where nothing says that it is one.
pub(super) fn of_any_shape(data: &str) -> Option<Failure<'_>> {
    let json::Maybe(Some(body)) = serde_json::from_str::<json::Maybe<Body<'_>>>(data).ok()? else { return None };
    if let Some(failure) = Failure::read(body.error) {
        return Some(failure);
    }
    let is = |leaf: Leaf<'_>, raw: &str| leaf.is_some_and(|leaf| leaf.get() == raw);
    let fails = |leaf| json::integer(leaf).is_some_and(|status| (400..600).contains(&status));
    let has_words = [body.message, body.msg, body.title].into_iter().any(|leaf| json::words(leaf).is_some());
    let says_so = fails(body.code) || fails(body.status) || is(body.error, "true") || is(body.success, "false");
    let lists = |leaf: Leaf<'_>| leaf.is_some_and(|leaf| leaf.get().starts_with('[') && leaf.get() != "[]");
    let is_error = (has_words && (says_so || json::words(body.amazon).is_some()))
        || lists(body.errors)
        || lists(body.detail)
        || json::words(body.detail).is_some();
    is_error.then(|| Failure::whole(data))
}

/// Whether a code, type or HTTP status says that a retry may help.
pub(super) fn is_passing(word: &str) -> bool {
    if let Ok(status) = word.parse::<u16>() {
        return matches!(status, 408 | 429 | 500..=599);
    }
    let word = word.to_ascii_lowercase();
    PASSING.iter().any(|passing| word.contains(passing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String, bool)> {
        let leaf: Leaf<'_> = serde_json::from_str(text).unwrap();
        Failure::read(leaf).map(|f| (f.code.into_owned(), f.message.into_owned(), f.retryable))
    }

    #[test]
    fn an_overload_and_a_rate_limit_may_be_retried_and_a_bad_request_not() {
        let error = |text| read(text).unwrap();
        assert_eq!(
            error(r#"{"message": "m", "type": "overloaded_error"}"#),
            ("overloaded_error".into(), "m".into(), true)
        );
        assert_eq!(error(r#"{"code": 429, "message": "m"}"#), ("429".into(), "m".into(), true));
        assert_eq!(error(r#"{"code": "x", "type": "server_error"}"#), ("x".into(), String::new(), true));
        assert_eq!(error(r#"{"code": 400, "message": "m"}"#), ("400".into(), "m".into(), false));
    }

    #[test]
    fn a_used_up_quota_is_not_worth_a_retry() {
        assert!(!read(r#"{"code": "insufficient_quota", "status_code": 429}"#).unwrap().2);
    }

    #[test]
    fn an_error_of_any_shape_keeps_its_words_and_what_says_nothing_is_none() {
        let found = |data| of_any_shape(data).map(|f| (f.code.into_owned(), f.message.into_owned(), f.retryable));
        let overloaded = r#"{"message": "m", "statusCode": 503}"#;
        assert_eq!(found(overloaded), Some(("503".into(), "m".into(), true)));
        assert_eq!(found(r#"{"title": "Not Found", "status": 404}"#), Some(("404".into(), "Not Found".into(), false)));
        assert_eq!(found(r#"{"detail": "d"}"#), Some((String::new(), "d".into(), false)));
        for data in [r#"{"message": "m"}"#, r#"{"code": 200, "message": "ok"}"#, r#"{"errors": []}"#, "[1]", "{", "7"] {
            assert_eq!(found(data), None, "{data}");
        }
    }

    #[test]
    fn a_string_is_a_message_and_other_types_are_no_error() {
        assert_eq!(read(r#""model not found""#), Some((String::new(), "model not found".into(), false)));
        assert_eq!(read("null"), None);
        assert_eq!(read("false"), None);
        assert_eq!(read(r#""""#), None);
    }
}
