//! Which pages of browsers may call a gateway.

use http::Uri;
use midstream_stream::Error;
use serde::Deserialize;

use super::values::setting;

/// The origins whose pages may read what the gateway answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsConfig {
    /// Exact ones, such as `https://app.example`, or `*` alone for any.
    pub origins: Vec<String>,
    /// Whether a browser may send its cookies along; not where any origin may call.
    #[serde(default)]
    pub credentials: bool,
}

impl CorsConfig {
    /// Whether every origin may call.
    pub(crate) fn is_any(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.origins.is_empty() {
            return Err(setting("origins", "an empty list", "at least one origin"));
        }
        if let Some(at) = self.origins.iter().position(|origin| origin == "*").filter(|_| self.origins.len() > 1) {
            return Err(setting(&format!("origins[{at}]"), "\"*\"", "an exact origin beside others, or \"*\" alone"));
        }
        if self.is_any() && self.credentials {
            let allowed = "false where any origin may call: name the origins instead";
            return Err(setting("credentials", "true", allowed));
        }
        let mut entries = self.origins.iter().enumerate();
        match entries.find(|(_, origin)| *origin != "*" && !is_origin(origin)) {
            Some((at, origin)) => {
                let allowed = "an origin as browsers send it: scheme, host and port, such as \"https://app.example\"";
                Err(setting(&format!("origins[{at}]"), &format!("{origin:?}"), allowed))
            }
            None => Ok(()),
        }
    }
}

/// Whether a text is what a browser sends as `Origin`.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let is_plain = !authority.contains(['/', '?', '#', '@']) && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_plain && !scheme.is_empty() && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origins: &[&str], credentials: bool) -> Result<(), String> {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        CorsConfig { origins, credentials }.validate().map_err(|error| error.to_string())
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        assert_eq!(check(&["https://app.example", "http://localhost:5173"], true), Ok(()));
        for origin in ["app.example", "https://app.example/", "https://APP.example", "https://", "null"] {
            assert!(check(&[origin], false).unwrap_err().starts_with("origins[0] is"), "{origin}");
        }
    }

    #[test]
    fn any_origin_is_alone_and_without_credentials() {
        assert_eq!(check(&["*"], false), Ok(()));
        assert!(check(&["https://app.example", "*"], false).unwrap_err().starts_with("origins[1] is \"*\""));
        assert!(check(&["*"], true).unwrap_err().starts_with("credentials is true"));
        assert!(check(&[], false).is_err());
    }
}
