//! Reads archives.

mod ahead;
mod batches;
mod decode;
mod decoders;
mod footer;
mod frames;
mod group;
mod guarded;
mod open;
mod page;
mod remote;
mod source;
mod time_bins;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use tradesim_schemas::{ByteHash, ContentDigest};

pub(crate) use self::ahead::FramesAhead;

use self::{ahead::Ahead, decoders::Decoders, footer::Group, group::GroupBytes, source::Source};
use crate::{
    Error, Filter, FilteredBatches, Metadata, Object, Place, RowDigest, RowGroup, ids::IdTable,
    state::StateCheck,
};

pub use batches::{Batches, Start};
pub use time_bins::TimeBins;

/// The options of [`Archive::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Reads the file through a memory mapping instead of plain reads. Both make the same checks. On by default.
    pub mmap: bool,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions { mmap: true }
    }
}

/// An open archive. The digest of its tail is checked on opening, and the digest of every row group before its rows are
/// returned. Cloning it is cheap.
///
/// ```
/// use tradesim_archive::{Archive, ArchiveWriter, OpenOptions, Start};
/// # use tradesim_archive::{Provenance, WriterOptions};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("day.parquet");
/// # ArchiveWriter::create(&path, Provenance::default(), WriterOptions::default())?.finish()?;
///
/// let archive = Archive::open(&path, OpenOptions::default())?;
/// println!("{} messages", archive.metadata().counts().total());
///
/// for batch in archive.batches(Start::Beginning) {
///     for row in batch?.rows() {
///         println!("{} {}", row.seq(), row.timestamp());
///     }
/// }
///
/// // reads everything, and compares the content digest with that of the metadata
/// assert_eq!(archive.verify_content()?, archive.metadata().digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    tail_hash: ByteHash,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("path", &self.source.path()).finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens an archive and checks its tail. It reads only the tail, at any length of the file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not an archive, is damaged at its end, or has an unsupported version.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Archive, Error> {
        let mut archive = Archive::of(Source::open(path.as_ref())?)?;
        if options.mmap {
            let inner = Arc::get_mut(&mut archive.inner).expect("nobody else has it yet");
            inner.source.map();
        }
        Ok(archive)
    }

    /// Opens an archive that is an object of a store. `url` names it in errors, and is its [path](Archive::path).
    ///
    /// Row groups are requested a bounded distance ahead of a reader, and none is parsed before its hash is checked.
    ///
    /// # Errors
    /// Returns the errors of [`Archive::open`], and those of the store.
    pub fn of_object(url: impl Into<PathBuf>, object: Box<dyn Object>) -> Result<Archive, Error> {
        Archive::of(Source::of_object(url.into(), object)?)
    }

    fn of(source: Source) -> Result<Archive, Error> {
        let opened = open::open(&source)?;
        let ids = IdTable::new(&opened.metadata.provenance.origins).ok_or_else(|| {
            let what = "a symbol table contains a symbol twice, or too many symbols".to_owned();
            open::corrupt(&source, Place::Metadata, what)
        })?;
        let open::Opened { metadata, groups, decoders, tail_hash } = opened;
        let inner = Inner { source, metadata, groups, decoders, ids, tail_hash };
        Ok(Archive { inner: Arc::new(inner) })
    }

    /// Returns the metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// Returns the path of the file, or the URL of the object.
    pub fn path(&self) -> &Path {
        self.inner.source.path()
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.inner.source.len()
    }

    /// Returns the rows from `start` on. The iterator keeps the file open.
    pub fn batches(&self, start: Start) -> Batches {
        Batches::new(Arc::clone(&self.inner), start)
    }

    /// Returns the rows that pass a filter in its initial state.
    pub fn filtered(&self, filter: Filter) -> FilteredBatches {
        let start = filter.from().map_or(Start::Beginning, Start::Time);
        FilteredBatches { batches: self.batches(start), filter }
    }

    /// Returns the number of rows before `start`, which is the index of the first row that [`Archive::batches`] returns. It
    /// reads at most one row group.
    ///
    /// # Errors
    /// Returns an error if the row group is damaged or the file cannot be read.
    pub fn rows_before(&self, start: Start) -> Result<u64, Error> {
        self.batches(start).rows_before_start()
    }

    /// Returns the content of a state frame.
    ///
    /// # Errors
    /// Returns an error if the bytes are damaged or the file cannot be read.
    ///
    /// # Panics
    /// Panics if the metadata does not list a state frame with this index.
    pub fn state_frame(&self, index: usize) -> Result<Vec<u8>, Error> {
        let stored = self.inner.state_frame_bytes(index)?;
        self.state_frame_content(index, &stored)
    }

    /// Returns the content of a state frame, with requests for those that are needed next.
    pub(crate) fn state_frame_ahead(
        &self,
        ahead: &mut FramesAhead,
        index: usize,
        following: impl Iterator<Item = usize>,
    ) -> Result<Vec<u8>, Error> {
        let stored = ahead.take(&self.inner, index, following)?;
        self.state_frame_content(index, &stored)
    }

    fn state_frame_content(&self, index: usize, stored: &[u8]) -> Result<Vec<u8>, Error> {
        let frame = self.inner.metadata.state_frames[index];
        let corrupt = |what: String| open::corrupt(&self.inner.source, Place::StateFrame(index), what);
        let expected = usize::try_from(frame.content_length).expect("its limit is below the address space");
        let content = zstd::bulk::decompress(stored, expected).map_err(|error| corrupt(error.to_string()))?;
        if content.len() != expected {
            return Err(corrupt(format!("it has {} bytes, the metadata states {expected}", content.len())));
        }
        Ok(content)
    }

    /// Returns the hash of the tail, which covers the hashes of all other parts of the file: another file has another one.
    pub fn tail_hash(&self) -> ByteHash {
        self.inner.tail_hash
    }

    /// Compares the digest of all rows with what the metadata states, and with it the digests of symbols and the sums of slices
    /// if there are any and `rows` began with [`RowDigest::of_archive`]. Returns the content digest.
    ///
    /// # Errors
    /// Returns an error that names the first symbol, slice or digest that differs.
    pub fn check_content(&self, rows: &RowDigest) -> Result<ContentDigest, Error> {
        let metadata = &self.inner.metadata;
        let path = || self.path().to_owned();
        if let Some(proved) = rows.proved() {
            if let Some(symbol) = proved.stray {
                return Err(Error::StrayMessage { path: path(), symbol });
            }
            let stated = metadata.keys.as_deref().unwrap_or_default();
            let others = stated.iter().filter(|key| !proved.keys.contains(key));
            let missing = proved.keys.iter().filter(|key| !stated.contains(key));
            if let Some(key) = others.chain(missing).next() {
                return Err(Error::WrongKey { path: path(), symbol: key.symbol });
            }
            if metadata.slices.as_ref() != Some(&proved.slices) {
                return Err(Error::WrongSlices { path: path() });
            }
        }
        self.check_digest(rows.finish())
    }

    /// Compares a content digest with that of the metadata.
    pub(crate) fn check_digest(&self, found: ContentDigest) -> Result<ContentDigest, Error> {
        let expected = self.inner.metadata.digest;
        if found != expected {
            return Err(Error::WrongContent { path: self.path().to_owned(), expected, found });
        }
        Ok(found)
    }

    /// Returns true if the archive is an object of a store, so that reading it again means another transfer.
    pub fn is_remote(&self) -> bool {
        self.inner.source.is_remote()
    }

    /// Checks the byte hash of every part of the file, without parsing the parts. The tail was checked on opening.
    ///
    /// # Errors
    /// Returns an error for the first damaged part.
    pub fn verify_structure(&self) -> Result<(), Error> {
        let mut ahead = Ahead::default();
        for group in 0..self.inner.metadata.row_groups.len() {
            ahead.take(&self.inner, group)?;
        }
        self.verify_state_frames()
    }

    /// Checks the byte hash of every state frame. [`Archive::batches`] checks those of the row groups.
    ///
    /// # Errors
    /// Returns an error for the first damaged state frame.
    pub fn verify_state_frames(&self) -> Result<(), Error> {
        let frames = self.inner.metadata.state_frames.len();
        let mut ahead = FramesAhead::default();
        for index in 0..frames {
            ahead.take(&self.inner, index, index + 1..frames)?;
        }
        Ok(())
    }

    /// Reads all rows, and recomputes and checks the content digest.
    ///
    /// # Errors
    /// Returns an error if reading fails, or if the digest or the counts of the messages differ from those in the metadata.
    pub fn verify_content(&self) -> Result<ContentDigest, Error> {
        let mut digest = RowDigest::of_archive(self.metadata());
        let mut counts = crate::Counts::default();
        let mut states = StateCheck::new(self);
        for batch in self.batches(Start::Beginning) {
            let batch = batch?;
            digest.push(&batch);
            states.push(&batch)?;
            batch.rows().for_each(|row| counts.add(row));
        }
        let found = self.check_content(&digest)?;
        states.finish()?;
        if counts != self.inner.metadata.counts {
            let what = "its counts differ from those of the messages".to_owned();
            return Err(open::corrupt(&self.inner.source, Place::Metadata, what));
        }
        Ok(found)
    }
}

