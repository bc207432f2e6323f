use std::cell::RefCell;
use std::sync::Arc;

use midstream_gateway::{Log, LogConfig, LogFormat};
use tokio::runtime::Builder;
use tracing::dispatcher::{DefaultGuard, set_default, with_default};

thread_local! {
    /// Where the events of this thread go, as long as it is one of a gateway's.
    static GUARD: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// The log of a gateway, in a format.
pub(crate) fn of(config: &LogConfig, format: &str) -> Arc<Log> {
    let format = if format == "json" { LogFormat::Json } else { LogFormat::Text };
    Arc::new(Log::new(config, format))
}

/// What the threads of a runtime do goes to a log, and nothing else of the process does.
pub(crate) fn on_threads<'a>(builder: &'a mut Builder, log: Option<&Arc<Log>>) -> &'a mut Builder {
    let Some(log) = log.cloned() else { return builder };
    builder.on_thread_start(move || GUARD.set(Some(set_default(log.dispatch())))).on_thread_stop(|| drop(GUARD.take()))
}

/// The same of what this thread does now.
pub(crate) fn under<T>(log: Option<&Log>, call: impl FnOnce() -> T) -> T {
    match log {
        Some(log) => with_default(log.dispatch(), call),
        None => call(),
    }
}
