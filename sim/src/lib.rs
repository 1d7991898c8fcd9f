//! A seeded simulator of a US trading day on a virtual clock, and the audit of the market's rules.
#![deny(missing_docs)]

pub mod audit;
#[cfg(test)]
mod golden;
pub mod session;
pub mod universe;
