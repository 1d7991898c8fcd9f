//! The report of `verify-topic`, with the keys of the contract (section 9).

use std::path::Path;

use serde::Serialize;
use tradesim_bridge::audit::{Audited, Example, Fault};
use tradesim_schemas::StreamSeq;

use crate::{
    output::{Stdout, grouped, say},
    report::SCHEMA_VERSION,
};

/// The report of one audit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VerifyTopicReport {
    schema_version: u32,
    archive: String,
    run: Option<String>,
    pub(crate) ok: bool,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) altered: u64,
    foreign: u64,
    /// The digest of the messages in the topics.
    pub(crate) digest: String,
    /// The digest of the expected messages.
    expected_digest: String,
    /// The number of expected messages, and how many of them are present.
    messages: u64,
    pub(crate) present: u64,
    dead_lettered: u64,
    /// The number of dead letters that were retried.
    sent_again: u64,
    reworded: u64,
    /// The number of records that were read, and how many of them belong to other runs.
    records: u64,
    other_runs: u64,
    undecided_partitions: usize,
    seconds: f64,
    examples: Vec<ExampleLine>,
}

/// An example of a difference.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ExampleLine {
    pub(super) fault: &'static str,
    seq: Option<StreamSeq>,
    topic: Option<String>,
    partition: Option<i32>,
    offset: Option<i64>,
    what: String,
    #[serde(skip)]
    pub(super) text: String,
}

impl ExampleLine {
    pub(super) fn new(fault: Fault, example: &Example) -> ExampleLine {
        let place = example.place.as_ref();
        ExampleLine {
            fault: fault.as_str(),
            seq: example.seq,
            topic: place.map(|place| place.topic.clone()),
            partition: place.map(|place| place.partition),
            offset: place.and_then(|place| place.offset),
            what: example.what.clone(),
            text: example.to_string(),
        }
    }
}

impl VerifyTopicReport {
    pub(crate) fn new(archive: &Path, audited: &Audited, seconds: f64) -> VerifyTopicReport {
        let found = &audited.report;
        let count = |fault| found.finding(fault).count;
        let examples = Fault::ALL.into_iter().flat_map(|fault| {
            found.finding(fault).examples.iter().map(move |example| ExampleLine::new(fault, example))
        });
        VerifyTopicReport {
            schema_version: SCHEMA_VERSION,
            archive: archive.display().to_string(),
            run: audited.run.clone(),
            ok: found.is_clean(),
            lost: count(Fault::Lost),
            duplicated: count(Fault::Duplicated),
            reordered: count(Fault::Reordered),
            altered: count(Fault::Altered),
            foreign: count(Fault::Foreign),
            digest: found.digest.to_string(),
            expected_digest: found.expected_digest.to_string(),
            messages: found.messages,
            present: found.present,
            dead_lettered: found.dead_lettered,
            sent_again: found.sent_again,
            reworded: found.reworded,
            records: found.records,
            other_runs: found.other_runs,
            undecided_partitions: audited.undecided_partitions,
            seconds,
            examples: examples.collect(),
        }
    }

    /// Writes the report for people.
    pub(crate) fn write(&self, out: &mut Stdout) -> anyhow::Result<()> {
        let mut line = |name: &str, text: &str| out.line(&format!("{name:<12}{text}"));
        line("archive", &format!("{}, {} messages", self.archive, grouped(self.messages)))?;
        line("run", self.run.as_deref().unwrap_or("none: no record has a run"))?;
        let mut present = format!("{} messages", grouped(self.present));
        if self.dead_lettered > 0 {
            present.push_str(&format!(", {} of them as dead letters", grouped(self.dead_lettered)));
        }
        if self.sent_again > 0 {
            present.push_str(&format!(", {} of these sent again", grouped(self.sent_again)));
        }
        line("present", &present)?;
        for (fault, count) in [
            (Fault::Lost, self.lost),
            (Fault::Duplicated, self.duplicated),
            (Fault::Reordered, self.reordered),
            (Fault::Altered, self.altered),
            (Fault::Foreign, self.foreign),
        ] {
            line(fault.as_str(), &grouped(count))?;
            for example in self.examples.iter().filter(|example| example.fault == fault.as_str()) {
                line("", &example.text)?;
            }
        }
        if self.digest == self.expected_digest {
            line("digest", &format!("ok, {} from the topics and from the archive", self.digest))?;
        } else {
            line("digest", &format!("DIFFERENT: {} from the topics", self.digest))?;
            line("", &format!("           {} from the archive", self.expected_digest))?;
        }
        if self.reworded > 0 {
            let text = format!(
                "{} messages have another JSON text in the archive; topics contain only their values, so both digests use the JSON text of tradesim",
                grouped(self.reworded)
            );
            line("reworded", &text)?;
        }
        Ok(())
    }

    /// Prints the duration and warnings on standard error.
    pub(crate) fn say(&self) {
        say_reading(self.records, self.seconds);
        say_undecided(self.undecided_partitions);
    }
}

/// Prints how many records were read, and how fast, on standard error.
pub(super) fn say_reading(records: u64, seconds: f64) {
    let rate = records as f64 / seconds.max(f64::MIN_POSITIVE);
    say(format_args!("read {} records in {seconds:.2} s, {}/s", grouped(records), grouped(rate as u64)));
}

/// Prints a warning on standard error if partitions could not be read to their end.
pub(super) fn say_undecided(partitions: usize) {
    if partitions > 0 {
        say(format_args!(
            "warning: {partitions} partitions have an open transaction; records after its start were not read"
        ));
    }
}
