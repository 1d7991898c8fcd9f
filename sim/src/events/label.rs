//! Labels: what a recording states about its planned events.

use std::collections::BTreeMap;

use tradesim_schemas::{Symbol, Timestamp};

/// The label of a planned event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The name of the event, unique within a recording, such as `luld-KO-103112`.
    pub id: String,
    /// The name of its kind, such as `luld`.
    pub kind: String,
    /// The symbol that it happens to; `None` for all.
    pub symbol: Option<Symbol>,
    /// The first instant at which the market differs from one without the event.
    pub from: Timestamp,
    /// The end of the event, exclusive. Prices stay where it has moved them.
    pub to: Timestamp,
    /// Its phases, in order of time.
    pub phases: Vec<Phase>,
    /// Its parameters by name, those that were asked for and those that were drawn or follow from a rule.
    pub parameters: BTreeMap<String, String>,
    /// The rule that the events of the recording follow.
    pub rule: String,
}

/// A phase of a planned event. It lasts until the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its name, such as `halt`.
    pub name: String,
    /// Its first instant.
    pub at: Timestamp,
}

impl Label {
    /// Returns the start of the first phase of a name.
    pub fn phase(&self, name: &str) -> Option<Timestamp> {
        self.phases.iter().find(|phase| phase.name == name).map(|phase| phase.at)
    }
}
