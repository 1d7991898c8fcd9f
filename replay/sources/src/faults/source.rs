//! Adds faults to a stream.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tradesim_replay::{
    Block, BlockBuilder, Feed, Filled, LineFault, MARKS_MAX, Mark, MarkKind, Meta, Opcode, Outline,
    OutlineOptions, SessionFault, Source, SourceError, SourceInfo, StateRequest, StreamState,
};
use tradesim_schemas::StreamSeq;
use tradesim_schemas::TimeSpec;

use super::{
    draw::{Hit, Planted},
    forge,
    plan::FaultKind,
};

/// A source with faults added to another source. Messages keep their sequence numbers.
pub struct FaultySource {
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
    /// Adds the faults.
    pub fn new(inner: Arc<dyn Source>, planted: Arc<Planted>) -> FaultySource {
        let info = SourceInfo {
            identity: format!("{} faults {}", inner.info().identity, planted.identity()),
            // unknown in advance
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

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        // the message before may be swapped with the first one
        let is_swapped =
            |seq: StreamSeq| self.planted.hits.get(&seq.get()).is_some_and(|hit| hit.kind == FaultKind::Swap);
        let before = (seq > StreamSeq(0)).then(|| seq - 1);
        let from = before.filter(|&before| is_swapped(before)).unwrap_or(seq);
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

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        self.inner.find(time)
    }

    /// The state is that of the messages without faults.
    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        self.inner.state(seq, request)
    }

    fn outline(&self, options: OutlineOptions<'_>) -> Result<Option<Outline>, SourceError> {
        let Some(mut outline) = self.inner.outline(options)? else { return Ok(None) };
        let hits = self.planted.hits.iter().take(MARKS_MAX);
        let marks = hits.map(|(&seq, hit)| Mark {
            kind: MarkKind::Fault,
            seq: StreamSeq(seq),
            name: hit.kind.name().to_owned(),
        });
        outline.add_marks(marks, self.planted.hits.len() as u64);
        Ok(Some(outline))
    }
}

/// The first of two messages that are swapped.
struct Waiting {
    meta: Meta,
    starts_segment: bool,
    text: Vec<u8>,
    /// The text with recorded timestamps, if shifted ones are sent.
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

/// Returns the recorded text of a message that is sent with shifted timestamps.
fn recorded(block: &Block, at: usize) -> Option<&[u8]> {
    let recorded = block.recorded_text(at);
    (!std::ptr::eq(block.text(at), recorded)).then_some(recorded)
}

struct FaultyFeed {
    inner: Box<dyn Feed>,
    planted: Arc<Planted>,
    /// The builder of the block that is read, and that block.
    read: BlockBuilder,
    block: Option<Block>,
    at: usize,
    /// The first requested message.
    first: StreamSeq,
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
            self.read.keep_events(out.keeps_events());
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
        let hit = self.planted.hits.get(&seq.get()).copied();
        if seq >= self.first {
            block.events_at(at).for_each(|phase| out.announce(Arc::clone(phase)));
        }
        if let Some(first) = self.waiting.take() {
            // the texts are swapped; the times at which they are played are not
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
        if hit.is_some_and(|hit| hit.kind == FaultKind::Swap) {
            self.waiting = Some(Waiting::of(block, at));
            return;
        }
        begin(entry.starts_segment, out);
        if let Some(fault) = hit.and_then(|hit| line_fault(&hit)) {
            out.plant(fault);
        }
        let forged = hit.filter(|hit| forge::reason(hit).is_some());
        put(entry.meta, block.text(at), recorded(block, at), forged, out);
        if forged.is_none() {
            out.state_kept(block.kept(at));
        }
    }
}

fn begin(starts_segment: bool, out: &mut BlockBuilder) {
    if starts_segment {
        out.start_segment();
    }
}

/// Appends a message, with the fault of its content.
fn put(meta: Meta, text: &[u8], recorded: Option<&[u8]>, forged: Option<Hit>, out: &mut BlockBuilder) {
    let Some(hit) = forged else {
        return push(meta, text, recorded, out);
    };
    let forged = |from: &[u8]| {
        let mut to = Vec::new();
        forge::forge(&hit, from, &mut to);
        to
    };
    let (text, recorded) = (forged(text), recorded.map(forged));
    // clients close the connection on a text message that is not UTF-8
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

/// Returns the effect of a fault on the connection.
fn line_fault(hit: &Hit) -> Option<LineFault> {
    Some(match hit.kind {
        FaultKind::Drop => LineFault::Missing,
        FaultKind::Duplicate => LineFault::Repeated,
        FaultKind::Disconnect => LineFault::Disconnect,
        FaultKind::AuthFailed => LineFault::Session(SessionFault::AuthenticationFails),
        FaultKind::ConnectionLimit => LineFault::Session(SessionFault::ConnectionLimit),
        FaultKind::SlowClient => LineFault::Session(SessionFault::TooSlow),
        FaultKind::Stall => LineFault::Stall(hit.lasts),
        FaultKind::Drip => LineFault::Drip { bytes_per_second: hit.bytes_per_second, lasts: hit.lasts },
        _ => return None,
    })
}
