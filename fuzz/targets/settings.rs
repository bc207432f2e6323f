#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_stream::{Guard, Options, Settings, guard_file_of_json, json_of_guard_file, read_guard_file};

// Any bytes are a guard file: an error with a place in it, or settings that a guard can be made of.
fuzz_target!(|input: &[u8]| {
    match read_guard_file(input) {
        Ok((settings, rules)) => {
            let _ = Guard::new(Options { settings, rules, ..Options::default() });
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.to_string().contains('\n'), "{error}"),
    }
    if let Ok(json) = json_of_guard_file(input) {
        let _ = Settings::from_json(&json);
        let _ = guard_file_of_json(&json);
    }
});
