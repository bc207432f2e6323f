//! The Python module `midstream._rust`: the module tree, exports only.

use pyo3::prelude::*;

mod errors;
mod gate;
mod gateway;
mod log;
mod stream;

/// Native half of `midstream`.
#[pymodule]
mod _rust {
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name of it")]
    const version: &str = env!("CARGO_PKG_VERSION");

    /// What `midstream.gateway` stands on.
    #[pyo3::pymodule]
    mod gateway {
        #[pymodule_export]
        use crate::gateway::{
            LogLines, Observer, Server, View, read_config, read_config_to_check, read_config_to_serve,
        };
    }

    /// What `midstream.stream` stands on.
    #[pyo3::pymodule]
    mod stream {
        #[pymodule_export]
        use crate::stream::agent::{AgentChecks, AgentDecision, AgentSummary};
        #[pymodule_export]
        use crate::stream::arrived::Arrived;
        #[pymodule_export]
        use crate::stream::checks::Checks;
        #[pymodule_export]
        use crate::stream::course::Course;
        #[pymodule_export]
        use crate::stream::decision::Decision;
        #[pymodule_export]
        use crate::stream::event::Event;
        #[pymodule_export]
        use crate::stream::finding::Finding;
        #[pymodule_export]
        use crate::stream::guard::Guard;
        #[pymodule_export]
        use crate::stream::held::{Held, HoldSummary};
        #[pymodule_export]
        use crate::stream::parts::{Channel, PaceSummary, ToolCall, Usage};
        #[pymodule_export]
        use crate::stream::redact::RedactSummary;
        #[pymodule_export]
        use crate::stream::settings::CompiledSettings;
        #[pymodule_export]
        use crate::stream::summary::Summary;
        #[pymodule_export]
        use crate::stream::text::check_text;
        #[pymodule_export]
        use crate::stream::watching::now_ns;
    }
}
