//! What the conversation of one request shows of the agent that sent it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::conversation::{Object, Owned, read, word};
use super::hash::Hash;
use super::{Actions, ActionsSettings};
use crate::redact::RuleSet;
use crate::{Action, Finding};

/// Results whose ids are given.
const MAX_ANSWERED: usize = 64;

/// What one request shows of the agent that sent it.
///
/// An agent sends its whole conversation with each request, and each time it has grown by one turn: what the model said,
/// the calls that it made, and their results. A finding counts where that turn completes it, so that each is told once in a
/// run; a loop that asks for a stop counts as long as the conversation ends in it. What came before a word of the user that
/// was not said before, figures aside, is no loop any longer.
///
/// ```
/// use midstream_stream::{Action, ActionsSettings, History};
/// let turn = r#"{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "search", "arguments": "{}"}}]},
///     {"role": "tool", "tool_call_id": "c", "content": "no hits"}"#;
/// let body = format!(r#"{{"model": "m", "messages": [{}]}}"#, [turn; 8].join(","));
/// let history = History::read(body.as_bytes(), &ActionsSettings::default(), None).expect("a conversation");
/// assert_eq!(history.findings[0].action, Action::Stop);
/// assert_eq!(history.answered, ["c"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// What was found in its last turn.
    pub findings: Vec<Finding>,
    /// The calls whose results the last turn brings, by their ids, at most 64; none where the model spoke last, or the
    /// provider gives no ids.
    pub answered: Vec<String>,
}

impl History {
    /// Reads a request's body, in the format of any provider; `None` for one that holds no list of messages. Findings show
    /// no match of the rules.
    pub fn read(body: &[u8], settings: &ActionsSettings, rules: Option<Arc<RuleSet>>) -> Option<Self> {
        let Body { messages, input, contents } = serde_json::from_slice(body).ok()?;
        let messages = [messages, input, contents].into_iter().find_map(|list| match list {
            Some(Value::Array(messages)) => Some(messages),
            _ => None,
        })?;
        let mut said = BTreeSet::new();
        let items: Vec<Item> =
            messages.iter().filter_map(Value::as_object).flat_map(|message| items(message, &mut said)).collect();
        let turn = last_turn(&items);
        let mut run = Run { actions: Actions::new(settings.clone()).redacted_by(rules), findings: Vec::new() };
        let (before, turn) = items.split_at_checked(turn)?;
        before.iter().for_each(|item| run.push(item));
        run.findings.clear();
        // A loop is news once, and asks for a stop as long as it goes on.
        let mut anew = run.clone();
        anew.actions.forget_told();
        for item in turn {
            run.push(item);
            anew.push(item);
        }
        let mut findings = run.findings;
        for finding in anew.findings.into_iter().filter(|finding| finding.action == Action::Stop) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        Some(Self { findings, answered: answered(turn) })
    }
}

/// The lists of messages, by the names that providers give them.
#[derive(Deserialize)]
struct Body {
    messages: Option<Value>,
    input: Option<Value>,
    contents: Option<Value>,
}

/// What of a conversation counts.
enum Item {
    Step(Owned),
    /// The user says something new.
    Word,
}

fn items(message: &Object, said: &mut BTreeSet<u64>) -> Vec<Item> {
    if let Some(text) = word(message) {
        let is_new = said.insert(number(&text));
        return is_new.then_some(Item::Word).into_iter().collect();
    }
    let mut steps = Vec::new();
    read(message, &mut steps);
    steps.into_iter().map(Item::Step).collect()
}

/// Equal for words that differ in figures and blanks alone, as those of a loop that counts its turns for the model do.
fn number(text: &str) -> u64 {
    let mut hash = Hash::new();
    text.bytes().filter(|byte| !byte.is_ascii_digit() && !byte.is_ascii_whitespace()).for_each(|byte| hash.byte(byte));
    hash.finish()
}

/// Where the last turn begins: results behind calls behind what the model said.
fn last_turn(items: &[Item]) -> usize {
    let steps: Vec<(usize, &Owned)> = items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| match item {
            Item::Step(step) => Some((at, step)),
            Item::Word => None,
        })
        .collect();
    let behind = |end: usize, is: fn(&Owned) -> bool| {
        steps.get(..end).unwrap_or_default().iter().rposition(|(_, step)| !is(step)).map_or(0, |at| at + 1)
    };
    let calls = behind(behind(steps.len(), Owned::is_result), Owned::is_call);
    let message = calls.saturating_sub(1);
    let first = if steps.get(message).is_some_and(|(_, step)| step.is_message()) { message } else { calls };
    steps.get(first).map_or(items.len(), |(at, _)| *at)
}

fn answered(turn: &[Item]) -> Vec<String> {
    let ids = turn.iter().filter_map(|item| match item {
        Item::Step(step) => step.answers(),
        Item::Word => None,
    });
    ids.take(MAX_ANSWERED).map(str::to_owned).collect()
}

/// The steps up to a place, and what was found on the way.
#[derive(Clone)]
struct Run {
    actions: Actions,
    findings: Vec<Finding>,
}

