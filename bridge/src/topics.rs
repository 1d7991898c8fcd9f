//! The topics that the bridge needs, as the contract lists them (section 5), and the deviations of existing ones.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;
use tradesim_schemas::EventType;

/// The number of partitions of a data topic.
const EVENT_PARTITIONS: u16 = 12;
/// The number of partitions of the dead-letter topic.
const DEAD_LETTER_PARTITIONS: u16 = 3;
/// The replication factor.
pub const REPLICAS: u16 = 3;
const DAY: Duration = Duration::from_secs(86_400);
/// The size of a segment in bytes.
const SEGMENT_BYTES: u64 = 1 << 30;
/// The size of a segment of a compacted topic in bytes: some 80,000 positions.
const COMPACTED_SEGMENT_BYTES: u64 = 16 << 20;
/// The time for which a compacted topic keeps the markers of transactions whose records it no longer has. It must be longer than a
/// reader needs from a record of an aborted transaction to its marker, which is seconds. By default it is a day, and the markers of
/// fifty bridges are then gigabytes that a bridge with a new run has to read.
/// Source: the class comment of Kafka's `LogCleaner`, and `delete.retention.ms` in its configuration of topics.
const COMPACTED_MARKERS: Duration = Duration::from_secs(300);
/// The topic of positions, without a prefix.
pub const POSITIONS: &str = "tradesim.positions";

/// The cleanup policy of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Records are deleted after a time.
    Delete {
        /// The retention time.
        retention: Duration,
    },
    /// The last record of every key is kept.
    Compact,
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The name, with its prefix.
    pub name: String,
    /// The number of partitions.
    pub partitions: u16,
    /// The replication factor.
    pub replicas: u16,
    /// The cleanup policy.
    pub cleanup: Cleanup,
}

/// The options for the names and the replication of topics.
#[derive(Clone, Debug)]
pub struct TopicOptions {
    /// The prefix of every name.
    pub prefix: String,
    /// The name of the dead-letter topic, without the prefix.
    pub dead_letters: String,
    /// The replication factor; [`REPLICAS`] unless the cluster has fewer brokers.
    pub replicas: u16,
}

/// Returns all topics, in the order of the contract.
pub fn topics(options: &TopicOptions) -> Vec<Topic> {
    let topic = |name: &str, partitions, cleanup| Topic {
        name: format!("{}{name}", options.prefix),
        partitions,
        replicas: options.replicas,
        cleanup,
    };
    let mut topics: Vec<Topic> = EventType::ALL
        .iter()
        .map(|event_type| topic(event_type.topic(), EVENT_PARTITIONS, Cleanup::Delete { retention: 7 * DAY }))
        .collect();
    let letters = Cleanup::Delete { retention: 30 * DAY };
    topics.push(topic(&options.dead_letters, DEAD_LETTER_PARTITIONS, letters));
    topics.push(topic(POSITIONS, 1, Cleanup::Compact));
    topics
}

impl Topic {
    /// Returns the number of replicas that must be in sync before a record counts: all but one, so that one broker
    /// may be unavailable.
    pub fn min_isr(&self) -> u16 {
        self.replicas.saturating_sub(1).max(1)
    }

    /// Returns the properties of the topic, which do not depend on the cluster's defaults.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![("min.insync.replicas", self.min_isr().to_string())];
        match self.cleanup {
            Cleanup::Delete { retention } => properties.extend([
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", retention.as_millis().to_string()),
                ("segment.bytes", SEGMENT_BYTES.to_string()),
            ]),
            // the last segment is never compacted, so small segments bound what a bridge reads to find its position
            Cleanup::Compact => properties.extend([
                ("cleanup.policy", "compact".to_owned()),
                ("segment.bytes", COMPACTED_SEGMENT_BYTES.to_string()),
                ("min.cleanable.dirty.ratio", "0.1".to_owned()),
                ("delete.retention.ms", COMPACTED_MARKERS.as_millis().to_string()),
            ]),
        }
        properties
    }
}

/// A topic as it exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTopic {
    /// The brokers that hold each partition.
    pub replicas: Vec<Vec<i32>>,
    /// The properties, including the cluster's defaults.
    pub properties: BTreeMap<String, String>,
}

/// A deviation of a topic or a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// The topic or broker, such as `raw.trades` or `broker 2`.
    pub of: String,
    /// The property.
    pub property: String,
    /// The expected value.
    pub expected: String,
    /// The value found, if there is one.
    pub found: Option<String>,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Deviation { of, property, expected, found } = self;
        match found {
            Some(found) => write!(f, "{of}: {property} is {found}, expected {expected}"),
            None => write!(f, "{of}: {property} is missing, expected {expected}"),
        }
    }
}

/// Returns the deviations of a topic.
pub fn deviations(topic: &Topic, found: Option<&FoundTopic>) -> Vec<Deviation> {
    let deviation = |property: &str, expected: String, found: Option<String>| Deviation {
        of: topic.name.clone(),
        property: property.to_owned(),
        expected,
        found,
    };
    let Some(found) = found else {
        return vec![deviation("exists", "true".to_owned(), Some("false".to_owned()))];
    };
    let mut deviations = Vec::new();
    if found.replicas.len() != usize::from(topic.partitions) {
        let partitions = found.replicas.len().to_string();
        deviations.push(deviation("partitions", topic.partitions.to_string(), Some(partitions)));
    }
    let unlike = |replicas: &&Vec<i32>| replicas.len() != usize::from(topic.replicas);
    if let Some(replicas) = found.replicas.iter().find(unlike) {
        deviations.push(deviation("replicas", topic.replicas.to_string(), Some(replicas.len().to_string())));
    }
    for (name, expected) in topic.properties() {
        let value = found.properties.get(name);
        if value != Some(&expected) {
            deviations.push(deviation(name, expected, value.cloned()));
        }
    }
    deviations
}
