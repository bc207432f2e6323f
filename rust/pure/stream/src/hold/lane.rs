use super::sentence::Sentence;
use crate::{ChannelIndex, ChannelKey};

/// A channel whose text waits.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) channel: ChannelIndex,
    pub(super) key: ChannelKey,
    pub(super) id: String,
    /// All of its text so far.
    pub(super) text: String,
    characters: u64,
    sentence: Sentence,
    pub(super) open: Option<Open>,
}

/// A piece of text that grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) id: u64,
    /// Bytes and characters of the channel before it.
    pub(super) start: usize,
    pub(super) onset: u64,
}

crate::keep::keep!(struct Lane { channel, key, id, text, characters, sentence, open });
crate::keep::keep!(struct Open { id, start, onset });

impl Lane {
    pub(super) fn new(channel: ChannelIndex, key: ChannelKey, id: &str) -> Self {
        let (text, sentence) = (String::new(), Sentence::default());
        Self { channel, key, id: id.to_owned(), text, characters: 0, sentence, open: None }
    }

    pub(super) fn characters(&self) -> u64 {
        self.characters
    }

    /// Begins a piece, where none grows.
    pub(super) fn open(&mut self, id: u64) {
        self.open = Some(Open { id, start: self.text.len(), onset: self.characters });
    }

    /// Adds a character to the piece; whether it ends with it.
    pub(super) fn push(&mut self, character: char, limit: u32) -> bool {
        self.text.push(character);
        self.characters += 1;
        self.sentence.push(character, limit)
    }

    /// Ends the piece that grows.
    pub(super) fn close(&mut self) -> Option<Open> {
        self.sentence = Sentence::default();
        self.open.take()
    }
}
