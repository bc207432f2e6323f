//! Names of OpenTelemetry's semantic conventions for generative AI.

pub(super) const EVALUATION_RESULT: &str = "gen_ai.evaluation.result";
pub(super) const CONVERSATION_ID: &str = "gen_ai.conversation.id";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const EVALUATION_NAME: &str = "gen_ai.evaluation.name";
pub(super) const EVALUATION_SCORE_LABEL: &str = "gen_ai.evaluation.score.label";
pub(super) const EVALUATION_SCORE_VALUE: &str = "gen_ai.evaluation.score.value";
pub(super) const OPERATION_NAME: &str = "gen_ai.operation.name";
pub(super) const PROVIDER_NAME: &str = "gen_ai.provider.name";
pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(super) const REQUEST_STREAM: &str = "gen_ai.request.stream";
pub(super) const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub(super) const RESPONSE_ID: &str = "gen_ai.response.id";
pub(super) const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(super) const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub(super) const TOOL_NAME: &str = "gen_ai.tool.name";
pub(super) const TOKEN_TYPE: &str = "gen_ai.token.type";
pub(super) const USAGE_CACHE_CREATION_INPUT_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub(super) const USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(super) const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(super) const USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";

// Langfuse's own: by it the time to the first token is shown.
pub(super) const COMPLETION_START_TIME: &str = "langfuse.observation.completion_start_time";

// Operations of agents.
pub(super) const EXECUTE_TOOL: &str = "execute_tool";
pub(super) const INVOKE_AGENT: &str = "invoke_agent";

// Metrics.
pub(super) const CLIENT_OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
pub(super) const CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
pub(super) const CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK: &str = "gen_ai.client.operation.time_per_output_chunk";
pub(super) const CLIENT_TOKEN_USAGE: &str = "gen_ai.client.token.usage";
pub(super) const EXECUTE_TOOL_DURATION: &str = "gen_ai.execute_tool.duration";
pub(super) const INVOKE_AGENT_DURATION: &str = "gen_ai.invoke_agent.duration";
pub(super) const SERVER_REQUEST_DURATION: &str = "gen_ai.server.request.duration";
pub(super) const SERVER_TIME_PER_OUTPUT_TOKEN: &str = "gen_ai.server.time_per_output_token";
pub(super) const SERVER_TIME_TO_FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";

#[cfg(test)]
mod tests {
    #![expect(deprecated, reason = "the list moved to a repository of its own and is published for no language yet")]

    use opentelemetry_semantic_conventions::{attribute, metric};

    use super::*;

    #[test]
    fn the_names_are_those_that_are_published() {
        let pairs = [
            (CONVERSATION_ID, attribute::GEN_AI_CONVERSATION_ID),
            (ERROR_TYPE, attribute::ERROR_TYPE),
            (EVALUATION_NAME, attribute::GEN_AI_EVALUATION_NAME),
            (EVALUATION_SCORE_LABEL, attribute::GEN_AI_EVALUATION_SCORE_LABEL),
            (EVALUATION_SCORE_VALUE, attribute::GEN_AI_EVALUATION_SCORE_VALUE),
            (OPERATION_NAME, attribute::GEN_AI_OPERATION_NAME),
            (PROVIDER_NAME, attribute::GEN_AI_PROVIDER_NAME),
            (REQUEST_MODEL, attribute::GEN_AI_REQUEST_MODEL),
            (REQUEST_STREAM, attribute::GEN_AI_REQUEST_STREAM),
            (RESPONSE_FINISH_REASONS, attribute::GEN_AI_RESPONSE_FINISH_REASONS),
            (RESPONSE_ID, attribute::GEN_AI_RESPONSE_ID),
            (RESPONSE_MODEL, attribute::GEN_AI_RESPONSE_MODEL),
            (RESPONSE_TIME_TO_FIRST_CHUNK, attribute::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK),
            (TOKEN_TYPE, attribute::GEN_AI_TOKEN_TYPE),
            (TOOL_NAME, attribute::GEN_AI_TOOL_NAME),
            (USAGE_CACHE_CREATION_INPUT_TOKENS, attribute::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS),
            (USAGE_CACHE_READ_INPUT_TOKENS, attribute::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
            (USAGE_INPUT_TOKENS, attribute::GEN_AI_USAGE_INPUT_TOKENS),
            (USAGE_OUTPUT_TOKENS, attribute::GEN_AI_USAGE_OUTPUT_TOKENS),
            (USAGE_REASONING_OUTPUT_TOKENS, attribute::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
            (SERVER_ADDRESS, attribute::SERVER_ADDRESS),
            (SERVER_PORT, attribute::SERVER_PORT),
            (CLIENT_OPERATION_DURATION, metric::GEN_AI_CLIENT_OPERATION_DURATION),
            (CLIENT_OPERATION_TIME_TO_FIRST_CHUNK, metric::GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK),
            (CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK, metric::GEN_AI_CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK),
            (CLIENT_TOKEN_USAGE, metric::GEN_AI_CLIENT_TOKEN_USAGE),
            (SERVER_REQUEST_DURATION, metric::GEN_AI_SERVER_REQUEST_DURATION),
            (SERVER_TIME_PER_OUTPUT_TOKEN, metric::GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN),
            (SERVER_TIME_TO_FIRST_TOKEN, metric::GEN_AI_SERVER_TIME_TO_FIRST_TOKEN),
        ];
        for (ours, published) in pairs {
            assert_eq!(ours, published);
        }
    }
}
