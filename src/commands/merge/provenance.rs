//! The provenance of a merged archive.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use tradesim_archive::{Archive, Columns, Faults, Origin, Provenance, Row, RowDigest, Source};
use tradesim_schemas::{ByteHash, ContentDigest};

use super::{Gathered, inputs::Merged};
use crate::exit::Failure;

/// The origins of all inputs without duplicates, and the numbers of each input's origins among them.
#[derive(Debug)]
pub(super) struct Origins {
    all: Vec<Origin>,
    /// The new origin number, by input and the origin number in that input.
    places: Vec<Vec<u16>>,
}

impl Origins {
    /// Collects the origins of all inputs, in linear time.
    ///
    /// # Errors
    /// Fails if there are more origins than an archive can have.
    pub(super) fn of(archives: &[Archive]) -> Result<Origins, Failure> {
        let mut all: Vec<Origin> = Vec::new();
        let mut numbers: BTreeMap<ByteHash, u16> = BTreeMap::new();
        let mut places = Vec::new();
        for archive in archives {
            let mut place = Vec::new();
            for origin in &archive.metadata().provenance().origins {
                let number = match numbers.entry(hash_of(origin)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(free) => {
                        let number = u16::try_from(all.len()).ok().filter(|&number| number < u16::MAX);
                        let number = number.ok_or_else(|| too_many_origins(archive))?;
                        all.push(origin.clone());
                        *free.insert(number)
                    }
                };
                place.push(number);
            }
            places.push(place);
        }
        Ok(Origins { all, places })
    }

    /// Returns the row with its origin number in the merged archive.
    pub(super) fn adopt(&self, input: usize, row: Option<Row>) -> Option<Row> {
        match row {
            Some(Row::Event(mut record)) => {
                // rows of an archive with stored ids have no origin, and the number 0
                record.origin = self.places[input].get(usize::from(record.origin)).copied().unwrap_or(0);
                Some(Row::Event(record))
            }
            other => other,
        }
    }

    /// Returns the optional columns of the merged archive.
    pub(super) fn columns(&self, archives: &[Archive]) -> Columns {
        let any = |has: fn(Columns) -> bool| archives.iter().any(|archive| has(archive.metadata().columns()));
        Columns {
            origin: self.all.len() > 1,
            stored_ids: any(|columns| columns.stored_ids),
            captured: any(|columns| columns.captured),
        }
    }
}

/// Returns a hash of a value, to find equal values among many.
fn hash_of(value: &impl std::fmt::Debug) -> ByteHash {
    ByteHash::of(format!("{value:?}").as_bytes())
}

fn too_many_origins(archive: &Archive) -> Failure {
    Failure::Data {
        what: format!(
            "{}: with this file, the inputs have more than 65,535 origins",
            archive.path().display()
        ),
        hint: Some("merge fewer archives at a time".to_owned()),
    }
}

/// Returns the provenance of the archive that all inputs were cut from, if they add up to it again.
pub(super) fn whole_again(archives: &[Archive], origins: &Origins) -> anyhow::Result<Option<Provenance>> {
    let sources = |archive: &Archive| archive.metadata().provenance().sources.clone();
    let Some(source) = archives.first().and_then(|first| common_source(&sources(first))) else {
        return Ok(None);
    };
    if !archives.iter().all(|archive| common_source(&sources(archive)).as_ref() == Some(&source)) {
        return Ok(None);
    }
    if digest_of_merge(archives, origins)? != source.digest {
        return Ok(None);
    }
    let mut provenance = archives[0].metadata().provenance().clone();
    provenance.cuts = source.cuts;
    provenance.sources = source.sources;
    provenance.faults = unlisted_faults(archives);
    archives[1..].iter().for_each(|archive| provenance.add_labels(archive.metadata().provenance()));
    provenance.part = None;
    Ok(Some(provenance))
}

/// Returns an empty fault list if an input has planted faults. The messages are renumbered, so the old lists do not apply.
fn unlisted_faults(archives: &[Archive]) -> Option<Faults> {
    let any = archives.iter().any(|archive| archive.metadata().provenance().faults.is_some());
    any.then(Faults::default)
}

/// Returns the only source, if there is exactly one.
fn common_source(sources: &[Source]) -> Option<Source> {
    match sources {
        [source] => Some(source.clone()),
        _ => None,
    }
}

/// Returns the content digest of the merged archive. Reading the inputs twice is cheaper than writing a file again with other
/// metadata.
fn digest_of_merge(archives: &[Archive], origins: &Origins) -> anyhow::Result<ContentDigest> {
    let mut merged = Merged::new(archives, origins)?;
    let mut digest = RowDigest::default();
    let mut gathered = Gathered::default();
    while let Some(row) = merged.next_row()? {
        if let Some(batch) = gathered.push(row) {
            digest.push(&batch);
        }
    }
    digest.push(&gathered.batch);
    Ok(digest.finish())
}

/// Returns the provenance of any other merge: what all inputs have in common, and every input as a source.
pub(super) fn merged_provenance(archives: &[Archive], origins: &Origins) -> Provenance {
    let all: Vec<&Provenance> = archives.iter().map(|archive| archive.metadata().provenance()).collect();
    let mut merged = all[0].clone();
    let mut bursts: BTreeSet<ByteHash> = merged.bursts.iter().map(hash_of).collect();
    for other in &all[1..] {
        keep_if_equal(&mut merged.generator_version, &other.generator_version);
        keep_if_equal(&mut merged.model, &other.model);
        keep_if_equal(&mut merged.seed, &other.seed);
        keep_if_equal(&mut merged.date, &other.date);
        keep_if_equal(&mut merged.calendar_version, &other.calendar_version);
        keep_if_equal(&mut merged.tzdb_version, &other.tzdb_version);
        merged.options.retain(|name, value| other.options.get(name) == Some(value));
        merged.add_labels(other);
        for burst in &other.bursts {
            if bursts.insert(hash_of(burst)) {
                merged.bursts.push(burst.clone());
            }
        }
    }
    // captures are merged by emission time, so receive times may be out of order
    merged.set_received_pace(false);
    // the messages are renumbered
    merged.set_gaps(&[]);
    merged.faults = unlisted_faults(archives);
    merged.part = None;
    merged.bursts.sort_by_key(|burst| (burst.from, burst.to));
    merged.origins.clone_from(&origins.all);
    merged.cuts = Vec::new();
    merged.sources = archives
        .iter()
        .map(|archive| {
            let metadata = archive.metadata();
            let Provenance { cuts, sources, .. } = metadata.provenance().clone();
            Source { digest: metadata.digest(), cuts, sources }
        })
        .collect();
    merged
}

fn keep_if_equal<T: PartialEq>(merged: &mut Option<T>, other: &Option<T>) {
    if merged != other {
        *merged = None;
    }
}
