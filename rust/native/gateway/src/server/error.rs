//! Why a gateway does not do what it is asked for.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::telemetry::TelemetryError;

/// Why a stream did not get a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// What is wrong with it, or that there are enough.
    Refused(String),
    /// No stream has that id.
    Unknown,
}

/// Why a gateway did not start.
#[derive(Debug)]
pub enum StartError {
    /// Its configuration cannot be used.
    Config(ConfigError),
    /// Its address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The folder of its log cannot be used.
    Store {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Its collector of telemetry cannot be asked.
    Telemetry(TelemetryError),
    /// Its file of usage cannot be written.
    UsageFile {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Store { folder, error } => write!(f, "cannot keep a log in {}: {error}", folder.display()),
            Self::Telemetry(error) => write!(f, "{error}"),
            Self::UsageFile { file, error } => write!(f, "cannot write usage to {}: {error}", file.display()),
        }
    }
}

impl std::error::Error for StartError {}

/// Why a gateway goes on with the configuration that it has.
#[derive(Clone, Debug, PartialEq)]
pub enum ReloadError {
    /// The new one cannot be used.
    Config(ConfigError),
    /// The new one asks to listen elsewhere.
    Listen {
        /// Where.
        asked: SocketAddr,
        /// Where it listens.
        address: SocketAddr,
    },
    /// The new one has other values for what is read once, at the start.
    Restart {
        /// Their keys.
        keys: Vec<&'static str>,
    },
    /// What was used today cannot be read.
    UsageFile {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Listen { asked, address } => {
                write!(f, "listen is {asked}, but a gateway that runs stays at {address}; start another one there")
            }
            Self::Restart { keys } => {
                write!(f, "a gateway that runs keeps what it began with of {}; start it again", keys.join(", "))
            }
            Self::UsageFile { file, reason } => write!(f, "cannot read usage from {}: {reason}", file.display()),
        }
    }
}

impl std::error::Error for ReloadError {}
