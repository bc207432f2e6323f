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

/// Whether each recording is read in every way, as `make soak` asks; else in some of them, which a seed draws.
#[allow(dead_code, reason = "not every test reads in many ways")]
pub(crate) fn is_whole() -> bool {
    std::env::var_os("EVERY_CASE").is_some()
}
