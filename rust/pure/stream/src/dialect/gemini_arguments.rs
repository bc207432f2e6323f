//! Gemini streams a call's arguments as values at paths. This writes them as the JSON text they stand for.

use serde::Deserialize;

use crate::json::{Leaf, is_true, string};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartialArg<'a> {
    #[serde(borrow, default)]
    json_path: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) string_value: Leaf<'a>,
    #[serde(borrow, default)]
    number_value: Leaf<'a>,
    #[serde(borrow, default)]
    bool_value: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) will_continue: Leaf<'a>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Element(u64),
    Member(String),
}

/// JSON text under way. Values must come in the order of the text, as Gemini sends them: a container that was left is
/// closed, and a path back into it begins a second one of the same name.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    /// The path of the last value; each step's container is open.
    path: Vec<Step>,
    in_string: bool,
}

impl Arguments {
    /// Adds the text of one value, or of one more piece of a string.
    pub(super) fn push(&mut self, arg: &PartialArg<'_>, out: &mut String) {
        let path = steps(&string(arg.json_path).unwrap_or_default());
        let inner = arg.string_value.and_then(|text| text.get().strip_prefix('"')?.strip_suffix('"'));
        if !(self.in_string && inner.is_some() && path == self.path) {
            self.move_to(path, out);
            out.push_str(match (inner, arg.number_value, arg.bool_value) {
                (Some(_), _, _) => "\"",
                (None, Some(leaf), _) | (None, None, Some(leaf)) => leaf.get(),
                (None, None, None) => "null",
            });
        }
        self.in_string = inner.is_some();
        out.push_str(inner.unwrap_or_default());
        if !is_true(arg.will_continue) {
            self.close_string(out);
        }
    }

    /// Closes what is open; a call without any value has an empty object.
    pub(super) fn close(&mut self, out: &mut String) {
        self.close_string(out);
        if self.path.is_empty() {
            out.push_str("{}");
        }
        self.leave(0, out);
    }

    fn close_string(&mut self, out: &mut String) {
        if std::mem::take(&mut self.in_string) {
            out.push('"');
        }
    }

    fn move_to(&mut self, path: Vec<Step>, out: &mut String) {
        self.close_string(out);
        let equal = self.path.iter().zip(&path).take_while(|(one, other)| one == other).count();
        // A value replaces nothing: at the same path, or below a value, it becomes the next member.
        let shared = equal.min(self.path.len().saturating_sub(1)).min(path.len().saturating_sub(1));
        let is_first = self.path.is_empty();
        self.leave(shared + 1, out);
        self.path.truncate(shared);
        for (depth, step) in path.into_iter().enumerate().skip(shared) {
            let opens = depth > shared || is_first;
            match (&step, opens) {
                (Step::Element(_), true) => out.push('['),
                (Step::Member(_), true) => out.push('{'),
                (_, false) => out.push(','),
            }
            if let Step::Member(name) = &step {
                out.push_str(&serde_json::Value::from(name.as_str()).to_string());
                out.push(':');
            }
            self.path.push(step);
        }
    }

    /// Closes the containers from `depth` on.
    fn leave(&mut self, depth: usize, out: &mut String) {
        for step in self.path.iter().skip(depth).rev() {
            out.push(if matches!(step, Step::Element(_)) { ']' } else { '}' });
        }
        self.path.truncate(depth);
    }
}

/// The steps of `$.recipe.steps[2]['a b']`; never none.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() {
        let (step, after) = step(rest);
        steps.push(step);
        rest = after;
    }
    if steps.is_empty() {
        steps.push(Step::Member(String::new()));
    }
    steps
}

fn step(path: &str) -> (Step, &str) {
    let quoted = |quote: char| {
        let name = path.strip_prefix('[')?.strip_prefix(quote)?;
        let (name, after) = name.split_once(quote)?;
        Some((Step::Member(name.to_owned()), after.strip_prefix(']')?))
    };
    let element = || {
        let (number, after) = path.strip_prefix('[')?.split_once(']')?;
        Some((Step::Element(number.parse().ok()?), after))
    };
    if let Some(found) = element().or_else(|| quoted('\'')).or_else(|| quoted('"')) {
        return found;
    }
    let name = path.strip_prefix('.').unwrap_or(path);
    let (name, after) = name.split_at(name.find(['.', '[']).filter(|end| *end > 0).unwrap_or(name.len()));
    (Step::Member(name.to_owned()), after)
}

crate::keep::keep!(
    enum Step {
        Element(index),
        Member(name),
    }
);
crate::keep::keep!(struct Arguments { path, in_string });

#[cfg(test)]
mod tests {
    use super::*;

    fn written(args: &[&str]) -> String {
        let (mut arguments, mut out) = (Arguments::default(), String::new());
        for arg in args {
            arguments.push(&serde_json::from_str(arg).unwrap(), &mut out);
        }
        arguments.close(&mut out);
        out
    }

    #[test]
    fn values_at_paths_become_the_text_of_an_object() {
        let text = written(&[
            r#"{"jsonPath":"$.recipe.items[0].name","stringValue":"Egg","willContinue":true}"#,
            r#"{"jsonPath":"$.recipe.items[0].name","stringValue":"s \"2\""}"#,
            r#"{"jsonPath":"$.recipe.items[0].grams","numberValue":12.5}"#,
            r#"{"jsonPath":"$.recipe.items[1].name","stringValue":"","willContinue":true}"#,
            r#"{"jsonPath":"$.recipe.items[1].name","stringValue":"Salt","willContinue":true}"#,
            r#"{"jsonPath":"$.recipe.items[1].name","stringValue":""}"#,
            r#"{"jsonPath":"$.recipe.vegan","boolValue":false}"#,
            r#"{"jsonPath":"$['two words']","nullValue":"NULL_VALUE"}"#,
        ]);
        let expected = r#"{"recipe":{"items":[{"name":"Eggs \"2\"","grams":12.5},{"name":"Salt"}],"vegan":false},"two words":null}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn a_list_of_strings_closes_each_one() {
        let text = written(&[
            r#"{"jsonPath":"$.steps[0]","stringValue":"a","willContinue":true}"#,
            r#"{"jsonPath":"$.steps[1]","stringValue":"b"}"#,
        ]);
        assert_eq!(text, r#"{"steps":["a","b"]}"#);
    }

    #[test]
    fn a_call_without_values_has_an_empty_object() {
        assert_eq!(written(&[]), "{}");
    }

    #[test]
    fn paths_that_make_no_sense_still_give_text() {
        for path in ["", "$", "$..", "$[", "$[x", "a.b", "$.a[", "$['", "$.é[1]ü"] {
            let arg = format!(r#"{{"jsonPath":"{path}","numberValue":1}}"#);
            assert!(written(&[&arg, &arg]).contains('1'), "{path}");
        }
    }
}
