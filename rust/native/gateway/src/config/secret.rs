//! Secrets: the configuration names the variable or the file that holds each, and never holds one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use midstream_stream::Error;
use secrecy::ExposeSecret;

use super::values::setting;
use super::{Secret, unreadable};

/// Bytes of a file that holds a secret, at most.
const MOST: u64 = 64 << 10;

/// Where one secret stands: in a variable of the environment, or alone in a file.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// What the two settings are called before `_env` and `_file`.
    pub(super) name: &'static str,
    pub(super) env: Option<&'a str>,
    pub(super) file: Option<&'a Path>,
}

impl Source<'_> {
    /// Refuses two places for one secret.
    pub(super) fn validate(&self) -> Result<(), Error> {
        match (self.env, self.file) {
            (Some(_), Some(_)) => Err(self.fault(&format!("nothing beside {}_env", self.name))),
            _ => Ok(()),
        }
    }

    /// Whether it is a variable that holds nothing.
    pub(super) fn is_unset(&self) -> bool {
        self.env.is_some_and(|variable| held_in(variable).is_empty())
    }

    /// The secret; `None` where none is named.
    ///
    /// # Errors
    /// [`Error::Setting`] of the setting that names it, where it is not there.
    pub(super) fn read(&self) -> Result<Option<Secret>, Error> {
        let read = match (self.env, self.file) {
            (Some(variable), _) => {
                Some(held_in(variable)).filter(|held| !held.is_empty()).ok_or_else(|| "is set".to_owned())
            }
            (None, Some(file)) => held_by(file),
            (None, None) => return Ok(None),
        };
        let secret = read.map(Secret::from).map_err(|fault| self.fault(&format!("{} {fault}", self.allowed())));
        secret.map(Some)
    }

    /// The same of one that is sent in a header.
    pub(super) fn read_key(&self) -> Result<Option<Secret>, Error> {
        let is_plain = |key: &Secret| key.expose_secret().bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match self.read()? {
            Some(key) if !is_plain(&key) => {
                Err(self.fault(&format!("{} holds one line of printable ASCII", self.allowed())))
            }
            key => Ok(key),
        }
    }

    /// The error of the setting that names the secret; it shows a name, never the secret.
    pub(super) fn fault(&self, allowed: &str) -> Error {
        let (end, value) = match (self.env, self.file) {
            (_, Some(file)) => ("file", format!("{:?}", file.display().to_string())),
            (variable, None) => ("env", format!("{:?}", variable.unwrap_or_default())),
        };
        setting(&format!("{}_{end}", self.name), &value, allowed)
    }

    /// What may stand there, up to what it has to do.
    pub(super) fn allowed(&self) -> &'static str {
        if self.file.is_some() { "a file that" } else { "a variable of the environment that" }
    }
}

/// What a variable of the environment holds; nothing where it is not set.
fn held_in(variable: &str) -> String {
    std::env::var(variable).unwrap_or_default().trim().to_owned()
}

/// What a file holds, without the newline at its end.
fn held_by(path: &Path) -> Result<String, String> {
    let mut held = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut held));
    read.map_err(|error| format!("can be read: {}", unreadable(&error)))?;
    if held.len() as u64 > MOST {
        return Err(format!("has at most {MOST} bytes"));
    }
    let line = held.strip_suffix('\n').unwrap_or(&held);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() { Err("is not empty".to_owned()) } else { Ok(line.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::StreamId;

    fn of_file(content: &[u8]) -> Result<String, String> {
        let path = std::env::temp_dir().join(format!("midstream-secret-{}", StreamId::new()));
        std::fs::write(&path, content).unwrap();
        let read = Source { name: "key", env: None, file: Some(&path) }.read_key();
        std::fs::remove_file(&path).unwrap();
        let shown = format!("{:?}", path.display().to_string());
        read.map(|secret| secret.unwrap().expose_secret().to_owned())
            .map_err(|error| error.to_string().replace(&shown, "FILE"))
    }

    #[test]
    fn a_file_holds_a_secret_and_one_newline() {
        for content in ["sk-1", "sk-1\n", "sk-1\r\n"] {
            assert_eq!(of_file(content.as_bytes()), Ok("sk-1".to_owned()));
        }
    }

    #[test]
    fn a_file_that_holds_no_secret_is_named_without_what_it_holds() {
        let fault = |content: &[u8]| of_file(content).unwrap_err();
        for content in ["", "\n", "\r\n"] {
            assert_eq!(fault(content.as_bytes()), "key_file is FILE, allowed is a file that is not empty");
        }
        for content in ["sk-1\n\n", "sk-1\nsk-2", "sk-\u{e9}"] {
            let told = "key_file is FILE, allowed is a file that holds one line of printable ASCII";
            assert_eq!(fault(content.as_bytes()), told);
        }
        assert!(fault(&[b's'; 70_000]).ends_with("has at most 65536 bytes"));
        assert!(fault(b"\xff").ends_with("can be read: it is not UTF-8"));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let gone = Source { name: "key", env: None, file: Some(Path::new("gone.key")) };
        assert_eq!(
            gone.read().unwrap_err().to_string(),
            "key_file is \"gone.key\", allowed is a file that can be read: no such file"
        );
        let unset = Source { name: "key", env: Some("MIDSTREAM_TEST_NOT_SET"), file: None };
        assert_eq!(
            unset.read().unwrap_err().to_string(),
            "key_env is \"MIDSTREAM_TEST_NOT_SET\", allowed is a variable of the environment that is set"
        );
        let both = Source { file: gone.file, ..unset };
        assert_eq!(
            both.validate().unwrap_err().to_string(),
            "key_file is \"gone.key\", allowed is nothing beside key_env"
        );
    }
}
