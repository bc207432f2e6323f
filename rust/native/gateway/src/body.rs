//! Bodies of responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full};

/// What broke a body while it passed.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer, whatever writes it.
///
/// A server that sees a body break writes nothing more of it: what came before has a turn to leave first.
pub(crate) struct Body {
    written: Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>,
    /// What breaks it in its next turn.
    fault: Option<BodyError>,
}

impl Body {
    pub(crate) fn of<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        Self { written: Box::pin(body.map_err(Into::into)), fault: None }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(fault) = this.fault.take() {
            return Poll::Ready(Some(Err(fault)));
        }
        match ready!(this.written.as_mut().poll_frame(cx)) {
            Some(Err(fault)) => {
                this.fault = Some(fault);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.fault.is_none() && self.written.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.written.size_hint()
    }
}

/// A body that is there at once.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Body::of(Full::new(bytes.into()).map_err(|never: Infallible| match never {}))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures_util::stream;
    use http_body::Body as _;
    use http_body_util::StreamBody;

    use super::*;

    #[test]
    fn what_was_written_has_a_turn_to_leave_before_a_body_breaks() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"a"))), Err(BodyError::from("broken"))];
        let mut body = Body::of(StreamBody::new(stream::iter(frames)));
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = || Pin::new(&mut body).poll_frame(&mut cx);
        assert!(matches!(poll(), Poll::Ready(Some(Ok(_)))));
        assert!(poll().is_pending());
        assert!(matches!(poll(), Poll::Ready(Some(Err(_)))));
        assert!(matches!(poll(), Poll::Ready(None)));
    }
}
