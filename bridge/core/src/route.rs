//! The topics of records.

use tradesim_schemas::EventType;

/// A topic of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Messages of a type.
    Data(EventType),
    /// Messages that can never be delivered.
    DeadLetters,
    /// The position of each run.
    Positions,
}

impl Topic {
    /// All topics, in the order of [`Topic::index`].
    pub const ALL: [Topic; 5] = [
        Topic::Data(EventType::Trade),
        Topic::Data(EventType::OrderBook),
        Topic::Data(EventType::MarketData),
        Topic::DeadLetters,
        Topic::Positions,
    ];

    /// Returns the index in [`Topic::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Topic::Data(event_type) => event_type as usize,
            Topic::DeadLetters => 3,
            Topic::Positions => 4,
        }
    }
}

/// The names of the topics (contract, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
    names: [String; 5],
}

impl Topics {
    /// The topic of positions, without the prefix.
    pub const POSITIONS: &'static str = "tradesim.positions";

    /// Returns the names with this prefix, which may be empty. `dead_letters` is the name of that topic without the
    /// prefix.
    pub fn new(prefix: &str, dead_letters: &str) -> Topics {
        let names = Topic::ALL.map(|topic| {
            let name = match topic {
                Topic::Data(event_type) => event_type.topic(),
                Topic::DeadLetters => dead_letters,
                Topic::Positions => Topics::POSITIONS,
            };
            format!("{prefix}{name}")
        });
        Topics { prefix: prefix.to_owned(), names }
    }

    /// Returns the prefix of all names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns a name that two topics share, if there is one: the name of the dead-letter topic can be chosen freely.
    pub fn shared_name(&self) -> Option<&str> {
        let letters = self.name(Topic::DeadLetters);
        (self.names.iter().filter(|name| *name == letters).count() > 1).then_some(letters)
    }

    /// Returns the name of a topic.
    pub fn name(&self, topic: Topic) -> &str {
        &self.names[topic.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_the_prefix() {
        let topics = Topics::new("ci.", "dlq.raw.failed");
        let names: Vec<&str> = Topic::ALL.iter().map(|topic| topics.name(*topic)).collect();
        assert_eq!(
            names,
            [
                "ci.raw.trades",
                "ci.raw.orderbook",
                "ci.raw.marketdata",
                "ci.dlq.raw.failed",
                "ci.tradesim.positions"
            ]
        );
        assert_eq!((topics.prefix(), topics.shared_name()), ("ci.", None));
        assert_eq!(Topics::new("ci.", "raw.trades").shared_name(), Some("ci.raw.trades"));
    }

    #[test]
    fn indexes_are_places_in_the_list() {
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.index(), index);
        }
    }
}
