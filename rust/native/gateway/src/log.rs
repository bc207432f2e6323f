//! One line for what happens to a gateway and its streams: names and numbers, never text, keys or addresses of requests.
//!
//! The gateway writes nothing by itself: its events have the target [`TARGET`], and a [`Log`] makes lines of them for
//! whoever installs it and takes them.

mod ended;
pub(crate) mod events;
mod life;
mod lines;
mod refusals;
mod trouble;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

pub(crate) use self::ended::{Ended, KnownEnd};
pub use self::lines::Lines;
pub(crate) use self::refusals::{Refusals, Refused};
pub(crate) use self::trouble::Trouble;
use crate::config::{LogConfig, LogFormat, LogLevel};

/// What events of the gateway are known by.
pub(crate) const TARGET: &str = "midstream.gateway";

/// Where there is one subscriber alone, `tracing` asks that of the thread which meets an event first whether anybody wants
/// it: on a thread without one the answer is no, for good. This is the second one, so that all are asked.
static SILENT: OnceLock<Dispatch> = OnceLock::new();

/// Makes lines of the events of a gateway, and of no other crate's.
pub struct Log {
    dispatch: Dispatch,
    lines: Arc<Lines>,
    filter: reload::Handle<Targets, Registry>,
    told_lost: AtomicU64,
}

impl Log {
    /// In a format, from the level that is configured on.
    pub fn new(config: &LogConfig, format: LogFormat) -> Self {
        SILENT.get_or_init(|| Dispatch::new(Registry::default().with(Targets::new())));
        let lines = Arc::<Lines>::default();
        let (filter, handle) = reload::Layer::new(targets(config.level));
        let layer = fmt::layer().with_writer(Arc::clone(&lines)).with_target(false);
        let layer = match format {
            LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
            LogFormat::Text => layer.with_ansi(false).boxed(),
        };
        let dispatch = Dispatch::new(Registry::default().with(filter).with(layer));
        Self { dispatch, lines, filter: handle, told_lost: AtomicU64::new(0) }
    }

    /// What a thread whose events are to become lines has as its default.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Where the lines wait.
    pub fn lines(&self) -> &Arc<Lines> {
        &self.lines
    }

    /// From now on another level counts.
    pub fn set_level(&self, level: LogLevel) {
        // It fails where the subscriber is gone, and then there is nothing to filter.
        let _ = self.filter.reload(targets(level));
    }

    /// Tells of lines that were lost since this was last told, in a line of its own.
    pub fn tell_lost(&self) {
        let lost = self.lines.lost();
        let before = self.told_lost.swap(lost, Ordering::Relaxed);
        if lost > before {
            with_default(&self.dispatch, || events::lines_lost(lost - before));
        }
    }
}

/// Starts a thread that tells what happens on it where the calling one does.
pub(crate) fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let told = get_default(Clone::clone);
    thread::Builder::new().name(name.to_owned()).spawn(move || with_default(&told, work))
}

fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Warn => LevelFilter::WARN,
    };
    Targets::new().with_target(TARGET, level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(format: LogFormat, config: &LogConfig, tell: impl FnOnce(&Log)) -> Vec<String> {
        let log = Log::new(config, format);
        with_default(log.dispatch(), || tell(&log));
        log.lines().close();
        log.lines().take()
    }

    #[test]
    fn an_event_is_one_line_in_either_format_and_other_crates_have_none() {
        let tell = |_: &Log| {
            tracing::error!("another crate's");
            events::circuit_opened("a\nb");
        };
        let [line] = &lines(LogFormat::Json, &LogConfig::default(), tell)[..] else { panic!("one line") };
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"circuit_opened".into()));
        assert_eq!(line["upstream"], "a\nb");
        let [line] = &lines(LogFormat::Text, &LogConfig::default(), tell)[..] else { panic!("one line") };
        assert!(line.ends_with(" WARN circuit_opened upstream=\"a\\nb\"\n"), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn a_thread_without_a_log_takes_no_event_from_one_that_has_it() {
        let log = Log::new(&LogConfig::default(), LogFormat::Text);
        std::thread::spawn(events::moderator_recovered).join().unwrap();
        with_default(log.dispatch(), events::moderator_recovered);
        log.set_level(LogLevel::Error);
        log.set_level(LogLevel::Info);
        with_default(log.dispatch(), events::moderator_recovered);
        log.lines().close();
        assert_eq!(log.lines().take().len(), 2);
    }

    #[test]
    fn the_level_counts_and_may_change() {
        let config = LogConfig { level: LogLevel::Error, ..LogConfig::default() };
        let told = lines(LogFormat::Text, &config, |log| {
            events::circuit_opened("not told");
            log.set_level(LogLevel::Warn);
            events::circuit_opened("told");
            log.set_level(LogLevel::Off);
            events::circuit_opened("not told");
        });
        assert_eq!(told.len(), 1);
    }
}
