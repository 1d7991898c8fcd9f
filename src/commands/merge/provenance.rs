//! What a merged archive says about where its messages come from.

use tradesim_archive::{Archive, Columns, Faults, Origin, Provenance, Row, RowDigest, Source};
use tradesim_schemas::Digest;

use super::{BATCH_ROWS, inputs::Merged};

/// The origins of all inputs, each once, and where each input's origins stand among them.
#[derive(Debug)]
pub(super) struct Origins {
    all: Vec<Origin>,
    /// By input, then by the input's own origin number.
    places: Vec<Vec<u16>>,
}

impl Origins {
    pub(super) fn of(archives: &[Archive]) -> Origins {
        let mut all: Vec<Origin> = Vec::new();
        let mut places = Vec::new();
        for archive in archives {
            let own = archive.metadata().provenance().origins.iter();
            let place = own.map(|origin| {
                let at = all.iter().position(|known| known == origin).unwrap_or_else(|| {
                    all.push(origin.clone());
                    all.len() - 1
                });
                u16::try_from(at).expect("each input has few origins, and a command line few inputs")
            });
            places.push(place.collect());
        }
        Origins { all, places }
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
    let mut batch = tradesim_archive::Batch::default();
    while let Some(row) = merged.next_row()? {
        batch.push(row);
        if batch.len() == BATCH_ROWS {
            digest.push(&std::mem::take(&mut batch));
        }
    }
    digest.push(&batch);
    Ok(digest.finish())
}

/// The provenance of a merge that is no whole: what all inputs share, and every input as a source.
pub(super) fn merged_provenance(archives: &[Archive], origins: &Origins) -> Provenance {
    let all: Vec<&Provenance> = archives.iter().map(|archive| archive.metadata().provenance()).collect();
    let mut merged = all[0].clone();
    for other in &all[1..] {
        keep_if_equal(&mut merged.generator_version, &other.generator_version);
        keep_if_equal(&mut merged.model, &other.model);
        keep_if_equal(&mut merged.seed, &other.seed);
        keep_if_equal(&mut merged.date, &other.date);
        keep_if_equal(&mut merged.calendar_version, &other.calendar_version);
        keep_if_equal(&mut merged.tzdb_version, &other.tzdb_version);
        merged.options.retain(|name, value| other.options.get(name) == Some(value));
        for burst in &other.bursts {
            if !merged.bursts.contains(burst) {
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
