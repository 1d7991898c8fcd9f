mod cuts;
mod limits;
mod market;
mod models;
mod mutations;
mod rules;

use tradesim_schemas::Record;

use super::*;

/// Audits a stream.
fn audit(context: AuditContext, records: &[Record]) -> AuditReport {
    let mut audit = Audit::new(context);
    for record in records {
        audit.push(record);
    }
    audit.finish()
}

/// Asserts that a stream breaks no rule.
#[track_caller]
fn assert_clean(report: &AuditReport) {
    let broken: Vec<_> = report.rules.iter().filter(|rule| rule.violations > 0).collect();
    assert!(report.is_clean(), "{broken:#?}");
}

/// Asserts that exactly these rules are broken, and that an example's text contains `text`.
#[track_caller]
fn assert_broken(report: &AuditReport, rules: &[Rule], text: &str) {
    let broken: Vec<Rule> =
        report.rules.iter().filter(|rule| rule.violations > 0).map(|rule| rule.rule).collect();
    let texts: Vec<String> =
        report.rules.iter().flat_map(|rule| &rule.examples).map(ToString::to_string).collect();
    assert_eq!(broken, rules, "{texts:#?}");
    assert!(texts.iter().any(|found| found.contains(text)), "{text:?} is not in {texts:#?}");
}
