use super::settings::BudgetSettings;
use crate::{Action, Finding};

/// What a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Cost,
    OutputCharacters,
    OutputTokens,
    ReasoningCharacters,
    ReasoningTokens,
    ToolCalls,
    WallTime,
}

/// How far a limit has been told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    #[default]
    Nothing,
    /// The share of it that is warned of is used.
    Nearly,
    /// It is passed, after the answer was complete: nothing can be saved by a stop.
    Late,
    Passed,
}

impl Measure {
    pub(super) const ALL: [Self; 7] = [
        Self::Cost,
        Self::OutputCharacters,
        Self::OutputTokens,
        Self::ReasoningCharacters,
        Self::ReasoningTokens,
        Self::ToolCalls,
        Self::WallTime,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::OutputCharacters => "output_characters",
            Self::OutputTokens => "output_tokens",
            Self::ReasoningCharacters => "reasoning_characters",
            Self::ReasoningTokens => "reasoning_tokens",
            Self::ToolCalls => "tool_calls",
            Self::WallTime => "wall_time",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Cost => "in cost",
            Self::OutputCharacters => "output characters",
            Self::OutputTokens => "output tokens",
            Self::ReasoningCharacters => "reasoning characters",
            Self::ReasoningTokens => "reasoning tokens",
            Self::ToolCalls => "tool calls",
            Self::WallTime => "seconds",
        }
    }

    /// Whether it grows with reasoning alone.
    pub(super) const fn is_of_reasoning(self) -> bool {
        matches!(self, Self::ReasoningCharacters | Self::ReasoningTokens)
    }

    pub(super) fn limit(self, settings: &BudgetSettings) -> Option<f64> {
        let count = |limit: Option<u64>| limit.map(|limit| limit as f64);
        match self {
            Self::Cost => settings.cost,
            Self::OutputCharacters => count(settings.output_characters),
            Self::OutputTokens => count(settings.output_tokens),
            Self::ReasoningCharacters => count(settings.reasoning_characters),
            Self::ReasoningTokens => count(settings.reasoning_tokens),
            Self::ToolCalls => count(settings.tool_calls),
            Self::WallTime => settings.wall_time_s,
        }
    }

    pub(super) fn action(self, settings: &BudgetSettings) -> Option<Action> {
        if self.is_of_reasoning() { settings.reasoning_action() } else { settings.action }
    }

    /// Says that `used` of `limit` is too much, or nearly.
    pub(super) fn finding(self, told: Told, used: f64, limit: f64, action: Action, is_estimated: bool) -> Finding {
        let estimated = if is_estimated { ", estimated" } else { "" };
        // Sums of prices have digits that say nothing.
        let used = (used * 1e9).round() / 1e9;
        let is = if told == Told::Nearly { "nearly used" } else { "passed" };
        Finding {
            check: "budget",
            kind: self.name().into(),
            action: match told {
                Told::Nothing | Told::Nearly | Told::Late => action.min(Action::Warn),
                Told::Passed => action,
            },
            channel: None,
            offset: None,
            onset: None,
            period: None,
            score: used / limit,
            evidence: format!("{used} of {limit}{estimated}"),
            explanation: format!("the budget of {limit} {} is {is}: {used}{estimated}", self.unit()),
        }
    }
}

crate::keep::keep!(
    enum Told {
        Nothing,
        Nearly,
        Late,
        Passed,
    }
);
