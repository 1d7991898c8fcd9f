//! Makes units.

use std::num::NonZeroUsize;

use tradesim_archive::{ArchiveWriter, Cut, SliceGrid, WriterOptions};
use tradesim_sim::{Simulation, SimulationOptions};

use crate::{
    DatasetError, PartRecord, Recipe, Root, Unit, files, inspect::inspect_unit, market, part,
    part::expected_part,
};

/// The length of a slice of time, in microseconds: a minute, of which a day has about a thousand.
const SLICE_MICROS: u64 = 60_000_000;

/// The result of making a unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// The unit was there already, complete and of this recipe.
    There(PartRecord),
    /// The unit was made.
    Made(PartRecord),
}

impl Recorded {
    /// Returns the record of the part.
    pub fn part(&self) -> &PartRecord {
        match self {
            Recorded::There(part) | Recorded::Made(part) => part,
        }
    }
}

/// Makes a unit of a recipe that [`Recipe::claim`] has put into the folder, unless it is there already.
///
/// The archive appears when it is complete, and then its record; a process that is killed in between leaves an archive that the
/// next call writes again. Two processes that make the same unit write the same bytes, so it does not matter who is last.
///
/// # Errors
/// Returns an error if the files cannot be written, and [`DatasetError::Stopped`] if `is_stopping` returns true before the archive
/// is complete. Then the unit does not exist.
pub fn record(
    root: impl Into<Root>,
    recipe: &Recipe,
    unit: &Unit,
    threads: NonZeroUsize,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Recorded, DatasetError> {
    let root = &root.into();
    if let Some(there) = complete(root, recipe, unit)? {
        return Ok(Recorded::There(there));
    }
    let name = files::archive_name(unit, recipe.parts());
    let new = root.new_archive(&name)?;
    let mut simulation = simulation(recipe, unit)?.with_threads(threads);
    let mut provenance = market::provenance(&simulation);
    let part = expected_part(recipe, unit);
    if part.of > 1 {
        provenance.push_cut(Cut { symbols: part.symbols.clone(), ..Cut::default() });
    }
    provenance.part = Some(part);
    let options = WriterOptions {
        overwrite: true,
        threads,
        slices: Some(grid(simulation.options())),
        ..WriterOptions::default()
    };
    let mut writer = ArchiveWriter::create(&new.path, provenance, options)?;
    while let Some(records) = simulation.next_window() {
        if is_stopping() {
            return Err(DatasetError::Stopped);
        }
        writer.write_records(records)?;
    }
    if is_stopping() {
        return Err(DatasetError::Stopped);
    }
    writer.finish()?;
    root.publish(&name, &new)?;
    let archive = part::open(root, recipe, unit)?;
    let made = PartRecord::of_archive(&archive, recipe, unit)
        .map_err(|what| DatasetError::OtherPart { path: root.join(&name), what })?;
    made.write(root, recipe, unit)?;
    Ok(Recorded::Made(made))
}

/// Returns the simulation of a unit.
pub(crate) fn simulation(recipe: &Recipe, unit: &Unit) -> Result<Simulation, DatasetError> {
    let symbols = &recipe.ranges()[usize::from(unit.part)];
    Ok(Simulation::of_symbols(recipe.options(unit), symbols)?)
}

/// Returns the slices of a day, the last of which contains the instant of its last candles.
pub(crate) fn grid(options: &SimulationOptions) -> SliceGrid {
    let (start, end) = (options.day.start(), options.end());
    let count = (end.micros() - start.micros()) as u64 / SLICE_MICROS + 1;
    SliceGrid { start, micros: SLICE_MICROS, count: count as u32 }
}

/// Returns the record of a unit that is complete. Any doubt means that it is made again, unless the store itself does not answer.
fn complete(root: &Root, recipe: &Recipe, unit: &Unit) -> Result<Option<PartRecord>, DatasetError> {
    match inspect_unit(root, recipe, unit) {
        Ok(inspected) => Ok(inspected.ok()),
        // a file that the disk cannot read is replaced
        Err(_) if root.store().is_none() => Ok(None),
        Err(error) => Err(error),
    }
}
