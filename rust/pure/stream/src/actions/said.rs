//! Messages of an agent that say the same in nearly the same words.

use std::collections::VecDeque;

use super::hash::Hash;

/// Messages of one agent that are compared, the latest included.
pub(super) const WINDOW: usize = 16;
/// Messages kept of all agents.
const KEPT: usize = 64;
/// Characters of a message's head.
const HEAD: usize = 400;
/// Pairs of words compared of a whole message.
const PAIRS: usize = 256;
/// Shorter messages, such as the name of who is next, say too little to be compared.
const LEAST_WORDS: usize = 12;

/// Messages like the latest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    /// The latest included; those alike in their heads alone count four fifths.
    pub copies: u32,
    /// The step of the first.
    pub onset: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Messages(VecDeque<Message>);

#[derive(Clone, Debug)]
struct Message {
    agent: u64,
    at: u64,
    words: Words,
}

/// The pairs of neighbouring words of a message, sorted.
#[derive(Clone, Debug, PartialEq)]
struct Words {
    head: Vec<u32>,
    whole: Vec<u32>,
}

impl Messages {
    pub(super) fn memory(&self) -> usize {
        let pairs = |message: &Message| message.words.head.capacity() + message.words.whole.capacity();
        let pairs: usize = self.0.iter().map(pairs).sum();
        self.0.capacity() * size_of::<Message>() + pairs * size_of::<u32>()
    }

    /// Compares a message with the agent's latest ones; `None` where it is too short.
    pub(super) fn push(&mut self, agent: u64, text: &str, at: u64) -> Option<Near> {
        let words = Words::of(text)?;
        let (mut same, mut alike, mut onset) = (1, 1, at);
        for message in self.0.iter().rev().filter(|message| message.agent == agent).take(WINDOW - 1) {
            let (head, whole) = (shared(&message.words.head, &words.head), shared(&message.words.whole, &words.whole));
            if head.at_least(2, 5) {
                alike += 1;
                onset = message.at;
                same += u32::from(head.at_least(1, 2) && whole.at_least(1, 2));
            }
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Message { agent, at, words });
        Some(Near { copies: same.max(4 * alike / 5), onset })
    }
}

impl Words {
    fn of(text: &str) -> Option<Self> {
        let (mut head, mut whole, mut words) = (Vec::new(), Vec::new(), 0);
        let mut last = None;
        for (end, word) in Split::of(text) {
            words += 1;
            let Some(before) = last.replace(word) else { continue };
            if whole.len() == PAIRS {
                break;
            }
            let pair = Hash::pair(before, word) as u32;
            whole.push(pair);
            if end <= HEAD {
                head.push(pair);
            }
        }
        let sorted = |mut pairs: Vec<u32>| {
            pairs.sort_unstable();
            pairs.dedup();
            pairs.shrink_to_fit();
            pairs
        };
        (words >= LEAST_WORDS).then(|| Self { head: sorted(head), whole: sorted(whole) })
    }
}

/// Two sets: what both have, and what either has.
struct Shared {
    both: usize,
    either: usize,
}

impl Shared {
    fn at_least(&self, share: usize, of: usize) -> bool {
        self.either > 0 && of * self.both >= share * self.either
    }
}

fn shared(one: &[u32], other: &[u32]) -> Shared {
    let (mut rest, mut both) = (other, 0);
    for pair in one {
        let smaller = rest.iter().take_while(|next| *next < pair).count();
        rest = rest.get(smaller..).unwrap_or_default();
        both += usize::from(rest.first() == Some(pair));
    }
    Shared { both, either: one.len() + other.len() - both }
}

/// The words of a text in lower case, as numbers, each with the characters up to its end. A CJK character is a word.
struct Split<'a> {
    characters: std::iter::Peekable<std::iter::Enumerate<std::str::Chars<'a>>>,
}

impl<'a> Split<'a> {
    fn of(text: &'a str) -> Self {
        Self { characters: text.chars().enumerate().peekable() }
    }
}

impl Iterator for Split<'_> {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let (mut hash, mut end) = (Hash::new(), 0);
        while let Some((at, character)) = self.characters.next_if(|(_, next)| end == 0 || in_word(*next)) {
            if !in_word(character) && !is_cjk(character) {
                continue;
            }
            end = at + 1;
            if character.is_ascii() {
                hash.byte(character.to_ascii_lowercase() as u8);
                continue;
            }
            let mut bytes = [0; 4];
            let lower = character.to_lowercase();
            lower.for_each(|lower| lower.encode_utf8(&mut bytes).bytes().for_each(|byte| hash.byte(byte)));
            if is_cjk(character) {
                break;
            }
        }
        (end > 0).then(|| (end, hash.finish()))
    }
}

fn in_word(character: char) -> bool {
    (character.is_alphanumeric() || character == '_') && !is_cjk(character)
}

fn is_cjk(character: char) -> bool {
    matches!(character, '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        && character.is_alphanumeric()
}

crate::keep::keep!(tuple Messages);
crate::keep::keep!(struct Message { agent, at, words });
crate::keep::keep!(struct Words { head, whole });

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> usize {
        Split::of(text).count()
    }

    #[test]
    fn words_are_told_apart_in_any_script() {
        assert_eq!(words("Next: the_speaker, \"again\"  (7)."), 4);
        assert_eq!(words("我再试一次。Try 再"), 7);
        assert_eq!(words(" .. "), 0);
        let ends: Vec<usize> = Split::of("ab, cd").map(|(end, _)| end).collect();
        assert_eq!(ends, [2, 6]);
    }

    #[test]
    fn a_short_message_is_not_compared() {
        assert_eq!(Messages::default().push(1, "Next speaker WebSurfer", 1), None);
    }

    #[test]
    fn pages_of_one_document_are_alike_and_not_the_same() {
        let page = |number: usize| {
            let line =
                |line| format!("Section {number}.{line} says {} of {}. ", number * 31 + line, number * 17 + line);
            let head = "I scrolled down one page in the browser. Here is a screenshot of [The annual report of the harbour] \
                        and below it stands the text that was found on this page by the reader of the screen, line by \
                        line and from the top of the page to its foot, with the numbers of the sections: ";
            head.to_owned() + &(0..40).map(line).collect::<String>()
        };
        let mut messages = Messages::default();
        let copies: Vec<u32> =
            (1..=5).map(|number| messages.push(1, &page(number), number as u64).unwrap().copies).collect();
        assert_eq!(copies, [1, 1, 2, 3, 4]);
    }

    #[test]
    fn other_agents_are_not_compared() {
        let text = "one two three four five six seven eight nine ten eleven twelve";
        let mut messages = Messages::default();
        assert_eq!(messages.push(1, text, 1), Some(Near { copies: 1, onset: 1 }));
        assert_eq!(messages.push(2, text, 2), Some(Near { copies: 1, onset: 2 }));
        assert_eq!(messages.push(1, text, 3), Some(Near { copies: 2, onset: 1 }));
    }
}
