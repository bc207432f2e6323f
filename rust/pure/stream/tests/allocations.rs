//! Memory, counted: a chunk of a running stream allocates nothing, and a stream holds no more than its bar.
#![expect(clippy::unwrap_used, reason = "a stream that cannot be read fails the test")]

use std::sync::{Arc, LazyLock};

use allocation_counter::measure;
use midstream_series::Timestamp;
use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{Action, AgentChecks, ChannelKind, Decision, Guard, Options, Settings, Step};

const NOW: Timestamp = Timestamp::from_nanos(0);
/// Chunks after which every buffer has its size: the history of a channel has turned round.
const WARM: usize = 3_000;
const COUNTED: usize = 1_500;
const KIB: usize = 1_024;

static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let rules = Rule::all_built_in();
    Arc::new(RuleSet::new(&rules[rules.len() - 20..]).unwrap())
});

/// No check on.
fn observing() -> Options {
    let off = r#"{"repeat": {"exact": "off", "counter": "off", "near": "off"}, "redact": {"action": "off"}, "pace": {"stall": "off"}}"#;
    Options { settings: Settings::from_json(off).unwrap(), ..Options::default() }
}

/// Every check on, no rule.
fn checking() -> Options {
    Options::default()
}

/// Every check on, and 20 rules.
fn redacting() -> Options {
    Options { rules: Some(Arc::clone(&RULES)), ..Options::default() }
}

/// Every check on, 20 rules, and limits that are not reached.
fn budgeting() -> Options {
    let limits = r#"{"budget": {"output_tokens": 1000000000, "output_characters": 1000000000, "reasoning_tokens": 1000000000,
        "wall_time_s": 3600, "tool_calls": 9, "cost": 1000000, "price_input": 1, "price_output": 1, "warn_at": 0.9}}"#;
    Options { settings: Settings::from_json(limits).unwrap(), ..redacting() }
}

/// Every check on, 20 rules, and text waits for a verdict.
fn holding() -> Options {
    Options { settings: Settings::from_json(r#"{"hold": {}}"#).unwrap(), ..redacting() }
}

/// Words of two to nine letters and a space, which repeat nothing.
fn words() -> impl Iterator<Item = String> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(move || {
        let letters = 2 + next() % 8;
        (0..letters).map(|_| char::from(b'a' + (next() % 26) as u8)).chain([' ']).collect()
    })
}

/// How one event of a format carries a word.
type Event = fn(&str) -> String;

/// Formats, their content type, and an event.
const FORMATS: [(&str, &str, Event); 6] = [
    ("OpenAI chat", "text/event-stream", |word| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"m\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    }),
    ("OpenAI chat, reasoning", "text/event-stream", |word| {
        format!(
            "data: {{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"reasoning_content\":\"{word}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    }),
    ("OpenAI Responses", "text/event-stream", |word| {
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\"{word}\",\"logprobs\":[]}}\n\n"
        )
    }),
    ("Anthropic Messages", "text/event-stream", |word| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"{word}\"}}}}\n\n"
        )
    }),
    ("Gemini", "text/event-stream", |word| {
        format!(
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{word}\"}}],\"role\": \"model\"}},\
             \"index\": 0}}],\"modelVersion\": \"m\",\"responseId\": \"r\"}}\r\n\r\n"
        )
    }),
    ("Ollama", "application/x-ndjson", |word| {
        format!("{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":\"{word}\"}},\"done\":false}}\n")
    }),
];

/// Allocations of the last chunks of a stream, which the first ones have warmed up.
fn allocations<T: AsRef<[u8]>>(mut guard: Guard, chunks: &[T]) -> u64 {
    let (warm, counted) = chunks.split_at(chunks.len() - COUNTED);
    let mut feed = |chunks: &[T]| {
        for chunk in chunks {
            passes(&guard.feed(chunk.as_ref(), NOW).unwrap());
        }
    };
    feed(warm);
    measure(|| feed(counted)).count_total
}

fn passes(decision: &Decision<'_>) {
    assert!(decision.action <= Action::Observe, "{:?}", decision.findings);
}

#[test]
fn an_event_of_a_stream_allocates_nothing() {
    for (format, content_type, event) in FORMATS {
        let events: Vec<String> = words().map(|word| event(&word)).take(WARM + COUNTED).collect();
        for (checks, options) in [
            ("none", observing()),
            ("all", checking()),
            ("all and 20 rules", redacting()),
            ("all, 20 rules and a budget", budgeting()),
        ] {
            let guard = Guard::new(Options { content_type: Some(content_type.into()), ..options }).unwrap();
            assert_eq!(allocations(guard, &events), 0, "{format}, checks: {checks}");
        }
    }
}

#[test]
fn a_piece_of_an_event_allocates_nothing() {
    for (format, content_type, event) in FORMATS {
        let body: String = words().map(|word| event(&word)).take((WARM + COUNTED) / 2).collect();
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(64).collect();
        let guard = Guard::new(Options { content_type: Some(content_type.into()), ..redacting() }).unwrap();
        assert_eq!(allocations(guard, &pieces), 0, "{format}");
    }
}

#[test]
fn text_that_the_caller_has_allocates_nothing() {
    let words: Vec<String> = words().take(WARM + COUNTED).collect();
    let (warm, counted) = words.split_at(WARM);
    for options in [observing(), checking(), redacting(), budgeting()] {
        let mut guard = Guard::new(options).unwrap();
        let mut push = |words: &[String]| {
            words.iter().for_each(|word| passes(&guard.push_text(ChannelKind::Text, word, NOW).unwrap()));
        };
        push(warm);
        assert_eq!(measure(|| push(counted)).count_total, 0);
    }
}

/// Allocations that a text costs which is asked for. The caller is given three strings, its channel, it and all before it;
/// the guard keeps the same three until the verdict, then the text until it has passed, in a queue that may grow by one.
const PER_TEXT: u64 = 8;

#[test]
fn held_text_allocates_where_the_caller_is_asked_and_nowhere_else() {
    for (format, content_type, event) in FORMATS.into_iter().filter(|(format, ..)| !format.contains("reasoning")) {
        let events: Vec<String> = words().map(|word| event(&word)).take(WARM + COUNTED).collect();
        let mut guard = Guard::new(Options { content_type: Some(content_type.into()), ..holding() }).unwrap();
        let (mut asked, mut alone, mut most, mut id) = (0, 0, 0, None);
        for (at, event) in events.iter().enumerate() {
            let allocated = measure(|| {
                let decision = guard.feed(event.as_bytes(), NOW).unwrap();
                id = decision.held.first().map(|held| held.id);
                if let Some(id) = id {
                    guard.release(id, NOW).unwrap();
                }
            });
            if at >= WARM && id.is_some() {
                asked += 1;
                most = most.max(allocated.count_total);
            } else if at >= WARM {
                alone += allocated.count_total;
            }
        }
        assert!(asked > 0 && alone <= GROWTHS, "{format}: {alone} allocations, {asked} texts");
        assert!(most <= PER_TEXT, "{format}: {most} allocations for one text");
    }
}

/// How often buffers that keep a whole text grow while it becomes half as long again: each at most once.
const GROWTHS: u64 = 3;

/// Characters behind which every buffer has its size; `make soak` reads ten times as many.
static LONG: LazyLock<usize> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    let characters = std::env::var("CHARACTERS");
    characters.map_or(1_000_000, |given| given.parse().unwrap())
});

