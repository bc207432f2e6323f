use js_sys::Reflect;
use midstream_stream as stream;
use wasm_bindgen::JsValue;

/// An `Error` of JavaScript with the name of Python's exception and a `code`.
pub(crate) fn of_stream(error: &stream::Error) -> JsValue {
    let (name, code) = match error {
        stream::Error::FileSize { .. } => ("InputError", "file_size"),
        stream::Error::Finished => ("StateError", "finished"),
        stream::Error::Rule { .. } => ("InputError", "rule"),
        stream::Error::Setting { .. } => ("InputError", "setting"),
        stream::Error::Snapshot { .. } => ("InputError", "snapshot"),
        stream::Error::Toml { .. } => ("InputError", "toml"),
        stream::Error::UnknownKey { .. } => ("InputError", "unknown_key"),
        stream::Error::UnknownName { .. } => ("InputError", "unknown_name"),
        stream::Error::UnknownWord { .. } => ("InputError", "unknown_word"),
    };
    let thrown = js_sys::Error::new(&error.to_string());
    thrown.set_name(name);
    // Setting a property of an object made on the line above cannot fail.
    let _ = Reflect::set(&thrown, &JsValue::from_str("code"), &JsValue::from_str(code));
    thrown.into()
}
