//! A small source for tests: numbered messages, some of them long, with symbols and types.

use tradesim_schemas::{ContentDigest, EventType, StreamSeq, Symbol, TimeSpec, Timestamp};

use crate::{BlockBuilder, Feed, Filled, Meta, Opcode, Source, SourceError, SourceInfo};

/// Messages numbered from 0, `gap_us` apart.
#[derive(Debug)]
pub(crate) struct Sample {
    info: SourceInfo,
    messages: u64,
    gap_us: i64,
    /// The message at which reading fails.
    fails_at: Option<u64>,
    /// The number of bytes that are added to every text.
    padding: usize,
}

pub(crate) const SYMBOLS: [&str; 3] = ["AAPL", "MSFT", "XOM"];

impl Sample {
    pub(crate) fn new(messages: u64, gap_us: i64) -> Sample {
        let mut sample = Sample { info: SourceInfo::default(), messages, gap_us, fails_at: None, padding: 0 };
        sample.describe();
        sample
    }

    pub(crate) fn failing_at(messages: u64, gap_us: i64, fails_at: u64) -> Sample {
        Sample { fails_at: Some(fails_at), ..Sample::new(messages, gap_us) }
    }

    pub(crate) fn padded(messages: u64, gap_us: i64, padding: usize) -> Sample {
        let mut sample = Sample { padding, ..Sample::new(0, gap_us) };
        sample.messages = messages;
        sample.describe();
        sample
    }

    fn describe(&mut self) {
        self.info = SourceInfo {
            identity: format!("sample {} {} {}", self.messages, self.gap_us, self.padding),
            messages: Some(self.messages),
            digest: Some(self.digest(0..self.messages)),
            symbols: SYMBOLS.iter().map(|name| Symbol::new(name).unwrap()).collect(),
        };
    }

    pub(crate) fn text(&self, seq: u64) -> String {
        let long = if seq.is_multiple_of(97) { 70_000 } else { (seq % 211) as usize };
        format!("{{\"n\":{seq},\"x\":\"{}\"}}", "x".repeat(long + self.padding))
    }

    pub(crate) fn kind(seq: u64) -> (Symbol, EventType) {
        let symbol = Symbol::new(SYMBOLS[(seq % 3) as usize]).unwrap();
        (symbol, EventType::ALL[(seq / 2 % 3) as usize])
    }

    pub(crate) fn digest(&self, messages: impl IntoIterator<Item = u64>) -> ContentDigest {
        ContentDigest::of(messages.into_iter().map(|seq| self.text(seq)))
    }
}

impl Source for Sample {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        if seq > StreamSeq(self.messages) {
            return Err(SourceError::BeyondEnd { seq, messages: self.messages });
        }
        let copy = Sample { info: SourceInfo::default(), ..*self };
        Ok(Box::new(SampleFeed { sample: copy, seq: seq.get() }))
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        match time {
            TimeSpec::Instant(at) => Ok(StreamSeq((at.micros() / self.gap_us) as u64)),
            TimeSpec::Exchange(_) => {
                Err(SourceError::InvalidPosition { position: time, reason: "there is no date".to_owned() })
            }
        }
    }
}

struct SampleFeed {
    sample: Sample,
    seq: u64,
}

impl Feed for SampleFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        while self.seq < self.sample.messages {
            if block.is_full() {
                return Ok(Filled::More);
            }
            if self.sample.fails_at == Some(self.seq) {
                return Err(SourceError::Read("the disk is on fire".into()));
            }
            let at = Timestamp::from_micros(self.seq as i64 * self.sample.gap_us).unwrap();
            let meta = Meta { at, kind: Some(Sample::kind(self.seq)), opcode: Opcode::Text };
            block.push(meta, |out| out.extend_from_slice(self.sample.text(self.seq).as_bytes()));
            self.seq += 1;
        }
        Ok(Filled::End)
    }
}
