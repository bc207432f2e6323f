#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_fuzz::operations::check;

fuzz_target!(|input: &[u8]| check(input));
