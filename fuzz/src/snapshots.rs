//! Bytes that claim to be a guard in flight.

use midstream_series::Timestamp;
use midstream_stream::{Close, Guard, Options, Settings};

use crate::operations::json_of;

const BODY: &str = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I am done. I am done. Write to bob@example\"}}]}\n\ndata: {";
const MARK: &[u8] = b"midstream snapshot\n";

/// The first byte chooses settings. The rest is a snapshot, and once more what to change in one, three bytes a place,
/// under a right checksum.
pub fn check(input: &[u8]) {
    let Some((settings, rest)) = input.split_first() else { return };
    let Ok(settings) = Settings::from_json(&json_of(*settings)) else { return };
    let options = Options { settings, ..Options::default() };
    let Ok(mut guard) = Guard::new(options.clone()) else { return };
    let _ = Guard::restore(rest, options.clone(), None);
    let _ = guard.feed(BODY.as_bytes(), Timestamp::from_nanos(1));
    let bytes = guard.snapshot(b"beside").expect("it is not finished");
    let Ok((mut guard, _)) = Guard::restore(&changed(&bytes, rest), options, None) else { return };
    let _ = guard.feed(b"}\n\n", Timestamp::from_nanos(2));
    let _ = guard.finish(Close::Clean, Timestamp::from_nanos(3));
}

/// The snapshot with other bytes behind its head.
fn changed(bytes: &[u8], changes: &[u8]) -> Vec<u8> {
    let version = MARK.len() + 1 + usize::from(bytes[MARK.len()]);
    let number = |from: usize| from + 1 + bytes[from..].iter().position(|byte| *byte < 0x80).expect("a number ends");
    let mut state = bytes[number(number(version))..].to_vec();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % state.len();
        state[at] = change[2];
    }
    let mut sealed = bytes[..version].to_vec();
    for number in [state.len() as u64, crc32(&state).into()] {
        keep(number, &mut sealed);
    }
    sealed.extend(state);
    sealed
}

/// Seven bits a byte, the lowest first.
fn keep(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum: u32, _| sum >> 1 ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}
