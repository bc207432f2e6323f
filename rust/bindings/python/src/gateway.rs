use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use midstream_gateway as gateway;
use midstream_stream as stream;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::errors::{BindingError, InputError, NetworkError, StateError};
use crate::gate;
use crate::log;

/// What of a runtime's threads is left after this time goes with the process.
const LONGEST_STOP: Duration = Duration::from_secs(2);

/// A gateway with threads of its own, from its making until `stop`.
#[pyclass(frozen, module = "midstream._rust.gateway")]
pub(crate) struct Server {
    running: Mutex<Option<(Runtime, gateway::Server)>>,
    haste: gateway::Haste,
    log: Option<Arc<gateway::Log>>,
    #[pyo3(get)]
    address: String,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (config_json, threads, log_format = None))]
    fn new(py: Python<'_>, config_json: &str, threads: usize, log_format: Option<&str>) -> PyResult<Self> {
        let config = gateway::Config::from_json(config_json).map_err(BindingError::from)?;
        let log = log_format.map(|format| log::of(&config.log, format));
        gate::wait(py, || {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(threads).thread_name("midstream-gateway").enable_all();
            let runtime = log::on_threads(&mut builder, log.as_ref())
                .build()
                .map_err(|error| StateError::new_err(format!("cannot start threads: {error}")))?;
            let start = || runtime.block_on(gateway::Server::start(config));
            let server = log::under(log.as_deref(), start).map_err(|error| match error {
                gateway::StartError::Config(error) => BindingError::from(error).into(),
                error @ gateway::StartError::Listen { .. } => NetworkError::new_err(error.to_string()),
                error @ (gateway::StartError::Store { .. }
                | gateway::StartError::Telemetry(_)
                | gateway::StartError::UsageFile { .. }) => InputError::new_err(error.to_string()),
            });
            let server = server.map_err(|error: PyErr| error)?;
            let address = server.address().to_string();
            Ok(Self { haste: server.haste(), running: Mutex::new(Some((runtime, server))), log, address })
        })
    }

    /// Takes no new connections, lets running streams end, then closes what is left. A second call does nothing.
    fn stop(&self, py: Python<'_>) {
        gate::wait(py, || {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((runtime, server)) = running {
                log::under(self.log.as_deref(), || runtime.block_on(server.stop()));
                runtime.shutdown_timeout(LONGEST_STOP);
            }
            self.log.iter().for_each(|log| log.lines().close());
        });
    }

    /// Ends the wait of `stop` for running streams, now or when it comes to that.
    fn haste(&self) {
        self.haste.ask();
    }

    /// Streams that run or ended a while ago, as a JSON array.
    fn streams_json(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, gateway::Server::streams_json)
    }

    /// One of them.
    fn stream_json(&self, py: Python<'_>, id: &str) -> PyResult<Option<String>> {
        self.with(py, |server| server.stream_json(id))
    }

    /// Puts another configuration in the place of the one that it runs by, wholly or not at all.
    fn reload(&self, py: Python<'_>, config_json: &str) -> PyResult<()> {
        let config = match gateway::Config::from_json(config_json) {
            Ok(config) => config,
            Err(error) => {
                self.refused(py, &error.to_string())?;
                return Err(BindingError::from(error).into());
            }
        };
        let level = config.log.level;
        let reloaded = self.with(py, |server| server.reload(config))?;
        reloaded.map_err(BindingError::from)?;
        self.log.iter().for_each(|log| log.set_level(level));
        Ok(())
    }

    /// Tells the log that a configuration was not taken.
    fn refused(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        self.with(py, |server| server.refused(reason))
    }

    /// The lines of its log; none where it was started without one.
    fn log_lines(&self) -> Option<LogLines> {
        self.log.clone().map(LogLines)
    }

    /// The certificate in PEM and its SHA-256; none where HTTP is plain.
    fn certificate(&self, py: Python<'_>) -> PyResult<Option<(String, String)>> {
        self.with(py, |server| server.certificate().map(|certificate| (certificate.pem, certificate.sha256)))
    }

    /// What was used since the start, as a JSON object.
    fn usage_json(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, gateway::Server::usage_json)
    }

    /// Copies of the events of streams that start from now on, with room for so many.
    fn observe(&self, py: Python<'_>, capacity: usize) -> PyResult<Observer> {
        let observer = self.with(py, |server| server.observe(capacity))?;
        observer.map(Observer).ok_or_else(|| StateError::new_err("the gateway is observed already"))
    }

    /// Looks on at a stream, from behind an event or from its begin.
    fn view(&self, py: Python<'_>, id: &str, after: Option<u64>, raw: bool) -> PyResult<View> {
        let asked = gate::wait(py, || {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.as_ref().map(|(runtime, server)| {
                let view = runtime.block_on(server.view(id, after, raw))?;
                Ok::<_, gateway::ViewError>(View::start(runtime, view))
            })
        });
        let view = asked.ok_or_else(|| StateError::new_err("the gateway has stopped"))?;
        view.map_err(|error| InputError::new_err(error.to_string()))
    }

    /// Adds a note, which is JSON, to a stream; false where none has that id.
    fn annotate(&self, py: Python<'_>, id: &str, note: &str) -> PyResult<bool> {
        match self.with(py, |server| server.annotate(id, note))? {
            Ok(()) => Ok(true),
            Err(gateway::NoteError::Unknown) => Ok(false),
            Err(gateway::NoteError::Refused(message)) => Err(InputError::new_err(message)),
        }
    }

    /// Closes the upstream of a stream; false where none has that id.
    fn cancel(&self, py: Python<'_>, id: &str) -> PyResult<bool> {
        self.with(py, |server| server.cancel(id))
    }
}

