/// The headers of an AWS event stream message that say what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Headers<'a> {
    message_type: &'a [u8],
    event_type: &'a [u8],
    exception_type: &'a [u8],
    error_code: &'a [u8],
    error_message: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Reads headers up to the first that is malformed.
    pub(super) fn read(mut bytes: &'a [u8]) -> Self {
        let mut headers = Self::default();
        while let Some((name, value, rest)) = header(bytes) {
            match name {
                b":message-type" => headers.message_type = value,
                b":event-type" => headers.event_type = value,
                b":exception-type" => headers.exception_type = value,
                b":error-code" => headers.error_code = value,
                b":error-message" => headers.error_message = value,
                _ => {}
            }
            bytes = rest;
        }
        headers
    }

    /// Whether the message reports a failure: a modelled exception, or an error outside the model.
    pub(super) fn is_exception(&self) -> bool {
        matches!(self.message_type, b"exception" | b"error")
    }

    /// The kind of event, exception or error.
    pub(super) fn name(&self) -> &'a [u8] {
        match self.message_type {
            b"exception" => self.exception_type,
            b"error" => self.error_code,
            _ => self.event_type,
        }
    }

    /// What an error outside the model says; such a message has no payload.
    pub(super) fn error_message(&self) -> Option<&'a str> {
        str::from_utf8(self.error_message).ok().filter(|message| !message.is_empty())
    }
}

/// The first header's name and value (empty unless it is a string or bytes), and the bytes behind it.
fn header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, bytes) = bytes.split_first()?;
    let (name, bytes) = bytes.split_at_checked((*length).into())?;
    let (kind, bytes) = bytes.split_first()?;
    let fixed = match kind {
        0 | 1 => 0, // true, false
        2 => 1,     // byte
        3 => 2,     // short
        4 => 4,     // integer
        5 | 8 => 8, // long, timestamp
        9 => 16,    // UUID
        6 | 7 => {
            let (length, bytes) = bytes.split_first_chunk::<2>()?;
            let (value, rest) = bytes.split_at_checked(u16::from_be_bytes(*length).into())?;
            return Some((name, value, rest));
        }
        _ => return None,
    };
    Some((name, &[], bytes.get(fixed..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_ten_types_are_passed_over() {
        let mut bytes = Vec::new();
        for (kind, value) in [
            (0, &b""[..]),
            (1, b""),
            (2, b"1"),
            (3, b"12"),
            (4, b"1234"),
            (5, b"12345678"),
            (6, b"\0\x01x"),
            (8, b"12345678"),
            (9, b"0123456789abcdef"),
        ] {
            bytes.extend([1, b'n', kind]);
            bytes.extend(value);
        }
        bytes.extend(b"\x0d:message-type\x07\0\x09exception\x0f:exception-type\x07\0\x03bad");
        let headers = Headers::read(&bytes);
        assert!(headers.is_exception());
        assert_eq!(headers.name(), b"bad");
    }

    #[test]
    fn a_header_of_an_unknown_type_ends_the_reading() {
        assert_eq!(Headers::read(b"\x0b:event-type\x0a\0\x01x"), Headers::default());
    }
}
