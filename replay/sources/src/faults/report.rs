//! Reports of planted faults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradesim_archive::{Faults, PlantedFaults};
use tradesim_schemas::RecordSeq;

use super::{
    draw::{Hit, Planted},
    forge,
    plan::FaultKind,
};

/// The faults of a stream or an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultsReport {
    /// The number of faults.
    pub total: u64,
    /// The faults by kind, in the order of the documentation.
    pub planted: Vec<KindReport>,
}

/// The faults of one kind with one reason code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KindReport {
    /// The name of the kind.
    pub kind: String,
    /// The reason code with which a reader refuses the message; null if it does not.
    pub reason: Option<String>,
    /// The number of faults.
    pub count: u64,
    /// The sequence numbers of the messages.
    pub seqs: Vec<u64>,
}

/// The planted faults of an archive, from its metadata.
#[derive(Clone, Debug, Serialize)]
pub struct ArchiveFaults {
    /// The seed of the plan that drew the faults.
    pub plan_seed: Option<u64>,
    /// As in [`FaultsReport`]; null in a merge, which has no list (FORMAT.md, section 5.9).
    pub total: Option<u64>,
    /// As in [`FaultsReport`]; null in a merge.
    pub planted: Option<Vec<KindReport>>,
}

impl FaultsReport {
    /// Reports the faults of the messages from `from` (inclusive) to `to` (exclusive).
    pub fn new(planted: &Planted, from: u64, to: u64) -> FaultsReport {
        let hits = planted.hits.range(from..to.max(from));
        FaultsReport::of(by_kind(hits.map(|(seq, hit)| (*seq, hit))))
    }

    fn of(planted: Vec<PlantedFaults>) -> FaultsReport {
        let planted: Vec<KindReport> = planted
            .into_iter()
            .map(|PlantedFaults { kind, reason, seqs }| KindReport {
                kind,
                reason,
                count: seqs.len() as u64,
                seqs: seqs.iter().map(|seq| seq.get()).collect(),
            })
            .collect();
        FaultsReport { total: planted.iter().map(|kind| kind.count).sum(), planted }
    }
}

impl ArchiveFaults {
    /// Reports the faults that the metadata of an archive lists.
    pub fn new(faults: &Faults) -> ArchiveFaults {
        let Faults { plan_seed, planted } = faults.clone();
        let listed = planted.map(FaultsReport::of);
        ArchiveFaults {
            plan_seed,
            total: listed.as_ref().map(|listed| listed.total),
            planted: listed.map(|listed| listed.planted),
        }
    }
}

/// Groups faults by kind and reason.
pub(super) fn by_kind<'a>(hits: impl Iterator<Item = (u64, &'a Hit)>) -> Vec<PlantedFaults> {
    let mut seqs: BTreeMap<(FaultKind, Option<&'static str>), Vec<RecordSeq>> = BTreeMap::new();
    for (seq, hit) in hits {
        let reason = forge::reason(hit).map(tradesim_schemas::Reason::code);
        seqs.entry((hit.kind, reason)).or_default().push(RecordSeq(seq));
    }
    seqs.into_iter()
        .map(|((kind, reason), seqs)| PlantedFaults {
            kind: kind.name().to_owned(),
            reason: reason.map(str::to_owned),
            seqs,
        })
        .collect()
}
