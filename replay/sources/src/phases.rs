//! The phases of planned events in a stream: each is announced before the first message at or after its instant.

use std::sync::Arc;

use tradesim_archive::{Cut, Label, LabelPhase};
use tradesim_replay::{BlockBuilder, EventPhase};
use tradesim_schemas::{Record, Timestamp};

use crate::message::Timestamps;

/// A phase, and the recorded instant at which it begins.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    at: Timestamp,
    phase: Arc<EventPhase>,
}

/// All phases of a stream, or of a day of it, by time.
pub(crate) type PlannedPhases = Arc<[Planned]>;

/// Returns the phases of the labels that a cut touches. `timestamps` are those of the messages.
pub(crate) fn of_labels(labels: &[Label], cut: &Cut, timestamps: Timestamps) -> PlannedPhases {
    let mut phases: Vec<Planned> = Vec::new();
    for label in labels.iter().filter(|label| label.is_touched_by(cut)) {
        phases.extend(label.phases.iter().map(|phase| Planned {
            at: phase.at,
            phase: Arc::new(EventPhase {
                id: label.id.clone(),
                kind: label.kind.clone(),
                symbol: label.symbol,
                phase: phase.name.clone(),
                at: timestamps.sent(phase.at),
            }),
        }));
    }
    // phases of one instant keep the order of their labels
    phases.sort_by_key(|phase| phase.at);
    phases.into()
}

/// Returns the labels of a simulated day in the form that an archive has.
pub(crate) fn archived(labels: Vec<tradesim_sim::Label>) -> Vec<Label> {
    let archived = |label: tradesim_sim::Label| {
        let tradesim_sim::Label { id, kind, symbol, from, to, phases, parameters, rule } = label;
        let phases = phases.into_iter().map(|phase| LabelPhase { name: phase.name, at: phase.at }).collect();
        Label { id, kind, symbol, from, to, phases, parameters, rule }
    };
    labels.into_iter().map(archived).collect()
}

/// The position of a reader among phases.
#[derive(Debug)]
pub(crate) struct Phases {
    list: PlannedPhases,
    next: usize,
}

impl Phases {
    /// Returns the position of a reader whose last message has the time `before`; `None` for the first message of the stream.
    pub(crate) fn after(list: PlannedPhases, before: Option<Timestamp>) -> Phases {
        let next = before.map_or(0, |before| list.partition_point(|phase| phase.at <= before));
        Phases { list, next }
    }

    /// Returns true if the phases are those of a list.
    pub(crate) fn are_of(&self, list: &PlannedPhases) -> bool {
        Arc::ptr_eq(&self.list, list)
    }

    /// Announces the phases that begin with the first of some records, and returns the number of records before the next phase.
    /// The records are in order of time.
    #[inline]
    pub(crate) fn announce(&mut self, records: &[Record], block: &mut BlockBuilder) -> usize {
        if self.next == self.list.len() {
            return records.len();
        }
        self.announce_next(records, block)
    }

    fn announce_next(&mut self, records: &[Record], block: &mut BlockBuilder) -> usize {
        let Some(first) = records.first().map(|record| record.envelope.timestamp) else { return 0 };
        while let Some(next) = self.list.get(self.next).filter(|next| next.at <= first) {
            block.announce(Arc::clone(&next.phase));
            self.next += 1;
        }
        let next = self.list.get(self.next);
        next.map_or(records.len(), |next| {
            records.partition_point(|record| record.envelope.timestamp < next.at)
        })
    }
}
