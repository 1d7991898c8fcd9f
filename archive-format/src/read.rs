//! Reading an archive.

mod batches;
mod decode;
mod decoders;
mod footer;
mod frames;
mod group;
mod open;
mod page;
mod quiet;
mod source;

use std::{path::Path, sync::Arc};

use tradesim_schemas::Digest;

use self::{decoders::Decoders, footer::Group, source::Source};
use crate::{Error, Metadata, Place, RowDigest, RowGroup, ids::IdTable};

pub use batches::{Batches, Start};

/// How an archive is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Whether the file is read through a mapping rather than by plain reads. Both check the same things.
    pub mmap: bool,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions { mmap: true }
    }
}

/// An archive, opened for reading: its tail is proven, and every row group is proven before it is served. Cloning it is
/// cheap.
#[derive(Clone, Debug)]
pub struct Archive {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    source: Source,
    metadata: Metadata,
    groups: Vec<Group>,
    decoders: Decoders,
    ids: IdTable,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("path", &self.source.path()).finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens an archive and proves its tail. Reads only that, however long the file is.
    ///
    /// # Errors
    /// A file that cannot be read, is no archive, is damaged at its end or has a version that is not read.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Archive, Error> {
        let mut source = Source::open(path.as_ref())?;
        let opened = open::open(&source)?;
        let ids = IdTable::new(&opened.metadata.provenance.origins).ok_or_else(|| {
            let what = "a symbol table names a symbol twice or has too many".to_owned();
            open::corrupt(&source, Place::Metadata, what)
        })?;
        if options.mmap {
            source.map();
        }
        let open::Opened { metadata, groups, decoders } = opened;
        let inner = Inner { source, metadata, groups, decoders, ids };
        Ok(Archive { inner: Arc::new(inner) })
    }

    /// What the archive says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.inner.source.path()
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.inner.source.len()
    }

    /// The rows from a place on. The iterator keeps the file open by itself.
    pub fn batches(&self, start: Start) -> Batches {
        Batches::new(Arc::clone(&self.inner), start)
    }

    /// How many rows lie before a place: the number of the first row that [`Archive::batches`] gives from there. Reads
    /// one row group at most.
    ///
    /// # Errors
    /// A damaged row group, or a file that cannot be read.
    pub fn rows_before(&self, start: Start) -> Result<u64, Error> {
        self.batches(start).rows_before_start()
    }

    /// The content of a state frame.
    ///
    /// # Errors
    /// Damaged bytes, or a file that cannot be read.
    ///
    /// # Panics
    /// If the metadata lists no such state frame.
    pub fn state_frame(&self, index: usize) -> Result<Vec<u8>, Error> {
        let frame = self.inner.metadata.state_frames[index];
        let stored = self.inner.state_frame_bytes(index)?;
        let corrupt = |what: String| open::corrupt(&self.inner.source, Place::StateFrame(index), what);
        let expected = usize::try_from(frame.content_length).expect("its limit is below the address space");
        let content =
            zstd::bulk::decompress(&stored, expected).map_err(|error| corrupt(error.to_string()))?;
        if content.len() != expected {
            return Err(corrupt(format!("it has {} bytes; the metadata says {expected}", content.len())));
        }
        Ok(content)
    }

    /// Checks the digest of every part of the file, without parsing the parts. The tail was checked on opening.
    ///
    /// # Errors
    /// The first damaged part.
    pub fn verify_structure(&self) -> Result<(), Error> {
        for group in 0..self.inner.metadata.row_groups.len() {
            self.inner.row_group_bytes(group)?;
        }
        for index in 0..self.inner.metadata.state_frames.len() {
            self.inner.state_frame_bytes(index)?;
        }
        Ok(())
    }

    /// Reads everything and computes the content digest anew.
    ///
    /// # Errors
    /// What reading meets, and messages whose digest or counts differ from those in the metadata.
    pub fn verify_content(&self) -> Result<Digest, Error> {
        let mut digest = RowDigest::default();
        let mut counts = crate::Counts::default();
        for batch in self.batches(Start::Beginning) {
            let batch = batch?;
            digest.push(&batch);
            batch.rows().for_each(|row| counts.add(row));
        }
        let found = digest.finish();
        let expected = self.inner.metadata.digest;
        if found != expected {
            return Err(Error::WrongContent { path: self.path().to_owned(), expected, found });
        }
        if counts != self.inner.metadata.counts {
            let what = "the counts by type are not those of the messages".to_owned();
            return Err(open::corrupt(&self.inner.source, Place::Metadata, what));
        }
        Ok(found)
    }
}

impl Inner {
    /// The bytes of a row group, proven.
    fn row_group_bytes(&self, index: usize) -> Result<Vec<u8>, Error> {
        let RowGroup { offset, length, digest, .. } = self.metadata.row_groups[index];
        let bytes = self.source.read(offset, length)?;
        if Digest::of(&bytes) != digest {
            self.source.check_len()?;
            let path = self.source.path().to_owned();
            return Err(Error::DamagedRowGroup { path, row_group: index, offset, length });
        }
        Ok(bytes)
    }

    /// The bytes of a state frame as stored, proven.
    fn state_frame_bytes(&self, index: usize) -> Result<Vec<u8>, Error> {
        let frame = self.metadata.state_frames[index];
        let bytes = self.source.read(frame.offset, frame.length)?;
        if Digest::of(&bytes) != frame.digest {
            self.source.check_len()?;
            return Err(Error::DamagedStateFrame { path: self.source.path().to_owned(), index });
        }
        Ok(bytes)
    }
}

impl crate::Counts {
    fn add(&mut self, row: crate::RowRef<'_>) {
        use tradesim_schemas::Event;
        match (row.raw(), row.event()) {
            (Some(_), _) | (None, None) => self.raw += 1,
            (None, Some(Event::Trade(_))) => self.trade += 1,
            (None, Some(Event::OrderBook(_))) => self.orderbook += 1,
            (None, Some(Event::MarketData(_))) => self.marketdata += 1,
        }
    }
}
