//! What Python hands in; what is not allowed is told with the argument's name.

use std::borrow::Cow;

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyMemoryView, PyString};

use crate::errors::InputError;

/// HTTP has three digits for a status.
const STATUSES: std::ops::RangeInclusive<i64> = 100..=999;

/// An owned string; half of a surrogate pair in it is U+FFFD.
pub(crate) struct Words(pub(super) String);

impl<'py> FromPyObject<'_, 'py> for Words {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>()?;
        whole(&text).map(|text| Self(text.into_owned()))
    }
}

/// Converters of the arguments of these names, for `from_py_with`.
macro_rules! named {
    ($($name:ident: $kind:ty = $read:ident;)+) => {
        $(pub(super) fn $name(value: &Bound<'_, PyAny>) -> PyResult<$kind> {
            $read(stringify!($name).trim_end_matches("_if_any"), value)
        })+
    };
}

named! {
    agent: Words = words;
    channel: Words = words;
    content_type_if_any: Option<Words> = words_if_any;
    dialect: Words = words;
    end: Words = words;
    failed: Option<bool> = choice_if_any;
    framing: Words = words;
    how: Words = words;
    id_if_any: Option<Words> = words_if_any;
    json: Words = words;
    keep_text: bool = choice;
    now_ns: Option<i64> = nanoseconds;
    reason: Words = words;
    started_ns: Option<i64> = nanoseconds;
    text: Words = words;
    tool: Words = words;
    tool_if_any: Option<Words> = words_if_any;
}

fn words(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Words> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, value, "str"))?;
    whole(text).map(|text| Words(text.into_owned()))
}

fn words_if_any(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Words>> {
    if value.is_none() {
        return Ok(None);
    }
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, value, "str or None"))?;
    whole(text).map(|text| Some(Words(text.into_owned())))
}

fn choice(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.cast::<PyBool>().map(|choice| choice.is_true()).map_err(|_| wrong_type(name, value, "True or False"))
}

fn choice_if_any(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if value.is_none() {
        return Ok(None);
    }
    let allowed = "True, False or None";
    value.cast::<PyBool>().map(|choice| Some(choice.is_true())).map_err(|_| wrong_type(name, value, allowed))
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

/// The bytes of a snapshot.
pub(super) fn data<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let given = value.cast::<PyBytes>().map_err(|_| wrong_type("data", value, "bytes, which snapshot gave"))?;
    Ok(given.clone())
}

/// The id of a text that waits.
pub(super) fn held_id(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let allowed = "an integer, the id of a Held";
    let id = integer("id", value, allowed)?.ok_or_else(|| wrong_type("id", value, allowed))?;
    u64::try_from(id).map_err(|_| InputError::new_err(format!("id is {id}, allowed is {allowed}")))
}

fn nanoseconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    integer(name, value, "an integer of nanoseconds from -2**63 to 2**63 - 1")
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
    PyTypeError::new_err(format!("{name} is {}, allowed: {allowed}", class_of(value)))
}

/// The name of a value's class.
pub(super) fn class_of(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map(|name| name.to_string()).unwrap_or_default()
}
