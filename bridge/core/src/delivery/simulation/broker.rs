//! A broker with transactions, as far as needed: one transactional id, epochs, and the view of committed readers.

use crate::Position;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Data(u64),
    Dead(u64),
    Position(Position),
}

/// The epoch of the producer has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fenced;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug, Default)]
pub(super) struct Broker {
    log: Vec<(usize, Record)>,
    transactions: Vec<Fate>,
    /// The open transaction.
    open: Option<usize>,
    epoch: u64,
    /// Commits that have not arrived yet, by the epoch of their sender.
    late: Vec<u64>,
    fences: bool,
}

impl Broker {
    pub(super) fn new(fences: bool) -> Broker {
        Broker { fences, ..Broker::default() }
    }

    /// Ends the open transaction, and returns the next epoch.
    pub(super) fn initialise(&mut self) -> u64 {
        if self.fences
            && let Some(open) = self.open.take()
        {
            self.transactions[open] = Fate::Aborted;
        }
        self.epoch += 1;
        self.epoch
    }

    fn check(&self, epoch: u64) -> Result<(), Fenced> {
        if epoch == self.epoch || !self.fences { Ok(()) } else { Err(Fenced) }
    }

    /// Adds a record to the open transaction, and opens one if there is none.
    pub(super) fn produce(&mut self, epoch: u64, record: Record) -> Result<(), Fenced> {
        self.check(epoch)?;
        let open = *self.open.get_or_insert_with(|| {
            self.transactions.push(Fate::Open);
            self.transactions.len() - 1
        });
        self.log.push((open, record));
        Ok(())
    }

    /// Adds a record outside of any transaction.
    pub(super) fn produce_at_once(&mut self, record: Record) {
        self.transactions.push(Fate::Committed);
        self.log.push((self.transactions.len() - 1, record));
    }

    pub(super) fn commit(&mut self, epoch: u64) -> Result<(), Fenced> {
        self.check(epoch)?;
        if let Some(open) = self.open.take() {
            self.transactions[open] = Fate::Committed;
        }
        Ok(())
    }

    /// Sends a commit that arrives some time, or never.
    pub(super) fn commit_later(&mut self, epoch: u64) {
        self.late.push(epoch);
    }

    /// Delivers a late commit, if there is one; `pick` chooses.
    pub(super) fn arrive(&mut self, pick: usize) -> bool {
        if self.late.is_empty() {
            return false;
        }
        let epoch = self.late.swap_remove(pick % self.late.len());
        // its sender has given up on it
        let _ = self.commit(epoch);
        true
    }

    /// Returns the records that committed readers see, in order.
    fn committed(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.log
            .iter()
            .filter(|(transaction, _)| self.transactions[*transaction] == Fate::Committed)
            .map(|(_, record)| record)
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.committed().rev().find_map(|record| match record {
            Record::Position(position) => Some(position.clone()),
            _ => None,
        })
    }

    /// Returns the messages that committed readers see: their numbers, and true for dead letters.
    pub(super) fn messages(&self) -> Vec<(u64, bool)> {
        self.committed()
            .filter_map(|record| match record {
                Record::Data(seq) => Some((*seq, false)),
                Record::Dead(seq) => Some((*seq, true)),
                Record::Position(_) => None,
            })
            .collect()
    }
}
