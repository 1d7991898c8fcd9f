#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| tradesim_archive::fuzzing::archive(bytes));

// inputs in the corpus have correct digests, so that they can be used with the commands unchanged
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, _seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    tradesim_archive::testing::reseal(&mut data[..size]);
    size
});
