//! One call of an upstream.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use midstream_stream::{EndingState, Summary};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::instruments::{Instruments, USAGE_SOURCE};
use super::name;
use crate::endpoint::Api;
use crate::streams::Meta;
use crate::upstream::Upstream;
use crate::usage::UsageRecord;

/// What spans tell of a request beside its model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asks {
    pub(crate) streams: Option<bool>,
    pub(crate) conversation: Option<String>,
    /// The configuration names the model, so that metrics may.
    pub(crate) model_is_known: bool,
}

/// A span that is not over.
pub(crate) struct Span {
    context: Context,
    instruments: Arc<Instruments>,
    /// What spans and metrics share.
    shared: Vec<KeyValue>,
}

impl Span {
    /// `None` for what is no operation of a model.
    pub(super) fn start(
        tracer: &SdkTracer,
        instruments: Arc<Instruments>,
        parent: &Context,
        (meta, asks): (&Meta, &Asks),
        upstream: &Upstream,
    ) -> Option<Self> {
        let operation = operation(&meta.path)?;
        let mut shared = vec![
            KeyValue::new(name::OPERATION_NAME, operation),
            KeyValue::new(name::PROVIDER_NAME, provider(meta.api)),
        ];
        if let Some((host, port)) = upstream.address() {
            shared.push(KeyValue::new(name::SERVER_ADDRESS, host));
            shared.push(KeyValue::new(name::SERVER_PORT, i64::from(port)));
        }
        let model = meta.model.as_deref().unwrap_or_default();
        let title = format!("{operation} {model}").trim_end().to_owned();
        let mut attributes = shared.clone();
        attributes.push(KeyValue::new("midstream.stream.id", meta.id.as_str().to_owned()));
        attributes.push(KeyValue::new("midstream.upstream", upstream.name.clone()));
        let streams = asks.streams.unwrap_or_else(|| streams_by_default(meta));
        attributes.push(KeyValue::new(name::REQUEST_STREAM, streams));
        attributes.extend(asks.conversation.clone().map(|id| KeyValue::new(name::CONVERSATION_ID, id)));
        if !model.is_empty() {
            attributes.push(KeyValue::new(name::REQUEST_MODEL, model.to_owned()));
            shared.extend(asks.model_is_known.then(|| KeyValue::new(name::REQUEST_MODEL, model.to_owned())));
        }
        let builder = tracer.span_builder(title).with_kind(SpanKind::Client).with_attributes(attributes);
        let span = builder.with_start_time(SystemTime::now()).start_with_context(tracer, parent);
        Some(Self { context: parent.with_span(span), instruments, shared })
    }

    /// Names this span to the upstream.
    pub(crate) fn name_in(&self, headers: &mut HeaderMap) {
        TraceContextPropagator::new().inject_context(&self.context, &mut HeaderInjector(headers));
    }

    /// What is known of an answer that is over, whose request came so many seconds after 1970.
    pub(crate) fn tell(&self, summary: &Summary, started: f64) {
        let span = self.context.span();
        let set = |key: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                span.set_attribute(KeyValue::new(key, value));
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let count = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok()).map(Value::from);
        set(name::RESPONSE_ID, text(&summary.id));
        set(name::RESPONSE_MODEL, text(&summary.model));
        let reasons: Vec<StringValue> = summary.finish_reasons.iter().cloned().map(StringValue::from).collect();
        set(name::RESPONSE_FINISH_REASONS, (!reasons.is_empty()).then_some(Value::Array(Array::String(reasons))));
        set(name::RESPONSE_TIME_TO_FIRST_CHUNK, summary.pace.first_text_s.map(Value::from));
        let first = summary.pace.first_text_s.and_then(|seconds| date(started + seconds));
        set(name::COMPLETION_START_TIME, first.map(Value::from));
        set(name::USAGE_REASONING_OUTPUT_TOKENS, count(summary.usage.reasoning));
        set(name::USAGE_CACHE_READ_INPUT_TOKENS, count(summary.usage.cache_read));
        set(name::USAGE_CACHE_CREATION_INPUT_TOKENS, count(summary.usage.cache_write));
        self.instruments.gaps(&summary.gaps, &self.shared);
        for finding in &summary.findings {
            let attributes = vec![
                KeyValue::new(name::EVALUATION_NAME, format!("{}/{}", finding.check, finding.kind)),
                KeyValue::new(name::EVALUATION_SCORE_VALUE, finding.score),
                KeyValue::new(name::EVALUATION_SCORE_LABEL, finding.action.name()),
            ];
            span.add_event(name::EVALUATION_RESULT, attributes);
        }
    }

    /// It is over, and this is what it used.
    pub(crate) fn end(self, record: &UsageRecord) {
        let span = self.context.span();
        for (key, tokens) in
            [(name::USAGE_INPUT_TOKENS, record.tokens.input), (name::USAGE_OUTPUT_TOKENS, record.tokens.output)]
        {
            if let Some(tokens) = tokens.and_then(|tokens| i64::try_from(tokens).ok()) {
                span.set_attribute(KeyValue::new(key, tokens));
            }
        }
        span.set_attribute(KeyValue::new(USAGE_SOURCE, record.tokens.source.name()));
        let mut shared = self.shared;
        if record.end != EndingState::Complete.name() {
            let error = KeyValue::new(name::ERROR_TYPE, record.end);
            span.set_attribute(error.clone());
            span.set_status(Status::error(record.end));
            shared.push(error);
        }
        self.instruments.record(record, &shared);
        span.end();
    }
}

/// A moment in seconds since 1970, as ISO 8601 writes it, to a millisecond.
fn date(seconds: f64) -> Option<String> {
    let milliseconds = (seconds * 1e3).round() as i128;
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds.checked_mul(1_000_000)?).ok()?.format(&Rfc3339).ok()
}

/// Whether an answer comes in parts where the request does not say.
fn streams_by_default(meta: &Meta) -> bool {
    meta.api == Api::Ollama || meta.path.ends_with(":streamGenerateContent")
}

/// What a path asks a model for, by the conventions' names.
fn operation(path: &str) -> Option<&'static str> {
    let ends = |end: &str| path.ends_with(end);
    if ends("/chat/completions") || ends("/responses") || ends("/messages") || ends("/api/chat") {
        Some("chat")
    } else if ends("/completions") || ends("/api/generate") {
        Some("text_completion")
    } else if ends("/embeddings") || ends("/api/embed") {
        Some("embeddings")
    } else if ends(":generateContent") || ends(":streamGenerateContent") {
        Some("generate_content")
    } else {
        None
    }
}

pub(super) fn provider(api: Api) -> &'static str {
    match api {
        Api::Gemini => "gcp.gemini",
        Api::Anthropic | Api::Ollama | Api::Openai => api.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_in_utc() {
        assert_eq!(date(1_752_384_000.5).as_deref(), Some("2025-07-13T05:20:00.5Z"));
        assert_eq!(date(951_782_400.0).as_deref(), Some("2000-02-29T00:00:00Z"));
        assert_eq!(date(f64::MAX), None);
    }
}
