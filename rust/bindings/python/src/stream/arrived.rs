use pyo3::prelude::*;

use super::decision::Decision;

/// An item of a watched iterator with which more is to be done than passing it on.
///
/// Attributes
/// ----------
/// item : object
/// decision : Decision or None
///     What the guard decided.
/// error : Exception or None
///     Why it could not be read. Without a decision and an error, it was not read yet.
#[pyclass(frozen, get_all, module = "midstream._rust.stream")]
pub(crate) struct Arrived {
    item: Py<PyAny>,
    decision: Option<Py<Decision>>,
    error: Option<Py<PyAny>>,
}

impl Arrived {
    /// What was decided of an item, or why it could not be read; an interrupt stays what it is.
    pub(super) fn read<'py>(item: Bound<'py, PyAny>, outcome: PyResult<Decision>) -> PyResult<Bound<'py, PyAny>> {
        let py = item.py();
        let (decision, error) = match outcome {
            Ok(decision) => (Some(Py::new(py, decision)?), None),
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyException>(py) => {
                (None, Some(error.into_value(py).into_any()))
            }
            Err(error) => return Err(error),
        };
        Ok(Bound::new(py, Self { item: item.unbind(), decision, error })?.into_any())
    }
}

#[pymethods]
impl Arrived {
    #[new]
    #[pyo3(signature = (item: "object"))]
    fn new(item: Py<PyAny>) -> Self {
        Self { item, decision: None, error: None }
    }
}
