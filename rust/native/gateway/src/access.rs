//! Who may call: keys of the gateway's own, known by their hashes alone.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::{Config, KeyConfig, Role};
use crate::fault::Fault;
use crate::streams::Whose;
use crate::wire::{API_KEY, AZURE_API_KEY, GOOG_API_KEY, KEY, in_query};

/// The keys of a gateway; without any, everyone who reaches it may do everything.
pub(crate) struct Access {
    keys: Vec<Arc<Key>>,
}

/// One key.
pub(crate) struct Key {
    pub(crate) name: String,
    hash: [u8; 32],
    config: KeyConfig,
}

impl Access {
    pub(crate) fn of(config: &Config) -> Self {
        let key = |(name, config): (&String, &KeyConfig)| {
            Some(Arc::new(Key { name: name.clone(), hash: config.hash()?, config: config.clone() }))
        };
        Self { keys: config.keys.iter().filter_map(key).collect() }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Whether clients have keys, which no upstream may see.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The key of a request, if it may do this; `None` where nobody has one.
    pub(crate) fn check(&self, headers: &HeaderMap, uri: &Uri, role: Role) -> Result<Option<Arc<Key>>, Fault> {
        match self.key(headers, uri)? {
            Some(key) if !key.may(role) => Err(Fault::not_allowed(&key.name, role)),
            key => Ok(key),
        }
    }

    /// The key of a request, whatever it may do; `None` where nobody has one.
    pub(crate) fn key(&self, headers: &HeaderMap, uri: &Uri) -> Result<Option<Arc<Key>>, Fault> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let given = given(headers, uri).ok_or_else(Fault::no_key)?;
        let hash: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        // Every key is compared: how long it takes tells nothing.
        let found =
            self.keys.iter().fold(None, |found, key| if bool::from(key.hash.ct_eq(&hash)) { Some(key) } else { found });
        found.cloned().map(Some).ok_or_else(Fault::wrong_key)
    }
}

/// Whose streams a key is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Those of one tenant alone; of all where it is `None`.
    pub(crate) tenant: Option<String>,
}

impl Scope {
    pub(crate) fn of(key: Option<&Key>) -> Self {
        Self { tenant: key.and_then(Key::tenant).map(str::to_owned) }
    }

    pub(crate) fn holds(&self, stream: Whose<'_>) -> bool {
        self.tenant.is_none() || self.tenant.as_deref() == stream.tenant
    }
}

impl Key {
    pub(crate) fn may(&self, role: Role) -> bool {
        self.config.roles.contains(&role)
    }

    /// Whose it is.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.config.tenant.as_deref()
    }

    /// Whether it is for models that the configuration names.
    pub(crate) fn names_models(&self) -> bool {
        self.config.models.is_some()
    }

    /// Refuses models that are asked where the first gives no answer, unless this key is for each of them; `None` where they
    /// cannot be read.
    pub(crate) fn check_others(&self, others: Option<&[String]>) -> Result<(), Fault> {
        let check = |model: Option<&str>| self.check_model(&Method::POST, true, model);
        match others {
            Some(others) => others.iter().try_for_each(|model| check(Some(model))),
            None => check(None),
        }
    }

    /// Refuses a model that this key is not for, and a request that may ask one which cannot be read.
    pub(crate) fn check_model(&self, method: &Method, asks_model: bool, model: Option<&str>) -> Result<(), Fault> {
        let Some(models) = &self.config.models else { return Ok(()) };
        let is_for = |model: &str| models.iter().any(|allowed| allowed == model);
        let what = match model {
            Some(model) if !is_for(model) => format!("the model {model:?}"),
            Some(_) if asks_model => return Ok(()),
            _ if [Method::GET, Method::HEAD].contains(method) => return Ok(()),
            _ => "a request of which it cannot be read what model it asks".to_owned(),
        };
        let message = format!("the key {:?} is not for {what}; it is for: {}", self.name, models.join(", "));
        Err(Fault::new(StatusCode::FORBIDDEN, "midstream_not_allowed", message))
    }
}

