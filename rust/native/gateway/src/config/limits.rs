//! How much a key or a tenant may use.

use midstream_stream::Error;
use serde::Deserialize;

use super::Config;
use super::values::{below, setting};

/// How much may be used. A limit that is `None` is none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests a minute; as many may come at once.
    pub requests_per_min: Option<u64>,
    /// Tokens of requests and answers a minute. What a request may use is reserved until it ends: its text, and the most
    /// tokens that it names for each answer; where it names none, 1,024, or what is left of fewer.
    pub tokens_per_min: Option<u64>,
    /// Requests that run at a time.
    pub concurrent: Option<u64>,
    /// Tokens from midnight to midnight, UTC.
    pub tokens_per_day: Option<u64>,
    /// The same of what they cost at the prices of `guard.budget`.
    pub cost_per_day: Option<f64>,
}

/// Whose keys share limits.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantConfig {
    /// What its keys may use together.
    pub limits: LimitsConfig,
}

impl LimitsConfig {
    /// Whether nothing is limited.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks each value; what things cost is known where they have prices.
    pub(super) fn validate(&self, has_prices: bool) -> Result<(), Error> {
        let counts = [
            ("requests_per_min", self.requests_per_min),
            ("tokens_per_min", self.tokens_per_min),
            ("concurrent", self.concurrent),
            ("tokens_per_day", self.tokens_per_day),
        ];
        for (name, count) in counts {
            if let Some(count) = count.filter(|count| !(1..=MOST).contains(count)) {
                return Err(setting(name, &count.to_string(), "a whole number from 1 to 1000000000000000"));
            }
        }
        if let Some(cost) = self.cost_per_day {
            if !(cost > 0.0 && cost <= MOST as f64) {
                return Err(setting("cost_per_day", &cost.to_string(), "a number above 0"));
            }
            if !has_prices {
                let allowed = "none without guard.budget.price_output";
                return Err(setting("cost_per_day", &cost.to_string(), allowed));
            }
        }
        Ok(())
    }
}

impl TenantConfig {
    pub(super) fn validate(&self, has_prices: bool) -> Result<(), Error> {
        self.limits.validate(has_prices).map_err(|error| below("limits", error))
    }
}

/// Checks the limits of all keys and tenants, and that keys name tenants that are there.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    let has_prices = config.guard.budget.price_output.is_some();
    for (name, tenant) in &config.tenants {
        tenant.validate(has_prices).map_err(|error| below(&format!("tenants.{name}"), error))?;
    }
    for (name, key) in &config.keys {
        let of_key = |error| below(&format!("keys.{name}"), error);
        key.limits.validate(has_prices).map_err(|error| of_key(below("limits", error)))?;
        let Some(tenant) = &key.tenant else { continue };
        if !is_name(tenant) {
            let allowed = "1 to 64 letters, digits, - and _";
            return Err(of_key(setting("tenant", &format!("{tenant:?}"), allowed)));
        }
        if !config.tenants.is_empty() && !config.tenants.contains_key(tenant) {
            let known: Vec<&str> = config.tenants.keys().map(String::as_str).collect();
            let allowed = format!("a tenant of this file: {}", known.join(", "));
            return Err(of_key(setting("tenant", &format!("{tenant:?}"), &allowed)));
        }
    }
    Ok(())
}

const MOST: u64 = 1_000_000_000_000_000;

/// Whether a tenant may have that name, which also stands in the names of stores.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}
