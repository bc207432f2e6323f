//! Why a file cannot be read, in words that say what to mend.

use std::io::{self, ErrorKind};

/// What is wrong with a file that is named beside it.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        ErrorKind::NotFound => "no such file".to_owned(),
        kind => kind.to_string(),
    }
}
