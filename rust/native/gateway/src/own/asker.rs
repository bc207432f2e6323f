//! Who asks for a stream: with a token for it, or with a key.

use std::convert::Infallible;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

use super::answers;
use crate::access::Scope;
use crate::config::Role;
use crate::fault::Fault;
use crate::proxy::Proxy;
use crate::streams::Whose;
use crate::viewers::token::PREFIX;
use crate::wire::in_query;

/// What a request shows of whoever sent it.
pub(super) struct Asker {
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { headers: parts.headers.clone(), uri: parts.uri.clone() })
    }
}

impl Asker {
    /// Refuses who lacks a role for every stream.
    pub(super) fn has_role(&self, proxy: &Proxy, role: Role) -> Result<(), Fault> {
        proxy.setup.load().access.check(&self.headers, &self.uri, role).map(|_| ())
    }

    /// Refuses who may not see a stream: a token for it is enough, the key that started it, and the role `view`.
    pub(super) fn may_see(&self, proxy: &Proxy, stream: Whose<'_>) -> Result<(), Fault> {
        match self.token() {
            Some(token) => {
                let checked = proxy.tokens.check(stream.id, &token, SystemTime::now());
                checked.map_err(|error| Fault::token(&error))
            }
            None => self.may(proxy, stream, Role::View),
        }
    }

    /// Refuses who neither started a stream nor has a role. To other tenants a stream is as if it were not there.
    pub(super) fn may(&self, proxy: &Proxy, stream: Whose<'_>, role: Role) -> Result<(), Fault> {
        let key = proxy.setup.load().access.key(&self.headers, &self.uri)?;
        if !Scope::of(key.as_deref()).holds(stream) {
            return Err(answers::unknown(stream.id.as_str()));
        }
        match key {
            Some(key) if !key.may(role) && stream.key != Some(key.name.as_str()) => {
                Err(Fault::not_allowed(&key.name, role))
            }
            _ => Ok(()),
        }
    }

    /// A viewer's token, in the header or the query: a browser's `EventSource` sends no headers.
    fn token(&self) -> Option<String> {
        let bearer = || self.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ");
        let in_query = in_query(self.uri.query().unwrap_or_default(), "token");
        in_query.or_else(|| bearer().filter(|token| token.starts_with(PREFIX)).map(str::to_owned))
    }
}
