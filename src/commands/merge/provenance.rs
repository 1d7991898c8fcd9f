//! What a merged archive says about where its messages come from.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use tradesim_archive::{Archive, Columns, Faults, Origin, Provenance, Row, RowDigest, Source};
use tradesim_schemas::Digest;

use super::{Gathered, inputs::Merged};
use crate::exit::Failure;

/// The origins of all inputs, each once, and where each input's origins stand among them.
#[derive(Debug)]
pub(super) struct Origins {
    all: Vec<Origin>,
    /// By input, then by the input's own origin number.
    places: Vec<Vec<u16>>,
}

impl Origins {
    /// Gathers the origins of all inputs, in time linear in their number.
    ///
    /// # Errors
    /// More origins than an archive can have.
    pub(super) fn of(archives: &[Archive]) -> Result<Origins, Failure> {
        let mut all: Vec<Origin> = Vec::new();
        let mut numbers: BTreeMap<Digest, u16> = BTreeMap::new();
        let mut places = Vec::new();
        for archive in archives {
            let mut place = Vec::new();
            for origin in &archive.metadata().provenance().origins {
                let number = match numbers.entry(content_of(origin)) {
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

    /// The row under the merged archive's origin numbers.
    pub(super) fn adopt(&self, input: usize, row: Option<Row>) -> Option<Row> {
        match row {
            Some(Row::Event(mut record)) => {
                // an archive of stored ids has no origin, and its rows say 0
                record.origin = self.places[input].get(usize::from(record.origin)).copied().unwrap_or(0);
                Some(Row::Event(record))
            }
            other => other,
        }
    }

    /// The optional columns that the merged archive needs.
    pub(super) fn columns(&self, archives: &[Archive]) -> Columns {
        let any = |has: fn(Columns) -> bool| archives.iter().any(|archive| has(archive.metadata().columns()));
        Columns {
            origin: self.all.len() > 1,
            stored_ids: any(|columns| columns.stored_ids),
            captured: any(|columns| columns.captured),
        }
    }
}

/// The digest of all that a value says, to find equal ones among many.
fn content_of(value: &impl std::fmt::Debug) -> Digest {
    Digest::of(format!("{value:?}").as_bytes())
}

fn too_many_origins(archive: &Archive) -> Failure {
    Failure::Data {
        what: format!("{}: with it, the inputs have more than 65,535 origins", archive.path().display()),
        hint: Some("merge fewer archives at a time".to_owned()),
    }
}

/// The provenance of the archive that all inputs were cut from, if they make it up again.
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
    Ok(Some(provenance))
}

/// That there are faults which were planted: the messages are numbered anew, so that no list says where.
fn unlisted_faults(archives: &[Archive]) -> Option<Faults> {
    let any = archives.iter().any(|archive| archive.metadata().provenance().faults.is_some());
    any.then(Faults::default)
}

/// The one archive that a cut was made from.
fn common_source(sources: &[Source]) -> Option<Source> {
    match sources {
        [source] => Some(source.clone()),
        _ => None,
    }
}

/// The content digest that the merged archive will have. Reading twice is cheaper than writing a file that may have to
/// be written again with other metadata.
fn digest_of_merge(archives: &[Archive], origins: &Origins) -> anyhow::Result<Digest> {
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

/// The provenance of a merge that is no whole: what all inputs share, and every input as a source.
pub(super) fn merged_provenance(archives: &[Archive], origins: &Origins) -> Provenance {
    let all: Vec<&Provenance> = archives.iter().map(|archive| archive.metadata().provenance()).collect();
    let mut merged = all[0].clone();
    let mut bursts: BTreeSet<Digest> = merged.bursts.iter().map(content_of).collect();
    for other in &all[1..] {
        keep_if_equal(&mut merged.generator_version, &other.generator_version);
        keep_if_equal(&mut merged.model, &other.model);
        keep_if_equal(&mut merged.seed, &other.seed);
        keep_if_equal(&mut merged.date, &other.date);
        keep_if_equal(&mut merged.calendar_version, &other.calendar_version);
        keep_if_equal(&mut merged.tzdb_version, &other.tzdb_version);
        merged.options.retain(|name, value| other.options.get(name) == Some(value));
        for burst in &other.bursts {
            if bursts.insert(content_of(burst)) {
                merged.bursts.push(burst.clone());
            }
        }
    }
    // rows of several captures are joined by their own times, in which the receive times may go back
    merged.set_received_pace(false);
    // numbers of messages, which are others now
    merged.set_gaps(&[]);
    merged.faults = unlisted_faults(archives);
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
