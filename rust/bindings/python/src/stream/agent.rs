use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use midstream_stream as stream;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyType};
use serde::{Deserialize, Serialize};

use super::arguments::{self, Words};
use super::finding::Finding;
use super::item::{messages as said_messages, said};
use super::json::{self, Reduced};
use super::settings::compiled;
use super::watching::NS_PER_BYTE;
use crate::errors::BindingError;
use crate::gate;

/// The check of an agent's loops over the many requests of one run.
///
/// A guard reads one stream; this reads what the agent does: its calls of tools, their results, what it says. Hand it the
/// messages of each request before you send it, or the steps one by one.
///
/// Parameters
/// ----------
/// settings : Settings or path of a guard file, optional
///     Their ``actions`` and ``shadow`` count; the default settings where left out.
///
/// Notes
/// -----
/// Memory stays below 160 KiB however long a run is. Use from several threads is serialised.
///
/// Examples
/// --------
/// >>> from midstream.stream import AgentChecks
/// >>> checks = AgentChecks()
/// >>> for _ in range(3):
/// ...     _ = checks.call("search", {"query": "harbour"})
/// ...     decision = checks.result("no hits")
/// >>> decision.action
/// 'hint'
/// >>> decision.findings[0].explanation
/// 'search was called 3 times with the same arguments and the same result since step 2'
#[pyclass(frozen, module = "midstream.stream")]
pub(crate) struct AgentChecks(Mutex<stream::AgentChecks>);

impl AgentChecks {
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, stream::AgentChecks> {
        self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call through the gate and takes its decision over.
    fn take(
        &self,
        py: Python<'_>,
        bytes: usize,
        work: impl FnOnce(&mut stream::AgentChecks) -> Result<AgentDecision, stream::Error> + Send,
    ) -> PyResult<AgentDecision> {
        let mut locked = self.lock(py);
        let checks = &mut *locked;
        gate::compute(py, bytes as u64 * NS_PER_BYTE, |_| work(checks))
    }
}

#[pymethods]
impl AgentChecks {
    #[new]
    #[pyo3(signature = (settings: "midstream.stream.settings.SettingsOrFile | None" = None))]
    fn new(settings: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let checks = stream::AgentChecks::new(compiled(settings)?.settings).map_err(BindingError::from)?;
        Ok(Self(Mutex::new(checks)))
    }

    /// The state of the run as bytes, which `restore` goes on from, here or in another process.
    ///
    /// They hold what findings show of the latest calls, hashes of the rest, and no settings.
    ///
    /// Returns
    /// -------
    /// bytes
    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock(py).snapshot())
    }

    /// The checks whose state `snapshot` wrote.
    ///
    /// Parameters
    /// ----------
    /// data : bytes
    /// settings : Settings or path of a guard file, optional
    ///     With the ``actions`` and ``shadow`` of the checks that were kept.
    ///
    /// Returns
    /// -------
    /// AgentChecks
    ///
    /// Raises
    /// ------
    /// InputError
    ///     For bytes that are cut, changed, written by another version or under other settings.
    ///
    /// Examples
    /// --------
    /// >>> from midstream.stream import AgentChecks
    /// >>> checks = AgentChecks()
    /// >>> _ = checks.call("search")
    /// >>> AgentChecks.restore(checks.snapshot()).summary.open_calls
    /// 1
    #[staticmethod]
    #[pyo3(signature = (data: "bytes", settings: "midstream.stream.settings.SettingsOrFile | None" = None))]
    fn restore(data: &Bound<'_, PyAny>, settings: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let settings = compiled(settings)?.settings;
        let checks =
            stream::AgentChecks::restore(arguments::data(data)?.as_bytes(), settings).map_err(BindingError::from)?;
        Ok(Self(Mutex::new(checks)))
    }

    /// The agent calls a tool.
    ///
    /// Parameters
    /// ----------
    /// tool : str
    ///     Its name.
    /// arguments : str, mapping or None
    ///     JSON text or what JSON can hold. Calls are equal where the JSON says the same.
    /// id : str, optional
    ///     The provider's id of the call.
    ///
    /// Returns
    /// -------
    /// AgentDecision
    #[pyo3(signature = (tool: "str", arguments: "object" = None, *, id: "str | None" = None))]
    fn call(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::tool)] tool: Words,
        arguments: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = arguments::id_if_any)] id: Option<Words>,
    ) -> PyResult<AgentDecision> {
        let arguments = arguments.map(|arguments| said("arguments", arguments)).transpose()?.unwrap_or_default();
        self.take(py, arguments.len(), |checks| {
            let (id, tool) = (id.as_ref().map(|id| id.0.as_str()), tool.0.as_str());
            Ok(checks.push(stream::Step::Call { id, tool, arguments: &arguments }).into())
        })
    }

    /// A tool gave its result.
    ///
    /// Parameters
    /// ----------
    /// result : str, or anything that JSON can hold
    /// id : str, optional
    ///     The call's id. Without it the result is that of the oldest open call.
    /// tool : str, optional
    ///     Without an id, the result is that of the oldest open call of this tool.
    /// failed : bool, optional
    ///     Whether the tool failed. Default: told from the text.
    ///
    /// Returns
    /// -------
    /// AgentDecision
    #[pyo3(signature = (
        result: "object", *, id: "str | None" = None, tool: "str | None" = None, failed: "bool | None" = None
    ))]
    fn result(
        &self,
        result: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = arguments::id_if_any)] id: Option<Words>,
        #[pyo3(from_py_with = arguments::tool_if_any)] tool: Option<Words>,
        #[pyo3(from_py_with = arguments::failed)] failed: Option<bool>,
    ) -> PyResult<AgentDecision> {
        let text = said("result", result)?;
        self.take(result.py(), text.len(), |checks| {
            let (id, tool) = (id.as_ref().map(|id| id.0.as_str()), tool.as_ref().map(|tool| tool.0.as_str()));
            Ok(checks.push(stream::Step::Result { id, tool, text: &text, failed }).into())
        })
    }

    /// An agent says something.
    ///
    /// Parameters
    /// ----------
    /// text : str
    ///     Messages of fewer than twelve words are not compared.
    /// agent : str
    ///     Who says it; messages of one agent are compared with each other.
    ///
    /// Returns
    /// -------
    /// AgentDecision
    #[pyo3(signature = (text: "str", *, agent: "str" = Words(String::new())))]
    fn message(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = arguments::text)] text: Words,
        #[pyo3(from_py_with = arguments::agent)] agent: Words,
    ) -> PyResult<AgentDecision> {
        self.take(py, text.0.len(), |checks| {
            Ok(checks.push(stream::Step::Message { agent: &agent.0, text: &text.0 }).into())
        })
    }

    /// Reads the messages of a request, each time from the start: those that were read are not read again.
    ///
    /// Parameters
    /// ----------
    /// messages : list
    ///     Mappings or pydantic models: chat messages of OpenAI, Ollama and others, items of Responses, messages of
    ///     Anthropic and Bedrock, contents of Gemini.
    ///
    /// Returns
    /// -------
    /// AgentDecision
    ///
    /// Raises
    /// ------
    /// InputError
    ///     For what is no list, and for a message that is none or that JSON cannot hold, by its index.
    ///
    /// Notes
    /// -----
    /// Linear in the messages. Where their beginning was summed up or left out, reading goes on behind the last step that
    /// was read.
    #[pyo3(signature = (messages: "object"))]
    fn messages(&self, messages: &Bound<'_, PyAny>) -> PyResult<AgentDecision> {
        let json = said_messages(messages)?;
        self.take(messages.py(), json.len(), |checks| checks.push_messages(&json).map(AgentDecision::from))
    }

    /// The run so far.
    #[getter]
    fn summary(&self, py: Python<'_>) -> AgentSummary {
        self.lock(py).summary().into()
    }
}

