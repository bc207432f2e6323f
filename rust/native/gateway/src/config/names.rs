//! How upstreams and tenants may be called.

use midstream_stream::Error;

use super::values::setting;
use super::{Config, limits};

/// What paths of APIs and of the gateway itself begin with.
const RESERVED: [&str; 8] = ["api", "healthz", "metrics", "midstream", "readyz", "v1", "v1alpha", "v1beta"];

/// Refuses names that no path or no key can hold.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    if let Some(name) = config.upstreams.keys().find(|name| !is_upstream(name)) {
        let allowed = format!(
            "a name of 1 to 64 letters, digits, \"-\", \"_\" and \".\" that is not of dots alone, and none of {}",
            RESERVED.join(", ")
        );
        return Err(setting(&format!("upstreams.{name}"), &format!("{name:?}"), &allowed));
    }
    if let Some(name) = config.tenants.keys().find(|name| !limits::is_name(name)) {
        let allowed = "a name of 1 to 64 letters, digits, - and _, as a key names it";
        return Err(setting(&format!("tenants.{name}"), &format!("{name:?}"), allowed));
    }
    Ok(())
}

/// Whether the first part of a path may name an upstream so.
fn is_upstream(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_reserved = RESERVED.contains(&name);
    let is_plain = (1..=64).contains(&name.len()) && name.bytes().all(is_plain);
    is_plain && !is_reserved && name.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<String> {
        Config::from_toml(text.as_bytes()).err().map(|error| error.to_string())
    }

    #[test]
    fn the_name_of_an_upstream_can_begin_a_path() {
        let of = |name: &str| fault(&format!("\n[upstreams.{name}]\nurl = \"http://x\"\napis = [\"openai\"]\n"));
        for name in ["openai", "my-llm_2", "\"api.example.com\"", "v2"] {
            assert_eq!(of(name), None, "{name}");
        }
        for name in ["v1", "\"\"", "\"a/b c\"", "midstream", "api", "v1beta", "metrics", "\"..\"", "\"é\""] {
            let told = of(name).unwrap();
            assert!(told.starts_with("upstreams.") && told.contains("allowed is a name of 1 to 64 letters"), "{told}");
            assert!(told.contains("(line 2, column "), "{told}");
        }
        let long = "x".repeat(65);
        assert!(of(&long).is_some() && of(&long[1..]).is_none());
    }

    #[test]
    fn a_tenant_is_called_as_a_key_may_name_it() {
        let told = fault("[tenants.\"a b\".limits]\nconcurrent = 1\n").unwrap();
        assert!(
            told.starts_with("tenants.a b is a table, allowed is a name of 1 to 64") && told.contains("(line 1"),
            "{told}"
        );
        assert_eq!(fault("[tenants.a-b]\n"), None);
    }
}
