//! The tradesim archive: a recording of market data in one Parquet file with checksums of all its content.
//!
//! [`ArchiveWriter`] writes archives, [`Archive`] reads them. `FORMAT.md` specifies the format. This crate does not know how
//! events are generated or sent.
#![deny(missing_docs)]

mod capture;
mod content_check;
mod cut;
mod dictionary;
mod digest_threads;
mod encode;
mod error;
mod flat;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod ids;
mod journal;
mod layout;
mod limits;
mod metadata;
#[expect(unsafe_code, reason = "a mapping, and the signal that a truncated one raises (docs/adr)")]
mod mmap;
mod order_lag;
mod orders;
mod proofs;
mod read;
mod regular;
mod row;
mod state;
mod store;
mod tail;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod testing;
mod thrift;
mod version;
mod write;

pub use capture::{Archived, Gap, archive_journal};
pub use content_check::ContentCheck;
pub use cut::{Cut, Filter, FilteredBatches};
pub use error::{Error, Place};
pub use flat::{flat_batch, flat_schema};
pub use journal::{JournalKind, JournalReader, JournalRecord, JournalWriter, TruncatedTail};
pub use layout::Columns;
pub use limits::FAULTS_MAX;
pub use metadata::{
    Burst, Counts, Faults, KeptFaults, KeyDigest, Label, LabelPhase, Metadata, Origin, PlantedFaults,
    Provenance, RecordingPart, RowGroup, SliceGrid, Slices, Source, StateFrame, SymbolEntry, WriterVersions,
};
pub use read::{Archive, Batches, OpenOptions, Start, TimeBins};
pub use row::{Batch, Captured, Content, Row, RowDigest, RowRef, Rows};
pub use state::StateBefore;
pub use store::{Object, PendingRead, Store, StoreAction, StoreError, StoreFailure};
pub use version::FormatVersion;
pub use write::{ArchiveWriter, NewFile, ROW_GROUP_ROWS, Summary, WriterOptions, remove_leftovers};

const _: () = {
    const fn is_send<T: Send>() {}
    const fn is_sync<T: Sync>() {}
    is_send::<ArchiveWriter>();
    is_send::<Batches>();
    is_send::<Archive>();
    is_sync::<Archive>();
    is_send::<Error>();
    is_send::<JournalWriter>();
};

#[cfg(test)]
extern crate self as tradesim_archive;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
