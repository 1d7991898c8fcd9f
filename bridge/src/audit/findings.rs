//! The findings of an audit.

use std::fmt;

use tradesim_schemas::{ContentDigest, StreamSeq};

/// A fault of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fault {
    /// A message of the archive is in no topic.
    Lost,
    /// A message has one more record, which was not made by sending a dead letter again.
    Duplicated,
    /// A record follows a later one of the same key, or is very far from its place.
    Reordered,
    /// A record differs from its message: in its content, its time, its key, its partition or its topic.
    Altered,
    /// A record has no run, or its sequence number is not in the archive.
    Foreign,
}

impl Fault {
    /// All faults, in the order of reports.
    pub const ALL: [Fault; 5] =
        [Fault::Lost, Fault::Duplicated, Fault::Reordered, Fault::Altered, Fault::Foreign];

    /// Returns the name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Lost => "lost",
            Fault::Duplicated => "duplicated",
            Fault::Reordered => "reordered",
            Fault::Altered => "altered",
            Fault::Foreign => "foreign",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The location of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; `None` for the location where a lost message would have been.
    pub offset: Option<i64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)?;
        match self.offset {
            Some(offset) => write!(f, "@{offset}"),
            None => Ok(()),
        }
    }
}

/// An example of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The sequence number of the message, if the record states one.
    pub seq: Option<StreamSeq>,
    /// The record, or the location where it would have been.
    pub place: Option<Place>,
    /// A description of the fault.
    pub what: String,
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seq) = self.seq {
            write!(f, "seq {seq}: ")?;
        }
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// The number of occurrences of a fault, and the first examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The number of occurrences.
    pub count: u64,
    /// The first examples, at most [`Finding::EXAMPLES_MAX`].
    pub examples: Vec<Example>,
}

impl Finding {
    /// The limit of examples that are kept of each fault.
    pub const EXAMPLES_MAX: usize = 5;

    /// Counts an occurrence, and describes it if it is one of the first.
    pub(super) fn add(&mut self, example: impl FnOnce() -> Example) {
        self.count += 1;
        if self.examples.len() < Finding::EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

/// The report of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// The number of messages of the archive.
    pub messages: u64,
    /// The number of them that are in the topics.
    pub present: u64,
    /// The number of these that are dead letters.
    pub dead_lettered: u64,
    /// The number of dead letters that were sent again, whatever the result.
    pub sent_again: u64,
    /// The number of messages whose text in the archive differs from the text that tradesim writes. The topics
    /// contain their meaning, not their text.
    pub reworded: u64,
    /// The number of records read.
    pub records: u64,
    /// The number of records of other runs, which are ignored.
    pub other_runs: u64,
    /// The findings, in the order of [`Fault::ALL`].
    pub findings: [Finding; 5],
    /// The digest of the run's messages as they are in the topics, in the order of their sequence numbers.
    pub digest: ContentDigest,
    /// The digest of the archive's messages, where those that are `reworded` are re-encoded.
    pub expected_digest: ContentDigest,
}

impl AuditReport {
    /// Returns the finding for a fault.
    pub fn finding(&self, fault: Fault) -> &Finding {
        &self.findings[fault as usize]
    }

    /// Returns true if the topics contain exactly the archive's messages.
    pub fn is_clean(&self) -> bool {
        self.digest == self.expected_digest && self.findings.iter().all(|finding| finding.count == 0)
    }
}
