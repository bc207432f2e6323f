use std::ops::Range;

use crate::decode::{Frame, FrameKind, Framing, envelope};
use crate::redact::{Fault, Masking, Rewritten};

/// The bytes of a redacted stream on their way: they wait until their frame is whole and read, and pass as it became.
#[derive(Debug, Default)]
pub(super) struct Passage {
    /// Bytes that wait, from the stream's byte `from` on.
    kept: Vec<u8>,
    from: u64,
    /// What this call passes, where it is not the beginning of its chunk.
    out: Vec<u8>,
    rewritten: Rewritten,
    /// Bytes before and behind the data of the last frame, which hold no match.
    clean_head: Vec<u8>,
    clean_tail: Vec<u8>,
    /// Frames from one on that may end an answer.
    postponed: Vec<Postponed>,
}

/// A frame that was read and waits for whether another comes.
#[derive(Debug)]
struct Postponed {
    kind: FrameKind,
    name: String,
    data: String,
    bytes: Range<u64>,
    data_at: Option<u64>,
    is_cut: bool,
}

/// A call's chunk with the passage it goes through.
pub(super) struct Passing<'a> {
    passage: &'a mut Passage,
    framing: Framing,
    chunk: &'a [u8],
    /// Where the chunk begins in the stream.
    at: u64,
    /// Where bytes begin that have not passed.
    next: u64,
    /// What passed stands in `out`.
    in_out: bool,
    /// The frame that comes is the beginning of one that never came to its end.
    pub(super) is_cut: bool,
}

/// What a call passes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Passed {
    /// So many bytes from the beginning of the chunk on.
    Chunk(usize),
    /// The bytes of [`Passage::out`].
    Out,
}

impl Passage {
    /// Begins a call.
    pub(super) fn begin<'a>(&'a mut self, framing: Framing, chunk: &'a [u8], at: u64) -> Passing<'a> {
        self.out.clear();
        let (next, in_out) = (self.from, self.from < at);
        Passing { passage: self, framing, chunk, at, next, in_out, is_cut: false }
    }

    pub(super) fn out(&self) -> &[u8] {
        &self.out
    }

    /// Whether what waits can be of a stream of which so many bytes were read.
    pub(super) fn is_of(&self, position: u64) -> bool {
        let is_read =
            |bytes: &Range<u64>| self.from <= bytes.start && bytes.start <= bytes.end && bytes.end <= position;
        let ends = self.from.checked_add(self.kept.len() as u64).is_some_and(|end| end <= position);
        let is_frame =
            |frame: &Postponed| is_read(&frame.bytes) && frame.data_at.is_none_or(|at| at >= frame.bytes.start);
        ends && self.postponed.iter().all(is_frame)
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.kept.len() as u64
    }
}

