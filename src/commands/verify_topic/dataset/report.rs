//! The report of `verify-topic --dataset`, with the keys of the contract (section 9) and those of workers.

use std::path::Path;

use serde::Serialize;
use tradesim_bridge::audit::{Fault, ShardAudited};
use tradesim_dataset::{Manifest, Shard, Union};

use super::{
    super::report::{ExampleLine, say_reading, say_undecided},
    whole_digest,
};
use crate::{
    output::{Stdout, grouped},
    report::SCHEMA_VERSION,
};

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct DatasetAuditReport {
    schema_version: u32,
    dataset: String,
    run: String,
    /// The worker; null for the union of all.
    shard: Option<String>,
    pub(super) ok: bool,
    lost: Option<u64>,
    duplicated: Option<u64>,
    reordered: Option<u64>,
    altered: Option<u64>,
    foreign: Option<u64>,
    /// The digest of the dataset from the topics; null for the share of one of several workers.
    digest: Option<String>,
    expected_digest: String,
    /// The number of messages, and how many of them are present.
    messages: u64,
    present: u64,
    dead_lettered: u64,
    sent_again: u64,
    records: u64,
    other_runs: u64,
    /// The number of symbols of days that are completely in the topics.
    keys: u64,
    /// The number of differences from the manifest, and the first of them.
    differences: u64,
    different: Vec<String>,
    undecided_partitions: usize,
    seconds: f64,
    examples: Vec<ExampleLine>,
}

impl DatasetAuditReport {
    pub(super) fn of_audit(
        root: &Path,
        run: &str,
        shard: Shard,
        audited: &ShardAudited,
        manifest: &Manifest,
        union: &Union,
        seconds: f64,
    ) -> DatasetAuditReport {
        let found = &audited.report;
        let count = |fault| Some(found.finding(fault).count);
        let examples = Fault::ALL.into_iter().flat_map(|fault| {
            found.finding(fault).examples.iter().map(move |example| ExampleLine::new(fault, example))
        });
        let digest = whole_digest(shard, union);
        let is_whole = digest.as_ref().is_none_or(|digest| *digest == manifest.dataset_digest);
        DatasetAuditReport {
            shard: Some(shard.to_string()),
            ok: found.is_clean() && union.differences == 0 && is_whole,
            lost: count(Fault::Lost),
            duplicated: count(Fault::Duplicated),
            reordered: count(Fault::Reordered),
            altered: count(Fault::Altered),
            foreign: count(Fault::Foreign),
            digest,
            messages: found.messages,
            present: found.present,
            dead_lettered: found.dead_lettered,
            sent_again: found.sent_again,
            records: found.records,
            other_runs: found.other_runs,
            undecided_partitions: audited.undecided_partitions,
            seconds,
            examples: examples.collect(),
            ..DatasetAuditReport::of_union(root, run, manifest, union)
        }
    }

    pub(super) fn of_files(
        root: &Path,
        run: &str,
        manifest: &Manifest,
        union: &Union,
        clean: bool,
    ) -> DatasetAuditReport {
        let digest = union.digest.to_string();
        DatasetAuditReport {
            ok: clean && union.differences == 0 && digest == manifest.dataset_digest,
            digest: Some(digest),
            messages: manifest.messages,
            present: union.messages,
            ..DatasetAuditReport::of_union(root, run, manifest, union)
        }
    }

    fn of_union(root: &Path, run: &str, manifest: &Manifest, union: &Union) -> DatasetAuditReport {
        DatasetAuditReport {
            schema_version: SCHEMA_VERSION,
            dataset: root.display().to_string(),
            run: run.to_owned(),
            expected_digest: manifest.dataset_digest.clone(),
            keys: union.keys,
            differences: union.differences,
            different: union.described.clone(),
            ..DatasetAuditReport::default()
        }
    }

    /// Writes the report for people.
    pub(super) fn write(&self, out: &mut Stdout) -> anyhow::Result<()> {
        let mut line = |name: &str, text: &str| out.line(&format!("{name:<12}{text}"));
        line("dataset", &self.dataset)?;
        line("run", &self.run)?;
        if let Some(shard) = &self.shard {
            line("worker", shard)?;
        }
        line("present", &format!("{} of {} messages", grouped(self.present), grouped(self.messages)))?;
        for (fault, count) in [
            (Fault::Lost, self.lost),
            (Fault::Duplicated, self.duplicated),
            (Fault::Reordered, self.reordered),
            (Fault::Altered, self.altered),
            (Fault::Foreign, self.foreign),
        ] {
            let Some(count) = count else { continue };
            line(fault.as_str(), &grouped(count))?;
            for example in self.examples.iter().filter(|example| example.fault == fault.as_str()) {
                line("", &example.text)?;
            }
        }
        let keys = match self.differences {
            0 => format!("ok, {} symbols as in the manifest", grouped(self.keys)),
            count => format!("DIFFERENT: {} differences from the manifest", grouped(count)),
        };
        line("keys", &keys)?;
        for what in &self.different {
            line("", what)?;
        }
        match &self.digest {
            Some(digest) if *digest == self.expected_digest => {
                line("digest", &format!("ok, {digest} from the topics and in the manifest"))
            }
            Some(digest) => {
                line("digest", &format!("DIFFERENT: {digest} from the topics"))?;
                line("", &format!("           {} in the manifest", self.expected_digest))
            }
            None => Ok(()),
        }
    }

    /// Prints the duration and warnings on standard error.
    pub(super) fn say(&self) {
        if self.records > 0 {
            say_reading(self.records, self.seconds);
        }
        say_undecided(self.undecided_partitions);
    }
}
