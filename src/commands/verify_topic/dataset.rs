//! `verify-topic --dataset`: the runs of all parts of a dataset, or a worker's share of the partitions.

mod expected;
mod report;

use std::path::Path;

use tradesim_archive::NewFile;
use tradesim_bridge::audit::{self, AuditError, AuditedKey, RunMessages, ShardKeys, ShardOptions, ShardRun};
use tradesim_dataset::{
    AuditedShard, DatasetError, Manifest, ManifestKey, Recipe, Root, Shard, Union, Unit, unite,
};

use super::{Peers, failure};
use crate::{
    cli::{FilterArgs, VerifyTopic},
    exit::{Failure, Outcome},
    output,
    progress::Progress,
    settings::Settings,
    storage,
};

use self::{expected::UnitMessages, report::DatasetAuditReport};

pub(super) fn run(args: &VerifyTopic, root: &Path, settings: Settings) -> anyhow::Result<Outcome> {
    let Some(run) = &args.run else {
        return Err(Failure::usage("--dataset needs --run").into());
    };
    let FilterArgs { symbols, cut } = &args.filter;
    let is_filtered = symbols.is_some()
        || cut.from.is_some()
        || cut.to.is_some()
        || cut.limit.is_some()
        || !cut.events.is_empty();
    if is_filtered {
        return Err(Failure::usage("filters do not apply to --dataset").into());
    }
    let root = &storage::root(root)?;
    let recipe = Recipe::read(root)?;
    let manifest = Manifest::read(root, &recipe)?.ok_or_else(|| Failure::Data {
        what: format!("{} has no manifest", root.path().display()),
        hint: Some("`tradesim dataset seal` checks that a dataset is complete, and writes it".to_owned()),
    })?;
    let report = if args.dataset.combine.is_empty() {
        audit(args, run, root, &recipe, &manifest, settings)?
    } else {
        combine(args, run, root, &recipe, &manifest)?
    };
    output::emit(args.json, &report, |out| report.write(out))?;
    report.say();
    Ok(if report.ok { Outcome::Done } else { Outcome::Difference })
}

/// Compares the files of all workers with the manifest.
fn combine(
    args: &VerifyTopic,
    run: &str,
    root: &Root,
    recipe: &Recipe,
    manifest: &Manifest,
) -> anyhow::Result<DatasetAuditReport> {
    let shards = AuditedShard::read_all(&args.dataset.combine, recipe, run)?;
    let union = unite(manifest, shards.iter().flat_map(|shard| &shard.keys), |_| true);
    let clean = shards.iter().all(|shard| shard.clean);
    Ok(DatasetAuditReport::of_files(root.path(), run, manifest, &union, clean))
}

/// Reads the worker's partitions.
fn audit(
    args: &VerifyTopic,
    run: &str,
    root: &Root,
    recipe: &Recipe,
    manifest: &Manifest,
    mut settings: Settings,
) -> anyhow::Result<DatasetAuditReport> {
    if let Some(path) = &args.dataset.output {
        // fail now rather than at the end
        drop(NewFile::create(path, false)?);
    }
    let shard = args.dataset.shard.unwrap_or_default();
    let units: Vec<Unit> = recipe.units(Shard::WHOLE).map(|(_, unit)| unit).collect();
    let Peers { connection, registry, topics } = Peers::new(args, &mut settings)?;
    let options = ShardOptions {
        topics,
        runs: runs(run, recipe, manifest, &units),
        index: shard.index(),
        of: shard.of(),
        timeout: args.answer.timeout,
    };
    let mut open = |index: usize, keys: ShardKeys| {
        let messages = UnitMessages::open(root, recipe, &units[index], keys)?;
        Ok(Box::new(messages) as Box<dyn RunMessages>)
    };
    let mut progress = Progress::new("verifying", manifest.messages / u64::from(shard.of()));
    let audited = audit::verify_shard(&connection, &registry, &options, &mut open, &mut |at| {
        progress.at(at.messages, at.messages);
    });
    let seconds = progress.finish().as_secs_f64();
    let audited = audited.map_err(|error| match error {
        // a part that is missing or damaged has the exit code that it has in every command
        AuditError::Messages { source } => match source.downcast::<DatasetError>() {
            Ok(error) => anyhow::Error::new(*error),
            Err(source) => AuditError::Messages { source }.into(),
        },
        error => failure(error, &args.prefix.topic_prefix),
    })?;
    let keys: Vec<ManifestKey> =
        audited.report.keys.iter().filter_map(|key| manifest_key(&units[key.run], key)).collect();
    let union = unite(manifest, &keys, |key| audited.keys.has(key.symbol.as_bytes()));
    let report = DatasetAuditReport::of_audit(root.path(), run, shard, &audited, manifest, &union, seconds);
    if let Some(path) = &args.dataset.output {
        let place = (shard.index(), shard.of());
        AuditedShard::new(recipe, run, place, audited.partitions, report.ok, keys).write(path)?;
    }
    Ok(report)
}

/// Returns the runs of the units, with the numbers of messages that the manifest states. A manifest lists the units of the recipe.
fn runs(run: &str, recipe: &Recipe, manifest: &Manifest, units: &[Unit]) -> Vec<ShardRun> {
    let entries = units.iter().zip(&manifest.units);
    entries
        .map(|(unit, entry)| ShardRun { run: unit.run_name(run, recipe.parts()), messages: entry.messages })
        .collect()
}

/// Returns a symbol as the manifest has it, if all of its messages are in the topics.
fn manifest_key(unit: &Unit, key: &AuditedKey) -> Option<ManifestKey> {
    Some(ManifestKey {
        date: unit.date.to_string(),
        seed: unit.seed,
        symbol: key.symbol.to_string(),
        messages: key.messages,
        bytes: key.bytes,
        digest: key.digest?.to_string(),
    })
}

/// Returns the digest of the dataset, if the union is all of it.
fn whole_digest(shard: Shard, union: &Union) -> Option<String> {
    (shard == Shard::WHOLE).then(|| union.digest.to_string())
}