impl Passing<'_> {
    pub(super) fn framing_is(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// Bytes that have passed in this call.
    pub(super) fn passed(&self) -> usize {
        if self.in_out { self.passage.out.len() } else { self.next.saturating_sub(self.at) as usize }
    }

    /// Ends the call: what has not passed waits.
    pub(super) fn end(self) -> Passed {
        let Passage { kept, from, .. } = self.passage;
        let kept_end = *from + kept.len() as u64;
        // Frames of a snapshot that was tampered with may lie before what waits.
        let next = self.next.max(*from);
        if next < kept_end {
            kept.drain(..(next - *from) as usize);
        } else {
            kept.clear();
        }
        let rest = next.max(kept_end).max(self.at);
        kept.extend_from_slice(self.chunk.get((rest - self.at) as usize..).unwrap_or_default());
        *from = next;
        if self.in_out { Passed::Out } else { Passed::Chunk(next.saturating_sub(self.at) as usize) }
    }

    /// Passes a frame that was read, as `mask` has it.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, mask: &mut dyn Masking) {
        if mask.fault().is_none() && mask.postpone() {
            return self.put_off(frame);
        }
        let is_cut = std::mem::take(&mut self.is_cut);
        self.postponed(mask);
        self.is_cut = is_cut;
        // It may itself end an answer.
        if mask.fault().is_none() && mask.postpone() {
            self.put_off(frame);
        } else {
            self.pass(frame, mask);
        }
    }

    fn pass(&mut self, frame: &Frame<'_>, mask: &mut dyn Masking) {
        if mask.fault().is_some() {
            return mask.next_frame();
        }
        if self.next < frame.bytes.start {
            self.unread(self.next..frame.bytes.start, mask);
        }
        if frame.kind == FrameKind::Comment {
            if std::mem::take(&mut self.is_cut) {
                self.drop_to(frame.bytes.end);
            } else {
                self.unread(frame.bytes.clone(), mask);
            }
            return mask.next_frame();
        }
        let mut rewritten = std::mem::take(&mut self.passage.rewritten);
        mask.rewrite(frame.data, &mut rewritten);
        self.extra(&rewritten);
        self.message(frame, &rewritten, mask);
        self.passage.rewritten = rewritten;
    }

    /// The stream ended: what is left of its texts passes in frames of their own.
    pub(super) fn rest(&mut self, mask: &mut dyn Masking) {
        self.postponed(mask);
        let mut rewritten = std::mem::take(&mut self.passage.rewritten);
        mask.rewrite("", &mut rewritten);
        if mask.fault().is_none() {
            self.extra(&rewritten);
        }
        mask.next_frame();
        self.passage.rewritten = rewritten;
    }

    fn put_off(&mut self, frame: &Frame<'_>) {
        let is_cut = std::mem::take(&mut self.is_cut);
        let Frame { kind, name, data, bytes, data_at } = frame.clone();
        let (name, data) = (name.to_owned(), data.to_owned());
        self.passage.postponed.push(Postponed { kind, name, data, bytes, data_at, is_cut });
    }

    /// Passes the frames that were put off.
    fn postponed(&mut self, mask: &mut dyn Masking) {
        for postponed in std::mem::take(&mut self.passage.postponed) {
            mask.swap_postponed();
            self.is_cut = postponed.is_cut;
            self.pass(&postponed.frame(), mask);
            mask.take_postponed();
        }
    }

    /// Takes back the last characters that passed.
    pub(super) fn take_back(&mut self, characters: u64) {
        self.move_to_out();
        let out = &mut self.passage.out;
        // What is no UTF-8 stands as it came, and was read as one character a bad part.
        let whole = out.utf8_chunks().flat_map(|part| {
            let bad = Some(part.invalid().len()).filter(|length| *length > 0);
            part.valid().chars().map(char::len_utf8).chain(bad)
        });
        let lengths: Vec<usize> = whole.collect();
        let surplus: usize = lengths.iter().rev().take(characters as usize).sum();
        out.truncate(out.len() - surplus);
    }

    fn message(&mut self, frame: &Frame<'_>, rewritten: &Rewritten, mask: &mut dyn Masking) {
        self.reach(frame.bytes.end);
        let place = frame.data_at.map(|at| {
            let start = (at - frame.bytes.start) as usize;
            start..start + frame.data.len()
        });
        let Passage { kept, from, out, clean_head, clean_tail, .. } = &mut *self.passage;
        let raw = raw(kept, *from, self.chunk, self.at, frame.bytes.clone());
        let parts = place.clone().and_then(|place| Some((raw.get(..place.start)?, raw.get(place.end..)?)));
        let (head, tail) = parts.unwrap_or((raw, &[]));
        let is_sse = self.framing == Framing::Sse;
        let mut is_clean = true;
        for (part, clean) in [(head, &mut *clean_head), (tail, &mut *clean_tail)] {
            // Where the data stands nowhere as it was read, it is part of these bytes.
            if part == clean.as_slice() || parts.is_none() {
                continue;
            }
            if mask.replace_in(&String::from_utf8_lossy(part)).is_none() {
                part.clone_into(clean);
            } else {
                is_clean = false;
            }
        }
        let redacted = (is_sse && (!is_clean || parts.is_none()))
            .then(|| envelope::redacted_lines(raw, place.clone(), &mut |line| mask.replace_in(line)))
            .flatten();
        if !is_clean && redacted.is_none() {
            mask.fail(Fault::Unplaceable);
        }
        let is_changed = rewritten.is_changed || redacted.is_some();
        let (raw, place) = redacted.as_ref().map_or((raw, place), |(raw, place)| (raw.as_slice(), place.clone()));
        if is_changed && mask.fault().is_none() {
            if !self.in_out {
                self.in_out = true;
                let before = (self.next - self.at) as usize;
                out.extend_from_slice(self.chunk.get(..before).unwrap_or_default());
            }
            if !rewritten.is_changed {
                out.extend_from_slice(raw);
            } else if !envelope::replace(self.framing, raw, place, &rewritten.data, out) {
                mask.fail(Fault::Unplaceable);
            }
        }
        if mask.fault().is_some() {
            return mask.next_frame();
        }
        if mask.wants_templates() {
            let name = redacted.as_ref().and_then(|_| mask.replace_in(frame.name));
            mask.close_frame(frame.data, name.as_deref().unwrap_or(frame.name), head, tail);
        } else {
            mask.next_frame();
        }
        if is_changed {
            self.next = frame.bytes.end;
        } else {
            self.pass_to(frame.bytes.end);
        }
    }

    /// Passes frames that were not in the stream.
    fn extra(&mut self, rewritten: &Rewritten) {
        if rewritten.before.is_empty() {
            return;
        }
        self.move_to_out();
        for (template, data) in &rewritten.before {
            let out = &mut self.passage.out;
            envelope::add(self.framing, &template.name, &template.head, &template.tail, data, out);
        }
    }

    /// Passes bytes that hold no message: comments, and what keeps the connection alive.
    fn unread(&mut self, bytes: Range<u64>, mask: &mut dyn Masking) {
        self.reach(bytes.end);
        let Passage { kept, from, .. } = &*self.passage;
        let raw = raw(kept, *from, self.chunk, self.at, bytes.clone());
        if raw.trim_ascii().len() > 1
            && let Some(text) = mask.replace_in(&String::from_utf8_lossy(raw))
        {
            self.move_to_out();
            self.passage.out.extend_from_slice(text.as_bytes());
            self.next = bytes.end;
            return;
        }
        self.pass_to(bytes.end);
    }

    fn drop_to(&mut self, end: u64) {
        self.move_to_out();
        self.next = end;
    }

    /// Passes the bytes before `end` as they came.
    fn pass_to(&mut self, end: u64) {
        if self.in_out {
            let Passage { kept, from, out, .. } = &mut *self.passage;
            out.extend_from_slice(raw(kept, *from, self.chunk, self.at, self.next..end));
        }
        self.next = end;
    }

    /// From here on what passes is copied.
    fn move_to_out(&mut self) {
        if !std::mem::replace(&mut self.in_out, true) {
            let before = (self.next - self.at) as usize;
            self.passage.out.extend_from_slice(self.chunk.get(..before).unwrap_or_default());
        }
    }

    /// Makes the bytes up to `end` one piece, where they do not lie in the chunk alone.
    fn reach(&mut self, end: u64) {
        let Passage { kept, from, .. } = &mut *self.passage;
        let kept_end = *from + kept.len() as u64;
        let place = |at: u64| at.checked_sub(self.at).and_then(|at| usize::try_from(at).ok());
        if self.next < self.at && kept_end < end {
            let fresh = place(kept_end).zip(place(end)).and_then(|(first, end)| self.chunk.get(first..end));
            kept.extend_from_slice(fresh.unwrap_or_default());
        }
    }
}

impl Postponed {
    fn frame(&self) -> Frame<'_> {
        let Self { kind, name, data, bytes, data_at, .. } = self;
        Frame { kind: *kind, name, data, bytes: bytes.clone(), data_at: *data_at }
    }
}

/// Bytes of the stream, which lie in the chunk, else in what was kept.
fn raw<'a>(kept: &'a [u8], from: u64, chunk: &'a [u8], at: u64, bytes: Range<u64>) -> &'a [u8] {
    let (bytes_of, start) = if bytes.start >= at { (chunk, at) } else { (kept, from) };
    let place = |at: u64| at.checked_sub(start).and_then(|at| usize::try_from(at).ok());
    let range = place(bytes.start).zip(place(bytes.end));
    range.and_then(|(first, end)| bytes_of.get(first..end)).unwrap_or_default()
}

crate::keep::keep!(struct Passage { kept, from, postponed } fresh { out, rewritten, clean_head, clean_tail });
crate::keep::keep!(struct Postponed { kind, name, data, bytes, data_at, is_cut });
