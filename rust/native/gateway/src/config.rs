//! What a gateway serves and whom it asks: one TOML file, checked before anything listens.

mod actions;
mod clients;
mod continuation;
mod cors;
mod error;
mod fixed;
mod key;
mod limits;
mod listen;
mod log;
mod models;
mod moderator;
mod named;
mod names;
mod on_client_gone;
mod on_stop;
mod prefill;
mod secret;
mod store;
mod telemetry;
mod tls;
mod unreadable;
mod upstream;
mod usage;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use midstream_stream::{Error, Settings, read_json_tables, read_tables};
use secrecy::SecretString;
use serde::Deserialize;

pub use self::clients::ClientsConfig;
pub use self::continuation::ContinuationConfig;
pub use self::cors::CorsConfig;
pub use self::error::ConfigError;
pub(crate) use self::fixed::Fixed;
pub use self::key::{KeyConfig, Role};
pub use self::limits::{LimitsConfig, TenantConfig};
pub use self::log::{LogConfig, LogFormat, LogLevel};
pub use self::moderator::{ModeratorConfig, ModeratorFormat, OnModeratorFailure};
use self::named::Unset;
pub use self::on_client_gone::OnClientGone;
pub use self::on_stop::OnStop;
pub use self::prefill::{PrefillConfig, PrefillFormat};
pub use self::store::{Fsync, StoreConfig, ViewersConfig};
pub use self::telemetry::TelemetryConfig;
pub use self::tls::TlsConfig;
pub(crate) use self::unreadable::unreadable;
pub use self::upstream::{RouteConfig, UpstreamConfig};
pub use self::usage::UsageConfig;
pub(crate) use self::values::below;
use self::values::{MAX_S, setting};

/// A key that is never shown, logged or written.
pub type Secret = SecretString;

