#![no_main]

use libfuzzer_sys::fuzz_target;
use midstream_fuzz::check;
use midstream_stream::Framing;

fuzz_target!(|input: &[u8]| check(Framing::Sse, input));
