//! Bodies, and the slow twin of how their texts are cut.

use midstream_series::Timestamp;
use midstream_stream::{Close, EventKind, Guard, Options};

/// Random numbers of a fixed seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`, or 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        if limit == 0 { 0 } else { (self.0 >> 33) as usize % limit }
    }

    /// Pieces of text with marks of sentences in them.
    pub(crate) fn words(&mut self) -> Vec<String> {
        const PARTS: [&str; 16] = [
            "One",
            " word",
            ".",
            " ",
            "! ",
            "?",
            "\n",
            "3",
            ".14",
            "。",
            "今日",
            "é",
            "…",
            "\"q\"",
            " e.g. Dr. that",
            "\n\n```\n",
        ];
        (0..1 + self.below(20)).map(|_| PARTS[self.below(PARTS.len())].to_owned()).collect()
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A frame of a chat stream.
pub(crate) fn delta(delta: &str) -> String {
    format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
}

/// The frame of a chat stream that says these words.
pub(crate) fn said(words: &str) -> String {
    delta(&format!("{{\"content\":{}}}", quoted(words)))
}

/// A chat stream without its end.
pub(crate) fn chat(words: &[String]) -> String {
    let head = delta(r#"{"role":"assistant","content":""}"#);
    words.iter().fold(head, |body, word| body + &said(word))
}

/// The same with its end.
pub(crate) fn completed(words: &[String]) -> String {
    let finish = r#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    format!("{}data: {finish}\n\ndata: [DONE]\n\n", chat(words))
}

/// An Anthropic message.
pub(crate) fn anthropic(words: &[String]) -> String {
    let event = |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n");
    let mut body = event("message_start", r#","message":{"id":"m","model":"c","content":[]}"#);
    body += &event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#);
    for word in words {
        let delta = format!(r#","index":0,"delta":{{"type":"text_delta","text":{}}}"#, quoted(word));
        body += &event("content_block_delta", &delta);
    }
    body += &event("content_block_stop", r#","index":0"#);
    body += &event("message_delta", r#","delta":{"stop_reason":"end_turn"}"#);
    body + &event("message_stop", "")
}

/// A stream of Ollama.
pub(crate) fn ndjson(words: &[String]) -> String {
    let line = |word: &str, done: bool| {
        format!(
            "{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":{}}},\"done\":{done}}}\n",
            quoted(word)
        )
    };
    words.iter().map(|word| line(word, false)).collect::<String>() + &line("", true)
}

/// The text that a body says.
pub(crate) fn text_of(body: &[u8]) -> String {
    let mut guard = Guard::new(Options::default()).unwrap();
    let mut text = String::new();
    let mut take = |events: &midstream_stream::Events| {
        for event in events {
            if let EventKind::Text { text: part } = event.kind {
                text.push_str(events.text(part));
            }
        }
    };
    take(guard.feed(body, Timestamp::default()).unwrap().events);
    take(guard.finish(Close::Clean, Timestamp::default()).unwrap().0.events);
    text
}

/// The texts that are asked for, of a whole text: read backwards from each end, so that nothing is kept between them.
pub(crate) fn pieces(text: &str, limit: usize) -> Vec<String> {
    let all: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in 1..=all.len() {
        let piece = &all[start..end];
        let is_mark = |c: &char| ".!?\n。…".contains(*c);
        let last = piece[piece.len() - 1];
        let numbered = last == '.' && piece.len() > 1 && piece[piece.len() - 2].is_ascii_digit();
        let before: String = piece[..piece.len() - 1].iter().rev().take_while(|c| c.is_alphabetic()).collect();
        let short = last == '.' && (before.chars().count() == 1 || before == "rD");
        let says = piece.iter().any(|c| !is_mark(c) && !c.is_whitespace());
        if (is_mark(&last) && says && !numbered && !short) || piece.len() == limit || end == all.len() {
            pieces.push(piece.iter().collect());
            start = end;
        }
    }
    pieces
}
