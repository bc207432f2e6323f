use serde::Serialize;

use crate::{Error, settings};

/// What a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Sound; its events count bytes.
    Audio,
    /// The model's thinking, where the provider shows it.
    Reasoning,
    /// The model's words of refusal, where the provider separates them.
    Refusal,
    /// The answer.
    Text,
    /// The arguments of one tool call, as JSON text.
    Tool,
}

impl ChannelKind {
    /// The kinds that carry text, in the order of their names.
    pub const TEXTS: [Self; 4] = [Self::Reasoning, Self::Refusal, Self::Text, Self::Tool];

    /// The lower-case name used in ids, JSON and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Reasoning => "reasoning",
            Self::Refusal => "refusal",
            Self::Text => "text",
            Self::Tool => "tool",
        }
    }

    /// The kind of text of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        settings::by_name("channel", name, &Self::TEXTS, Self::name)
    }
}

/// The part of a response a channel belongs to, in the provider's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A content block (Anthropic, Bedrock, Cohere).
    Block,
    /// One of several answers (OpenAI chat and completions, Gemini candidates).
    Choice,
    /// An output item or step, numbered as seen (Responses, Realtime, Interactions).
    Item,
    /// A stream of text alone.
    Stream,
    /// A turn of a session (Gemini Live).
    Turn,
}

/// What tells two channels of one stream apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelKey {
    /// The kind of place.
    pub place: Place,
    /// The place's number, from 0.
    pub index: u32,
    /// Which content part or tool call within the place, from 0.
    pub part: u32,
    /// What it carries.
    pub kind: ChannelKind,
}

impl ChannelKey {
    /// The only channel of its kind at a place.
    pub const fn new(place: Place, index: u32, kind: ChannelKind) -> Self {
        Self { place, index, part: 0, kind }
    }

    /// The same, for part `part`.
    pub const fn part(self, part: u32) -> Self {
        Self { part, ..self }
    }

    fn id(self) -> String {
        let kind = self.kind.name();
        let place = match self.place {
            Place::Block => "block",
            Place::Choice => "choice",
            Place::Item => "item",
            Place::Stream => return kind.to_owned(),
            Place::Turn => "turn",
        };
        match (self.kind, self.part) {
            (ChannelKind::Tool, part) => format!("{place}:{}/{kind}:{part}", self.index),
            (_, 0) => format!("{place}:{}/{kind}", self.index),
            (_, part) => format!("{place}:{}/{kind}:{part}", self.index),
        }
    }
}

/// A channel's position in [`Channels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelIndex(pub u32);

/// One channel: texts in it join, texts of two never do.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// What tells it apart.
    pub key: ChannelKey,
    /// Its name, for example `choice:0/text`.
    pub id: String,
    /// Characters (code points) of decoded text so far; bytes for audio.
    pub characters: u64,
    /// The caller or the dialect says that this text is program code.
    pub code: bool,
    /// Text came, though it may be held.
    pub(crate) begun: bool,
    /// First half of a surrogate pair whose second half may come with the next fragment.
    pub(crate) high_surrogate: Option<u16>,
}

impl Channel {
    /// What it carries.
    pub const fn kind(&self) -> ChannelKind {
        self.key.kind
    }
}

/// The channels of one stream, in order of their first text.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    list: Vec<Channel>,
    last: usize,
}

/// Open channels per stream at most; text beyond them passes unseen and is counted as anomaly `limit`.
pub const MAX_CHANNELS: usize = 256;

impl Channels {
    /// The channel of `key`, made on first use; `None` beyond [`MAX_CHANNELS`].
    pub(crate) fn intern(&mut self, key: ChannelKey) -> Option<ChannelIndex> {
        let known = |channel: &Channel| channel.key == key;
        if !self.list.get(self.last).is_some_and(known) {
            match self.list.iter().position(known) {
                Some(at) => self.last = at,
                None if self.list.len() == MAX_CHANNELS => return None,
                None => {
                    self.last = self.list.len();
                    self.list.push(Channel {
                        key,
                        id: key.id(),
                        characters: 0,
                        code: false,
                        begun: false,
                        high_surrogate: None,
                    });
                }
            }
        }
        Some(ChannelIndex(self.last as u32))
    }

    /// First halves of pairs in the channels that `ends` names find no partner any more.
    pub(crate) fn forget_halves(&mut self, ends: impl Fn(ChannelKey) -> bool) {
        self.list.iter_mut().filter(|channel| ends(channel.key)).for_each(|channel| channel.high_surrogate = None);
    }

    /// The channel at `index`.
    pub fn get(&self, index: ChannelIndex) -> Option<&Channel> {
        self.list.get(index.0 as usize)
    }

    pub(crate) fn get_mut(&mut self, index: ChannelIndex) -> Option<&mut Channel> {
        self.list.get_mut(index.0 as usize)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (ChannelIndex, &Channel)> {
        self.list.iter().enumerate().map(|(at, channel)| (ChannelIndex(at as u32), channel))
    }
}

crate::keep::keep!(
    enum ChannelKind {
        Audio,
        Reasoning,
        Refusal,
        Text,
        Tool,
    }
);
crate::keep::keep!(
    enum Place {
        Block,
        Choice,
        Item,
        Stream,
        Turn,
    }
);
crate::keep::keep!(struct ChannelKey { place, index, part, kind });
crate::keep::keep!(tuple ChannelIndex);
crate::keep::keep!(struct Channel { key, id, characters, code, begun, high_surrogate });
crate::keep::keep!(struct Channels { list, last });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_place_kind_and_part() {
        let text = ChannelKey::new(Place::Choice, 0, ChannelKind::Text);
        assert_eq!(text.id(), "choice:0/text");
        assert_eq!(text.part(2).id(), "choice:0/text:2");
        assert_eq!(ChannelKey::new(Place::Choice, 1, ChannelKind::Tool).id(), "choice:1/tool:0");
        assert_eq!(ChannelKey::new(Place::Stream, 0, ChannelKind::Text).id(), "text");
    }

    #[test]
    fn a_channel_beyond_the_limit_is_refused_and_known_ones_stay() {
        let mut channels = Channels::default();
        let key = |index| ChannelKey::new(Place::Block, index, ChannelKind::Text);
        for index in 0..MAX_CHANNELS as u32 {
            assert_eq!(channels.intern(key(index)), Some(ChannelIndex(index)));
        }
        assert_eq!(channels.intern(key(999)), None);
        assert_eq!(channels.intern(key(3)), Some(ChannelIndex(3)));
    }
}
