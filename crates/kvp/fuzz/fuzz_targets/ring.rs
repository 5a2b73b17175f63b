#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvp_fuzz::ring::check(input));
