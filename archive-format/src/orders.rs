//! The orders that are open before a row of an archive: the rows before it are read backwards, a stretch at a time, until all
//! orders that the state of the market counts were found.

use tradesim_schemas::{Coverage, Envelope, Event, OrdersBackwards, OrdersFound, RecordSeq};

use crate::{Archive, Error, Provenance, RowRef, Start, StateBefore, metadata::Source};

/// The number of rows that are read at a time. Each stretch costs at most as much as a state (docs/adr/0032-state-before-a-message.md).
const STRETCH_ROWS: u64 = 49_152;

/// The limit of rows that are read: six stretches, about 0.2 s.
const ROWS_MAX: u64 = 6 * STRETCH_ROWS;

impl Archive {
    /// Returns the orders that are open before the row of a state, as far as their first events are among the last 294,912 rows
    /// before it.
    ///
    /// # Errors
    /// Returns an error if a row group is damaged or the file cannot be read.
    pub fn orders_before(&self, state: &StateBefore) -> Result<OrdersFound, Error> {
        // where earlier events are missing, the number of orders cannot be known
        let counted =
            begins_with_its_orders(self.metadata().provenance()).then(|| state.market.open_orders());
        let mut end = match state.row {
            Some((seq, _)) => self.row_of(seq)?,
            None => self.metadata().counts().total(),
        };
        let oldest = end.saturating_sub(ROWS_MAX);
        let mut orders = OrdersBackwards::new();
        let mut found = 0;
        while end > oldest && counted.is_none_or(|counted| found < counted) {
            let start = end.saturating_sub(STRETCH_ROWS);
            for message in self.trades(start, end - start)?.iter().rev() {
                found += u64::from(orders.push(message).is_some());
            }
            end = start;
        }
        let coverage = match counted {
            _ if end == 0 => Coverage::All,
            Some(counted) if found >= counted => Coverage::All,
            Some(_) => Coverage::Counted,
            None => Coverage::Unknown,
        };
        Ok(OrdersFound { orders: orders.list(), coverage })
    }

    /// Returns the index of the row of a message that exists.
    fn row_of(&self, seq: RecordSeq) -> Result<u64, Error> {
        match (self.metadata().first(), self.metadata().last()) {
            // without holes, which is usual, nothing need be read
            (Some((first, _)), Some((last, _)))
                if last.since(first) + 1 == self.metadata().counts().total() =>
            {
                Ok(seq.since(first))
            }
            _ => self.rows_before(Start::Seq(seq)),
        }
    }

    /// Returns the trades among a number of rows.
    fn trades(&self, first: u64, rows: u64) -> Result<Vec<Envelope>, Error> {
        let mut trades = Vec::new();
        let mut left = usize::try_from(rows).expect("a stretch is short");
        for batch in self.batches(Start::Row(first)) {
            let batch = batch?;
            trades.extend(batch.rows().take(left).filter_map(trade_of));
            left = left.saturating_sub(batch.len());
            if left == 0 {
                break;
            }
        }
        Ok(trades)
    }
}

fn trade_of(row: RowRef<'_>) -> Option<Envelope> {
    match row {
        RowRef::Event(record) => matches!(record.envelope.event, Event::Trade(_)).then_some(record.envelope),
        RowRef::Captured(captured) => match row.event() {
            Some(event @ Event::Trade(_)) => Some(Envelope { timestamp: captured.timestamp, event: *event }),
            _ => None,
        },
    }
}

/// Returns true if the first event of each order in an archive is in it: a simulated recording that was not cut at its start.
fn begins_with_its_orders(provenance: &Provenance) -> bool {
    fn is_cut(sources: &[Source]) -> bool {
        sources
            .iter()
            .any(|source| source.cuts.iter().any(|cut| cut.from.is_some()) || is_cut(&source.sources))
    }
    provenance.generator_version.is_some()
        && provenance.origins.len() == 1
        && provenance.part.is_none()
        && provenance.faults.is_none()
        && provenance.cuts.iter().all(|cut| cut.from.is_none())
        && !is_cut(&provenance.sources)
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::{OpenOrder, OpenOrders, Record, Timestamp, TradeStatus};

    use super::*;
    use crate::{
        ArchiveWriter, Cut, OpenOptions, WriterOptions,
        sample::{self, Sample},
    };

    /// The number of rows: more than are read.
    const ROWS: usize = 400_000;

    fn written(path: &std::path::Path, cut: Option<Cut>) -> (Archive, Vec<Record>) {
        let records = Sample::new(12).take(ROWS);
        let provenance = Provenance { cuts: cut.into_iter().collect(), ..sample::provenance() };
        let options = WriterOptions { row_group_rows: 100_000, ..WriterOptions::default() };
        let mut writer = ArchiveWriter::create(path, provenance, options).unwrap();
        writer.write_records(records.clone()).unwrap();
        writer.finish().unwrap();
        (Archive::open(path, OpenOptions::default()).unwrap(), records)
    }

    /// Returns the orders that begin among some messages and do not end there.
    fn open(records: &[Record]) -> Vec<OpenOrder> {
        let mut orders = OpenOrders::new();
        records.iter().for_each(|record| orders.push(&record.envelope));
        orders.list()
    }

    #[test]
    fn open_orders_are_found_as_far_as_rows_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, records) = written(&folder.path().join("a.parquet"), None);
        let mut bounded = 0;
        for row in [0, 1, 1_000, 49_152, 49_153, 100_001, 294_912, ROWS - 1, ROWS] {
            let state = archive.state_before(Start::Row(row as u64), None).unwrap();
            let found = archive.orders_before(&state).unwrap();
            let expected = open(&records[row.saturating_sub(ROWS_MAX as usize)..row]);
            assert!(found.orders == expected, "{row}: {} of {}", found.orders.len(), expected.len());
            // a few orders of this sample stay open for very long
            let all = open(&records[..row]).len();
            let coverage = if expected.len() < all { Coverage::Counted } else { Coverage::All };
            assert_eq!(found.coverage, coverage, "{row}");
            assert_eq!(state.market.open_orders(), all as u64, "{row}");
            bounded += usize::from(coverage == Coverage::Counted);
        }
        assert_eq!(bounded, 2, "both places beyond the limit");
    }

    #[test]
    fn reading_ends_when_all_orders_were_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let mut records = Sample::new(13).take(20_000);
        // none is open, so nothing is read
        for record in &mut records {
            if let Event::Trade(trade) = &mut record.envelope.event {
                trade.status = TradeStatus::Rejected;
            }
        }
        let mut writer =
            ArchiveWriter::create(&path, sample::provenance(), WriterOptions::default()).unwrap();
        writer.write_records(records).unwrap();
        writer.finish().unwrap();
        let archive = Archive::open(&path, OpenOptions::default()).unwrap();
        let state = archive.state_before(Start::Row(20_000), None).unwrap();
        let found = archive.orders_before(&state).unwrap();
        assert_eq!((found.orders.len(), found.coverage), (0, Coverage::All));
    }

    #[test]
    fn the_orders_of_a_recording_without_its_beginning_are_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let cut = Cut { from: Some(Timestamp::default()), ..Cut::default() };
        let (archive, _) = written(&folder.path().join("a.parquet"), Some(cut));
        for (row, coverage) in [(1_000, Coverage::All), (ROWS as u64, Coverage::Unknown)] {
            let state = archive.state_before(Start::Row(row), None).unwrap();
            assert_eq!(archive.orders_before(&state).unwrap().coverage, coverage);
        }
    }
}
