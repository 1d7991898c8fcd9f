//! Reports of planted faults.

use std::collections::BTreeMap;

use serde::Serialize;
use tradesim_archive::{Faults, PlantedFaults};

use tradesim_schemas::RecordSeq;

use super::{
    draw::{Hit, Planted},
    forge,
    plan::Kind,
};
use crate::output::{grouped, say};

/// The faults of a stream or an archive.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultsReport {
    /// The number of faults.
    pub(crate) total: u64,
    /// The faults by kind, in the order of the documentation.
    pub(crate) planted: Vec<KindReport>,
}

/// The faults of one kind with one reason code.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KindReport {
    pub(crate) kind: String,
    /// The reason code with which a reader refuses the message; null if it does not.
    pub(crate) reason: Option<String>,
    pub(crate) count: u64,
    pub(crate) seqs: Vec<u64>,
}

/// The planted faults of an archive, from its metadata.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArchiveFaults {
    plan_seed: Option<u64>,
    /// As in [`FaultsReport`]; null in a merge, which has no list (FORMAT.md, section 5.9).
    total: Option<u64>,
    planted: Option<Vec<KindReport>>,
}

impl FaultsReport {
    /// Reports the faults of the messages from `from` (inclusive) to `to` (exclusive).
    pub(crate) fn new(planted: &Planted, from: u64, to: u64) -> FaultsReport {
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

    /// Prints the faults on standard error.
    pub(crate) fn summarise(&self) {
        say(format_args!("faults planted {}", describe(self.total, &self.planted)));
    }
}

/// Describes the numbers of faults by kind.
fn describe(total: u64, planted: &[KindReport]) -> String {
    let kinds = planted.iter().map(|KindReport { kind, reason, count, .. }| match reason {
        Some(reason) => format!("{kind} {} ({reason})", grouped(*count)),
        None => format!("{kind} {}", grouped(*count)),
    });
    format!("{}: {}", grouped(total), kinds.collect::<Vec<_>>().join(", "))
}

impl ArchiveFaults {
    pub(crate) fn new(faults: &Faults) -> ArchiveFaults {
        let Faults { plan_seed, planted } = faults.clone();
        let listed = planted.map(FaultsReport::of);
        ArchiveFaults {
            plan_seed,
            total: listed.as_ref().map(|listed| listed.total),
            planted: listed.map(|listed| listed.planted),
        }
    }

    /// Describes the numbers of faults by kind, and the seed of the plan.
    pub(crate) fn describe(&self) -> String {
        let seed = self.plan_seed.map(|seed| format!(", plan seed {seed}")).unwrap_or_default();
        match (self.total, &self.planted) {
            (Some(0), _) => format!("0{seed}"),
            (Some(total), Some(planted)) => describe(total, planted) + &seed,
            _ => "in the merged archives, without a list".to_owned(),
        }
    }

    /// Prints the faults on standard error.
    pub(crate) fn summarise(&self) {
        say(format_args!("faults planted {}", self.describe()));
    }
}

/// Groups faults by kind and reason.
pub(super) fn by_kind<'a>(hits: impl Iterator<Item = (u64, &'a Hit)>) -> Vec<PlantedFaults> {
    let mut seqs: BTreeMap<(Kind, Option<&'static str>), Vec<RecordSeq>> = BTreeMap::new();
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
