#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tradesim_replay::fuzzing::control(bytes));
