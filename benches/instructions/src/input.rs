use std::fmt::Write;

const SYLLABLES: [&str; 16] =
    ["ka", "ri", "to", "mel", "shu", "ben", "or", "vi", "lan", "de", "quo", "sta", "ne", "pul", "gri", "wo"];

/// Text of about `characters` characters that repeats nothing: words of two to four syllables.
pub(crate) fn prose(characters: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut text = String::with_capacity(characters + 16);
    while text.len() < characters {
        for _ in 0..2 + next() % 3 {
            text.push_str(SYLLABLES.get(next() % SYLLABLES.len()).unwrap_or(&""));
        }
        text.push_str(if next() % 12 == 0 { ". " } else { " " });
    }
    text
}

/// A chat stream of `events` chunks, one word each, with what a provider says beside it: about 290 bytes an event.
#[allow(dead_code, reason = "not every program that shares this file needs it")]
pub(crate) fn sse(events: usize) -> Vec<u8> {
    let text = prose(events * 9);
    let mut body = String::new();
    for word in text.split_inclusive(' ').take(events) {
        // Writing into a string cannot fail.
        let _ = write!(
            body,
            "data: {{\"id\":\"chatcmpl-CQ8sVt2mWlqKgpUYt0rXfZc9n1Bad\",\"object\":\"chat.completion.chunk\",\
             \"created\":1760000000,\"model\":\"m-4.1-mini\",\"service_tier\":\"default\",\
             \"system_fingerprint\":\"fp_f2a9c1d3e5\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"x7Qp2\"}}\n\n"
        );
    }
    body.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    body.into_bytes()
}

/// Pieces of a text as a model writes them: words with the space before them, cut where they are longer than five letters,
/// so that a piece has four characters on average.
#[allow(dead_code, reason = "not every program that shares this file needs it")]
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.match_indices(' ').map(|(at, _)| at).find(|at| *at > 0).unwrap_or(rest.len());
        let parts = word.div_ceil(6);
        let (token, tail) = rest.split_at_checked(word.div_ceil(parts.max(1)))?;
        rest = tail;
        (!token.is_empty()).then_some(token)
    })
}

/// The events of an SSE body, each with its blank line.
#[allow(dead_code, reason = "not every program that shares this file needs it")]
pub(crate) fn events(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = rest.windows(2).position(|pair| pair == b"\n\n")? + 2;
        let (event, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(event)
    })
}