/// What steps of an agent were found to be, and ask for.
///
/// Attributes
/// ----------
/// action : str
///     pass, observe, warn, hint or stop: the strongest that was asked for; stop stays from the stop on.
/// findings : list of Finding
/// hint : str or None
///     One message for the model's next turn, where the action is hint.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AgentDecision {
    action: String,
    findings: Vec<Finding>,
    hint: Option<String>,
}

impl From<stream::AgentDecision<'_>> for AgentDecision {
    fn from(decision: stream::AgentDecision<'_>) -> Self {
        let findings = decision.findings.iter().map(Finding::from).collect();
        Self { action: decision.action.name().to_owned(), findings, hint: decision.hint() }
    }
}

#[pymethods]
impl AgentDecision {
    /// The decision as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The decision that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("AgentDecision", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let found: Vec<String> = self.findings.iter().map(Finding::name).collect();
        format!("AgentDecision({:?}, findings=[{}])", self.action, found.join(", "))
    }
}

/// A run of an agent so far.
///
/// Attributes
/// ----------
/// steps, calls, results, messages : int
///     What was read.
/// open_calls : int
///     Calls whose result has not come, at most 64.
/// halted : bool
///     A decision asked for the end of the run.
/// anomalies : dict of str to int
///     ``orphan_result``: results for no open call.
/// findings : list of Finding
///     Oldest first.
#[pyclass(frozen, eq, get_all, module = "midstream.stream")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AgentSummary {
    steps: u64,
    calls: u64,
    results: u64,
    messages: u64,
    open_calls: u64,
    halted: bool,
    anomalies: BTreeMap<String, u64>,
    findings: Vec<Finding>,
}

impl From<stream::AgentSummary> for AgentSummary {
    fn from(summary: stream::AgentSummary) -> Self {
        let stream::AgentSummary { steps, calls, results, messages, open_calls, halted, anomalies, findings } = summary;
        let anomalies = anomalies.iter().map(|(anomaly, count)| (anomaly.name().to_owned(), count)).collect();
        let findings = findings.iter().map(Finding::from).collect();
        Self { steps, calls, results, messages, open_calls, halted, anomalies, findings }
    }
}

#[pymethods]
impl AgentSummary {
    /// The summary as one JSON object.
    fn to_json(&self) -> PyResult<String> {
        json::write(self)
    }

    /// The summary that `to_json` wrote.
    #[classmethod]
    #[pyo3(signature = (json: "str"))]
    fn from_json(_cls: &Bound<'_, PyType>, #[pyo3(from_py_with = arguments::json)] json: Words) -> PyResult<Self> {
        json::read("AgentSummary", &json.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        json::reduced(&slf.get_type(), slf.get())
    }

    fn __repr__(&self) -> String {
        let Self { calls, results, messages, findings, .. } = self;
        let found: Vec<String> = findings.iter().map(Finding::name).collect();
        format!("AgentSummary({calls} calls, {results} results, {messages} messages, findings=[{}])", found.join(", "))
    }
}
