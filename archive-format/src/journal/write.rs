//! Writes a journal: appends immediately, and syncs to disk every second.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tradesim_schemas::{RecordSeq, Timestamp};

use super::{JournalKind, MAGIC, bounded_reason, encode};
use crate::{Error, limits, regular::open_regular};

/// The maximum time between writing a message and syncing it to disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// The number of bytes that are collected before they are written, if messages arrive without a pause.
const BUFFER_BYTES: usize = 256 * 1024;
/// The maximum number of truncated journals of one name in a folder.
const TRUNCATED_NAMES_MAX: u32 = 10_000;

/// Writes a journal. Dropping it keeps the file.
///
/// It holds a lock on the file, so that a journal in use can be distinguished from one that was left by a crash.
#[derive(Debug)]
pub struct JournalWriter {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    ordinal: u64,
    /// The number of bytes in the file.
    written: u64,
    /// The offsets in the file at which the messages in the buffer end, ascending.
    ends: Vec<u64>,
    /// The number of messages that are completely in the file.
    messages: u64,
    syncing: Syncing,
}

impl JournalWriter {
    /// Creates the journal of a feed with the URL `feed`, and syncs it to disk.
    ///
    /// # Errors
    /// Returns an error if the file exists, or if the folder does not exist or is not writable.
    pub fn create(path: impl AsRef<Path>, feed: &str, now: Timestamp) -> Result<JournalWriter, Error> {
        let path = path.as_ref().to_owned();
        let options = &mut OpenOptions::new();
        let file = match options.append(true).create_new(true).mode(0o666).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken(path)),
            Err(source) => return Err(Error::CannotCreate { path, source }),
        };
        lock(&file, &path)?;
        let syncing = Syncing::start(&file).map_err(|source| Error::io(&path, "begin", source))?;
        let mut writer = JournalWriter {
            path,
            file,
            buffer: MAGIC.to_vec(),
            ordinal: 0,
            written: 0,
            ends: Vec::new(),
            messages: 0,
            syncing,
        };
        writer.append(now, JournalKind::Feed, feed.as_bytes())?;
        writer.sync()?;
        let folder = match writer.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // the name must survive a power failure, too
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Error::io(folder, "sync to disk the folder", source))?;
        Ok(writer)
    }

    /// Adds a record. It may stay in memory until [`JournalWriter::flush`] is called. A long reason for a gap is truncated.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or if the content is longer than a message may be.
    pub fn append(&mut self, received: Timestamp, kind: JournalKind, content: &[u8]) -> Result<(), Error> {
        if content.len() > limits::FRAME_BYTES_MAX {
            let (bytes, limit) = (content.len(), limits::FRAME_BYTES_MAX);
            return Err(Error::FrameTooLarge { seq: RecordSeq(self.ordinal), bytes, limit });
        }
        let content = if kind == JournalKind::Gap { bounded_reason(content) } else { content };
        encode(self.ordinal, received, kind, content, &mut self.buffer);
        self.ordinal += 1;
        if kind.opcode().is_some() {
            self.ends.push(self.bytes());
        }
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Passes all records to the operating system, so that they survive the end of this process.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or if an earlier sync to disk failed.
    pub fn flush(&mut self) -> Result<(), Error> {
        if let Some(error) = self.syncing.take_error() {
            return Err(Error::write(&self.path, error));
        }
        if !self.buffer.is_empty() {
            let (done, result) = write_all_of(&mut self.file, &self.buffer);
            // bytes that are in the file must not be written again, even if the rest could not be written
            self.buffer.drain(..done);
            self.written += done as u64;
            let whole = self.ends.partition_point(|end| *end <= self.written);
            self.ends.drain(..whole);
            self.messages += whole as u64;
            // do not keep a buffer of 16 MiB after one large frame
            self.buffer.shrink_to(2 * BUFFER_BYTES);
            self.syncing.dirty();
            result.map_err(|source| Error::write(&self.path, source))?;
        }
        Ok(())
    }

    /// Returns the number of messages that are completely in the file. After a failed write, `recover` will find this many.
    pub fn messages_in_file(&self) -> u64 {
        self.messages
    }

    /// Writes all records and syncs them to disk.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.file.sync_data().map_err(|source| Error::write(&self.path, source))
    }

    /// Returns the number of bytes so far, including those in the buffer.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, after its content was stored elsewhere.
    ///
    /// # Errors
    /// Returns an error if the file cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|source| Error::io(&self.path, "remove", source))
    }

    /// Locks a journal that was left by a crash. Keep the returned file open while reading the journal.
    ///
    /// # Errors
    /// Returns an error if a capture is still writing the journal, or if the file cannot be opened.
    pub fn claim(path: impl AsRef<Path>) -> Result<File, Error> {
        let path = path.as_ref();
        let file = open_regular(path)?;
        lock(&file, path)?;
        Ok(file)
    }

    /// Renames a journal that could not be read to its end, and returns the new name: `JOURNAL.torn`, followed by a number
    /// if that name exists. It never replaces a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be renamed.
    pub fn set_aside(path: impl AsRef<Path>) -> Result<PathBuf, Error> {
        let path = path.as_ref();
        for number in 1..=TRUNCATED_NAMES_MAX {
            let mut name = path.as_os_str().to_owned();
            name.push(".torn");
            if number > 1 {
                name.push(format!(".{number}"));
            }
            let name = PathBuf::from(name);
            // an empty file reserves the name atomically; then the journal replaces it
            match OpenOptions::new().write(true).create_new(true).open(&name) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(Error::CannotCreate { path: name, source }),
            }
            fs::rename(path, &name).map_err(|source| {
                let _ = fs::remove_file(&name);
                Error::io(path, "rename", source)
            })?;
            return Ok(name);
        }
        let mut last = path.as_os_str().to_owned();
        last.push(format!(".torn.{TRUNCATED_NAMES_MAX}"));
        Err(Error::Exists { path: last.into() })
    }
}

/// Writes all bytes. Returns the number of bytes that are in the file, even if the rest could not be written.
fn write_all_of(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut done = 0;
    while done < bytes.len() {
        match out.write(&bytes[done..]) {
            Ok(0) => return (done, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

/// Returns the error for a name that exists: the journal of a running capture, or one that was left by a crash.
fn taken(path: PathBuf) -> Error {
    match open_regular(&path).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Error::JournalInUse { path },
        _ => Error::JournalExists { path },
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::JournalInUse { path: path.to_owned() }),
        // capture also works on file systems without locks
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// The thread that syncs a file to disk, so that a slow disk does not delay the receive times.
#[derive(Debug)]
struct Syncing {
    shared: Arc<Shared>,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    dirty: AtomicBool,
    failed: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl Syncing {
    fn start(file: &File) -> io::Result<Syncing> {
        let file = file.try_clone()?;
        let shared = Arc::new(Shared::default());
        let (end, ended) = mpsc::channel::<()>();
        let state = Arc::clone(&shared);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            while ended.recv_timeout(SYNC_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if state.dirty.swap(false, Ordering::Relaxed)
                    && let Err(error) = file.sync_data()
                {
                    *state.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    state.failed.store(true, Ordering::Release);
                    return;
                }
            }
        })?;
        Ok(Syncing { shared, end: Some(end), thread: Some(thread) })
    }

    fn dirty(&self) {
        self.shared.dirty.store(true, Ordering::Relaxed);
    }

    fn take_error(&self) -> Option<io::Error> {
        let failed = self.shared.failed.load(Ordering::Acquire);
        failed.then(|| self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).take()).flatten()
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
