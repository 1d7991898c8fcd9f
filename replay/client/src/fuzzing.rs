//! The entry point of the fuzz target `frames`, and of the tests that run its corpus (fuzz/README.md). Not a stable API.

pub use crate::inbound::fuzzing::frames;
