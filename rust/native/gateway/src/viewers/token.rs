//! Tokens of viewers: each is good for one stream, to read alone, for a while.

use std::fmt;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::config::{ConfigError, ViewersConfig};
use crate::hex;
use crate::streams::StreamId;

/// What tokens begin with, so that a leaked one is known for what it is.
pub(crate) const PREFIX: &str = "mst_";

/// Gives tokens, and knows its own.
pub(crate) struct Tokens {
    secret: SecretSlice<u8>,
    /// How long they are good.
    good: Duration,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    Expired,
    Wrong,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the token has expired; ask for another",
            Self::Wrong => "the token is not one for this stream",
        })
    }
}

impl Tokens {
    /// Reads the secret, or makes one.
    pub(crate) fn of(config: &ViewersConfig) -> Result<Self, ConfigError> {
        let good = Duration::from_secs_f64(config.token_s);
        if let Some(secret) = config.secret()? {
            return Ok(Self { secret: secret.expose_secret().as_bytes().to_vec().into(), good });
        }
        let mut secret = vec![0; 32];
        getrandom::fill(&mut secret).map_err(|_| ConfigError::NoRandom)?;
        Ok(Self { secret: secret.into(), good })
    }

    /// A token for a stream, and when it ends in seconds since 1970.
    pub(crate) fn give(&self, id: &StreamId, now: SystemTime) -> (String, u64) {
        let ends = (seconds(now)).saturating_add(self.good.as_secs());
        let seal = hex::written(&self.seal(id, ends).finalize().into_bytes());
        (format!("{PREFIX}{ends:x}_{seal}"), ends)
    }

    /// Checks a token for a stream.
    pub(crate) fn check(&self, id: &StreamId, token: &str, now: SystemTime) -> Result<(), TokenError> {
        let parts = token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let (ends, seal) = parts.ok_or(TokenError::Wrong)?;
        let ends = u64::from_str_radix(ends, 16).map_err(|_| TokenError::Wrong)?;
        let seal = hex::read(seal).ok_or(TokenError::Wrong)?;
        self.seal(id, ends).verify_slice(&seal).map_err(|_| TokenError::Wrong)?;
        if seconds(now) < ends { Ok(()) } else { Err(TokenError::Expired) }
    }

    fn seal(&self, id: &StreamId, ends: u64) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "a key of HMAC has any length")]
        let mut seal = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret()).expect("a key of any length");
        seal.update(format!("midstream viewer {id} {ends}").as_bytes());
        seal
    }
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::of(&ViewersConfig { token_s: 60.0, ..ViewersConfig::default() }).unwrap()
    }

    #[test]
    fn a_token_is_good_for_one_stream_and_a_while() {
        let (tokens, id, now) = (tokens(), StreamId::new(), SystemTime::now());
        let (token, ends) = tokens.give(&id, now);
        assert_eq!(ends, seconds(now) + 60);
        assert_eq!(tokens.check(&id, &token, now), Ok(()));
        assert_eq!(tokens.check(&StreamId::new(), &token, now), Err(TokenError::Wrong));
        assert_eq!(tokens.check(&id, &token, now + Duration::from_secs(61)), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_that_was_changed_or_given_elsewhere_is_wrong() {
        let (ours, id, now) = (tokens(), StreamId::new(), SystemTime::now());
        let (token, ends) = ours.give(&id, now);
        let later = token.replacen(&format!("{ends:x}"), &format!("{:x}", ends + 1), 1);
        for wrong in [
            later.as_str(),
            "",
            "mst_",
            "mst_1_",
            "mst_zz_00",
            "mst_1_0g",
            "mst_1_\u{e9}\u{e9}",
            &token[..token.len() - 2],
        ] {
            assert_eq!(ours.check(&id, wrong, now), Err(TokenError::Wrong), "{wrong}");
        }
        assert_eq!(tokens().check(&id, &token, now), Err(TokenError::Wrong));
    }
}
