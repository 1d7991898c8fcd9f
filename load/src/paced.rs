//! A recording as a load: its first messages, on the schedule of a profile or on their own.

use std::time::Duration;

use tradesim_replay::{
    BlockBuilder, Feed, Filled, Source, SourceError, SourceInfo, StateRequest, StreamState,
};
use tradesim_schemas::{StreamSeq, TimeSpec, Timestamp};
use tradesim_sources::ArchiveSource;

use crate::profile::Profile;

/// The first messages of an archive, on the schedule of a profile if there is one.
#[derive(Debug)]
pub(crate) struct Paced {
    inner: ArchiveSource,
    profile: Option<Profile>,
    messages: u64,
    info: SourceInfo,
}

impl Paced {
    /// Takes the first `messages` of an archive, which must have at least that many.
    pub(crate) fn new(inner: ArchiveSource, messages: u64, profile: Option<Profile>) -> Paced {
        let whole = inner.info();
        let is_whole = whole.messages == Some(messages);
        let info = SourceInfo {
            // the schedule does not change what is sent, so it is the same stream
            identity: if is_whole {
                whole.identity.clone()
            } else {
                format!("{} first {messages}", whole.identity)
            },
            messages: Some(messages),
            digest: whole.digest.filter(|_| is_whole),
            symbols: whole.symbols.clone(),
        };
        Paced { inner, profile, messages, info }
    }
}

impl Source for Paced {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        let messages = self.messages;
        if seq > StreamSeq(messages) {
            return Err(SourceError::BeyondEnd { seq, messages });
        }
        Ok(Box::new(PacedFeed { inner: self.inner.open(seq)?, profile: self.profile.clone(), messages }))
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        Ok(self.inner.find(time)?.min(StreamSeq(self.messages)))
    }

    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        self.inner.state(seq, request)
    }
}

struct PacedFeed {
    inner: Box<dyn Feed>,
    profile: Option<Profile>,
    messages: u64,
}

impl Feed for PacedFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        let first = block.next_seq();
        if first >= StreamSeq(self.messages) {
            return Ok(Filled::End);
        }
        let filled = self.inner.fill(block)?;
        block.truncate(StreamSeq(self.messages));
        if let Some(profile) = &self.profile {
            block.retime(first, |seq, _| instant(profile.due(seq.get())));
        }
        Ok(if block.next_seq() >= StreamSeq(self.messages) { Filled::End } else { filled })
    }
}

fn instant(due: Duration) -> Timestamp {
    i64::try_from(due.as_micros()).ok().and_then(Timestamp::from_micros).unwrap_or(Timestamp::MAX)
}
