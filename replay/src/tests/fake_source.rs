//! Sources whose messages are all in memory, so that tests can look them up.

use std::{ops::Range, sync::Arc};

use tradesim_schemas::{EventType, StreamSeq, Symbol, TimeSpec, Timestamp};

use crate::{
    BlockBuilder, Feed, Filled, Meta, Opcode, Source, SourceError, SourceInfo,
    sample::{SYMBOLS, Sample},
};

/// Messages in memory.
#[derive(Clone, Debug)]
pub(super) struct FakeSource {
    info: SourceInfo,
    messages: Arc<Vec<Message>>,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) at: Timestamp,
    pub(super) kind: Option<(Symbol, EventType)>,
    pub(super) starts_segment: bool,
}

impl FakeSource {
    /// Returns so many messages, mostly 300 µs apart, some at one instant, with idle times of 50 ms; every 400th
    /// begins another file, which was recorded earlier.
    pub(super) fn made(messages: u64) -> FakeSource {
        let sample = Sample::new(0, 0);
        let mut micros = 0;
        let message = |seq: u64| {
            let starts_segment = seq > 0 && seq.is_multiple_of(400);
            micros = match seq {
                _ if starts_segment => 0,
                _ if seq % 90 == 45 => micros + 50_000,
                _ if seq % 7 < 3 => micros,
                _ => micros + 300,
            };
            // a few that do not contain an event
            let kind = (seq % 31 != 30).then(|| Sample::kind(seq));
            Message {
                text: sample.text(seq),
                at: Timestamp::from_micros(micros).unwrap(),
                kind,
                starts_segment,
            }
        };
        let symbols = SYMBOLS.iter().map(|name| Symbol::new(name).unwrap()).collect();
        let messages: Vec<Message> = (0..messages).map(message).collect();
        let info = SourceInfo { messages: Some(messages.len() as u64), symbols, ..SourceInfo::default() };
        FakeSource { info, messages: Arc::new(messages) }
    }

    /// Returns messages of a recording, so many microseconds apart.
    pub(super) fn recorded(gaps_us: &str) -> FakeSource {
        let mut micros = 1_771_425_890_000_000;
        let message = |(seq, gap_us): (usize, &str)| {
            micros += gap_us.parse::<i64>().unwrap();
            let at = Timestamp::from_micros(micros).unwrap();
            Message { text: format!("{seq}"), at, kind: None, starts_segment: false }
        };
        let messages: Vec<Message> = gaps_us.split_whitespace().enumerate().map(message).collect();
        let info = SourceInfo { messages: Some(messages.len() as u64), ..SourceInfo::default() };
        FakeSource { info, messages: Arc::new(messages) }
    }

    pub(super) fn len(&self) -> u64 {
        self.messages.len() as u64
    }

    pub(super) fn message(&self, seq: u64) -> &Message {
        &self.messages[seq as usize]
    }

    /// Returns the recorded microseconds from the previous message to this one.
    pub(super) fn gap_us(&self, seq: u64) -> u64 {
        match self.message(seq).starts_segment {
            true => 0,
            false => (self.message(seq).at.micros() - self.message(seq - 1).at.micros()).unsigned_abs(),
        }
    }
}

impl Source for FakeSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(TapeFeed {
            messages: Arc::clone(&self.messages),
            left: seq.get() as usize..self.messages.len(),
        }))
    }

    fn find(&self, _: TimeSpec) -> Result<StreamSeq, SourceError> {
        unreachable!("the tests address messages by their numbers")
    }
}

struct TapeFeed {
    messages: Arc<Vec<Message>>,
    left: Range<usize>,
}

impl Feed for TapeFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        while !block.is_full() {
            let Some(index) = self.left.next() else { return Ok(Filled::End) };
            let message = &self.messages[index];
            if message.starts_segment {
                block.start_segment();
            }
            let meta = Meta { at: message.at, kind: message.kind, opcode: Opcode::Text };
            block.push(meta, |out| out.extend_from_slice(message.text.as_bytes()));
        }
        Ok(Filled::More)
    }
}

/// Reads a tape block by block.
pub(super) struct Blocks {
    feed: Box<dyn Feed>,
    builder: BlockBuilder,
    over: bool,
}

impl Blocks {
    pub(super) fn from(fake_source: &FakeSource, seq: u64) -> Blocks {
        Blocks {
            feed: fake_source.open(StreamSeq(seq)).unwrap(),
            builder: BlockBuilder::new(StreamSeq(seq)),
            over: false,
        }
    }

    /// Returns the next block; `None` after the last.
    pub(super) fn next(&mut self) -> Option<Arc<crate::Block>> {
        if !self.over {
            self.over = self.feed.fill(&mut self.builder).unwrap() == Filled::End;
        }
        (!self.builder.is_empty()).then(|| Arc::new(self.builder.take()))
    }
}
