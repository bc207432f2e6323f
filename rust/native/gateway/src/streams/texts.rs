//! The texts of a stream, each whole: its events are parts of them.

use super::snapshot::Span;

/// Bytes of text of events that are not kept any more.
const MAX_FORGOTTEN: usize = 4 << 20;

/// The text of each channel.
#[derive(Default)]
pub(super) struct Texts {
    lanes: Vec<Lane>,
    /// Bytes of text whose events are not kept any more.
    forgotten: usize,
    /// Bytes that were dropped from the front, where there were too many.
    cut: usize,
}

/// What one channel said of one kind.
struct Lane {
    channel: Box<str>,
    kind: Box<str>,
    text: String,
    /// Bytes that were dropped from the front.
    gone: u64,
    /// Bytes at the front of the text whose events are not kept any more.
    forgotten: usize,
}

impl Texts {
    /// Adds to a text; gives its lane and where the part begins, and `None` where there are too many lanes.
    pub(super) fn push(&mut self, channel: &str, kind: &str, text: &str) -> Option<(u16, u64)> {
        let is_it = |lane: &Lane| *lane.channel == *channel && *lane.kind == *kind;
        // The newest are the likeliest.
        let place = match self.lanes.iter().rposition(is_it) {
            Some(place) => place,
            None => self.open(channel, kind),
        };
        let (number, lane) = (u16::try_from(place).ok()?, self.lanes.get_mut(place)?);
        let at = lane.gone + lane.text.len() as u64;
        lane.text.push_str(text);
        Some((number, at))
    }

    fn open(&mut self, channel: &str, kind: &str) -> usize {
        if self.lanes.len() <= usize::from(u16::MAX) {
            let (text, gone, forgotten) = (String::new(), 0, 0);
            self.lanes.push(Lane { channel: channel.into(), kind: kind.into(), text, gone, forgotten });
            return self.lanes.len() - 1;
        }
        usize::MAX
    }

    /// A part of a text with its channel and kind.
    pub(super) fn get(&self, lane: u16, at: u64, length: u32) -> Option<(&str, &str, &str)> {
        let lane = self.lanes.get(usize::from(lane))?;
        let start = usize::try_from(at.checked_sub(lane.gone)?).ok()?;
        let text = lane.text.get(start..start + length as usize)?;
        Some((&lane.channel, &lane.kind, text))
    }

    /// The event of a part is not kept any more; of a lane they go in order.
    pub(super) fn forget(&mut self, lane: u16, length: u32) {
        let Some(lane) = self.lanes.get_mut(usize::from(lane)) else { return };
        lane.forgotten += length as usize;
        self.forgotten += length as usize;
        if self.forgotten > MAX_FORGOTTEN {
            self.halve();
        }
    }

    /// Drops the older half of the longest text that is left of events that are gone.
    fn halve(&mut self) {
        let Some(lane) = self.lanes.iter_mut().max_by_key(|lane| lane.forgotten) else { return };
        let half = lane.text.ceil_char_boundary(lane.forgotten / 2);
        lane.text.drain(..half);
        lane.gone += half as u64;
        lane.forgotten -= half;
        self.forgotten -= half;
        self.cut += half;
    }

    /// Gives back what grows no more.
    pub(super) fn shrink(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.text.shrink_to_fit());
    }

    /// Bytes that were dropped from the front.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }

    /// What each lane has of events that are not kept any more, and of others, whose ends are given, by channel.
    pub(super) fn spans(&self, ends: impl Iterator<Item = (u16, u64)>) -> Vec<Span> {
        let span = |(number, lane): (u16, &Lane)| Span {
            channel: lane.channel.clone(),
            lane: number,
            from: lane.gone,
            to: lane.gone + lane.forgotten as u64,
        };
        let mut spans: Vec<Span> = (0..).zip(&self.lanes).map(span).collect();
        for (lane, end) in ends {
            if let Some(span) = spans.get_mut(usize::from(lane)) {
                span.to = end;
            }
        }
        spans.retain(|span| span.to > span.from);
        spans.sort_by(|one, other| one.channel.cmp(&other.channel));
        spans
    }

    /// So many bytes of a lane from a byte on, or fewer where a character would be cut.
    pub(super) fn part(&self, lane: u16, at: u64, most: usize) -> Option<&str> {
        let lane = self.lanes.get(usize::from(lane))?;
        let text = lane.text.get(usize::try_from(at.checked_sub(lane.gone)?).ok()?..)?;
        text.get(..text.floor_char_boundary(most))
    }

    /// The text of events that are not kept any more, encoded at once.
    #[cfg(test)]
    pub(super) fn before(&self) -> String {
        let mut channels = std::collections::BTreeMap::<&str, String>::new();
        for lane in self.lanes.iter().filter(|lane| lane.forgotten > 0) {
            channels.entry(&lane.channel).or_default().push_str(&lane.text[..lane.forgotten]);
        }
        let cut = if self.cut > 0 { format!(",\"cut\":{}", self.cut) } else { String::new() };
        format!("{{\"channels\":{}{cut}}}", serde_json::to_string(&channels).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_where_they_are_while_others_are_forgotten() {
        let mut texts = Texts::default();
        let parts: Vec<_> = ["Hé", "llo", "!"].map(|text| texts.push("c", "text", text).unwrap()).to_vec();
        texts.push("d", "reasoning", "so");
        texts.forget(0, 3);
        assert_eq!(texts.before(), r#"{"channels":{"c":"Hé"}}"#);
        assert_eq!(texts.get(0, parts[1].1, 3), Some(("c", "text", "llo")));
        assert_eq!(texts.get(1, 0, 2), Some(("d", "reasoning", "so")));
    }

    #[test]
    fn text_beyond_its_limit_is_cut_at_the_front_and_says_so() {
        let mut texts = Texts::default();
        for number in 0..6 {
            let (lane, _) = texts.push("c", "text", &number.to_string().repeat(1 << 20)).unwrap();
            texts.forget(lane, 1 << 20);
        }
        let (lane, at) = texts.push("c", "text", "end").unwrap();
        assert!(texts.forgotten <= MAX_FORGOTTEN && texts.cut > 0);
        assert_eq!(texts.get(lane, at, 3), Some(("c", "text", "end")));
        assert!(texts.before().contains("5\"}"));
    }
}