impl Run {
    fn push(&mut self, item: &Item) {
        match item {
            Item::Step(step) => self.actions.push(step.step(), &mut self.findings),
            Item::Word => {
                self.actions.forget_calls();
                self.findings.retain(|finding| finding.kind == "no_progress");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn turn(number: usize, result: &str) -> [Value; 2] {
        let function = json!({"name": "search", "arguments": "{\"q\": 1}"});
        [
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": format!("c{number}"), "function": function}]}),
            json!({"role": "tool", "tool_call_id": format!("c{number}"), "content": result}),
        ]
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    fn looping(turns: usize) -> Vec<Value> {
        std::iter::once(user("find it")).chain((0..turns).flat_map(|number| turn(number, "no hits"))).collect()
    }

    fn found(messages: &[Value]) -> Vec<Action> {
        let body = json!({"model": "m", "messages": messages}).to_string();
        let history = History::read(body.as_bytes(), &ActionsSettings::default(), None).unwrap();
        history.findings.iter().map(|finding| finding.action).collect()
    }

    #[test]
    fn each_finding_is_news_once_and_a_stop_as_long_as_the_loop_goes_on() {
        let wanted = [
            (2, vec![]),
            (3, vec![Action::Hint]),
            (4, vec![]),
            (5, vec![Action::Warn]),
            (7, vec![]),
            (8, vec![Action::Stop]),
            (9, vec![Action::Stop]),
        ];
        for (turns, wanted) in wanted {
            assert_eq!(found(&looping(turns)), wanted, "{turns} turns");
        }
    }

    #[test]
    fn a_loop_that_was_left_is_of_the_past() {
        let mut messages = looping(9);
        messages.extend(turn(9, "one hit"));
        assert_eq!(found(&messages), []);
        let mut answered = looping(9);
        answered.push(json!({"role": "assistant", "content": "There is nothing."}));
        assert_eq!(found(&answered), []);
    }

    #[test]
    fn a_new_word_of_the_user_begins_the_count_anew() {
        let mut messages = looping(9);
        messages.push(user("Look elsewhere."));
        assert_eq!(found(&messages), []);
        messages.extend(turn(9, "no hits"));
        assert_eq!(found(&messages), []);
        messages.extend([turn(10, "no hits"), turn(11, "no hits")].concat());
        assert_eq!(found(&messages), [Action::Hint]);
    }

    #[test]
    fn words_that_come_with_every_turn_are_none_of_the_users() {
        let mut messages = vec![user("find it")];
        // The first time they are new.
        for number in 0..9 {
            messages.extend(turn(number, "no hits"));
            messages.push(user(&format!("Turn {number} of 30. Go on.")));
        }
        assert_eq!(found(&messages), [Action::Stop]);
    }

    #[test]
    fn every_providers_list_of_messages_is_read() {
        let input: Vec<Value> = (0..8)
            .flat_map(|number| {
                [
                    json!({"type": "function_call", "call_id": format!("c{number}"), "name": "search", "arguments": "{}"}),
                    json!({"type": "function_call_output", "call_id": format!("c{number}"), "output": "no hits"}),
                ]
            })
            .collect();
        let contents: Vec<Value> = (0..8)
            .flat_map(|_| {
                [
                    json!({"role": "model", "parts": [{"functionCall": {"name": "search", "args": {}}}]}),
                    json!({"role": "user", "parts": [{"functionResponse": {"name": "search", "response": {"hits": 0}}}]}),
                ]
            })
            .collect();
        let blocks: Vec<Value> = (0..8)
            .flat_map(|number| {
                let id = format!("t{number}");
                [
                    json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "search", "input": {}}]}),
                    json!({"role": "user", "content": [
                        {"type": "tool_result", "tool_use_id": id, "content": "no hits"},
                        {"type": "text", "text": format!("It is {number}:00.")}]}),
                ]
            })
            .collect();
        let bodies =
            [json!({"input": input}), json!({"contents": contents}), json!({"system": "s", "messages": blocks})];
        for (body, answered) in bodies.iter().zip([vec!["c7"], vec![], vec!["t7"]]) {
            let history = History::read(body.to_string().as_bytes(), &ActionsSettings::default(), None).unwrap();
            assert_eq!(history.findings.len(), 1, "{body}");
            assert_eq!(history.answered, answered, "{body}");
        }
    }

    #[test]
    fn results_of_one_turn_are_those_that_it_brings() {
        let call = |id: &str| json!({"id": id, "function": {"name": id, "arguments": "{}"}});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": id});
        let mut messages = looping(2);
        messages.push(json!({"role": "assistant", "content": "Both at once.", "tool_calls": [call("a"), call("b")]}));
        messages.extend([result("a"), result("b"), user("Go on.")]);
        let body = json!({"messages": messages}).to_string();
        let history = History::read(body.as_bytes(), &ActionsSettings::default(), None).unwrap();
        assert_eq!(history.answered, ["a", "b"]);
    }

    #[test]
    fn what_is_no_conversation_is_none() {
        for body in ["", "[]", "{}", r#"{"input": "Hello"}"#, r#"{"messages": {}}"#, r#"{"prompt": ["a"]}"#] {
            assert_eq!(History::read(body.as_bytes(), &ActionsSettings::default(), None), None, "{body}");
        }
        let empty = History::read(br#"{"messages": [1, null]}"#, &ActionsSettings::default(), None);
        assert_eq!(empty, Some(History::default()));
    }

    #[test]
    fn findings_show_no_match_of_the_rules() {
        let rules =
            crate::Settings::from_json(r#"{"redact": {"rules": ["email"]}}"#).unwrap().redact.rule_set().unwrap();
        let messages: Vec<Value> = (0..3)
            .flat_map(|number| {
                let function = json!({"name": "search", "arguments": "{\"q\": \"bob@example.org\"}"});
                [
                    json!({"role": "assistant", "tool_calls": [{"id": format!("c{number}"), "function": function}]}),
                    json!({"role": "tool", "tool_call_id": format!("c{number}"), "content": "no hits"}),
                ]
            })
            .collect();
        let body = json!({"messages": messages}).to_string();
        let history = History::read(body.as_bytes(), &ActionsSettings::default(), rules).unwrap();
        assert!(!history.findings.is_empty());
        assert!(history.findings.iter().all(|finding| !finding.evidence.contains("bob")), "{:?}", history.findings);
    }
}
