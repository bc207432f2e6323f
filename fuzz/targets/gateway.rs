#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_gateway::fuzzing;

fuzz_target!(|input: &[u8]| fuzzing::check(input));
