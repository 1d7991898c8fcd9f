//! Fault plans, and the faults that they add to a stream or to the rows of an archive.

mod draw;
mod forge;
mod gaps;
mod listed;
mod plan;
mod report;
mod rows;
mod source;

pub use draw::{Hit, Planted};
pub use listed::{ListedFaults, ListedFaultsCheck};
pub use plan::{Fault, FaultKind, FaultPlan, FaultPlanError, Places};
pub use report::{ArchiveFaults, FaultsReport, KindReport};
pub use rows::FaultyRows;
pub use source::FaultySource;
