//! The Python module `midstream._rust`: the module tree, exports only.

use pyo3::prelude::*;

/// Native half of `midstream`.
#[pymodule]
mod _rust {
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name of it")]
    const version: &str = env!("CARGO_PKG_VERSION");
}
