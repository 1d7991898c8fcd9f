//! What is served: messages numbered from 0 that can be read from any of them on.

use tradesim_schemas::{Digest, Symbol};

use crate::block::BlockBuilder;

/// What is known of a stream before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// Everything that decides the messages, as one line of text: the id of the stream is its hash.
    pub identity: String,
    /// How many messages there are, if that is known and not endless.
    pub messages: Option<u64>,
    /// The digest of all messages, if it is known beforehand.
    pub digest: Option<Digest>,
    /// The symbols that occur. None at all says that any may.
    pub symbols: Vec<Symbol>,
}

/// Messages numbered from 0 that can be read from any of them on, by several readers at once.
///
/// Opening it twice at one seq gives the same messages.
pub trait Source: Send + Sync {
    /// What is known beforehand.
    fn info(&self) -> &SourceInfo;

    /// A reader whose first message is that of `seq`. At the very end it is one without messages.
    ///
    /// # Errors
    /// [`SourceError::BeyondEnd`], [`SourceError::Gone`], or what reading meets. May take as long as reading does.
    fn open(&self, seq: u64) -> Result<Box<dyn Feed>, SourceError>;

    /// The seq of the first message at or behind a place, such as `10:00` or an RFC 3339 time.
    ///
    /// # Errors
    /// [`SourceError::NoPlace`], or what reading meets.
    fn find(&self, place: &str) -> Result<u64, SourceError>;
}

/// A reader of a [`Source`].
pub trait Feed: Send {
    /// Adds the messages that follow to the block, until that [is full](BlockBuilder::is_full) or there are none for
    /// now. Says whether there are more.
    ///
    /// # Errors
    /// What reading meets. What was added before it counts.
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError>;
}

/// How a [`Feed`] left a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// There are more messages.
    More,
    /// That was the last message.
    End,
}

/// A source cannot give what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A seq behind the end.
    #[error("seq {seq} is behind the end: the stream has {messages} messages")]
    BeyondEnd {
        /// What was asked for.
        seq: u64,
        /// How many messages there are.
        messages: u64,
    },
    /// A seq that cannot be read any more.
    #[error("seq {seq} cannot be had any more: the oldest is {oldest}")]
    Gone {
        /// What was asked for.
        seq: u64,
        /// The oldest that can be read.
        oldest: u64,
    },
    /// A text that names no place of the stream.
    #[error("{place:?} is no place of this stream: {reason}")]
    NoPlace {
        /// The text.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading failed.
    #[error("the source cannot be read")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// The error and what caused it, in one line.
    pub(crate) fn with_cause(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        text
    }
}
