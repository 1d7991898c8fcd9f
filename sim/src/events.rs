//! Planned events: what happens to a market at a given time, as the rules of the real one want it, and labelled.
//!
//! A [`Request`] is what a user asks for; [`plan`] fills in what it leaves open, from the seed, and checks it against the
//! rules of the date. A [`PlannedEvent`] is complete, and is a part of the options of a simulation. From the plan alone follow
//! the [`Label`] of each event and, for each symbol, the legs that its market passes through ([`script`]). So every part of a
//! day has the same labels, and no symbol needs to know about another one. docs/adr/0035-planned-events.md has the reasons.

mod circuit_breaker;
mod conflict;
mod falls;
mod fat_finger;
mod flash_crash;
mod index;
mod ipo;
mod kind;
mod label;
mod luld;
mod news;
mod plan;
mod rebalance;
mod refusal;
mod request;
mod rules;
mod scene;
mod script;
mod short_sale;
mod split;
#[cfg(test)]
mod tests;
mod venue_outage;

pub use kind::{EventKind, Parameter, Values};
pub use label::{Label, Phase};
pub use plan::{PlannedEvent, plan, plan_possible};
pub use refusal::{OpenParts, Part, PlanError, Refusal};
pub use request::{Request, RequestError};

pub(crate) use plan::check;
pub(crate) use script::{Act, Leg, Script, multiplied, script, shift};
pub(crate) use split::split;
pub(crate) use venue_outage::{Outage, outages};

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
