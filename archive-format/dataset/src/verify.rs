//! Reads a unit to its end and checks everything that it states.

use tradesim_archive::{RowDigest, Start};
use tradesim_schemas::ContentHasher;
use tradesim_sim::audit::{Audit, AuditContext, AuditReport, Scope};

use crate::{
    DatasetError, Finding, ManifestIndex, PartRecord, Recipe, Root, Unit,
    inspect::{cause, inspect_unit},
    part,
    record::simulation,
};

/// The result of [`verify`].
#[derive(Clone, Debug)]
pub enum Verified {
    /// The unit was read to its end, and is what it states.
    Checked {
        /// The record of the part.
        part: Box<PartRecord>,
        /// The check of the market rules.
        rules: AuditReport,
    },
    /// The unit is not what it should be.
    Refused(Finding),
}

/// Checks a unit: its bytes, its digest, the digests of its symbols, the sums of its slices, the rules of the market, its entry
/// in the manifest, and with `recompute` that the simulator makes the same messages again.
///
/// # Errors
/// Returns an error only if `is_stopping` returns true, if the simulation is impossible, if a file cannot be read, or if a store does
/// not answer. What is wrong with the unit is a finding.
pub fn verify(
    root: impl Into<Root>,
    recipe: &Recipe,
    unit: &Unit,
    manifest: Option<&ManifestIndex<'_>>,
    recompute: bool,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Verified, DatasetError> {
    let root = &root.into();
    let stated = match inspect_unit(root, recipe, unit)? {
        Ok(stated) => stated,
        Err(finding) => return Ok(Verified::Refused(finding)),
    };
    let file = stated.file.clone();
    let different = |what: String| Ok(Verified::Refused(Finding::Different { file: file.clone(), what }));
    if let Some(what) = manifest.and_then(|manifest| manifest.difference(unit, &stated)) {
        return different(what);
    }
    let rules = match read(root, recipe, unit, is_stopping) {
        Ok(rules) => rules,
        Err(error) if error.is_about_work() => return Err(error),
        Err(error) => {
            let what = cause(&error);
            return Ok(Verified::Refused(Finding::Damaged { file, what }));
        }
    };
    if recompute && let Some(what) = recomputed(recipe, unit, &stated, is_stopping)? {
        return different(what);
    }
    Ok(Verified::Checked { part: Box::new(stated), rules })
}

fn read(
    root: &Root,
    recipe: &Recipe,
    unit: &Unit,
    is_stopping: &dyn Fn() -> bool,
) -> Result<AuditReport, DatasetError> {
    let archive = part::open(root, recipe, unit)?;
    let simulation = simulation(recipe, unit)?;
    let options = simulation.options();
    // a part has its own numbers without gaps; no rule joins symbols, so the rules hold for a part as for the day
    let whole =
        AuditContext::whole(options.model.name(), options.day, options.market_hours, simulation.universe());
    let mut audit = Audit::new(AuditContext { scope: Scope { dense_seq: true, ..whole.scope }, ..whole });
    let mut digest = RowDigest::of_archive(archive.metadata());
    for batch in archive.batches(Start::Beginning) {
        let batch = batch?;
        if is_stopping() {
            return Err(DatasetError::Stopped);
        }
        digest.push(&batch);
        batch.records().iter().for_each(|record| audit.push(record));
    }
    archive.check_content(&digest)?;
    Ok(audit.finish())
}

/// Simulates a unit again, and returns the difference.
fn recomputed(
    recipe: &Recipe,
    unit: &Unit,
    stated: &PartRecord,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Option<String>, DatasetError> {
    let mut simulation = simulation(recipe, unit)?;
    let mut encoder = tradesim_schemas::MessageEncoder::new();
    let mut digest = ContentHasher::new();
    while let Some(records) = simulation.next_window() {
        if is_stopping() {
            return Err(DatasetError::Stopped);
        }
        for record in &records {
            digest.push_with(|out| encoder.write(&record.envelope, out));
        }
    }
    let same = digest.finish() == stated.digest;
    Ok((!same).then(|| "the simulator makes other messages".to_owned()))
}
