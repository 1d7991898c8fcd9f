//! The content digest on several threads: each writes and hashes the texts of some batches, and the hashes are joined by
//! BLAKE3's tree.
//!
//! A text has to be written before its length is known, and its length before the next one can be hashed at its place. So a
//! thread writes the text of a batch, waits for the lengths of the batches before it, passes its own on, and hashes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use tradesim_schemas::{ContentDigest, MessageEncoder, Piece, append_message};

use crate::Batch;

/// The number of batches that wait for a thread.
const QUEUED: usize = 4;

/// Computes the content digest of batches on several threads.
pub(crate) struct DigestThreads<T> {
    work: Option<SyncSender<(u64, Arc<T>)>>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    next: u64,
}

#[derive(Default)]
struct Shared {
    places: Mutex<Places>,
    known: Condvar,
    pieces: Mutex<Pieces>,
}

/// The place of the next batch in the input of the digest.
#[derive(Default)]
struct Places {
    batch: u64,
    offset: u64,
    /// A thread has panicked, so that a batch may never get its place.
    failed: bool,
}

/// The hash of the first batches, and those of later ones that cannot be joined yet: at most one for each thread.
struct Pieces {
    next: u64,
    joined: Piece,
    waiting: BTreeMap<u64, Piece>,
}

impl Default for Pieces {
    fn default() -> Pieces {
        Pieces { next: 0, joined: Piece::of(0, &[]), waiting: BTreeMap::new() }
    }
}

impl<T: AsRef<Batch> + Send + Sync + 'static> DigestThreads<T> {
    /// Starts the threads.
    pub(crate) fn start(threads: usize) -> std::io::Result<DigestThreads<T>> {
        let (work, inbox) = sync_channel::<(u64, Arc<T>)>(QUEUED);
        let (inbox, shared) = (Arc::new(Mutex::new(inbox)), Arc::new(Shared::default()));
        let start = |_| {
            let (inbox, shared) = (Arc::clone(&inbox), Arc::clone(&shared));
            let thread = std::thread::Builder::new().name("archive-digest".to_owned());
            thread.spawn(move || run(&inbox, &shared))
        };
        let threads = (0..threads).map(start).collect::<std::io::Result<_>>()?;
        Ok(DigestThreads { work: Some(work), threads, shared, next: 0 })
    }

    /// Adds a batch. Returns false if a thread has panicked.
    pub(crate) fn push(&mut self, batch: Arc<T>) -> bool {
        let Some(work) = &self.work else { return false };
        self.next += 1;
        work.send((self.next - 1, batch)).is_ok()
    }

    /// Returns the digest of all batches.
    pub(crate) fn finish(mut self) -> ContentDigest {
        self.stop();
        let pieces = self.shared.pieces.lock().expect("the threads have ended without a panic");
        pieces.joined.finish().expect("all pieces of the input are joined")
    }
}

impl<T> DigestThreads<T> {
    fn stop(&mut self) {
        drop(self.work.take());
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<T> Drop for DigestThreads<T> {
    /// Waits for the threads, so that they do not outlive a dropped writer.
    fn drop(&mut self) {
        self.stop();
    }
}

/// Wakes the other threads if this one panics, so that they do not wait for its batch forever.
struct Alarm<'a>(&'a Shared);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut places) = self.0.places.lock()
        {
            places.failed = true;
            self.0.known.notify_all();
        }
    }
}

fn run<T: AsRef<Batch>>(inbox: &Mutex<Receiver<(u64, Arc<T>)>>, shared: &Shared) {
    let _alarm = Alarm(shared);
    let (mut encoder, mut text) = (MessageEncoder::new(), Vec::new());
    loop {
        // batches are taken in order, so the one before is in the hands of a thread that does not wait for this one
        let taken = inbox.lock().ok().and_then(|inbox| inbox.recv().ok());
        let Some((number, batch)) = taken else { return };
        text.clear();
        let rows: &Batch = T::as_ref(&batch);
        for row in rows.rows() {
            append_message(&mut text, |out| row.write_message(&mut encoder, out));
        }
        let Some(offset) = shared.place(number, text.len() as u64) else { return };
        shared.join(number, Piece::of(offset, &text));
    }
}

impl Shared {
    /// Waits until the place of a batch is known, and determines that of the next one. Returns `None` if it never will be.
    fn place(&self, number: u64, len: u64) -> Option<u64> {
        let mut places = self.places.lock().ok()?;
        while places.batch != number {
            if places.failed {
                return None;
            }
            places = self.known.wait(places).ok()?;
        }
        let offset = places.offset;
        places.batch += 1;
        places.offset += len;
        self.known.notify_all();
        Some(offset)
    }

    fn join(&self, number: u64, piece: Piece) {
        let mut pieces = self.pieces.lock().expect("joining does not panic");
        let pieces = &mut *pieces;
        pieces.waiting.insert(number, piece);
        while let Some(piece) = pieces.waiting.remove(&pieces.next) {
            let joined = std::mem::replace(&mut pieces.joined, Piece::of(0, &[]));
            pieces.joined = joined.join(&piece).expect("each piece begins where the one before ends");
            pieces.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RowDigest, sample::Sample};

    #[test]
    fn any_number_of_threads_has_the_digest_of_one() {
        let records = Sample::new(1).take(20_000);
        let mut expected = RowDigest::default();
        expected.push(&Batch::from(records.clone()));
        for (threads, rows) in [(1, 8_192), (2, 1_000), (3, 1), (4, 777), (8, 20_000)] {
            let mut digest = DigestThreads::start(threads).unwrap();
            // one row at a time only for the first rows
            let count = if rows == 1 { 500 } else { records.len() };
            for part in records[..count].chunks(rows) {
                assert!(digest.push(Arc::new(Batch::from(part.to_vec()))));
            }
            let mut one = RowDigest::default();
            one.push(&Batch::from(records[..count].to_vec()));
            assert_eq!(digest.finish(), one.finish(), "{threads} threads, {rows} rows");
        }
        assert_eq!(DigestThreads::<Batch>::start(2).unwrap().finish(), RowDigest::default().finish());
    }
}
