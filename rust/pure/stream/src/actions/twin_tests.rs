//! The rules of calls over a whole history, slow and obvious, and the bound of memory.

use proptest::prelude::*;

use super::tests::does;
use super::*;
use crate::Action;

/// One call with a result from small sets, `None` for a result that was never seen.
fn calls() -> impl Strategy<Value = Vec<(usize, usize, Option<usize>)>> {
    let call = (0..3usize, 0..2usize, prop_oneof![9 => (0..4usize).prop_map(Some), 1 => Just(None)]);
    let block = (prop::collection::vec(call, 1..6), 1..8usize);
    prop::collection::vec(block, 1..8).prop_map(|blocks| {
        blocks.into_iter().flat_map(|(block, times)| std::iter::repeat_n(block, times).flatten()).collect()
    })
}

/// The rules as they are told, over the whole history.
#[derive(Default)]
struct Twin {
    history: Vec<Done>,
    told: Vec<(String, Action)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Done {
    call: String,
    result: String,
    new_call: bool,
}

impl Done {
    fn failed(&self) -> bool {
        self.result.starts_with("error")
    }

    fn waits(&self) -> bool {
        self.result == "pending"
    }

    fn same(&self, other: &Self) -> bool {
        (&self.call, &self.result) == (&other.call, &other.result)
    }
}

impl Twin {
    fn push(&mut self, call: String, result: String) -> Vec<(&'static str, Action)> {
        if !self.history.iter().any(|done| done.result == result) {
            self.told.clear();
        }
        let new_call = !self.history.iter().any(|done| done.call == call);
        self.history.push(Done { call, result, new_call });
        let latest = self.history.last().unwrap().clone();
        let cycles: Vec<(usize, usize)> = (2..=5).filter_map(|period| Some((period, self.turns(period)?))).collect();
        let mut found = Vec::new();
        for (period, turns) in &cycles {
            let turn = &self.history[self.history.len() - period..];
            let waits = turn.iter().any(Done::waits);
            let mut calls: Vec<String> =
                turn.iter().map(|done| format!("{done:?}", done = (&done.call, &done.result))).collect();
            calls.sort_unstable();
            found.extend(self.news("ping_pong", format!("{calls:?}"), *turns, [3, 5, 8], waits));
        }
        if cycles.is_empty() {
            let copies = self.copies(|done| done.same(&latest), if latest.waits() { 60 } else { 16 }).0;
            found.extend(self.news(
                "repeat",
                format!("{}{}", latest.call, latest.result),
                copies,
                [3, 5, 8],
                latest.waits(),
            ));
        }
        if latest.failed() {
            let (copies, calls) = self.copies(|done| done.result == latest.result, 20);
            if calls > 1 {
                found.extend(self.news("same_error", latest.result, copies, [4, 6, 10], false));
            }
        }
        found
    }

    /// How often the latest calls go round in a cycle of so many, if they do and in no shorter one.
    fn turns(&self, period: usize) -> Option<usize> {
        let goes_round = |period: usize, turns: usize| {
            let start = self.history.len().checked_sub(period * turns);
            start.is_some_and(|start| self.history[start..].windows(period + 1).all(|two| two[0].same(&two[period])))
        };
        let turn = self.history.len().checked_sub(period).map(|start| &self.history[start..])?;
        let shorter = (1..period).any(|shorter| {
            period.is_multiple_of(shorter)
                && goes_round(period, 2)
                && turn.windows(shorter + 1).all(|two| two[0].same(&two[shorter]))
        });
        let turns = (1..).take_while(|turns| goes_round(period, *turns)).last()?;
        (turns >= 2 && !shorter).then_some(turns)
    }

    fn copies(&self, like: impl Fn(&Done) -> bool, reach: usize) -> (usize, usize) {
        let fresh = |at: usize| !self.history[..at].iter().any(|done| done.result == self.history[at].result);
        let progress = (0..self.history.len()).rev().find(|at| fresh(*at)).unwrap_or_default();
        let from = progress.max(self.history.len().saturating_sub(reach));
        let Some(first) = (from..self.history.len()).find(|at| like(&self.history[*at])) else { return (0, 0) };
        let (copies, others): (Vec<&Done>, Vec<&Done>) = self.history[first..].iter().partition(|done| like(done));
        let tried = others.iter().filter(|done| done.new_call).count();
        let mut calls: Vec<&str> = copies.iter().map(|done| done.call.as_str()).collect();
        calls.sort_unstable();
        calls.dedup();
        let half = tried > 0 && 3 * tried >= others.len() + copies.len() - 1;
        (if half { copies.len() / 2 } else { copies.len() }, calls.len())
    }

    fn news(
        &mut self,
        kind: &'static str,
        key: String,
        copies: usize,
        limits: [usize; 3],
        waits: bool,
    ) -> Option<(&'static str, Action)> {
        let limits = if waits { [10, 20, 30] } else { limits };
        let key = format!("{kind} {key}");
        let known = self.told.iter().position(|(told, _)| *told == key);
        let stage = limits.iter().filter(|limit| copies >= **limit).count();
        let action = [Action::Pass, Action::Hint, Action::Warn, Action::Stop][stage];
        match known {
            Some(at) if action == Action::Pass => drop(self.told.remove(at)),
            Some(at) if told_less(self.told[at].1, action) => {
                self.told[at].1 = action;
                return Some((kind, action));
            }
            None if action != Action::Pass => {
                self.told.push((key, action));
                return Some((kind, action));
            }
            _ => {}
        }
        None
    }
}

fn told_less(told: Action, action: Action) -> bool {
    let stage = |action| [Action::Hint, Action::Warn, Action::Stop].iter().position(|one| *one == action);
    stage(told) < stage(action)
}

proptest! {
    #[test]
    fn the_window_agrees_with_the_rules_over_the_whole_history(calls in calls()) {
        let (mut actions, mut twin) = (Actions::new(ActionsSettings::default()), Twin::default());
        for (at, (tool, arguments, result)) in calls.into_iter().enumerate() {
            let tool = ["open", "read", "list"][tool];
            let arguments = ["{}", r#"{"a":1}"#][arguments];
            let result = result.map_or_else(|| format!("news {at}"), |result| ["x", "y", "error: z", "pending"][result].into());
            let findings = does(&mut actions, tool, arguments, &result);
            let found: Vec<_> = findings.iter().map(|one| (&*one.kind, one.action)).collect();
            prop_assert_eq!(found, twin.push(format!("{tool}{arguments}"), result), "call {}", at);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn memory_is_bounded_whatever_comes(steps in prop::collection::vec((0..4usize, 0..9usize, 0..2_000usize), 1..40)) {
        let mut actions = Actions::new(ActionsSettings::default());
        let mut findings = Vec::new();
        for round in 0..20 {
            for (kind, name, length) in &steps {
                let (name, text) = (format!("{name}{round}"), format!("w{round} {length} é ").repeat(*length / 8));
                let step = match kind {
                    0 => Step::Call { id: Some(&name), tool: &text, arguments: &text },
                    1 => Step::Result { id: Some(&name), tool: None, text: &text, failed: None },
                    2 => Step::Result { id: None, tool: None, text: &name, failed: None },
                    _ => Step::Message { agent: &name, text: &text },
                };
                findings.clear();
                actions.push(step, &mut findings);
                prop_assert!(findings.len() <= 6);
            }
        }
        prop_assert!(actions.memory() <= 160 << 10, "{}", actions.memory());
    }
}