/// Where a gateway listens, whom it asks, and what it watches for.
///
/// ```
/// use midstream_gateway::Config;
/// let config = Config::from_toml(b"[upstreams.local]\nurl = \"http://127.0.0.1:8080\"\napis = [\"openai\"]\n")?;
/// assert_eq!(config.listen.to_string(), "127.0.0.1:4000");
/// # Ok::<(), midstream_gateway::ConfigError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port; port 0 takes a free one.
    #[serde(deserialize_with = "listen::read")]
    pub listen: SocketAddr,
    /// Whether it may listen off loopback without TLS: keys and prompts are then read by whoever is on the way.
    pub insecure: bool,
    /// The certificate of the gateway; without it HTTP is plain.
    pub tls: Option<TlsConfig>,
    /// What connections of clients may take.
    pub clients: ClientsConfig,
    /// Which pages of browsers may call; without it none.
    pub cors: Option<CorsConfig>,
    /// What every stream is checked for, as in a guard file.
    pub guard: Settings,
    /// Who is asked, by name. Several may speak one API: the first in order of the name serves what no model decides.
    pub upstreams: BTreeMap<String, UpstreamConfig>,
    /// Models by the name that clients use: who serves each, the first that answers.
    pub models: BTreeMap<String, Vec<RouteConfig>>,
    /// Who may call, by name; without keys everyone who reaches the gateway, and then it listens on loopback alone.
    pub keys: BTreeMap<String, KeyConfig>,
    /// What the keys of one tenant may use together, by its name.
    pub tenants: BTreeMap<String, TenantConfig>,
    /// What is written down of usage.
    pub usage: UsageConfig,
    /// How an answer that a decision stops ends for its client.
    pub on_stop: OnStop,
    /// Whether warnings are told inside an answer, where its format allows an event more.
    pub tell_warnings: bool,
    /// Whom held text is shown to; `guard.hold` says which text that is.
    pub moderator: Option<ModeratorConfig>,
    /// When an answer goes on with a second request.
    pub continuation: ContinuationConfig,
    /// Where traces and metrics go.
    pub telemetry: TelemetryConfig,
    /// Which lines are written of what happens; whoever owns the process writes them.
    pub log: LogConfig,
    /// Whether an answer ends with its client, or goes on for those who view it.
    pub on_client_gone: OnClientGone,
    /// Seconds of silence after which a comment tells the client of server-sent events that the gateway is there; 0
    /// sends none. It is all that is ever added to a body.
    pub keepalive_s: f64,
    /// Whether a client that asks for server-sent events gets the head of its answer after that silence, and comments,
    /// also while no upstream has answered; what refuses it then is told inside the stream, behind the status 200.
    pub early_head: bool,
    /// The largest body of a request, in bytes; at least 1.
    pub max_body: usize,
    /// How long running streams may go on when the gateway stops.
    pub drain_s: f64,
    /// What is kept of streams.
    pub store: StoreConfig,
    /// Who may look on.
    pub viewers: ViewersConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            insecure: false,
            tls: None,
            clients: ClientsConfig::default(),
            cors: None,
            guard: Settings::default(),
            upstreams: BTreeMap::new(),
            models: BTreeMap::new(),
            keys: BTreeMap::new(),
            tenants: BTreeMap::new(),
            telemetry: TelemetryConfig::default(),
            log: LogConfig::default(),
            usage: UsageConfig::default(),
            on_stop: OnStop::default(),
            tell_warnings: false,
            moderator: None,
            continuation: ContinuationConfig::default(),
            on_client_gone: OnClientGone::Cancel,
            keepalive_s: 15.0,
            early_head: false,
            max_body: 32 << 20,
            drain_s: 30.0,
            store: StoreConfig::default(),
            viewers: ViewersConfig::default(),
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError::File`] for the first fault.
    pub fn from_toml(bytes: &[u8]) -> Result<Self, ConfigError> {
        read_tables(bytes, Self::validate).map_err(ConfigError::File)
    }

    /// The same, where what it names has to be there too: the variables and files of keys, secrets and certificates.
    ///
    /// # Errors
    /// [`ConfigError::File`] for the first fault.
    pub fn from_toml_to_serve(bytes: &[u8]) -> Result<Self, ConfigError> {
        let check = |config: &Self| config.validate().and_then(|()| named::read(config, Unset::Refused));
        read_tables(bytes, check).map_err(ConfigError::File)
    }

    /// The same, where variables may not be set: they may be so on the machine that serves.
    ///
    /// # Errors
    /// [`ConfigError::File`] for the first fault.
    pub fn from_toml_to_check(bytes: &[u8]) -> Result<Self, ConfigError> {
        let check = |config: &Self| config.validate().and_then(|()| named::read(config, Unset::Allowed));
        read_tables(bytes, check).map_err(ConfigError::File)
    }

    /// The same of a JSON object.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first fault.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        read_json_tables(json, Self::validate).map_err(ConfigError::Value)
    }

    /// Checks every value.
    fn validate(&self) -> Result<(), Error> {
        self.guard.validate().map_err(|error| below("guard", error))?;
        self.guard.redact.rule_set().map_err(|error| below("guard", error))?;
        self.clients.validate().map_err(|error| below("clients", error))?;
        self.cors.as_ref().map_or(Ok(()), CorsConfig::validate).map_err(|error| below("cors", error))?;
        self.tls.as_ref().map_or(Ok(()), TlsConfig::validate).map_err(|error| below("tls", error))?;
        self.store.validate().map_err(|error| below("store", error))?;
        self.viewers.validate().map_err(|error| below("viewers", error))?;
        names::validate(self)?;
        for (name, upstream) in &self.upstreams {
            upstream.validate().map_err(|error| below(&format!("upstreams.{name}"), error))?;
        }
        models::validate(self)?;
        actions::validate(self)?;
        key::validate(self)?;
        limits::validate(self)?;
        self.telemetry.validate().map_err(|error| below("telemetry", error))?;
        self.usage.validate().map_err(|error| below("usage", error))?;
        listen::validate(self)?;
        if self.max_body == 0 {
            return Err(setting("max_body", "0", "a whole number from 1 on"));
        }
        for (name, value) in [("drain_s", self.drain_s), ("keepalive_s", self.keepalive_s)] {
            if !(0.0..=MAX_S).contains(&value) {
                return Err(setting(name, &value.to_string(), "a number of seconds from 0 to 86400"));
            }
        }
        if self.early_head && self.keepalive_s == 0.0 {
            return Err(setting("early_head", "true", "false, as long as keepalive_s is 0"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Config::from_toml(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_names_line_key_and_what_is_allowed() {
        let text = fault("[upstreams.a]\napis = [\"openai\"]\nurl = \"ftp://x\"\n");
        assert_eq!(
            text,
            "upstreams.a.url is \"ftp://x\", allowed is an http:// or https:// URL with a host, without a query or a password (line 3, column 7)"
        );
    }

    #[test]
    fn a_whole_number_below_zero_is_refused_also_where_zero_is_allowed() {
        let upstream = "[upstreams.a]\napis = [\"openai\"]\nurl = \"http://x\"\n";
        let told = fault("max_body = -1");
        assert_eq!(told, "max_body is -1, allowed is a whole number from 1 on (line 1, column 12)");
        for key in ["breaker_failures", "max_waiting", "retries"] {
            let told = fault(&format!("{upstream}{key} = -1"));
            assert!(told.starts_with(&format!("upstreams.a.{key} is -1, allowed is a whole number from 0")), "{told}");
            assert!(told.contains("(line 4, column "), "{told}");
        }
    }

    #[test]
    fn a_head_is_sent_early_only_where_comments_follow() {
        assert!(
            fault("early_head = true\nkeepalive_s = 0").starts_with("early_head is true, allowed is false, as long")
        );
        assert!(Config::from_toml(b"early_head = true").is_ok());
    }

    #[test]
    fn a_misspelt_key_names_the_nearest() {
        assert!(fault("lisen = \"x\"").contains("did you mean \"listen\"?"));
    }

    #[test]
    fn a_fault_of_a_rule_has_its_place() {
        let told = fault("max_body = 9\n[guard.redact]\nrules = [\"email\", \"nope\"]");
        assert!(told.starts_with("guard.redact.rules[1] is \"nope\"; known: "), "{told}");
        assert!(told.ends_with("(line 3, column 19)"), "{told}");
        let rule = "[[guard.redact.rules]]\nname = \"x\"\n";
        let told = fault(&format!("{rule}pattern = \"a(?=b)\""));
        assert!(told.starts_with("redaction rule \"x\" has look-around at character "), "{told}");
        assert!(told.ends_with("(line 3, column 11)"), "{told}");
        let told = fault(rule);
        assert!(told.starts_with("guard.redact.rules[0].pattern is left out for \"x\""), "{told}");
        assert!(told.ends_with("(line 1, column 1)"), "{told}");
    }

    #[test]
    fn a_place_to_listen_is_an_address_and_a_port() {
        for text in ["localhost:4001", "127.0.0.1:4001"] {
            let config = Config::from_toml(format!("listen = \"{text}\"").as_bytes()).unwrap();
            assert_eq!(config.listen.to_string(), "127.0.0.1:4001");
        }
        let allowed = "allowed is an IP address or localhost, and a port, such as \"127.0.0.1:4000\"";
        for value in ["\"host:4000\"", "\"127.0.0.1\"", "4000"] {
            let told = fault(&format!("listen = {value}"));
            assert_eq!(told, format!("listen is {value}, {allowed} (line 1, column 10)"));
        }
        let told = Config::from_json(r#"{"listen": "host:4000"}"#).unwrap_err().to_string();
        assert_eq!(told, format!("listen is \"host:4000\", {allowed}"));
    }

    #[test]
    fn what_has_no_default_is_said_to_be_left_out() {
        let told = fault("[upstreams.a]\napis = [\"openai\"]");
        assert_eq!(told, "upstreams.a.url is left out, allowed is a value: it has no default (line 1, column 12)");
    }

    #[test]
    fn a_key_is_good_for_something_and_has_a_hash_of_its_own() {
        let key = |name: &str, rest: &str| format!("[keys.\"{name}\"]\nsha256 = \"{}\"\n{rest}\n", "aB".repeat(32));
        let told = fault(&key("a", "roles = []"));
        assert_eq!(
            told,
            "keys.a.roles is an empty list, allowed is at least one of admin, call, view (line 3, column 9)"
        );
        let told = fault(&key("a", "models = []"));
        let said = "keys.a.models is an empty list, allowed is at least one model, or no list for all of them (line 3,";
        assert!(told.starts_with(said), "{told}");
        let told = fault(&(key("my own", "") + &key("other", "").to_lowercase()));
        let said = "allowed is the hash of a key of its own; keys.my own has this one (line 5, column 10)";
        assert!(told.starts_with("keys.other.sha256 is a text that is not shown, ") && told.ends_with(said), "{told}");
    }

    #[test]
    fn a_model_of_no_upstream_is_refused() {
        let text =
            fault("[models]\nfast = [{ upstream = \"b\" }]\n[upstreams.a]\napis = [\"openai\"]\nurl = \"http://x\"");
        assert!(
            text.starts_with("models.fast[0].upstream is \"b\", allowed is an upstream of this file: a (line 2"),
            "{text}"
        );
    }

    #[test]
    fn a_url_with_a_key_in_it_is_refused() {
        assert!(fault("[upstreams.a]\napis = [\"openai\"]\nurl = \"http://user:pass@x\"").contains("upstreams.a.url"));
    }

    #[test]
    fn without_keys_only_loopback_is_listened_on() {
        assert!(
            fault("listen = \"0.0.0.0:4000\"")
                .starts_with("listen is \"0.0.0.0:4000\", allowed is an address of loopback")
        );
        let keyed =
            |more: &str| format!("listen = \"0.0.0.0:4000\"\n{more}\n[keys.a]\nsha256 = \"{}\"", "0".repeat(64));
        assert!(fault(&keyed("")).contains("neither a table tls nor insecure = true"));
        for more in ["insecure = true", "tls.generated = true"] {
            assert!(Config::from_toml(keyed(more).as_bytes()).is_ok());
        }
    }

    #[test]
    fn a_key_in_place_of_its_hash_is_not_shown() {
        let text = fault("[keys.a]\nsha256 = \"sk-secret\"");
        assert!(text.starts_with("keys.a.sha256 is") && !text.contains("sk-secret"), "{text}");
    }

    #[test]
    fn limits_are_checked_and_a_tenant_that_is_misspelt_is_told() {
        let hash = "0".repeat(64);
        let key = |more: &str| fault(&format!("[keys.a]\nsha256 = \"{hash}\"\n{more}"));
        assert!(key("limits = { concurrent = 0 }").starts_with("keys.a.limits.concurrent is 0"));
        assert!(key("limits = { cost_per_day = 1.0 }").contains("none without guard.budget.price_output"));
        assert!(key("tenant = \"a b\"").starts_with("keys.a.tenant is \"a b\""));
        assert!(key("tenant = \"blu\"\n[tenants.blue]").contains("a tenant of this file: blue"));
    }

    #[test]
    fn a_guards_table_is_checked_as_a_guard_file_is() {
        assert!(fault("[guard.repeat]\nexact = \"stopp\"").contains("did you mean \"stop\"?"));
    }
}
