#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_fuzz::planted;

fuzz_target!(|input: &[u8]| planted::check(input));
