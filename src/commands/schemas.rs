//! `schemas`: registers and checks the Avro schemas, and prints table definitions.

mod ddl;
mod verdict;

use std::path::Path;

use anyhow::{Context, anyhow};
use serde::Serialize;
use tradesim_bridge::{
    avro::compatibility::{AvroSchema, Incompatibility},
    registry::{Registry, schema_text, subject},
};
use tradesim_schemas::{EventType, contract::AVRO_NAMESPACE};

use crate::{
    cli::{Schemas, SchemasCheck, SchemasCommand, SchemasRegister},
    exit::{Failure, Outcome},
    kafka, output,
    report::SCHEMA_VERSION,
    settings::Settings,
    signals,
};
use verdict::{State, Verdict};

#[derive(Serialize)]
struct SchemasReport {
    schema_version: u32,
    registry: String,
    compatible: bool,
    subjects: Vec<SubjectReport>,
}

#[derive(Serialize)]
struct SubjectReport {
    subject: String,
    /// The compatibility level of the subject.
    level: &'static str,
    /// True if exactly this schema is registered, with `id` and `version`.
    registered: bool,
    /// True if this command registered it.
    created: bool,
    id: Option<u32>,
    version: Option<u32>,
    versions: Vec<u32>,
    compatible: bool,
    incompatibilities: Vec<IncompatibilityReport>,
}

#[derive(Serialize)]
struct IncompatibilityReport {
    /// The field; empty if the schema as a whole is incompatible.
    field: String,
    kind: &'static str,
    what: String,
}

/// A schema and its subject.
struct Candidate {
    subject: String,
    text: String,
}

pub(crate) fn run(args: &Schemas, settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    match &args.command {
        SchemasCommand::Register(args) => register(args, settings),
        SchemasCommand::Check(args) => check(args, settings),
        SchemasCommand::Ddl(args) => ddl::run(args, settings),
    }
}

fn register(args: &SchemasRegister, mut settings: Settings) -> anyhow::Result<Outcome> {
    let registry = kafka::registry(&args.registry, &mut settings, args.answer.timeout)?;
    let candidates = ours(&args.prefix.topic_prefix);
    let mut verdicts = verdicts(&registry, &candidates)?;
    // register all schemas or none, as far as the checks can tell
    if verdicts.iter().all(Verdict::is_compatible) {
        for (candidate, verdict) in candidates.iter().zip(&mut verdicts) {
            verdict.register(&registry, candidate)?;
        }
    }
    report(args.json, &registry, &verdicts)
}

fn check(args: &SchemasCheck, mut settings: Settings) -> anyhow::Result<Outcome> {
    let candidates = if args.files.is_empty() {
        ours(&args.prefix.topic_prefix)
    } else {
        args.files.iter().map(|path| of_file(path, &args.prefix.topic_prefix)).collect::<Result<_, _>>()?
    };
    let registry = kafka::registry(&args.registry, &mut settings, args.answer.timeout)?;
    let verdicts = verdicts(&registry, &candidates)?;
    report(args.json, &registry, &verdicts)
}

fn ours(prefix: &str) -> Vec<Candidate> {
    let candidate = |event_type: &EventType| Candidate {
        subject: subject(prefix, *event_type),
        text: schema_text(*event_type),
    };
    EventType::ALL.iter().map(candidate).collect()
}

/// Reads a schema from a file. The name of its record determines the subject.
fn of_file(path: &Path, prefix: &str) -> anyhow::Result<Candidate> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bad = |what: String| Failure::Data { what: format!("{}: {what}", path.display()), hint: None };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| bad(format!("invalid JSON: {error}")))?;
    let name = value.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
    let record = name.strip_prefix(AVRO_NAMESPACE).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    let event_type = EventType::ALL.iter().find(|event_type| event_type.record_name() == record);
    let event_type = event_type.ok_or_else(|| {
        bad(format!("expected the schema of a record Trade, OrderBook or MarketData, found {name:?}"))
    })?;
    AvroSchema::parse(&text).map_err(|error| bad(error.to_string()))?;
    Ok(Candidate { subject: subject(prefix, *event_type), text })
}

fn verdicts(registry: &Registry, candidates: &[Candidate]) -> anyhow::Result<Vec<Verdict>> {
    candidates.iter().map(|candidate| Verdict::of(registry, candidate)).collect()
}

fn report(json: bool, registry: &Registry, verdicts: &[Verdict]) -> anyhow::Result<Outcome> {
    let compatible = verdicts.iter().all(Verdict::is_compatible);
    let report = SchemasReport {
        schema_version: SCHEMA_VERSION,
        registry: registry.url().to_owned(),
        compatible,
        subjects: verdicts.iter().map(SubjectReport::from).collect(),
    };
    output::emit(json, &report, |out| {
        for verdict in verdicts {
            let line = format!("{:<13}{} ({})", verdict.word(), verdict.subject, verdict.details());
            out.line(&line)?;
            for found in &verdict.found {
                out.line(&format!("{:<13}{found}", ""))?;
            }
        }
        Ok(())
    })?;
    Ok(if compatible { Outcome::Done } else { Outcome::Difference })
}

impl From<&Verdict> for SubjectReport {
    fn from(verdict: &Verdict) -> SubjectReport {
        let place = match verdict.state {
            State::Registered { id, version, .. } => Some((id, version)),
            State::New => None,
        };
        SubjectReport {
            subject: verdict.subject.clone(),
            level: verdict.level.as_str(),
            registered: place.is_some(),
            created: matches!(verdict.state, State::Registered { now: true, .. }),
            id: place.map(|(id, _)| id),
            version: place.map(|(_, version)| version),
            versions: verdict.versions.clone(),
            compatible: verdict.is_compatible(),
            incompatibilities: verdict.found.iter().map(IncompatibilityReport::from).collect(),
        }
    }
}

impl From<&Incompatibility> for IncompatibilityReport {
    fn from(found: &Incompatibility) -> IncompatibilityReport {
        IncompatibilityReport {
            field: found.field.clone(),
            kind: found.kind.as_str(),
            what: found.what.clone(),
        }
    }
}

/// Returns the error for a schema that disappeared right after its registration.
fn changed(subject: &str) -> anyhow::Error {
    anyhow!("the schema of {subject} disappeared from the registry right after its registration")
}
