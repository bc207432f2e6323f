//! Why a configuration cannot be used.

use std::fmt;

use midstream_stream::{Error, FileError};

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigError {
    /// A fault of the file, with its line and key.
    File(FileError),
    /// The system has no random bits to make a secret of.
    NoRandom,
    /// A value that is not allowed, or that names a variable or a file which is not there.
    Value(Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::NoRandom => {
                f.write_str("the system gives no random bits to make a secret of; set viewers.secret_env")
            }
            Self::Value(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<Error> for ConfigError {
    fn from(error: Error) -> Self {
        Self::Value(error)
    }
}
