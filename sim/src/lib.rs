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
mod estimate;
mod events;
mod gbm;
mod merge;
mod model;
mod options;
mod queue;
mod segments;
mod simulation;
mod stylized;
mod tape;
mod trader;

#[cfg(test)]
mod golden;

pub use burst::{Burst, RandomBursts};
pub use events::{
    EventKind, Label, OpenParts, Parameter, Part, Phase, PlanError, PlannedEvent, Refusal, Request,
    RequestError, Values, plan, plan_possible,
};
pub use merge::MarketOrder;
pub use model::Model;
pub use options::{GENERATOR_VERSION, OptionsError, SimulationOptions};
pub use simulation::Simulation;
