//! A dataset: simulated days of many dates and seeds, each in parts, in one folder or in one prefix of object storage.
//!
//! A [`Recipe`] says what the dataset is. Its [`Unit`]s are made by any number of processes on any machines, which share only
//! the folder ([`Root`]): names and content of each file follow from the recipe, so a unit is the same file, whichever process makes it. [`seal`]
//! looks at all units and writes the manifest; a dataset without one is unfinished.
//!
//! This crate combines the simulator and the archive, and knows no command line. ADR 0028 gives the reasons.
#![deny(missing_docs)]

mod audited;
mod canonical;
mod day;
mod error;
mod files;
mod inspect;
mod manifest;
mod market;
mod merge;
mod options;
mod part;
mod pieces;
mod ranges;
mod recipe;
mod record;
mod root;
mod unit;
mod verify;

pub use audited::{AuditedShard, Union, unite};
pub use day::Day;
pub use error::{DatasetError, ErrorKind};
pub use inspect::{Finding, Inspection, inspect, open_unit};
pub use manifest::{DatasetDigest, Manifest, ManifestIndex, ManifestKey, ManifestUnit, Sealed, seal};
pub use market::provenance;
pub use merge::{MarketMerge, Parts};
pub use options::{MarketOptions, PlannedBurst};
pub use part::PartRecord;
pub use pieces::{ExpectedDay, Pieces, combine};
pub use ranges::ranges;
pub use recipe::Recipe;
pub use record::{Recorded, record};
pub use root::Root;
pub use unit::{ParseShardError, Shard, Unit};
pub use verify::{Verified, verify};

#[cfg(test)]
mod tests;
