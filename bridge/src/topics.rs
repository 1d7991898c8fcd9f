//! The topics that the bridge needs, as the contract lists them (section 5), and how a topic that exists differs from that.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, time::Duration};

use tradesim_schemas::EventType;

/// Partitions of a topic of events.
const EVENT_PARTITIONS: u16 = 12;
/// Partitions of the topic of dead letters.
const DEAD_LETTER_PARTITIONS: u16 = 3;
/// Copies of every partition.
pub const REPLICAS: u16 = 3;
const DAY: Duration = Duration::from_secs(86_400);
/// Bytes of a segment.
const SEGMENT_BYTES: u64 = 1 << 30;
/// The topic of positions, without a prefix.
pub const POSITIONS: &str = "tradesim.positions";

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// They go after this time.
    Delete {
        /// How long they stay.
        retention: Duration,
    },
    /// The last one of every key stays.
    Compact,
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The name, with its prefix.
    pub name: String,
    /// How many partitions.
    pub partitions: u16,
    /// How many copies of each.
    pub replicas: u16,
    /// What becomes of old records.
    pub cleanup: Cleanup,
}

/// How a topic is called, and how many copies the cluster can hold.
#[derive(Clone, Debug)]
pub struct TopicOptions {
    /// What stands before every name.
    pub prefix: String,
    /// The topic of dead letters, without the prefix.
    pub dead_letters: String,
    /// Copies of every partition; [`REPLICAS`] unless the cluster has fewer brokers.
    pub replicas: u16,
}

/// All topics, in the contract's order.
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
    /// Copies that have to be in sync before a record counts: all but one, so that one broker may be away.
    pub fn min_isr(&self) -> u16 {
        self.replicas.saturating_sub(1).max(1)
    }

    /// The properties that the topic states, whatever the cluster's defaults are.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![("min.insync.replicas", self.min_isr().to_string())];
        match self.cleanup {
            Cleanup::Delete { retention } => properties.extend([
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", retention.as_millis().to_string()),
                ("segment.bytes", SEGMENT_BYTES.to_string()),
            ]),
            Cleanup::Compact => properties.push(("cleanup.policy", "compact".to_owned())),
        }
        properties
    }
}

/// A topic as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTopic {
    /// The brokers that hold each partition.
    pub replicas: Vec<Vec<i32>>,
    /// Properties, the cluster's defaults among them.
    pub properties: BTreeMap<String, String>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Of what, as `raw.trades` or `broker 2`.
    pub of: String,
    /// Which property of it.
    pub property: String,
    /// What it should be.
    pub expected: String,
    /// What it is, if there is anything.
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

/// How a topic differs from what it should be.
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
