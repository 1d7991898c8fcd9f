//! A seeded simulator of a US trading day on a virtual clock, and the audit of the market rules.
//!
//! [`Simulation`] turns a seed, a date and options into events. This crate does not read a clock, a file or the environment,
//! and its arithmetic does not depend on the platform: the same version, seed, date and options produce the same events
//! everywhere.
#![deny(missing_docs)]

pub mod audit;
pub mod session;
pub mod universe;

mod math;
mod rng;

mod burst;
mod candle;
mod gbm;
mod merge;
mod queue;
mod segments;
mod simulation;
mod tape;
mod trader;

#[cfg(test)]
mod golden;

pub use burst::{Burst, RandomBursts};
pub use simulation::{GENERATOR_VERSION, MODEL, OptionsError, Simulation, SimulationOptions};