impl Inner {
    /// Returns the bytes of a row group, after checking their hash.
    fn row_group_bytes(&self, index: usize) -> Result<Bytes, Error> {
        let RowGroup { offset, length, .. } = self.metadata.row_groups[index];
        self.check_row_group(index, self.source.read(offset, length)?)
    }

    /// Checks the hash of a row group's bytes.
    fn check_row_group(&self, index: usize, bytes: Bytes) -> Result<Bytes, Error> {
        let RowGroup { offset, length, digest, .. } = self.metadata.row_groups[index];
        if ByteHash::of(&bytes) != digest {
            self.source.check_len()?;
            let path = self.source.path().to_owned();
            return Err(Error::DamagedRowGroup { path, row_group: index, offset, length });
        }
        Ok(bytes)
    }

    /// Returns a row group for the decoders, after checking its hash.
    fn group(&self, index: usize) -> Result<GroupBytes, Error> {
        Ok(self.group_of(index, self.row_group_bytes(index)?))
    }

    /// Returns a row group for the decoders, from its checked bytes.
    fn group_of(&self, index: usize, bytes: Bytes) -> GroupBytes {
        let RowGroup { offset, rows, .. } = self.metadata.row_groups[index];
        let chunks = self.groups[index].chunks.as_slice().into();
        GroupBytes { rows, offset, bytes, chunks }
    }

    /// Returns the bytes of a state frame as stored, after checking their hash.
    fn state_frame_bytes(&self, index: usize) -> Result<Bytes, Error> {
        let frame = self.metadata.state_frames[index];
        let bytes = self.source.read(frame.offset, frame.length)?;
        self.check_state_frame(index, bytes)
    }

    fn check_state_frame(&self, index: usize, bytes: Bytes) -> Result<Bytes, Error> {
        if ByteHash::of(&bytes) != self.metadata.state_frames[index].digest {
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
