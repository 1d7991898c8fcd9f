#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| tradesim_archive::fuzzing::archive(bytes));

// what is kept in the corpus has the right digests, so that it can be given to the commands as it is
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, _seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    tradesim_archive::testing::reseal(&mut data[..size]);
    size
});
