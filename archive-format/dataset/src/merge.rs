//! The parts of a day in the market's order.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use tradesim_archive::{Archive, Batches, Provenance, Start};
use tradesim_schemas::{Record, RecordSeq, Symbol};
use tradesim_sim::MarketOrder;

use crate::DatasetError;

/// The relation of archives to one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parts {
    /// They are all parts of one day, each once.
    Complete,
    /// They are parts of one day, but these parts are missing.
    Missing(Vec<u16>),
    /// At least one is not a part, or they are parts of several recordings, or a part is given twice.
    Unrelated,
}

impl Parts {
    /// Compares what archives state of themselves.
    pub fn of(archives: &[Archive]) -> Parts {
        let provenance = |archive: &Archive| -> Provenance { archive.metadata().provenance().clone() };
        let Some(first) = archives.first().map(provenance) else { return Parts::Unrelated };
        let Some(of) = first.part.as_ref().map(|part| part.of) else { return Parts::Unrelated };
        let mut missing: BTreeMap<u16, ()> = (0..of).map(|index| (index, ())).collect();
        for archive in archives {
            let provenance = archive.metadata().provenance();
            let is_related = provenance.origins == first.origins
                && provenance.origins.len() == 1
                && provenance.bursts == first.bursts
                && !archive.metadata().columns().captured;
            let part = provenance.part.as_ref().filter(|part| is_related && part.of == of);
            if part.is_none_or(|part| missing.remove(&part.index).is_none()) {
                return Parts::Unrelated;
            }
        }
        if missing.is_empty() { Parts::Complete } else { Parts::Missing(missing.into_keys().collect()) }
    }

    /// Returns the provenance of the day that complete parts are together. There must be at least one part.
    pub fn whole(parts: &[Archive]) -> Provenance {
        let first = parts[0].metadata().provenance();
        let mut whole = Provenance { part: None, cuts: Vec::new(), sources: Vec::new(), ..first.clone() };
        // each part has only the labels of its own symbols
        parts[1..].iter().for_each(|part| whole.add_labels(part.metadata().provenance()));
        whole
    }
}

/// The records of parts of one day in the market's order, numbered from a given number.
#[derive(Debug)]
pub struct MarketMerge {
    inputs: Vec<Input>,
    ordinals: BTreeMap<Symbol, u16>,
    heads: BinaryHeap<Reverse<(MarketOrder, usize)>>,
    seq: RecordSeq,
}

#[derive(Debug)]
struct Input {
    path: std::path::PathBuf,
    batches: Batches,
    records: std::vec::IntoIter<Record>,
    next: Option<Record>,
}

impl MarketMerge {
    /// Starts the merge of parts at a time, with the number of the first record.
    ///
    /// # Errors
    /// Returns an error if a part cannot be read.
    pub fn new(archives: &[Archive], start: Start, seq: RecordSeq) -> Result<MarketMerge, DatasetError> {
        let origins = archives.iter().take(1).flat_map(|archive| &archive.metadata().provenance().origins);
        let symbols = origins.flat_map(|origin| &origin.symbols).map(|entry| entry.symbol);
        let ordinals = symbols.enumerate().map(|(ordinal, symbol)| (symbol, ordinal as u16)).collect();
        let input = |archive: &Archive| Input {
            path: archive.path().to_owned(),
            batches: archive.batches(start),
            records: Vec::new().into_iter(),
            next: None,
        };
        let inputs: Vec<Input> = archives.iter().map(input).collect();
        let mut merge = MarketMerge { inputs, ordinals, heads: BinaryHeap::new(), seq };
        for index in 0..merge.inputs.len() {
            if let Some(key) = merge.advance(index)? {
                merge.heads.push(Reverse((key, index)));
            }
        }
        Ok(merge)
    }

    /// Returns the next record.
    ///
    /// # Errors
    /// Returns an error if a part cannot be read, or has a symbol that is not in its table.
    pub fn next_record(&mut self) -> Result<Option<Record>, DatasetError> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let index = head.0.1;
        let record = self.inputs[index].next.take().expect("an input in the heap has a record");
        match advance(&mut self.inputs[index], &self.ordinals)? {
            // replaces the head in place: the next record is often of the same part
            Some(key) => head.0.0 = key,
            None => {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        let seq = self.seq;
        self.seq += 1;
        Ok(Some(Record { seq, ..record }))
    }

    fn advance(&mut self, index: usize) -> Result<Option<MarketOrder>, DatasetError> {
        advance(&mut self.inputs[index], &self.ordinals)
    }
}

/// Reads the next record of an input, and returns its place in the order.
fn advance(input: &mut Input, ordinals: &BTreeMap<Symbol, u16>) -> Result<Option<MarketOrder>, DatasetError> {
    let record = loop {
        match input.records.next() {
            Some(record) => break record,
            None => match input.batches.next().transpose()? {
                Some(batch) => input.records = batch.into_records().into_iter(),
                None => return Ok(None),
            },
        }
    };
    let symbol = record.envelope.event.symbol();
    let ordinal = *ordinals.get(&symbol).ok_or_else(|| {
        DatasetError::bad(&input.path, format!("its table does not have the symbol {symbol}"))
    })?;
    input.next = Some(record);
    Ok(Some(MarketOrder::of(&record, ordinal)))
}
