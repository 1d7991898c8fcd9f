//! Delivery without transactions: batches are kept until all of their records are acknowledged, and handed over again
//! if a producer fails.

use tradesim_bridge_core::{Input, Verdict};

use super::{
    Driver,
    handover::{Numbers, Work},
};
use crate::{batch::Batch, kafka, kafka::SendError};

impl<R: FnMut() -> f64> Driver<'_, R> {
    /// Records acknowledgements, and releases completed batches.
    pub(super) fn take_acknowledgements(&mut self) {
        let mut numbers = std::mem::take(&mut self.acknowledged);
        self.shared.take_acknowledged(&mut numbers);
        let next = self.window.next_record();
        for lowest in numbers.drain(..) {
            let record = kafka::whole_number(lowest, next);
            self.window.acknowledge(record);
            if !self.retries.is_empty() {
                self.retries.remove(&record);
            }
        }
        self.acknowledged = numbers;
        self.let_go();
    }

    pub(super) fn let_go(&mut self) {
        let mut delivered = None;
        while let Some(next_seq) = self.window.pop() {
            delivered = Some(next_seq);
            if let Some(batch) = self.kept.pop_front() {
                self.feed.give_back(batch);
            }
        }
        if let Some(next_seq) = delivered {
            self.tell(Input::Acknowledged { next_seq });
            self.lag.delivered(next_seq, self.context);
        }
    }

    /// Returns true if no record is open any more.
    pub(super) fn is_drained(&self) -> bool {
        self.work.is_none() && self.backlog.is_empty() && self.refused.is_empty() && self.window.groups() == 0
    }

    /// Hands everything that a dropped producer held over again, in order.
    pub(super) fn hand_over_again(&mut self) {
        self.draining = false;
        self.window.clear();
        self.refused.clear();
        self.retries.clear();
        let mut again: Vec<Batch> = self.kept.drain(..).collect();
        again.extend(self.work.take().map(|work: Work| work.batch));
        for batch in again.into_iter().rev() {
            self.backlog.push_front(batch);
        }
    }

    /// Retries a record that the broker refused, while no other copy of it is in flight; in the end it becomes a dead
    /// letter.
    pub(super) fn hand_over_refused(&mut self, record: u64, error: String) {
        let Some((group, index)) = self.window.find(record) else { return };
        let retries = self.retries.get(&record).copied().unwrap_or(0);
        let refusals_max = self.context.options.delivery.refusals_max;
        let batch = match (self.kept.get(group), &self.work) {
            (Some(batch), _) => batch,
            (None, Some(work)) => &work.batch,
            (None, None) => return,
        };
        let Some(seq) = batch.state(index).seq() else { return };
        let (entry, numbers) = (batch.entry(index), Numbers { seq, record });
        let sink = self.sink();
        let result = if retries < refusals_max {
            sink.send(entry, numbers)
        } else {
            sink.dead_letter(entry, numbers, &Verdict::of_broker(error.as_str(), retries))
        };
        match result {
            Ok(()) => {
                if retries == refusals_max {
                    self.delivery.dead_lettered();
                }
                self.retries.insert(record, retries + 1);
            }
            Err(SendError::Full) => {
                self.refused.push_front((record, error));
                self.producer().wait_for_reports();
            }
            Err(SendError::Refused(error)) if retries < refusals_max => {
                self.retries.insert(record, retries + 1);
                self.refused.push_front((record, error));
            }
            Err(SendError::Refused(error)) => self.fails(&kafka::KafkaFailure::Refused(error)),
            Err(SendError::Failed(failure)) => self.fails(&failure),
        }
    }
}
