//! The expected messages of one run: read in order, and kept for the partition in which each should be until its record comes.

use std::collections::{BTreeMap, VecDeque};

use tradesim_schemas::{ContentHasher, Symbol};

use super::{AuditedKey, Cause, ExpectedMessage, RunMessages, ShardRun};
use crate::audit::{
    findings::Example,
    retries::{Retries, ShortHash},
};

/// A message whose record is due in a partition.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) seq: u64,
    /// The index of its symbol.
    pub(super) key: usize,
    pub(super) text: Vec<u8>,
}

/// What is expected of one run in one partition.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The messages in order; the records of a partition are in order too, so the first one is due.
    pub(super) pending: VecDeque<Pending>,
    /// The largest number whose record was read.
    pub(super) last: Option<u64>,
}

/// A symbol of a run.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) symbol: Symbol,
    messages: u64,
    bytes: u64,
    hasher: ContentHasher,
    /// True if all of its messages so far are in the topics, once, in order and unaltered.
    pub(super) clean: bool,
}

/// A message whose record was not where it was due.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) key: usize,
    pub(super) hash: ShortHash,
    /// Kept for the first few.
    pub(super) example: Option<Box<Example>>,
}

/// A dead letter.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) stream: usize,
    pub(super) offset: i64,
    /// The hash of its message; `None` if it contains none.
    pub(super) hash: Option<ShortHash>,
    /// True if its message is in no data topic.
    pub(super) used: bool,
}

/// The messages of the run.
enum Source {
    Closed,
    Open(Box<dyn RunMessages>),
    Ended,
}

/// One run in progress.
pub(super) struct Run {
    pub(super) name: String,
    pub(super) messages: u64,
    source: Source,
    /// The message after those that were handed to the lanes.
    next: Option<(ExpectedMessage, Vec<u8>)>,
    pub(super) lanes: Vec<Lane>,
    pub(super) keys: Vec<Key>,
    places: BTreeMap<Symbol, usize>,
    pub(super) given_up: BTreeMap<u64, GivenUp>,
    pub(super) letters: BTreeMap<u64, Letter>,
    pub(super) retries: Retries,
    /// Used buffers.
    spare: Vec<Vec<u8>>,
    /// The number of messages read.
    pub(super) expected: u64,
}

/// The limit of buffers that are kept.
const SPARE_MAX: usize = 64;

impl Run {
    pub(super) fn new(run: &ShardRun) -> Run {
        Run {
            name: run.run.clone(),
            messages: run.messages,
            source: Source::Closed,
            next: None,
            lanes: Vec::new(),
            keys: Vec::new(),
            places: BTreeMap::new(),
            given_up: BTreeMap::new(),
            letters: BTreeMap::new(),
            retries: Retries::default(),
            spare: Vec::new(),
            expected: 0,
        }
    }

    /// Opens the messages, unless that was done.
    pub(super) fn open(
        &mut self,
        lanes: usize,
        open: impl FnOnce() -> Result<Box<dyn RunMessages>, Cause>,
    ) -> Result<(), Cause> {
        if matches!(self.source, Source::Closed) {
            self.source = Source::Open(open()?);
            self.lanes.resize_with(lanes, Lane::default);
        }
        Ok(())
    }

    /// Returns the next message with the index of its symbol if its number is at most `seq`.
    pub(super) fn next_until(&mut self, seq: u64) -> Result<Option<(ExpectedMessage, Pending)>, Cause> {
        if self.next.is_none()
            && let Source::Open(messages) = &mut self.source
        {
            let mut text = self.spare.pop().unwrap_or_default();
            text.clear();
            match messages.next_message(&mut text)? {
                Some(message) => self.next = Some((message, text)),
                // the archive may be closed
                None => self.source = Source::Ended,
            }
        }
        let Some((message, text)) = self.next.take_if(|(message, _)| message.seq <= seq) else {
            return Ok(None);
        };
        let key = self.key(message.symbol);
        let entry = &mut self.keys[key];
        entry.messages += 1;
        entry.bytes += text.len() as u64 + 4;
        entry.hasher.push(&text);
        self.expected += 1;
        Ok(Some((message, Pending { seq: message.seq, key, text })))
    }

    fn key(&mut self, symbol: Symbol) -> usize {
        let keys = &mut self.keys;
        *self.places.entry(symbol).or_insert_with(|| {
            keys.push(Key { symbol, messages: 0, bytes: 0, hasher: ContentHasher::new(), clean: true });
            keys.len() - 1
        })
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, text: Vec<u8>) {
        if self.spare.len() < SPARE_MAX {
            self.spare.push(text);
        }
    }

    /// Records that a message of this key is not as it should be.
    pub(super) fn blame(&mut self, key: &[u8]) {
        if let Some(entry) = self.keys.iter_mut().find(|entry| entry.symbol.as_str().as_bytes() == key) {
            entry.clean = false;
        }
    }

    /// Returns the symbols, once everything was read.
    pub(super) fn audited_keys(&self, run: usize) -> impl Iterator<Item = AuditedKey> + '_ {
        self.keys.iter().map(move |key| AuditedKey {
            run,
            symbol: key.symbol,
            messages: key.messages,
            bytes: key.bytes,
            digest: key.clean.then(|| key.hasher.finish()),
        })
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("name", &self.name).field("expected", &self.expected).finish_non_exhaustive()
    }
}
