//! A guard in the middle of its stream, kept and brought back.

use midstream_series::Timestamp;

use super::Guard;
use super::passage::Passage;
use crate::decode::decoder;
use crate::keep::{Keep, Kept, Source, State};
use crate::snapshot::{self, Of};
use crate::{Error, Options};

impl Guard {
    /// The state of this guard as bytes, which [`Guard::restore`] goes on from. `beside` is what the owner wants to find
    /// again with it.
    ///
    /// It holds the text that the checks look back on, the arguments of tool calls and frames that are not whole yet. Where
    /// text is redacted or held, it holds what waits as the model wrote it, secrets among it: keep it as you keep the stream
    /// itself. It holds no settings.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn snapshot(&self, beside: &[u8]) -> Result<Vec<u8>, Error> {
        if self.checks.is_finished() {
            return Err(Error::Finished);
        }
        let now = self.checks.now().unwrap_or_default();
        let settings = format!("{:?}", self.checks.settings());
        Ok(snapshot::written(Of::Guard, &settings, now, beside, self))
    }

    /// The guard whose state [`Guard::snapshot`] wrote, under the same settings, and what its owner kept beside. It goes on
    /// as that one would have. Of the options the settings and their rules count; the others are in the snapshot.
    ///
    /// Text that was asked for waits on: a verdict that comes names it by the same id, and [`Guard::waiting`] gives it to
    /// ask for it again.
    ///
    /// Times go on in the origin that they had. Where the clock is another one, `now` is its time for the moment of the last
    /// call before the snapshot.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that are cut, changed, of another version or taken under other settings, and those of
    /// [`Guard::new`].
    pub fn restore(bytes: &[u8], options: Options, now: Option<Timestamp>) -> Result<(Self, Vec<u8>), Error> {
        let mut guard = Self::new(options)?;
        let settings = format!("{:?}", guard.checks.settings());
        let beside = snapshot::read(bytes, Of::Guard, &settings, now, &mut guard)?;
        Ok((guard, beside))
    }
}

impl State for Guard {
    fn keep_state(&self, out: &mut Kept) {
        let Self { checks, framing, detect, opening, blank, expects_stream, head, decoder, reading, .. } = self;
        let Self { position, blind, pushed, course, passage, stopping, hold, drained, .. } = self;
        checks.keep_state(out);
        (*framing, *blank, *expects_stream).keep(out);
        (*position, (*blind, *pushed), *drained).keep(out);
        course.keep(out);
        detect.keep(out);
        opening.keep(out);
        stopping.keep(out);
        head.keep(out);
        reading.keep_state(out);
        decoder.is_some().keep(out);
        if let Some(decoder) = decoder {
            decoder.keep_state(out);
        }
        if let Some(passage) = passage {
            passage.keep(out);
        }
        if let Some(hold) = hold {
            hold.keep_state(out);
        }
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        self.checks.take_state(from)?;
        (self.framing, self.blank, self.expects_stream) = Keep::take(from)?;
        (self.position, (self.blind, self.pushed), self.drained) = Keep::take(from)?;
        self.course = Keep::take(from)?;
        self.detect = Keep::take(from)?;
        self.opening = Keep::take(from)?;
        self.stopping = Keep::take(from)?;
        self.head = Keep::take(from)?;
        self.reading.take_state(from)?;
        self.decoder = None;
        if bool::take(from)? {
            let mut made = decoder(self.framing)?;
            made.take_state(from)?;
            self.decoder = Some(made);
        }
        if let Some(passage) = &mut self.passage {
            **passage = Keep::take(from).filter(|passage: &Passage| passage.is_of(self.position))?;
        }
        if let Some(hold) = &mut self.hold {
            hold.take_state(from)?;
        }
        Some(())
    }
}
