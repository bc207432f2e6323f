//! What the numbers of equal entries do from copy to copy.

use super::counter::Numbered;
use super::entry::{Entry, Manner, NUMBERS};
use super::history::History;
use super::role::Role;
use super::runs::{next, previous};

/// Copies whose numbers are compared.
const COPIES: usize = 6;

/// How the numbers of equal entries go up. All that are not named stay as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rise {
    /// Several, each by a step of its own, or a part of a time or a name.
    Apart,
    /// One, by the same step each time.
    One,
    /// So many by the same step.
    Together(usize),
}

/// How the numbers go up evenly from copy to copy. `None` if they do anything else: that is what a table, a log or a
/// calculation tells.
pub(super) fn rise(history: &History, origin: u64, entry: Entry) -> Option<Rise> {
    let values = Values::of(history, origin, entry);
    let steps: Vec<Step> = (0..entry.numbers).map(|number| values.step(number)).collect();
    let whole = |step: &&Step| matches!(step, Step::By(_));
    let rising = steps.iter().filter(|step| matches!(step, Step::By(by) | Step::Within(by) if *by > 0)).count();
    let first = steps.iter().find(|step| matches!(step, Step::By(by) if *by > 0));
    match () {
        () if rising == 0 || steps.contains(&Step::Uneven) => None,
        () if steps.iter().any(|step| matches!(step, Step::Within(by) if *by != 0)) => {
            Some(Rise::Apart).filter(|_| entry.sentences || entry.manner == Manner::Code)
        }
        () if rising == 1 => Some(Rise::One),
        () if steps.iter().filter(whole).all(|step| *step == Step::By(0) || Some(step) == first) => {
            Some(Rise::Together(rising))
        }
        () => Some(Rise::Apart),
    }
}

/// What one number of an entry does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Rises by so much each time; falls if negative.
    By(i64),
    /// The whole part of a decimal number, which rises or falls with it.
    Carried,
    Uneven,
    /// The same for a part of something larger, or a decimal number in units of its last digit.
    Within(i64),
}

/// One number.
#[derive(Clone, Copy, Debug)]
struct Value {
    value: i64,
    digits: u32,
    role: Role,
}

/// The numbers of the newest whole copies, in order.
struct Values {
    list: Vec<Value>,
    per_copy: usize,
}

impl Values {
    fn of(history: &History, origin: u64, entry: Entry) -> Self {
        let mut values = Self { list: Vec::with_capacity(COPIES * NUMBERS), per_copy: entry.numbers.max(1) };
        let newest = history.count() - 1;
        let mut at = next::<Numbered>(history, start(history, origin.max(history.oldest()), entry.period));
        while at < newest {
            let after = next::<Numbered>(history, at);
            // The newest number may still grow.
            if history.get(at).is_digit() && after <= newest && values.list.len() < COPIES * NUMBERS {
                values.list.push(Value::read(history, at));
            }
            at = after;
        }
        values
    }

    fn step(&self, number: usize) -> Step {
        let value = |index: usize| self.list.get(index).map(|value| value.value);
        let own = self.even(number, value);
        if self.is_fraction(number) {
            let whole = self.even(number - 1, value);
            return match own {
                Some(0) => Step::By(0),
                Some(by) if whole == Some(0) && value(number - 1) != Some(0) => Step::By(by),
                _ => self.even(number, |index| self.decimal(index)).map_or(Step::Uneven, Step::Within),
            };
        }
        let carried = self.is_fraction(number + 1) && self.even(number + 1, value) != Some(0);
        match own {
            Some(by) if self.role(number) == Role::Part && !self.is_fraction(number + 1) => Step::Within(by),
            Some(by) if !carried => Step::By(by),
            _ if carried => Step::Carried,
            _ => Step::Uneven,
        }
    }

    fn role(&self, number: usize) -> Role {
        self.list.get(number).map_or(Role::Other, |value| value.role)
    }

    fn is_fraction(&self, number: usize) -> bool {
        (1..self.per_copy).contains(&number) && self.role(number) == Role::Fraction
    }

    /// The number whose part behind the point is at `index`, in units of its last digit.
    fn decimal(&self, index: usize) -> Option<i64> {
        let (whole, fraction) = (self.list.get(index.checked_sub(1)?)?, self.list.get(index)?);
        let width = self.list.get(index % self.per_copy)?.digits;
        let unit = 10i64.checked_pow(width).filter(|_| fraction.digits == width)?;
        whole.value.checked_mul(unit)?.checked_add(fraction.value)
    }

    /// What a number gains from each copy to the next, at least twice, if that is always the same.
    fn even(&self, number: usize, value: impl Fn(usize) -> Option<i64>) -> Option<i64> {
        let (mut gain, mut times) = (None, 0);
        let mut index = number;
        while index + self.per_copy < self.list.len() {
            let now = value(index + self.per_copy)? - value(index)?;
            if *gain.get_or_insert(now) != now {
                return None;
            }
            times += 1;
            index += self.per_copy;
        }
        gain.filter(|_| times >= 2)
    }
}

impl Value {
    /// The digits from `at` on.
    fn read(history: &History, at: u64) -> Self {
        let digits = (at..history.count()).map(|at| history.get(at)).take_while(|symbol| symbol.is_digit()).take(18);
        let (value, count) = digits.fold((0, 0), |(value, count), symbol| {
            (value * 10 + i64::from(symbol.digit().unwrap_or_default()), count + 1)
        });
        Self { value, digits: count, role: Role::of(history, at) }
    }
}

/// The last position before as many whole copies as are kept and compared.
fn start(history: &History, bound: u64, period: u64) -> u64 {
    let mut start = history.count() - 1;
    for _ in 0..COPIES {
        let Some(before) = (0..period).try_fold(start, |at, _| previous::<Numbered>(history, at, bound)) else { break };
        start = before;
    }
    start
}
