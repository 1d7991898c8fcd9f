//! Writing a journal: appended at once, made durable every second.

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

use tradesim_schemas::Timestamp;

use super::{JournalKind, MAGIC, bounded_reason, encode};
use crate::{Error, limits, regular::open_regular};

/// The longest that a message which was written may wait until it is durable.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes that are gathered before they are written, where messages come without a pause.
const BUFFER_BYTES: usize = 256 * 1024;
/// Torn journals of one name that are kept beside each other.
const TORN_NAMES_MAX: u32 = 10_000;

/// Writes a journal. Dropped, it leaves the file where it is.
///
/// While it lives nobody else can lock the file, so that a journal in use is told from one that was left over.
#[derive(Debug)]
pub struct JournalWriter {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    ordinal: u64,
    /// Bytes that are in the file.
    written: u64,
    /// Where in the file the messages of the buffer end, ascending.
    ends: Vec<u64>,
    /// Messages that are in the file as a whole.
    messages: u64,
    syncing: Syncing,
}

impl JournalWriter {
    /// Begins a journal of what comes from `feed`, and makes it durable.
    ///
    /// # Errors
    /// A file of this name, in use or left over; a folder that is missing or cannot be written.
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
        // after a loss of power the name must be there, too
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Error::io(folder, "make durable the folder", source))?;
        Ok(writer)
    }

    /// Adds a record. It may stay in memory until [`JournalWriter::flush`], for as long as more come. Of a long reason for
    /// a gap the beginning is kept.
    ///
    /// # Errors
    /// A file that cannot be written, or a content above the limit of a message.
    pub fn append(&mut self, received: Timestamp, kind: JournalKind, content: &[u8]) -> Result<(), Error> {
        if content.len() > limits::FRAME_BYTES_MAX {
            let (bytes, limit) = (content.len(), limits::FRAME_BYTES_MAX);
            return Err(Error::FrameTooLarge { seq: self.ordinal, bytes, limit });
        }
        let content = if kind == JournalKind::Gap { bounded_reason(content) } else { content };
        encode(self.ordinal, received, kind, content, &mut self.buffer);
        self.ordinal += 1;
        if kind.opcode().is_some() {
            self.ends.push(self.bytes());
        }
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands everything to the operating system, so that the end of this process loses none of it.
    ///
    /// # Errors
    /// A file that cannot be written; also where that was found while it was made durable.
    pub fn flush(&mut self) -> Result<(), Error> {
        if let Some(error) = self.syncing.take_error() {
            return Err(Error::write(&self.path, error));
        }
        if !self.buffer.is_empty() {
            let (done, result) = write_all_of(&mut self.file, &self.buffer);
            // what is in the file must not be written again, also where the rest could not be
            self.buffer.drain(..done);
            self.written += done as u64;
            let whole = self.ends.partition_point(|end| *end <= self.written);
            self.ends.drain(..whole);
            self.messages += whole as u64;
            // a frame of 16 MiB should not stay in memory for good
            self.buffer.shrink_to(2 * BUFFER_BYTES);
            self.syncing.dirty();
            result.map_err(|source| Error::write(&self.path, source))?;
        }
        Ok(())
    }

    /// Messages that are in the file as a whole. After a failed write it tells how many of those that were appended
    /// `recover` will find.
    pub fn messages_in_file(&self) -> u64 {
        self.messages
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.file.sync_data().map_err(|source| Error::write(&self.path, source))
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, when what it holds is kept elsewhere.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|source| Error::io(&self.path, "remove", source))
    }

    /// Takes a journal that was left over, so that nobody else does; to be held while it is read.
    ///
    /// # Errors
    /// A journal that is still written, or a file that cannot be opened.
    pub fn claim(path: impl AsRef<Path>) -> Result<File, Error> {
        let path = path.as_ref();
        let file = open_regular(path)?;
        lock(&file, path)?;
        Ok(file)
    }

    /// Gives a journal that could not be read to its end another name, which is returned: `JOURNAL.torn`, or with a
    /// number behind it where that name is taken. No file is ever replaced.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn set_aside(path: impl AsRef<Path>) -> Result<PathBuf, Error> {
        let path = path.as_ref();
        for number in 1..=TORN_NAMES_MAX {
            let mut name = path.as_os_str().to_owned();
            name.push(".torn");
            if number > 1 {
                name.push(format!(".{number}"));
            }
            let name = PathBuf::from(name);
            // an empty file takes the name in a way that no other process can; then the journal takes its place
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
        last.push(format!(".torn.{TORN_NAMES_MAX}"));
        Err(Error::Exists { path: last.into() })
    }
}

/// Writes all bytes. Returns how many of them are in the file, also where the rest could not be written.
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

/// Why a name is taken: by a capture that runs, or by what is left of one.
fn taken(path: PathBuf) -> Error {
    match open_regular(&path).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Error::JournalInUse { path },
        _ => Error::JournalExists { path },
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::JournalInUse { path: path.to_owned() }),
        // a file system without locks is no reason not to capture
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// The thread that makes a file durable, so that a slow disk does not delay the receive times.
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
