//! What is wrong with a dataset, for people and programs, and the exit code.

use serde::Serialize;
use tradesim_dataset::Finding;

use crate::{
    exit::{Failure, Outcome},
    output::say,
};

/// The number of findings that are shown to people.
const SHOWN_MAX: usize = 20;

/// A finding in a report.
#[derive(Debug, Serialize)]
pub(super) struct FindingLine {
    kind: &'static str,
    file: String,
    what: String,
}

impl FindingLine {
    pub(super) fn new(finding: &Finding) -> FindingLine {
        FindingLine { kind: finding.kind(), file: finding.file().to_owned(), what: finding.to_string() }
    }
}

/// Shows findings to people, except for the one that [`outcome`] makes the error of the command.
pub(super) fn show(findings: &[Finding]) {
    let error = damaged(findings);
    for finding in findings.iter().take(SHOWN_MAX).filter(|&finding| Some(finding) != error) {
        say(format_args!("{finding}"));
    }
    if findings.len() > SHOWN_MAX {
        say(format_args!("and {} more", findings.len() - SHOWN_MAX));
    }
}

/// Returns the first damaged file.
fn damaged(findings: &[Finding]) -> Option<&Finding> {
    findings.iter().find(|finding| matches!(finding, Finding::Damaged { .. }))
}

/// Returns the outcome of a command that found this: damaged files are bad data, and all else is a difference.
pub(super) fn outcome(findings: &[Finding]) -> anyhow::Result<Outcome> {
    match damaged(findings) {
        Some(finding) => Err(Failure::Data {
            what: finding.to_string(),
            hint: Some(
                "delete the file and run `tradesim dataset record` again with the same options".to_owned(),
            ),
        }
        .into()),
        None if findings.is_empty() => Ok(Outcome::Done),
        None => Ok(Outcome::Difference),
    }
}
