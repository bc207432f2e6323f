//! What a gateway tells of itself.

use midstream_gateway::{Log, LogConfig, LogFormat, LogLevel};
use tracing::dispatcher::{DefaultGuard, set_default};

/// All that this thread tells from now on.
pub(crate) fn listen(format: LogFormat) -> (Log, DefaultGuard) {
    let log = Log::new(&LogConfig { level: LogLevel::Debug, ..LogConfig::default() }, format);
    let guard = set_default(log.dispatch());
    (log, guard)
}
