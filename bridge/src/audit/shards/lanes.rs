//! The expected messages of one run: read in order, and kept by symbol and type until their records come.

use std::collections::{BTreeMap, VecDeque};

use tradesim_schemas::{ContentHasher, Envelope, EventType, MessageEncoder, Symbol};

use super::{AuditedKey, Cause, ExpectedMessage, RunMessages, ShardRun};
use crate::audit::{
    findings::Example,
    retries::{Retries, ShortHash},
};

/// A message whose record is due.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) seq: u64,
    /// The index of its symbol.
    pub(super) key: usize,
    pub(super) envelope: Envelope,
}

/// The expected messages of one symbol and type. Their records are in one partition, in order.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The stream of the partition; `None` if it is not one of the worker's.
    pub(super) stream: Option<usize>,
    /// The messages in order, so the first one is due.
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
    /// By type, in the order of [`EventType::ALL`].
    lanes: Vec<Lane>,
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
    next: Option<ExpectedMessage>,
    encoder: MessageEncoder,
    pub(super) keys: Vec<Key>,
    /// The index of each symbol, by [`Symbol::key`], which is compared in one instruction.
    places: BTreeMap<u128, usize>,
    pub(super) given_up: BTreeMap<u64, GivenUp>,
    pub(super) letters: BTreeMap<u64, Letter>,
    pub(super) retries: Retries,
    /// The number of messages read.
    pub(super) expected: u64,
}

impl Run {
    pub(super) fn new(run: &ShardRun) -> Run {
        Run {
            name: run.run.clone(),
            messages: run.messages,
            source: Source::Closed,
            next: None,
            encoder: MessageEncoder::new(),
            keys: Vec::new(),
            places: BTreeMap::new(),
            given_up: BTreeMap::new(),
            letters: BTreeMap::new(),
            retries: Retries::default(),
            expected: 0,
        }
    }

    /// Opens the messages, unless that was done.
    pub(super) fn open(
        &mut self,
        open: impl FnOnce() -> Result<Box<dyn RunMessages>, Cause>,
    ) -> Result<(), Cause> {
        if matches!(self.source, Source::Closed) {
            self.source = Source::Open(open()?);
        }
        Ok(())
    }

    /// Returns the next message if its number is at most `seq`. `stream_of` returns the stream of a type and symbol.
    pub(super) fn next_until(
        &mut self,
        seq: u64,
        stream_of: impl Fn(EventType, Symbol) -> Option<usize>,
    ) -> Result<Option<Pending>, Cause> {
        if self.next.is_none()
            && let Source::Open(messages) = &mut self.source
        {
            match messages.next_message()? {
                Some(message) => self.next = Some(message),
                // the archive may be closed
                None => self.source = Source::Ended,
            }
        }
        let Some(ExpectedMessage { seq, envelope }) = self.next.take_if(|message| message.seq <= seq) else {
            return Ok(None);
        };
        let key = self.key(envelope.event.symbol(), stream_of);
        let (entry, encoder) = (&mut self.keys[key], &mut self.encoder);
        let mut bytes = 0;
        entry.hasher.push_with(|out| {
            let before = out.len();
            encoder.write(&envelope, out);
            bytes = out.len() - before;
        });
        entry.messages += 1;
        entry.bytes += bytes as u64 + 4;
        self.expected += 1;
        Ok(Some(Pending { seq, key, envelope }))
    }

    fn key(&mut self, symbol: Symbol, stream_of: impl Fn(EventType, Symbol) -> Option<usize>) -> usize {
        let keys = &mut self.keys;
        *self.places.entry(symbol.key()).or_insert_with(|| {
            let lane = |kind| Lane { stream: stream_of(kind, symbol), ..Lane::default() };
            let (lanes, hasher) =
                (EventType::ALL.iter().copied().map(lane).collect(), ContentHasher::of_key());
            keys.push(Key { symbol, messages: 0, bytes: 0, hasher, lanes, clean: true });
            keys.len() - 1
        })
    }

    /// Returns the index of a symbol of which messages were read.
    pub(super) fn place(&self, key: &[u8]) -> Option<usize> {
        self.places.get(&Symbol::key_of(key)?).copied()
    }

    /// Returns what is expected of a symbol and type.
    pub(super) fn lane(&mut self, key: usize, kind: EventType) -> &mut Lane {
        &mut self.keys[key].lanes[kind as usize]
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
        f.debug_struct("Run")
            .field("name", &self.name)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}
