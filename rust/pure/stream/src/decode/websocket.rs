use std::ops::ControlFlow;

use super::lines::comment;
use super::{Decode, Frame, FrameKind, MAX_FRAME, Sink, text};
use crate::Anomaly;

/// WebSocket messages, text or binary, one a call of `feed`: the caller's library has read the frames already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WebSocket;

impl Decode for WebSocket {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        let bytes = at..at + chunk.len() as u64;
        if chunk.len() > MAX_FRAME {
            sink.anomaly(Anomaly::Limit);
            return comment(bytes, sink);
        }
        let (data, unchanged) = text(chunk, sink);
        let data_at = unchanged.then_some(at);
        sink.frame(&Frame { kind: FrameKind::Message, name: "", data: &data, bytes, data_at })
    }

    fn finish(&mut self, _: u64, _: &mut dyn Sink) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

crate::keep::keep!(
    struct WebSocket {}
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::collected::{Collected, collect};

    #[test]
    fn each_call_is_one_message() {
        let read = collect(&mut WebSocket, b"{\"a\":1}{\"b\":2}", &[7]);
        assert_eq!(read.messages(), [("", "{\"a\":1}"), ("", "{\"b\":2}")]);
        assert_eq!(read.frames[1].data_at, Some(7));
    }

    #[test]
    fn a_message_beyond_the_limit_is_not_read() {
        let mut sink = Collected::default();
        assert!(WebSocket.feed(&vec![b' '; MAX_FRAME + 1], 0, &mut sink).is_continue());
        assert_eq!((sink.messages().len(), sink.anomalies.as_slice()), (0, &[Anomaly::Limit][..]));
    }
}
