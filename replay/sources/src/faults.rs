//! Fault plans, and the faults that they add to a stream or to the rows of an archive.

mod draw;
mod forge;
mod plan;
mod report;
mod rows;
mod source;

pub use draw::{Hit, Planted};
pub use plan::{Fault, FaultPlan, FaultPlanError, Kind, Places};
pub use report::{ArchiveFaults, FaultsReport, KindReport};
pub use rows::FaultyRows;
pub use source::FaultySource;
