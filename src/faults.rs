//! Faults that are planted into a stream: which ones, where, what they make of a message, and the stream that has them.

mod draw;
mod forge;
mod plan;
mod report;
mod source;

pub(crate) use draw::Planted;
pub(crate) use plan::FaultPlan;
pub(crate) use report::FaultsReport;
pub(crate) use source::FaultySource;
