//! What a gateway reads once, at its start.

use std::path::PathBuf;

use super::{Config, LogFormat, StoreConfig, TelemetryConfig, UsageConfig, ViewersConfig};

/// Values that stay while a gateway runs.
pub(crate) struct Fixed {
    log_format: Option<LogFormat>,
    store: StoreConfig,
    telemetry: TelemetryConfig,
    usage: UsageConfig,
    viewers: ViewersConfig,
}

impl Fixed {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            log_format: config.log.format,
            store: config.store.clone(),
            telemetry: config.telemetry.clone(),
            usage: config.usage.clone(),
            viewers: config.viewers.clone(),
        }
    }

    /// Where usage is written.
    pub(crate) fn usage_file(&self) -> Option<&PathBuf> {
        self.usage.file.as_ref()
    }

    /// The keys whose values are others in that configuration.
    pub(crate) fn changed(&self, config: &Config) -> Vec<&'static str> {
        // Taken apart, so that a field that is added is not forgotten here.
        let StoreConfig { folder, fsync, keep_s, max_bytes, max_age_s, max_unwritten_bytes } = &self.store;
        let other = &config.store;
        let store = [
            ("store.folder", *folder == other.folder),
            ("store.fsync", *fsync == other.fsync),
            ("store.keep_s", same(*keep_s, other.keep_s)),
            ("store.max_age_s", same(*max_age_s, other.max_age_s)),
            ("store.max_bytes", *max_bytes == other.max_bytes),
            ("store.max_unwritten_bytes", *max_unwritten_bytes == other.max_unwritten_bytes),
        ];
        let TelemetryConfig { otlp, service_name, metrics_every_s } = &self.telemetry;
        let other = &config.telemetry;
        let telemetry = [
            ("telemetry.metrics_every_s", same(*metrics_every_s, other.metrics_every_s)),
            ("telemetry.otlp", *otlp == other.otlp),
            ("telemetry.service_name", *service_name == other.service_name),
        ];
        let UsageConfig { file, wait_s } = &self.usage;
        let other = &config.usage;
        let usage = [("usage.file", *file == other.file), ("usage.wait_s", same(*wait_s, other.wait_s))];
        let ViewersConfig { per_stream, in_all, token_s, secret_env, secret_file } = &self.viewers;
        let other = &config.viewers;
        let viewers = [
            ("viewers.in_all", *in_all == other.in_all),
            ("viewers.per_stream", *per_stream == other.per_stream),
            ("viewers.secret_env", *secret_env == other.secret_env),
            ("viewers.secret_file", *secret_file == other.secret_file),
            ("viewers.token_s", same(*token_s, other.token_s)),
        ];
        let log = [("log.format", self.log_format == config.log.format)];
        let all = log.into_iter().chain(store).chain(telemetry).chain(usage).chain(viewers);
        all.filter(|(_, is_same)| !is_same).map(|(key, _)| key).collect()
    }
}

/// Whether a number that somebody wrote is the one from before.
fn same(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_that_changes_is_named() {
        let fixed = Fixed::of(&Config::default());
        assert!(fixed.changed(&Config::default()).is_empty());
        let other = b"[log]\nformat = \"text\"\n[store]\nfolder = \"log\"\nfsync = \"never\"\nkeep_s = 1.0\nmax_age_s = 60.0\n\
            max_bytes = 65536\n[telemetry]\nmetrics_every_s = 1.0\notlp = \"http://127.0.0.1\"\nservice_name = \"one\"\n\
            [usage]\nfile = \"usage.jsonl\"\nwait_s = 1.0\n\
            [viewers]\nin_all = 1\nper_stream = 1\nsecret_env = \"SECRET\"\ntoken_s = 60.0\n";
        let changed = fixed.changed(&Config::from_toml(other).unwrap());
        assert_eq!(changed.len(), 15);
        assert!(changed.is_sorted());
        let file = Config::from_toml(b"[viewers]\nsecret_file = \"secret\"").unwrap();
        assert_eq!(fixed.changed(&file), ["viewers.secret_file"]);
    }
}
