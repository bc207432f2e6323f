//! Where the recorded data stands that tests read.

use std::path::{Path, PathBuf};

/// A folder of recorded data; a missing one is said aloud and skips the test.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let data = std::env::var_os("MIDSTREAM_DATA").map(PathBuf::from);
    let folder = data.unwrap_or_else(|| project.join("../shared/data")).join(name);
    if !folder.is_dir() {
        eprintln!("skipped: no recorded {name} in {}; set MIDSTREAM_DATA", folder.display());
        return None;
    }
    Some(folder)
}