impl Server {
    fn with<T: Send>(&self, py: Python<'_>, ask: impl FnOnce(&gateway::Server) -> T + Send) -> PyResult<T> {
        let asked = gate::wait(py, || {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.as_ref().map(|(_, server)| log::under(self.log.as_deref(), || ask(server)))
        });
        asked.ok_or_else(|| StateError::new_err("the gateway has stopped"))
    }
}

/// The lines of a gateway's log.
#[pyclass(frozen, module = "midstream._rust.gateway")]
pub(crate) struct LogLines(Arc<gateway::Log>);

#[pymethods]
impl LogLines {
    /// Waits for lines, and gives those that are there; none once the gateway has stopped.
    fn take(&self, py: Python<'_>) -> Vec<String> {
        gate::wait(py, || {
            self.0.tell_lost();
            self.0.lines().take()
        })
    }

    /// Lines that found no room.
    #[getter]
    fn lost(&self) -> u64 {
        self.0.lines().lost()
    }
}

/// Takes copies of events from a gateway, in order.
#[pyclass(frozen, module = "midstream._rust.gateway")]
pub(crate) struct Observer(gateway::Observer);

#[pymethods]
impl Observer {
    /// Waits for copies, and gives those that are there as JSON objects; none once the gateway has stopped.
    fn take(&self, py: Python<'_>, limit: usize) -> Vec<String> {
        gate::wait(py, || self.0.take(limit).iter().map(gateway::Observed::to_json).collect())
    }

    /// Copies that found no room.
    #[getter]
    fn lost(&self) -> u64 {
        self.0.lost()
    }
}

/// What a viewer is told that has not been taken; one that takes nothing falls behind, and is told so.
const VIEWED: usize = 64;

/// One who looks on at a stream.
#[pyclass(frozen, module = "midstream._rust.gateway")]
pub(crate) struct View {
    told: Mutex<mpsc::Receiver<String>>,
    task: AbortHandle,
}

impl View {
    fn start(runtime: &Runtime, mut view: gateway::View) -> Self {
        let (sender, told) = mpsc::channel(VIEWED);
        let task = runtime.spawn(async move {
            while let Some(text) = view.next().await {
                if sender.send(text).await.is_err() {
                    return;
                }
            }
        });
        Self { told: Mutex::new(told), task: task.abort_handle() }
    }
}

#[pymethods]
impl View {
    /// Waits for what comes, and gives what is there as JSON objects; none behind the end.
    fn take(&self, py: Python<'_>) -> Vec<String> {
        gate::wait(py, || {
            let mut taken = Vec::new();
            self.told.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(&mut taken, VIEWED);
            taken
        })
    }

    /// Looks on no more: who waits gets nothing.
    fn close(&self) {
        self.task.abort();
    }
}

/// The tables of a configuration as JSON, checked.
#[pyfunction]
#[pyo3(signature = (content, file = None))]
pub(crate) fn read_config(content: &[u8], file: Option<String>) -> Result<String, BindingError> {
    tables_of(gateway::Config::from_toml(content), content, file)
}

/// The same, where the files that it names have to be there too, and to hold what they should.
#[pyfunction]
#[pyo3(signature = (content, file = None))]
pub(crate) fn read_config_to_check(content: &[u8], file: Option<String>) -> Result<String, BindingError> {
    tables_of(gateway::Config::from_toml_to_check(content), content, file)
}

/// The same, where the variables and files that it names have to be there too.
#[pyfunction]
#[pyo3(signature = (content, file = None))]
pub(crate) fn read_config_to_serve(content: &[u8], file: Option<String>) -> Result<String, BindingError> {
    tables_of(gateway::Config::from_toml_to_serve(content), content, file)
}

fn tables_of(
    config: Result<gateway::Config, gateway::ConfigError>,
    content: &[u8],
    file: Option<String>,
) -> Result<String, BindingError> {
    let of_file = |error| BindingError::GuardFile(file.clone(), error);
    match config {
        Err(gateway::ConfigError::File(error)) => return Err(of_file(error)),
        other => other?,
    };
    stream::json_of_guard_file(content).map_err(of_file)
}
