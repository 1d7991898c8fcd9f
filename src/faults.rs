//! Faults that are planted into a stream or an archive: which ones, where, what they make of a message, and the stream or
//! the rows that have them.

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
