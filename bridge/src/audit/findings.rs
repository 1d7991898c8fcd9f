//! What an audit of topics found.

use std::fmt;

use tradesim_schemas::Digest;

/// What can be wrong with topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fault {
    /// A message of the archive is in no topic.
    Lost,
    /// One more record of a message, unless it came of sending a dead letter again.
    Duplicated,
    /// A record behind a later one of the same key, or very far behind its place.
    Reordered,
    /// A record that is not as the message says: its content, its time, its key, its partition or its topic.
    Altered,
    /// A record that names no run, or whose seq the archive lacks.
    Foreign,
}

impl Fault {
    /// All of them, in the order of reports.
    pub const ALL: [Fault; 5] =
        [Fault::Lost, Fault::Duplicated, Fault::Reordered, Fault::Altered, Fault::Foreign];

    /// The name in reports.
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

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; none for where a lost message would have been.
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

/// One case of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The message's seq, where one is stated.
    pub seq: Option<u64>,
    /// The record, or where it would have been.
    pub place: Option<Place>,
    /// What is wrong, in words.
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

/// How often a fault occurs, and its first cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// How often.
    pub count: u64,
    /// The first cases, at most [`Finding::EXAMPLES_MAX`].
    pub examples: Vec<Example>,
}

impl Finding {
    /// Cases that are kept of each fault.
    pub const EXAMPLES_MAX: usize = 5;

    /// Counts a case, and words it if it is among the first.
    pub(super) fn add(&mut self, example: impl FnOnce() -> Example) {
        self.count += 1;
        if self.examples.len() < Finding::EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Messages of the archive.
    pub messages: u64,
    /// How many of them are in the topics.
    pub present: u64,
    /// How many of these are dead letters.
    pub dead_lettered: u64,
    /// How many of the dead letters were sent again, whatever became of them.
    pub sent_again: u64,
    /// How many of these are worded otherwise in the archive than we word them. The topics hold their meaning, not their text.
    pub reworded: u64,
    /// Records read.
    pub records: u64,
    /// Records of other runs, which are left alone.
    pub other_runs: u64,
    /// Each fault in the order of [`Fault::ALL`].
    pub findings: [Finding; 5],
    /// The digest of the run's messages as they are in the topics, in the order of their seqs.
    pub digest: Digest,
    /// The digest of the archive's messages, of those that are `reworded` in our wording.
    pub expected_digest: Digest,
}

impl AuditReport {
    /// What was found of one fault.
    pub fn finding(&self, fault: Fault) -> &Finding {
        &self.findings[fault as usize]
    }

    /// Whether the topics hold exactly the archive's messages.
    pub fn is_clean(&self) -> bool {
        self.digest == self.expected_digest && self.findings.iter().all(|finding| finding.count == 0)
    }
}
