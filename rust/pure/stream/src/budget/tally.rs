use midstream_series::Timestamp;

use super::measure::{Measure, Told};
use super::settings::{BudgetSettings, seconds};
use crate::{ChannelKind, EventKind, Finding, Usage, UsageSource};

/// Characters of a token, where no token is counted.
const CHARACTERS: u64 = 4;

/// What the model wrote, and the provider's count of it.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    characters: u64,
    /// Tokens reported, and how many characters had come by then.
    reported: Option<u64>,
    counted: u64,
}

/// What a stream takes, against its limits.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    settings: BudgetSettings,
    since: Option<Timestamp>,
    output: Written,
    reasoning: Written,
    usage: Usage,
    /// What was read from a cache is not among the input tokens.
    cache_is_apart: bool,
    tool_calls: u64,
    /// The last that the model did was to end its answer.
    complete: bool,
    told: [Told; Measure::ALL.len()],
}

/// An event as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) kind: &'a EventKind,
    /// Text of a channel.
    pub(crate) text: Option<Fragment<'a>>,
    /// What the provider has reported up to here.
    pub(crate) usage: Usage,
    pub(crate) cache_is_apart: bool,
}

/// A text as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) kind: ChannelKind,
    pub(crate) id: &'a str,
    pub(crate) characters: u64,
    /// Characters of the channel before it.
    pub(crate) before: u64,
}

impl Written {
    fn tokens(self) -> u64 {
        let since = (self.characters - self.counted).div_ceil(CHARACTERS);
        self.reported.unwrap_or_default().saturating_add(since)
    }

    /// The most characters at which there are no more tokens than that.
    fn characters_at(self, tokens: u64) -> u64 {
        let left = tokens.saturating_sub(self.reported.unwrap_or_default());
        self.counted.saturating_add(left.saturating_mul(CHARACTERS))
    }

    fn is_estimated(self) -> bool {
        self.reported.is_none() || self.characters > self.counted
    }

    /// Takes over a count, which is of all that came where it is new or the last.
    fn report(&mut self, tokens: Option<u64>, is_last: bool) {
        if tokens.is_some() && (tokens != self.reported || is_last) {
            self.reported = tokens;
            self.counted = self.characters;
        }
    }
}

impl Budget {
    pub(crate) fn new(settings: BudgetSettings, started: Option<Timestamp>) -> Self {
        Self {
            settings,
            since: started,
            output: Written::default(),
            reasoning: Written::default(),
            usage: Usage::default(),
            cache_is_apart: false,
            tool_calls: 0,
            complete: false,
            told: Default::default(),
        }
    }

    /// Counts an event and adds what it is too much for.
    pub(crate) fn read(&mut self, seen: Seen<'_>, findings: &mut Vec<Finding>) {
        match (seen.kind, seen.text) {
            (_, Some(text)) => self.read_text(text, findings),
            (EventKind::Finish { .. }, _) => self.complete = true,
            (EventKind::ToolStart { .. }, _) => {
                self.complete = false;
                self.tool_calls += 1;
                self.compare(&[Measure::ToolCalls], findings);
            }
            (EventKind::Usage(_), _) => {
                self.usage = seen.usage;
                self.cache_is_apart = seen.cache_is_apart;
                self.output.report(seen.usage.output, self.complete);
                self.reasoning.report(seen.usage.reasoning, self.complete);
                self.compare(&[Measure::Cost, Measure::OutputTokens, Measure::ReasoningTokens], findings);
            }
            _ => {}
        }
    }

