//! The check of an archive's content while its rows are read for something else, too.

use std::{num::NonZeroUsize, sync::Arc};

use tradesim_schemas::ContentDigest;

use crate::{Archive, Batch, Error, RowDigest, digest_threads::DigestThreads, state::StateCheck};

/// The number of threads beyond which the digest is not the slowest stage of reading.
const THREADS_MAX: usize = 2;

/// Computes what the metadata of an archive states of its rows, and compares. [`Archive::content_check`] creates it.
#[derive(Debug)]
pub struct ContentCheck {
    digest: Digest,
    states: StateCheck,
    /// The error of reading a state frame.
    failure: Option<Error>,
}

enum Digest {
    /// On the caller's thread: the digests of symbols belong to one message after the other.
    Here(Box<RowDigest>),
    Threads(DigestThreads<Batch>),
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Digest::Here(_) => "Here",
            Digest::Threads(_) => "Threads",
        })
    }
}

impl Archive {
    /// Starts the check of all rows. With more than one thread, the content digest is computed on other threads, unless there may
    /// be raw frames, of which the waiting ones could use much memory.
    ///
    /// # Errors
    /// Returns an error if the threads cannot be started.
    pub fn content_check(&self, threads: NonZeroUsize) -> Result<ContentCheck, Error> {
        let others = (threads.get() - 1).min(THREADS_MAX);
        let metadata = self.metadata();
        let digest = if others == 0 || metadata.slices().is_some() || metadata.columns().captured {
            Digest::Here(Box::new(RowDigest::of_archive(metadata)))
        } else {
            let started = DigestThreads::start(others);
            Digest::Threads(started.map_err(|error| Error::io(self.path(), "start threads to read", error))?)
        };
        Ok(ContentCheck { digest, states: StateCheck::new(self), failure: None })
    }
}

impl ContentCheck {
    /// Adds the next rows of the archive.
    ///
    /// # Panics
    /// Panics if a thread of the digest has panicked.
    pub fn push(&mut self, batch: &Arc<Batch>) {
        if self.failure.is_none() {
            self.failure = self.states.push(batch).err();
        }
        match &mut self.digest {
            Digest::Here(digest) => digest.push(batch),
            Digest::Threads(threads) => {
                let pushed = threads.push(Arc::clone(batch));
                assert!(pushed, "the threads of the digest do not panic");
            }
        }
    }

    /// Compares what was computed with the metadata of the archive, and returns the content digest.
    ///
    /// # Errors
    /// Returns the errors of [`Archive::check_content`], and [`Error::WrongState`].
    pub fn finish(self, archive: &Archive) -> Result<ContentDigest, Error> {
        let digest = match self.digest {
            Digest::Here(digest) => archive.check_content(&digest),
            Digest::Threads(threads) => archive.check_digest(threads.finish()),
        }?;
        self.failure.map_or(Ok(()), Err)?;
        self.states.finish()?;
        Ok(digest)
    }
}
