//! A stream with its faults.

use std::sync::Arc;

use tradesim_replay::{
    Block, BlockBuilder, Feed, Filled, LineFault, Meta, Opcode, Source, SourceError, SourceInfo,
};

use super::{
    draw::{Hit, Planted},
    forge,
    plan::Kind,
};

/// Another source with faults planted. Its messages have the same numbers; what is sent of them is not the same.
pub(crate) struct FaultySource {
    inner: Arc<dyn Source>,
    planted: Arc<Planted>,
    info: SourceInfo,
}

impl std::fmt::Debug for FaultySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultySource").field("info", &self.info).finish_non_exhaustive()
    }
}

impl FaultySource {
    pub(crate) fn new(inner: Arc<dyn Source>, planted: Arc<Planted>) -> FaultySource {
        let info = SourceInfo {
            identity: format!("{} faults {}", inner.info().identity, planted.identity()),
            // nobody knows what is sent before it was made
            digest: None,
            ..inner.info().clone()
        };
        FaultySource { inner, planted, info }
    }
}

impl Source for FaultySource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: u64) -> Result<Box<dyn Feed>, SourceError> {
        // the message before it may change places with the first
        let is_swapped = |seq: u64| self.planted.hits.get(&seq).is_some_and(|hit| hit.kind == Kind::Swap);
        let from = seq.checked_sub(1).filter(|&before| is_swapped(before)).unwrap_or(seq);
        Ok(Box::new(FaultyFeed {
            inner: self.inner.open(from)?,
            planted: Arc::clone(&self.planted),
            read: BlockBuilder::new(from),
            block: None,
            at: 0,
            first: seq,
            ended: false,
            waiting: None,
        }))
    }

    fn find(&self, place: &str) -> Result<u64, SourceError> {
        self.inner.find(place)
    }
}

/// A message that waits for the one with which it changes places.
struct Waiting {
    meta: Meta,
    starts_segment: bool,
    text: Vec<u8>,
    /// With its recorded times, where others are sent.
    recorded: Option<Vec<u8>>,
}

impl Waiting {
    fn of(block: &Block, at: usize) -> Waiting {
        let entry = &block.entries()[at];
        Waiting {
            meta: entry.meta,
            starts_segment: entry.starts_segment,
            text: block.text(at).to_vec(),
            recorded: recorded(block, at).map(<[u8]>::to_vec),
        }
    }
}

/// The recorded text of a message that is sent with other times.
fn recorded(block: &Block, at: usize) -> Option<&[u8]> {
    let recorded = block.recorded_text(at);
    (!std::ptr::eq(block.text(at), recorded)).then_some(recorded)
}

struct FaultyFeed {
    inner: Box<dyn Feed>,
    planted: Arc<Planted>,
    /// What is read, and the block of it that is handed on.
    read: BlockBuilder,
    block: Option<Block>,
    at: usize,
    /// The first message that is wanted.
    first: u64,
    ended: bool,
    waiting: Option<Waiting>,
}

impl Feed for FaultyFeed {
    fn fill(&mut self, out: &mut BlockBuilder) -> Result<Filled, SourceError> {
        loop {
            while let Some(block) = self.block.take_if(|block| self.at < block.messages()) {
                self.push(&block, out);
                self.at += 1;
                self.block = Some(block);
                if out.is_full() {
                    return Ok(Filled::More);
                }
            }
            if self.ended {
                return Ok(Filled::End);
            }
            let filled = self.inner.fill(&mut self.read);
            if !self.read.is_empty() {
                self.block = Some(self.read.take());
                self.at = 0;
            }
            self.ended = filled? == Filled::End;
        }
    }
}

impl FaultyFeed {
    fn push(&mut self, block: &Block, out: &mut BlockBuilder) {
        let (at, seq) = (self.at, block.first_seq() + self.at as u64);
        let entry = &block.entries()[at];
        let hit = self.planted.hits.get(&seq).copied();
        if let Some(first) = self.waiting.take() {
            // the first place with the second text, and the other way round; times of play stay where they are
            let second = Waiting::of(block, at);
            let metas =
                [Meta { at: first.meta.at, ..second.meta }, Meta { at: second.meta.at, ..first.meta }];
            if seq > self.first {
                begin(first.starts_segment, out);
                put(metas[0], &second.text, second.recorded.as_deref(), None, out);
            }
            begin(second.starts_segment, out);
            put(metas[1], &first.text, first.recorded.as_deref(), None, out);
            return;
        }
        if hit.is_some_and(|hit| hit.kind == Kind::Swap) {
            self.waiting = Some(Waiting::of(block, at));
            return;
        }
        begin(entry.starts_segment, out);
        if let Some(fault) = hit.and_then(|hit| on_the_line(&hit)) {
            out.plant(fault);
        }
        put(entry.meta, block.text(at), recorded(block, at), hit, out);
    }
}

fn begin(starts_segment: bool, out: &mut BlockBuilder) {
    if starts_segment {
        out.start_segment();
    }
}

/// Adds a message, with its fault of content if it has one.
fn put(meta: Meta, text: &[u8], recorded: Option<&[u8]>, hit: Option<Hit>, out: &mut BlockBuilder) {
    let Some(hit) = hit.filter(|hit| forge::reason(hit).is_some()) else {
        return push(meta, text, recorded, out);
    };
    let forged = |from: &[u8]| {
        let mut to = Vec::new();
        forge::forge(&hit, from, &mut to);
        to
    };
    let (text, recorded) = (forged(text), recorded.map(forged));
    // a text message that is no UTF-8 would make every client close the connection
    let opcode = if std::str::from_utf8(&text).is_ok() { meta.opcode } else { Opcode::Binary };
    push(Meta { opcode, ..meta }, &text, recorded.as_deref(), out);
}

fn push(meta: Meta, text: &[u8], recorded: Option<&[u8]>, out: &mut BlockBuilder) {
    match recorded {
        None => out.push(meta, |to| to.extend_from_slice(text)),
        Some(recorded) => {
            out.push_shifted(meta, |to| to.extend_from_slice(text), |to| to.extend_from_slice(recorded));
        }
    }
}

/// What a fault does on the line.
fn on_the_line(hit: &Hit) -> Option<LineFault> {
    Some(match hit.kind {
        Kind::Drop => LineFault::Missing,
        Kind::Duplicate => LineFault::Repeated,
        Kind::Disconnect => LineFault::Disconnect,
        Kind::Stall => LineFault::Stall(hit.lasts),
        Kind::Drip => LineFault::Drip { bytes_per_second: hit.bytes_per_second, lasts: hit.lasts },
        _ => return None,
    })
}
