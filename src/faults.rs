//! Fault plans, and the faults that they add to a stream or to the rows of an archive.

mod draw;
mod forge;
mod plan;
mod report;
mod rows;
mod source;

pub(crate) use draw::Planted;
pub(crate) use plan::{FaultPlan, Kind};
pub(crate) use report::{ArchiveFaults, FaultsReport};
pub(crate) use rows::FaultyRows;
pub(crate) use source::FaultySource;
