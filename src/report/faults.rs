//! Descriptions of planted faults for people.

use tradesim_sources::{ArchiveFaults, FaultsReport, KindReport};

use crate::output::grouped;

/// Describes the faults of a stream: their number, and that of each kind.
pub(crate) fn describe_faults(faults: &FaultsReport) -> String {
    by_kind(faults.total, &faults.planted)
}

/// Describes the faults of an archive in the same way, with the seed of the plan.
pub(crate) fn describe_archive_faults(faults: &ArchiveFaults) -> String {
    let seed = faults.plan_seed.map(|seed| format!(", plan seed {seed}")).unwrap_or_default();
    match (faults.total, &faults.planted) {
        (Some(0), _) => format!("0{seed}"),
        (Some(total), Some(planted)) => by_kind(total, planted) + &seed,
        _ => "in the merged archives, without a list".to_owned(),
    }
}

fn by_kind(total: u64, planted: &[KindReport]) -> String {
    let kinds = planted.iter().map(|KindReport { kind, reason, count, .. }| match reason {
        Some(reason) => format!("{kind} {} ({reason})", grouped(*count)),
        None => format!("{kind} {}", grouped(*count)),
    });
    format!("{}: {}", grouped(total), kinds.collect::<Vec<_>>().join(", "))
}
