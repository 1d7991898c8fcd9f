#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tradesim_client::fuzzing::frames(bytes));
