//! Sources: messages numbered from 0 that can be read from any number on.

use tradesim_protocol::StateRequest;
use tradesim_schemas::{ContentDigest, MarketView, OrdersFound, StreamSeq, Symbol, TimeSpec};

use crate::{
    block::BlockBuilder,
    outline::{Outline, OutlineOptions},
    state,
};

/// The properties of a stream that are known before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// All parameters that decide the messages, as one line of text. The id of the stream is its hash.
    pub identity: String,
    /// The number of messages, if it is known and finite.
    pub messages: Option<u64>,
    /// The digest of all messages, if it is known in advance.
    pub digest: Option<ContentDigest>,
    /// The symbols that occur. If empty, any symbol may occur.
    pub symbols: Vec<Symbol>,
}

/// Messages numbered from 0 that can be read from any number on, by several readers at once.
///
/// Two readers opened at the same number return the same messages.
pub trait Source: Send + Sync {
    /// Returns what is known in advance.
    fn info(&self) -> &SourceInfo;

    /// Returns a reader whose first message is that of `seq`. At the end of the stream it has no messages. May take
    /// as long as reading does.
    ///
    /// # Errors
    /// [`SourceError::BeyondEnd`], [`SourceError::Gone`], or an error of reading.
    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError>;

    /// Returns the sequence number of the first message at or after a time.
    ///
    /// # Errors
    /// [`SourceError::InvalidPosition`], or an error of reading.
    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError>;

    /// Returns the state of the market before the message of `seq`, from all messages before it. A source that does not
    /// know better reads these messages.
    ///
    /// # Errors
    /// [`SourceError::BeyondEnd`], [`SourceError::Gone`], or an error of reading.
    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        state::by_reading(self.open(StreamSeq(0))?, seq, request)
    }

    /// Returns what happens when, over the whole stream; `None` if that is not known before it is made. May read
    /// everything.
    ///
    /// # Errors
    /// An error of reading.
    fn outline(&self, options: OutlineOptions<'_>) -> Result<Option<Outline>, SourceError> {
        let _ = options;
        Ok(None)
    }
}

/// The state of the market before a message of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamState {
    /// The state. Timestamps are those that are sent.
    pub market: MarketView,
    /// The period of the trading day at the time of the message (contract, section 2); `None` if it is not known.
    pub period: Option<&'static str>,
    /// The open orders; `None` if they were not requested.
    pub orders: Option<OrdersFound>,
}

/// A reader of a [`Source`].
pub trait Feed: Send {
    /// Adds the messages that follow to the block, until that [is full](BlockBuilder::is_full) or there are none for
    /// now. Returns whether there are more.
    ///
    /// # Errors
    /// An error of reading. Messages that were added before it count.
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError>;
}

/// The result of [`Feed::fill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// There are more messages.
    More,
    /// That was the last message.
    End,
}

/// An error of a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A sequence number past the end.
    #[error("seq {seq} is past the end of the stream: it has {messages} messages")]
    BeyondEnd {
        /// The requested sequence number.
        seq: StreamSeq,
        /// The number of messages in the stream.
        messages: u64,
    },
    /// A sequence number that is no longer available.
    #[error("seq {seq} is no longer available; the oldest retained is {oldest}")]
    Gone {
        /// The requested sequence number.
        seq: StreamSeq,
        /// The oldest available sequence number.
        oldest: u64,
    },
    /// A time at which the stream has no message.
    #[error("invalid position \"{position}\": {reason}")]
    InvalidPosition {
        /// The time.
        position: TimeSpec,
        /// The reason.
        reason: String,
    },
    /// An error of reading.
    #[error("cannot read the source")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// Formats the error and its causes on one line.
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
