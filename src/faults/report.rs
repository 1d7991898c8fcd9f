//! What was planted, for people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{draw::Planted, forge, plan::Kind};
use crate::output::{grouped, say};

/// The faults of what was played.
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
    pub(crate) kind: &'static str,
    /// None where no reader can refuse the message.
    pub(crate) reason: Option<&'static str>,
    pub(crate) count: u64,
    pub(crate) seqs: Vec<u64>,
}

impl FaultsReport {
    /// Of the messages from `from` up to and without `to`.
    pub(crate) fn new(planted: &Planted, from: u64, to: u64) -> FaultsReport {
        let mut seqs: BTreeMap<(Kind, Option<&'static str>), Vec<u64>> = BTreeMap::new();
        for (seq, hit) in planted.hits.range(from..to.max(from)) {
            let reason = forge::reason(hit).map(tradesim_schemas::Reason::code);
            seqs.entry((hit.kind, reason)).or_default().push(*seq);
        }
        let planted: Vec<KindReport> = seqs
            .into_iter()
            .map(|((kind, reason), seqs)| KindReport {
                kind: kind.name(),
                reason,
                count: seqs.len() as u64,
                seqs,
            })
            .collect();
        FaultsReport { total: planted.iter().map(|kind| kind.count).sum(), planted }
    }

    /// How many messages of a stream of `messages` were sent: without those that are missing, with those that came twice.
    pub(crate) fn sent(&self, messages: u64) -> u64 {
        let of = |name: &str| {
            self.planted.iter().filter(|kind| kind.kind == name).map(|kind| kind.count).sum::<u64>()
        };
        (messages + of(Kind::Duplicate.name())).saturating_sub(of(Kind::Drop.name()))
    }

    /// Says on the standard error what was planted.
    pub(crate) fn summarise(&self) {
        let kinds = self.planted.iter().map(|KindReport { kind, reason, count, .. }| match reason {
            Some(reason) => format!("{kind} {} ({reason})", grouped(*count)),
            None => format!("{kind} {}", grouped(*count)),
        });
        say(format_args!("faults planted {}: {}", grouped(self.total), kinds.collect::<Vec<_>>().join(", ")));
    }
}
