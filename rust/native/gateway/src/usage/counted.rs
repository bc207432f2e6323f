//! What a provider counted of a request whose answer nobody guards, such as embeddings.
//!
//! Such an answer may be long, and what counts may stand at its begin or at its end: all but the members of the outermost
//! object that count is left out while it passes, and the rest is read at its end.

use serde::Deserialize;

/// Members that hold counts, and may be objects.
const HOLD_COUNTS: [&[u8]; 3] = [b"meta", b"usage", b"usageMetadata"];
/// Bytes that are kept; in an answer with more of them nothing is counted.
const MOST: usize = 64 << 10;

/// What is kept of an answer while it passes.
#[derive(Debug, Default)]
pub(super) struct Counted {
    kept: Vec<u8>,
    depth: u32,
    in_text: bool,
    is_escaped: bool,
    /// Where the last text of the outermost object is kept: the name of the member behind it.
    name: (usize, usize),
    /// The member that is open holds counts.
    holds_counts: bool,
}

/// What an answer says of its tokens, whatever its API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(alias = "usageMetadata")]
    usage: Usage,
    meta: Meta,
    /// Of Ollama.
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    #[serde(alias = "input_tokens", alias = "promptTokenCount")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens", alias = "candidatesTokenCount")]
    completion_tokens: Option<u64>,
    #[serde(alias = "totalTokenCount")]
    total_tokens: Option<u64>,
}

/// Of Cohere.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    billed_units: Usage,
}

impl Counted {
    /// The next bytes of the answer.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.kept.len() > MOST {
                return;
            }
            self.take(*byte);
        }
    }

    fn take(&mut self, byte: u8) {
        let closes = !self.in_text && matches!(byte, b'}' | b']');
        let opens = !self.in_text && matches!(byte, b'{' | b'[');
        if opens && self.depth == 1 {
            let name = self.kept.get(self.name.0..self.name.1).unwrap_or_default();
            self.holds_counts = HOLD_COUNTS.contains(&name);
            if !self.holds_counts {
                self.kept.extend_from_slice(b"null");
            }
        }
        self.depth += u32::from(opens);
        if self.depth <= 1 || self.holds_counts {
            self.kept.push(byte);
        }
        self.depth = self.depth.saturating_sub(u32::from(closes));
        self.text(byte);
    }

    /// Follows where texts begin and end.
    fn text(&mut self, byte: u8) {
        match byte {
            _ if std::mem::take(&mut self.is_escaped) => {}
            b'\\' if self.in_text => self.is_escaped = true,
            b'"' => {
                self.in_text = !self.in_text;
                if self.depth == 1 {
                    let at = self.kept.len();
                    self.name = if self.in_text { (at, at) } else { (self.name.0, at.saturating_sub(1)) };
                }
            }
            _ => {}
        }
    }

    /// Tokens of the request and of the answer; `None` where the provider counted none.
    pub(super) fn tokens(&self) -> Option<(u64, u64)> {
        let Answer { usage, meta, prompt_eval_count, eval_count } = serde_json::from_slice(&self.kept).ok()?;
        let of_ollama = Usage { prompt_tokens: prompt_eval_count, completion_tokens: eval_count, total_tokens: None };
        [usage, meta.billed_units, of_ollama].into_iter().find_map(|usage| {
            let output = usage.completion_tokens.unwrap_or_default();
            let input = usage.prompt_tokens.or(usage.total_tokens.map(|total| total.saturating_sub(output)))?;
            Some((input, output))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(answer: &str, size: usize) -> Option<(u64, u64)> {
        let mut counted = Counted::default();
        answer.as_bytes().chunks(size).for_each(|bytes| counted.read(bytes));
        counted.tokens()
    }

    #[test]
    fn each_apis_count_is_read_wherever_it_stands_and_however_it_is_cut() {
        for (answer, expected) in [
            (
                r#"{"object":"list","data":[{"embedding":[0.5,1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
                (8, 0),
            ),
            (r#"{"usage" : {"prompt_tokens":8}, "data":[[{"usage":{"prompt_tokens":9}}]]}"#, (8, 0)),
            (r#"{"model":"m","embeddings":[[1,2]],"total_duration":5,"prompt_eval_count":8}"#, (8, 0)),
            (
                r#"{"results":[{"document":{"text":"\"usage\":{\"total_tokens\":9}"}}],"usage":{"total_tokens":8}}"#,
                (8, 0),
            ),
            (r#"{"id":"x","embeddings":{"float":[[1]]},"meta":{"billed_units":{"input_tokens":8}}}"#, (8, 0)),
            (r#"{"embeddings":[{"values":[1]}],"usageMetadata":{"promptTokenCount":8}}"#, (8, 0)),
            (
                r#"{"data":[{"b64_json":"}]\\\"{"}],"usage":{"input_tokens":8,"output_tokens":70,"total_tokens":78}}"#,
                (8, 70),
            ),
        ] {
            for size in 1..answer.len() {
                assert_eq!(tokens(answer, size), Some(expected), "{answer} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_counts_nothing_gives_nothing() {
        for answer in
            ["", "[]", "{}", r#"{"data":[1]}"#, r#"{"usage":null}"#, r#"[{"usage":{"prompt_tokens":1}}]"#, "}{\"\\"]
        {
            assert_eq!(tokens(answer, 3), None, "{answer}");
        }
    }

    #[test]
    fn no_more_of_an_answer_is_kept_than_there_is_room_for() {
        let mut counted = Counted::default();
        counted.read(format!("{{\"data\":[{}],\"x\":\"", "1,".repeat(1 << 20)).as_bytes());
        assert!(counted.kept.len() < 100, "{}", counted.kept.len());
        counted.read(&vec![b'x'; 1 << 20]);
        assert!(counted.kept.len() <= MOST + 1);
    }
}
