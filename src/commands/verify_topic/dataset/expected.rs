//! The messages of a unit that have symbols of a worker.

use std::error::Error;

use tradesim_archive::{Batch, Cut, Filter, FilteredBatches};
use tradesim_bridge::audit::{ExpectedMessage, RunMessages, ShardKeys};
use tradesim_dataset::{Recipe, Root, Unit, open_unit};
use tradesim_schemas::Symbol;

/// Reads the messages one at a time.
#[derive(Debug)]
pub(super) struct UnitMessages {
    /// `None` if the unit has no symbols of the worker.
    batches: Option<FilteredBatches>,
    batch: Batch,
    /// The number of rows of the batch that were returned.
    at: usize,
}

impl UnitMessages {
    pub(super) fn open(
        root: &Root,
        recipe: &Recipe,
        unit: &Unit,
        keys: ShardKeys,
    ) -> Result<UnitMessages, Box<dyn Error + Send + Sync>> {
        let range = &recipe.ranges()[usize::from(unit.part)];
        let symbols: Vec<Symbol> =
            range.iter().copied().filter(|symbol| keys.has(symbol.as_str().as_bytes())).collect();
        let mut batches = None;
        if !symbols.is_empty() {
            let archive = open_unit(root, recipe, unit)?;
            // a cut of all symbols would look at each row in vain
            let symbols = if symbols.len() == range.len() { Vec::new() } else { symbols };
            let cut = Cut { symbols, ..Cut::default() };
            batches = Some(archive.filtered(Filter::for_archive(cut, archive.metadata())));
        }
        Ok(UnitMessages { batches, batch: Batch::default(), at: 0 })
    }
}

impl RunMessages for UnitMessages {
    fn next_message(&mut self) -> Result<Option<ExpectedMessage>, Box<dyn Error + Send + Sync>> {
        let Some(batches) = &mut self.batches else { return Ok(None) };
        while self.at == self.batch.len() {
            let Some(batch) = batches.next() else { return Ok(None) };
            (self.batch, self.at) = (batch?, 0);
        }
        // a part has simulated events only
        let row = self.batch.rows_from(self.at).next();
        let Some((row, envelope)) = row.and_then(|row| Some((row, row.envelope()?))) else { return Ok(None) };
        self.at += 1;
        Ok(Some(ExpectedMessage { seq: row.seq().get(), envelope }))
    }
}
