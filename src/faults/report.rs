//! What was planted, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;
use tradesim_archive::{Faults, PlantedFaults};

use super::{
    draw::{Hit, Planted},
    forge,
    plan::Kind,
};
use crate::output::{grouped, say};

/// The faults of what was played, or of an archive.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultsReport {
    /// All of them.
    pub(crate) total: u64,
    /// By kind, in the order of the documentation.
    pub(crate) planted: Vec<KindReport>,
}

/// The faults of one kind that a reader refuses for one reason.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KindReport {
    pub(crate) kind: String,
    /// None where no reader can refuse the message.
    pub(crate) reason: Option<String>,
    pub(crate) count: u64,
    pub(crate) seqs: Vec<u64>,
}

/// What an archive says about the faults that were planted into it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArchiveFaults {
    plan_seed: Option<u64>,
    /// None in a merge, which has no list.
    #[serde(flatten)]
    listed: Option<FaultsReport>,
}

impl FaultsReport {
    /// Of the messages from `from` up to and without `to`.
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
                seqs,
            })
            .collect();
        FaultsReport { total: planted.iter().map(|kind| kind.count).sum(), planted }
    }

    /// Says on the standard error what was planted.
    pub(crate) fn summarise(&self) {
        say(format_args!("faults planted {}", self.in_words()));
    }

    /// How many of which kind.
    fn in_words(&self) -> String {
        let kinds = self.planted.iter().map(|KindReport { kind, reason, count, .. }| match reason {
            Some(reason) => format!("{kind} {} ({reason})", grouped(*count)),
            None => format!("{kind} {}", grouped(*count)),
        });
        format!("{}: {}", grouped(self.total), kinds.collect::<Vec<_>>().join(", "))
    }
}

impl ArchiveFaults {
    pub(crate) fn new(faults: &Faults) -> ArchiveFaults {
        let Faults { plan_seed, planted } = faults.clone();
        ArchiveFaults { plan_seed, listed: planted.map(FaultsReport::of) }
    }

    /// How many of which kind, and by which plan.
    pub(crate) fn in_words(&self) -> String {
        let seed = self.plan_seed.map(|seed| format!(", by a plan of seed {seed}")).unwrap_or_default();
        match &self.listed {
            Some(listed) if listed.total == 0 => format!("0{seed}"),
            Some(listed) => listed.in_words() + &seed,
            None => "in what it was merged from; they are no longer listed".to_owned(),
        }
    }

    /// Says on the standard error what was planted.
    pub(crate) fn summarise(&self) {
        say(format_args!("faults planted {}", self.in_words()));
    }
}

/// Faults and their numbers, put together by kind and reason.
pub(super) fn by_kind<'a>(hits: impl Iterator<Item = (u64, &'a Hit)>) -> Vec<PlantedFaults> {
    let mut seqs: BTreeMap<(Kind, Option<&'static str>), Vec<u64>> = BTreeMap::new();
    for (seq, hit) in hits {
        let reason = forge::reason(hit).map(tradesim_schemas::Reason::code);
        seqs.entry((hit.kind, reason)).or_default().push(seq);
    }
    seqs.into_iter()
        .map(|((kind, reason), seqs)| PlantedFaults {
            kind: kind.name().to_owned(),
            reason: reason.map(str::to_owned),
            seqs,
        })
        .collect()
}
