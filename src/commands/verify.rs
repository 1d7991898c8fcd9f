//! `verify`: checks the structure, the digests, the market rules and the list of planted faults of an archive.

mod scope;

use std::{path::Path, sync::Arc};

use serde::Serialize;
use tradesim_archive::{Archive, Counts, Error as ArchiveError, Start};
use tradesim_schemas::ContentDigest;
use tradesim_sim::audit::{Audit, AuditReport};
use tradesim_sources::{ListedFaults, ListedFaultsCheck};

use crate::{
    cli::{ReadingArgs, ThreadArgs, Verify},
    exit::{Failure, Outcome},
    output::{self, Stdout, grouped},
    progress::Progress,
    report::SCHEMA_VERSION,
    signals,
    sink::thread_count,
    source,
};

#[derive(Serialize)]
struct VerifyReport {
    schema_version: u32,
    file: String,
    ok: bool,
    bytes: u64,
    row_groups: usize,
    events: Counts,
    digest: String,
    /// The number of symbols whose digests were checked; null if the archive states none.
    keys: Option<usize>,
    against: Option<Against>,
    /// The check of the listed faults; null if none are listed.
    faults: Option<ListedFaults>,
    rules: Vec<RuleLine>,
    skipped: Vec<SkippedLine>,
}

#[derive(Serialize)]
struct Against {
    digest: String,
    ok: bool,
}

#[derive(Serialize)]
struct RuleLine {
    rule: &'static str,
    checked: u64,
    violations: u64,
    examples: Vec<String>,
}

#[derive(Serialize)]
struct SkippedLine {
    rule: String,
    reason: String,
}

pub(crate) fn run(args: &Verify) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archive = source::open(&args.file, args.reading)?;
    let against = args.against.as_deref().map(|text| expected_digest(text, args.reading)).transpose()?;
    if archive.is_remote() {
        // the row groups are checked when their messages are read, and are not transferred twice
        archive.verify_state_frames()?;
    } else {
        archive.verify_structure()?;
    }
    let report = check(args, &archive, against)?;
    output::emit(args.json, &report, |out| write(&report, out))?;
    Ok(if report.ok { Outcome::Done } else { Outcome::Difference })
}

/// Parses a digest, or returns the content digest of an archive.
fn expected_digest(text: &str, reading: ReadingArgs) -> anyhow::Result<ContentDigest> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    if text.starts_with(tradesim_schemas::DIGEST_PREFIX) {
        return Err(Failure::usage_hint(
            format!("invalid digest {text}"),
            "expected `blake3:` and 64 lower-case hex digits",
        )
        .into());
    }
    Ok(source::open(Path::new(text), reading)?.metadata().digest())
}

fn check(args: &Verify, archive: &Archive, against: Option<ContentDigest>) -> anyhow::Result<VerifyReport> {
    let metadata = archive.metadata();
    let bytes = archive.bytes();
    let (contexts, no_rules) = match scope::contexts(metadata) {
        Ok(contexts) => (Some(contexts), None),
        Err(reason) => (None, Some(reason)),
    };
    let mut audit = contexts.map(Audit::merged);
    let mut listed = ListedFaultsCheck::of(metadata);
    let mut content = archive.content_check(thread_count(ThreadArgs::default()))?;
    let mut progress = Progress::new("verifying", metadata.counts().total());
    let mut messages = 0;
    for batch in archive.batches(Start::Beginning) {
        let batch = Arc::new(batch?);
        content.push(&batch);
        if let Some(audit) = &mut audit {
            batch.records().iter().for_each(|record| audit.push(record));
        }
        if let Some(listed) = &mut listed {
            listed.push(&batch);
        }
        messages += batch.len() as u64;
        progress.at(messages, messages);
    }
    progress.finish();
    let digest = content.finish(archive).map_err(|error| match error {
        ArchiveError::WrongContent { expected, found, .. } => {
            let file = args.file.display();
            let what =
                format!("{file}: the digest of the messages is {found}, but the metadata has {expected}");
            anyhow::Error::from(Failure::Data { what, hint: None })
        }
        other => other.into(),
    })?;
    let against = against.map(|expected| Against { digest: expected.to_string(), ok: expected == digest });
    let audit = audit.map(Audit::finish);
    let (rules, mut skipped) = audit.as_ref().map_or_else(Default::default, lines);
    skipped.extend(no_rules.map(|reason| SkippedLine { rule: "all".to_owned(), reason }));
    let faults = listed.map(ListedFaultsCheck::finish);
    let ok = against.as_ref().is_none_or(|against| against.ok)
        && faults.as_ref().is_none_or(|faults| faults.differing == 0)
        && audit.as_ref().is_none_or(AuditReport::is_clean);
    Ok(VerifyReport {
        schema_version: SCHEMA_VERSION,
        file: args.file.display().to_string(),
        ok,
        bytes,
        row_groups: metadata.row_groups().len(),
        events: metadata.counts(),
        digest: digest.to_string(),
        keys: metadata.keys().map(<[_]>::len),
        against,
        faults,
        rules,
        skipped,
    })
}

fn lines(audit: &AuditReport) -> (Vec<RuleLine>, Vec<SkippedLine>) {
    let rules = audit.rules.iter().map(|report| RuleLine {
        rule: report.rule.as_str(),
        checked: report.checked,
        violations: report.violations,
        examples: report.examples.iter().map(ToString::to_string).collect(),
    });
    let skipped = audit
        .skipped
        .iter()
        .map(|skipped| SkippedLine { rule: skipped.rule.to_string(), reason: skipped.reason.clone() });
    (rules.collect(), skipped.collect())
}

fn write(report: &VerifyReport, out: &mut Stdout) -> anyhow::Result<()> {
    let mut line = |name: &str, text: String| out.line(&format!("{name:<12}{text}"));
    line("file", format!("{}, {}", report.file, super::info::size(report.bytes, report.events.total())))?;
    line("structure", format!("ok, {} row groups, all byte hashes match", report.row_groups))?;
    line("digest", format!("ok, {} over {} messages", report.digest, grouped(report.events.total())))?;
    if let Some(keys) = report.keys {
        line("keys", format!("ok, {keys} symbols"))?;
    }
    if let Some(against) = &report.against {
        let verdict = if against.ok { "ok, the same as" } else { "DIFFERENT from" };
        line("against", format!("{verdict} {}", against.digest))?;
    }
    if let Some(faults) = &report.faults {
        if faults.differing == 0 {
            line("faults", format!("ok, {} refused as listed", grouped(faults.checked)))?;
        } else {
            line("faults", format!("DIFFERENT from the list: {} times", grouped(faults.differing)))?;
        }
        for example in &faults.examples {
            line("", example.clone())?;
        }
    }
    for rule in &report.rules {
        if rule.violations > 0 {
            line(rule.rule, format!("BROKEN {} times", grouped(rule.violations)))?;
            for example in &rule.examples {
                line("", example.clone())?;
            }
        } else if rule.checked > 0 {
            line(rule.rule, format!("ok, {} checks", grouped(rule.checked)))?;
        }
    }
    for skipped in &report.skipped {
        line("skipped", format!("{}: {}", skipped.rule, skipped.reason))?;
    }
    Ok(())
}
