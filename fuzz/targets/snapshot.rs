#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_fuzz::snapshots;

fuzz_target!(|input: &[u8]| snapshots::check(input));