/// Bytes that a guard holds behind so many characters of one text channel.
fn bytes_as_text(options: Options, characters: usize) -> usize {
    bytes(options, |guard| {
        let (mut read, mut words) = (0, words());
        while let Some(word) = words.next().filter(|_| read < characters) {
            passes(&guard.push_text(ChannelKind::Text, &word, NOW).unwrap());
            read += word.len();
        }
    })
}

/// The same behind so many events of a format.
fn bytes_as_events(options: Options, event: Event, events: usize) -> usize {
    bytes(options, |guard| {
        words().take(events).for_each(|word| passes(&guard.feed(event(&word).as_bytes(), NOW).unwrap()));
    })
}

fn bytes(options: Options, read: impl FnOnce(&mut Guard)) -> usize {
    let mut guard = None;
    let held = measure(|| read(guard.insert(Guard::new(options).unwrap()))).bytes_current;
    size_of::<Guard>() + usize::try_from(held).unwrap()
}

#[test]
fn a_stream_holds_no_more_than_its_bar() {
    for (options, characters, bar) in [
        (redacting(), 0, 16 * KIB),
        (observing(), *LONG, 8 * KIB),
        (checking(), *LONG, 96 * KIB),
        (redacting(), *LONG, 96 * KIB),
        (budgeting(), *LONG, 96 * KIB),
    ] {
        let bytes = bytes_as_text(options, characters);
        assert!(bytes <= bar, "{bytes} bytes behind {characters} characters, {bar} allowed");
    }
}

#[test]
fn a_stream_of_events_holds_no_more_than_its_bar() {
    for (format, _, event) in FORMATS {
        for (options, bar) in [(observing(), 8 * KIB), (redacting(), 96 * KIB)] {
            let bytes = bytes_as_events(options, event, WARM);
            assert!(bytes <= bar, "{format}: {bytes} bytes, {bar} allowed");
        }
    }
}

#[test]
fn an_agent_holds_no_more_however_many_steps_it_takes() {
    let mut checks = AgentChecks::new(Settings::default()).unwrap();
    let mut texts = words();
    let mut run = |steps: usize| {
        for _ in 0..steps {
            let text: String = texts.by_ref().take(20).collect();
            let arguments = format!("{{\"query\": \"{text}\"}}");
            checks.push(Step::Message { agent: "a", text: &text });
            checks.push(Step::Call { id: None, tool: "search", arguments: &arguments });
            checks.push(Step::Result { id: None, tool: None, text: &text, failed: None });
        }
    };
    run(1_000);
    assert!(measure(|| run(1_000)).bytes_current.unsigned_abs() < KIB as u64);
}
