//! The threads that compute the content digest.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use tradesim_schemas::ContentDigest;

use super::{EngineError, QUEUED_CHUNKS};
use crate::{
    RowDigest,
    digest_threads::DigestThreads,
    encode::Chunk,
    proofs::{Proofs, Proved},
};

/// The threads of the digest.
pub(super) enum DigestJob {
    /// One thread, which digests one message after the other: with few threads, and for the digests of symbols.
    Serial(SyncSender<Arc<Chunk>>, JoinHandle<RowDigest>),
    /// Several threads, which digest different chunks.
    Tree(DigestThreads<Chunk>),
}

/// The number of threads from which on one thread for the digest would be the slowest stage. It digests 7.6 million messages per
/// second, and a generator makes 10.
const TREE_THREADS_MIN: usize = 5;

impl DigestJob {
    pub(super) fn start(
        threads: usize,
        proofs: Option<Proofs>,
        has_raw_frames: bool,
    ) -> std::io::Result<DigestJob> {
        // raw frames may be long, and each further thread has some of them in memory twice
        if proofs.is_none() && !has_raw_frames && threads >= TREE_THREADS_MIN {
            return DigestThreads::start(2).map(DigestJob::Tree);
        }
        let mut digest = proofs.map_or_else(RowDigest::default, RowDigest::with_proofs);
        let (sender, receiver) = sync_channel::<Arc<Chunk>>(QUEUED_CHUNKS);
        let thread = std::thread::Builder::new().name("archive-digest".to_owned()).spawn(move || {
            while let Ok(chunk) = receiver.recv() {
                digest.push(chunk.batch());
            }
            digest
        })?;
        Ok(DigestJob::Serial(sender, thread))
    }

    pub(super) fn push(&mut self, chunk: Arc<Chunk>) -> Result<(), EngineError> {
        let pushed = match self {
            DigestJob::Serial(sender, _) => sender.send(chunk).is_ok(),
            DigestJob::Tree(threads) => threads.push(chunk),
        };
        if pushed { Ok(()) } else { Err(EngineError::ThreadGone) }
    }

    /// Waits for the threads. Returns `None` after a panic if this thread panics, too.
    pub(super) fn finish(self) -> Option<(ContentDigest, Option<Proved>)> {
        match self {
            DigestJob::Serial(sender, thread) => {
                drop(sender);
                match thread.join() {
                    Ok(digest) => Some((digest.finish(), digest.proved())),
                    Err(_) if std::thread::panicking() => None,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            DigestJob::Tree(threads) if std::thread::panicking() => {
                drop(threads);
                None
            }
            DigestJob::Tree(threads) => Some((threads.finish(), None)),
        }
    }
}
