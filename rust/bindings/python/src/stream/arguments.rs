//! What Python hands in; what is not allowed is told with the argument's name.

use std::borrow::Cow;

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyMemoryView, PyString};

use crate::errors::InputError;

/// HTTP has three digits for a status.
const STATUSES: std::ops::RangeInclusive<i64> = 100..=999;

/// An owned string; half of a surrogate pair in it is U+FFFD.
pub(super) struct Words(pub(super) String);

impl<'py> FromPyObject<'_, 'py> for Words {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>()?;
        whole(&text).map(|text| Self(text.into_owned()))
    }
}

/// The text of a string; half of a surrogate pair, which UTF-8 cannot hold, is U+FFFD.
pub(super) fn whole<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.call_method1("encode", ("utf-16-le", "surrogatepass"))?;
    let pairs = bytes.cast::<PyBytes>()?.as_bytes().as_chunks::<2>().0.iter();
    let units = pairs.map(|pair| u16::from_le_bytes(*pair));
    Ok(Cow::Owned(char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()))
}

/// The bytes of a chunk: the very object, or a copy of any other buffer.
pub(super) fn bytes<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = chunk.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    let of_buffer = || PyMemoryView::from(chunk)?.call_method0("tobytes");
    let copied = of_buffer().map_err(|error| match error.is_instance_of::<PyTypeError>(chunk.py()) {
        true => wrong_type("chunk", chunk, "bytes, bytearray, memoryview; text goes to push"),
        false => InputError::new_err(format!("chunk cannot be read: {}", error.value(chunk.py()))),
    })?;
    Ok(copied.cast_into()?)
}

pub(super) fn now_ns(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    integer("now_ns", value, "an integer of nanoseconds from -2**63 to 2**63 - 1")
}

pub(super) fn started_ns(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    integer("started_ns", value, "an integer of nanoseconds from -2**63 to 2**63 - 1")
}

pub(super) fn http_status(value: &Bound<'_, PyAny>) -> PyResult<Option<u16>> {
    let allowed = "an integer from 100 to 999";
    let Some(status) = integer("http_status", value, allowed)? else { return Ok(None) };
    if !STATUSES.contains(&status) {
        return Err(InputError::new_err(format!("http_status is {status}, allowed is {allowed}")));
    }
    Ok(u16::try_from(status).ok())
}

fn integer(name: &str, value: &Bound<'_, PyAny>, allowed: &str) -> PyResult<Option<i64>> {
    if value.is_none() {
        return Ok(None);
    }
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, value, allowed));
    }
    value.extract().map(Some).map_err(|error: PyErr| match error.is_instance_of::<PyOverflowError>(value.py()) {
        true => InputError::new_err(format!("{name} is beyond 64 bits, allowed is {allowed}")),
        false => wrong_type(name, value, allowed),
    })
}

/// A value of a type that is not taken.
pub(super) fn wrong_type(name: &str, value: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    let given = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    PyTypeError::new_err(format!("{name} is {given}, allowed: {allowed}"))
}