/// The key that a client sends, wherever its SDK puts it.
fn given(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let (scheme, key) = text(AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    };
    let in_header = || [API_KEY, GOOG_API_KEY, AZURE_API_KEY].into_iter().find_map(text);
    bearer().or_else(in_header).map(str::to_owned).or_else(|| in_query(uri.query()?, KEY))
}

/// Whether only this machine reaches an address.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl Fault {
    fn no_key() -> Self {
        let message = "no key was sent; send one of the gateway's own as the API key of your SDK";
        Self::new(StatusCode::UNAUTHORIZED, "midstream_no_key", message)
    }

    fn wrong_key() -> Self {
        let message = "the gateway does not know this key; a provider's own key is not one of the gateway's";
        Self::new(StatusCode::UNAUTHORIZED, "midstream_wrong_key", message)
    }

    pub(crate) fn not_allowed(name: &str, role: Role) -> Self {
        let message = format!("the key {name:?} lacks the role {:?}", role.name());
        Self::new(StatusCode::FORBIDDEN, "midstream_not_allowed", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"

    fn access(more: &str) -> Access {
        Access::of(&Config::from_toml(format!("[keys.alice]\nsha256 = \"{HASH}\"\n{more}").as_bytes()).unwrap())
    }

    fn check(access: &Access, header: Option<&str>, uri: &str, role: Role) -> Result<Option<String>, &'static str> {
        let headers = header.map(|value| (AUTHORIZATION, value.parse().unwrap())).into_iter().collect();
        let checked = access.check(&headers, &uri.parse().unwrap(), role);
        checked.map(|key| key.map(|key| key.name.clone())).map_err(|fault| fault.kind)
    }

    #[test]
    fn without_keys_everyone_may() {
        let access = Access::of(&Config::default());
        assert_eq!(check(&access, None, "/", Role::Admin), Ok(None));
    }

    #[test]
    fn a_key_is_known_by_its_hash() {
        let access = access("");
        assert_eq!(check(&access, Some("Bearer secret"), "/", Role::Call), Ok(Some("alice".into())));
        assert_eq!(check(&access, None, "/v1beta?alt=sse&key=secret", Role::Call), Ok(Some("alice".into())));
        assert_eq!(check(&access, None, "/v1beta?k%65y=s%65cret", Role::Call), Ok(Some("alice".into())));
        assert_eq!(check(&access, Some("Bearer other"), "/", Role::Call), Err("midstream_wrong_key"));
        assert_eq!(check(&access, None, "/", Role::Call), Err("midstream_no_key"));
    }

    #[test]
    fn a_key_may_do_what_its_roles_say() {
        let access = access("roles = [\"view\"]");
        assert_eq!(check(&access, Some("Bearer secret"), "/", Role::Call), Err("midstream_not_allowed"));
        assert_eq!(check(&access, Some("Bearer secret"), "/", Role::View), Ok(Some("alice".into())));
    }

    #[test]
    fn a_key_is_for_its_models() {
        let access = access("models = [\"fast\"]");
        let key = access.keys.first().unwrap();
        assert!(key.check_model(&Method::POST, true, Some("fast")).is_ok());
        assert!(key.check_model(&Method::GET, false, None).is_ok());
        for (method, asks_model, model) in [
            (Method::POST, true, Some("slow")),
            (Method::GET, false, Some("slow")),
            (Method::POST, true, None),
            (Method::POST, false, Some("fast")),
            (Method::DELETE, false, None),
        ] {
            let fault = key.check_model(&method, asks_model, model).unwrap_err();
            assert_eq!(fault.status, StatusCode::FORBIDDEN);
            assert!(fault.message.contains("for: fast"), "{}", fault.message);
        }
    }
}