    /// The time counts from here, where it does not yet.
    pub(crate) fn start(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// Looks at the time.
    pub(crate) fn time(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        let since = *self.since.get_or_insert(now);
        let (Some(limit), Some(action)) = (self.settings.wall_time_s, self.settings.action) else { return };
        let used = (now - since).as_secs_f64();
        let told = match self.settings.wall_time() {
            Some(span) if now - since >= span => Told::Passed,
            _ if self.nearly(limit).is_some_and(|share| now - since >= seconds(share)) => Told::Nearly,
            _ => return,
        };
        if self.tell(Measure::WallTime, told) {
            findings.push(Measure::WallTime.finding(told, used, limit, action, false));
        }
    }

    /// When `time` is next needed.
    pub(crate) fn tick_at(&self) -> Option<Timestamp> {
        let (since, limit) = (self.since?, self.settings.wall_time_s?);
        match self.told_of(Measure::WallTime) {
            Told::Nothing => Some(since + seconds(self.nearly(limit).unwrap_or(limit))),
            Told::Nearly | Told::Late => Some(since + seconds(limit)),
            Told::Passed => None,
        }
    }

    /// What the stream cost so far, and whether that is the provider's count. `None` without prices or anything counted.
    pub(crate) fn cost(&self) -> Option<(f64, UsageSource)> {
        let is_known = self.usage.input.is_some() || self.usage.output.is_some() || self.output.characters > 0;
        let cost = self.cost_of(self.output.tokens()).filter(|_| is_known)?;
        Some((cost, if self.cost_is_estimated() { UsageSource::Estimated } else { UsageSource::Reported }))
    }

    fn cost_is_estimated(&self) -> bool {
        self.usage.input.is_none() || self.output.is_estimated()
    }

    fn read_text(&mut self, text: Fragment<'_>, findings: &mut Vec<Finding>) {
        self.complete = false;
        let output = self.output.characters;
        let reasoning = self.reasoning.characters;
        let reasons = text.kind == ChannelKind::Reasoning;
        self.output.characters += text.characters;
        self.reasoning.characters += if reasons { text.characters } else { 0 };
        for measure in Measure::ALL {
            let before = if measure.is_of_reasoning() { reasoning } else { output };
            let (Some(limit), Some(action)) = (measure.limit(&self.settings), measure.action(&self.settings)) else {
                continue;
            };
            if measure.is_of_reasoning() && !reasons {
                continue;
            }
            let levels = [(Told::Nearly, self.nearly(limit)), (Told::Passed, Some(limit))];
            for (told, level) in levels.into_iter().filter_map(|(told, level)| Some((told, level?))) {
                let Some(most) = self.most_characters(measure, level) else { continue };
                let at = (most + 1).saturating_sub(before).max(1);
                if at <= text.characters && self.tell(measure, told) {
                    let (used, is_estimated) = self.used_at(measure, before + at);
                    findings.push(Finding {
                        channel: Some(text.id.to_owned()),
                        offset: Some(text.before + at),
                        ..measure.finding(told, used, limit, action, is_estimated)
                    });
                }
            }
        }
    }

    /// The most characters of its kind that a measure has room for up to `level`.
    fn most_characters(&self, measure: Measure, level: f64) -> Option<u64> {
        match measure {
            Measure::OutputCharacters | Measure::ReasoningCharacters => Some(level as u64),
            Measure::OutputTokens => Some(self.output.characters_at(level as u64)),
            Measure::ReasoningTokens => Some(self.reasoning.characters_at(level as u64)),
            Measure::Cost => self.most_tokens(level).map(|tokens| self.output.characters_at(tokens)),
            Measure::ToolCalls | Measure::WallTime => None,
        }
    }

    /// What a measure is at so many characters of its kind, and whether that is an estimate.
    fn used_at(&self, measure: Measure, characters: u64) -> (f64, bool) {
        let at = |written: Written| Written { characters, ..written };
        match measure {
            Measure::OutputCharacters | Measure::ReasoningCharacters => (characters as f64, false),
            Measure::OutputTokens => (at(self.output).tokens() as f64, true),
            Measure::ReasoningTokens => (at(self.reasoning).tokens() as f64, true),
            Measure::Cost => (self.cost_of(at(self.output).tokens()).unwrap_or_default(), true),
            Measure::ToolCalls | Measure::WallTime => (0.0, false),
        }
    }

    /// Looks at counts that jump.
    fn compare(&mut self, measures: &[Measure], findings: &mut Vec<Finding>) {
        for measure in measures.iter().copied() {
            let (Some(limit), Some(action)) = (measure.limit(&self.settings), measure.action(&self.settings)) else {
                continue;
            };
            let (used, is_estimated) = match measure {
                Measure::OutputTokens => (self.output.tokens() as f64, self.output.is_estimated()),
                Measure::ReasoningTokens => (self.reasoning.tokens() as f64, self.reasoning.is_estimated()),
                Measure::Cost => (self.cost_of(self.output.tokens()).unwrap_or_default(), self.cost_is_estimated()),
                _ => (self.tool_calls as f64, false),
            };
            // Sums of prices may lie beside the number that they mean.
            let most = limit * (1.0 + 1e-12);
            let told = match () {
                () if used > most && self.complete => Told::Late,
                () if used > most => Told::Passed,
                () if self.nearly(limit).is_some_and(|share| used > share) => Told::Nearly,
                () => continue,
            };
            if self.tell(measure, told) {
                findings.push(measure.finding(told, used, limit, action, is_estimated));
            }
        }
    }

    /// Where a limit is warned of.
    fn nearly(&self, limit: f64) -> Option<f64> {
        self.settings.warn_at.map(|share| limit * share)
    }

    fn told_of(&self, measure: Measure) -> Told {
        self.told.get(measure as usize).copied().unwrap_or_default()
    }

    /// Whether that is news.
    fn tell(&mut self, measure: Measure, told: Told) -> bool {
        let Some(before) = self.told.get_mut(measure as usize) else { return false };
        let is_news = told > *before;
        *before = told.max(*before);
        is_news
    }

    fn cost_of(&self, output: u64) -> Option<f64> {
        let price = self.settings.price_output?;
        Some((self.input_cost() + output as f64 * price) / 1e6)
    }

    /// Millionths of the cost of the input, as far as that is known.
    fn input_cost(&self) -> f64 {
        let price = self.settings.price_input.unwrap_or_default();
        let input = self.usage.input.unwrap_or_default();
        let cached = self.usage.cache_read.unwrap_or_default();
        let (fresh, written) = match self.cache_is_apart {
            true => (input, self.usage.cache_write.unwrap_or_default()),
            false => (input.saturating_sub(cached), 0),
        };
        (fresh + written) as f64 * price + cached as f64 * self.settings.price_cached_input.unwrap_or(price)
    }

    /// The most output tokens that cost no more than that; `None` where they cost nothing.
    fn most_tokens(&self, cost: f64) -> Option<u64> {
        let price = self.settings.price_output.filter(|price| *price > 0.0)?;
        let left = cost * 1e6 - self.input_cost();
        Some((left / price * (1.0 + 1e-12)).max(0.0) as u64)
    }
}

crate::keep::keep!(struct Written { characters, reported, counted });
crate::keep::keep!(state Budget { since, output, reasoning, usage, cache_is_apart, tool_calls, complete, told } rest { settings });
