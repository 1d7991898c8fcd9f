//! `dataset seal`: checks that a dataset is complete, and writes its manifest.

use serde::Serialize;
use tradesim_dataset::{Recipe, Sealed};

use super::findings::{self, FindingLine};
use crate::{
    cli::DatasetSeal,
    exit::Outcome,
    output::{self, grouped, say},
    report::SCHEMA_VERSION,
    signals, storage,
};

#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    ok: bool,
    dataset_digest: Option<String>,
    units: u64,
    messages: Option<u64>,
    bytes: Option<u64>,
    findings: Vec<FindingLine>,
}

pub(super) fn run(args: &DatasetSeal) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let root = storage::root(&args.root)?;
    let recipe = Recipe::read(&root)?;
    let sealed = tradesim_dataset::seal(&root, &recipe)?;
    let (manifest, findings) = match sealed {
        Sealed::Complete(manifest) => (Some(manifest), Vec::new()),
        Sealed::Refused(findings) => (None, findings),
    };
    let report = Report {
        schema_version: SCHEMA_VERSION,
        ok: manifest.is_some(),
        dataset_digest: manifest.as_ref().map(|manifest| manifest.dataset_digest.clone()),
        units: recipe.unit_count(),
        messages: manifest.as_ref().map(|manifest| manifest.messages),
        bytes: manifest.as_ref().map(|manifest| manifest.bytes),
        findings: findings.iter().map(FindingLine::new).collect(),
    };
    output::emit(args.json, &report, |out| {
        report.dataset_digest.iter().try_for_each(|digest| out.line(digest))
    })?;
    match &manifest {
        Some(manifest) => say(format_args!(
            "sealed {} units: {} messages, {}",
            recipe.unit_count(),
            grouped(manifest.messages),
            output::bytes(manifest.bytes)
        )),
        None => {
            findings::show(&findings);
            let word = if findings.len() == 1 { "finding" } else { "findings" };
            say(format_args!("the dataset is not sealed: {} {word}", findings.len()));
        }
    }
    findings::outcome(&findings)
}
