//! A seeded simulator of a US trading day on a virtual clock, and the audit of the market's rules.
//!
//! Seed, date and options in, events out ([`Simulation`]). Nothing here reads a clock, a file or the environment, and
//! no arithmetic depends on the platform: the same version, seed, date and options give the same events everywhere.
#![deny(missing_docs)]

pub mod audit;
pub mod session;
pub mod universe;

mod math;
mod rng;

mod arrivals;
mod book;
mod burst;
mod candle;
mod market;
mod merge;
mod order_flow;
mod price_process;
mod simulation;

#[cfg(test)]
mod golden;

pub use burst::{Burst, RandomBursts};
pub use simulation::{GENERATOR_VERSION, MODEL, OptionsError, Simulation, SimulationOptions};
