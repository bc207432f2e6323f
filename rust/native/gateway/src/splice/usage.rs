//! Token counts of several answers.

use serde_json::{Map, Value};

/// The sum of what is counted in both, and what only one of them has.
pub(super) fn sum(one: &Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Null, other) => other.clone(),
        (one, Value::Null) => one.clone(),
        (Value::Object(one), Value::Object(other)) => {
            let mut all: Map<String, Value> = one.clone();
            for (key, value) in other {
                let before = one.get(key).unwrap_or(&Value::Null);
                all.insert(key.clone(), sum(before, value));
            }
            Value::Object(all)
        }
        (Value::Number(one), Value::Number(other)) => match (one.as_u64(), other.as_u64()) {
            (Some(one), Some(other)) => one.saturating_add(other).into(),
            _ => (one.as_f64().unwrap_or_default() + other.as_f64().unwrap_or_default()).into(),
        },
        (_, other) => other.clone(),
    }
}

/// Takes over what a later report of the same answer says.
pub(super) fn replace(report: &mut Value, later: &Value) {
    match (report, later) {
        (_, Value::Null) => {}
        (Value::Object(report), Value::Object(later)) => {
            for (key, value) in later {
                replace(report.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (report, later) => *report = later.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_of_two_answers_are_added_and_words_are_the_last() {
        let one = json!({"prompt_tokens": 3, "details": {"cached": 1}, "tier": "a"});
        let other = json!({"prompt_tokens": 4, "completion_tokens": 2, "details": {"cached": 2}, "tier": "b"});
        let expected = json!({"prompt_tokens": 7, "completion_tokens": 2, "details": {"cached": 3}, "tier": "b"});
        assert_eq!(sum(&one, &other), expected);
        assert_eq!(sum(&Value::Null, &one), one);
    }

    #[test]
    fn a_later_report_of_one_answer_replaces() {
        let mut report = json!({"input_tokens": 3, "output_tokens": 1});
        replace(&mut report, &json!({"output_tokens": 9, "input_tokens": null}));
        assert_eq!(report, json!({"input_tokens": 3, "output_tokens": 9}));
    }
}
