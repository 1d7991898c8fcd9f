//! The symbols that an audit read back from elsewhere, such as topics: the share of one worker in a file, and the comparison of
//! all shares with the manifest.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    DatasetDigest, DatasetError, Manifest, ManifestKey, Recipe, canonical, files, manifest::digest,
    recipe::SCHEMA_VERSION,
};

/// The number of differences that are described.
const DESCRIBED_MAX: usize = 20;

/// The share of one worker of an audit: the digest of each symbol that it read completely and without a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditedShard {
    schema_version: u32,
    /// The hash of the recipe.
    pub recipe: String,
    /// The run that was audited.
    pub run: String,
    /// The number of the worker, from 0.
    pub index: u32,
    /// The number of workers.
    pub of: u32,
    /// The number of partitions that the workers share.
    pub partitions: u32,
    /// True if the worker found no fault.
    pub clean: bool,
    /// The symbols, in order.
    pub keys: Vec<ManifestKey>,
}

/// The result of [`unite`].
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// The digest of the symbols that were read; that of the dataset if nothing differs.
    pub digest: DatasetDigest,
    /// The number of symbols that were read, over all days.
    pub keys: u64,
    /// The number of messages of these symbols.
    pub messages: u64,
    /// The number of differences from the manifest.
    pub differences: u64,
    /// The first of them.
    pub described: Vec<String>,
}

impl AuditedShard {
    /// Creates the share of a worker.
    pub fn new(
        recipe: &Recipe,
        run: &str,
        (index, of): (u32, u32),
        partitions: u32,
        clean: bool,
        mut keys: Vec<ManifestKey>,
    ) -> AuditedShard {
        keys.sort_by(|left, right| name(left).cmp(&name(right)));
        let (schema_version, recipe, run) = (SCHEMA_VERSION, recipe.hash().to_string(), run.to_owned());
        AuditedShard { schema_version, recipe, run, index, of, partitions, clean, keys }
    }

    /// Writes the share into a new file.
    ///
    /// # Errors
    /// Returns an error if the file exists or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DatasetError> {
        files::write_new(path, &canonical::to_text(self))
    }

    /// Reads a share from a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or is not a share.
    pub fn read(path: &Path) -> Result<AuditedShard, DatasetError> {
        let shard: AuditedShard =
            canonical::from_text(&files::read(path)?).map_err(|what| DatasetError::bad(path, what))?;
        if shard.schema_version != SCHEMA_VERSION || shard.index >= shard.of {
            return Err(DatasetError::bad(path, "it is not the share of a worker"));
        }
        Ok(shard)
    }

    /// Reads the shares of all workers of one audit.
    ///
    /// # Errors
    /// Returns an error if the files are of another dataset or of several audits, or if one is missing or given twice.
    pub fn read_all(
        paths: &[PathBuf],
        recipe: &Recipe,
        run: &str,
    ) -> Result<Vec<AuditedShard>, DatasetError> {
        let other = |path: &Path, what: String| DatasetError::OtherPieces { path: path.to_owned(), what };
        let mut shards: Vec<AuditedShard> = Vec::new();
        for path in paths {
            let shard = AuditedShard::read(path)?;
            if shard.recipe != recipe.hash().to_string() {
                return Err(other(path, "it is of another dataset".to_owned()));
            }
            if shard.run != run {
                return Err(other(path, format!("it is of run {}, expected {run}", shard.run)));
            }
            if let Some(first) = shards.first()
                && (first.of, first.partitions) != (shard.of, shard.partitions)
            {
                let AuditedShard { of, partitions, .. } = first;
                return Err(other(
                    path,
                    format!(
                        "it is of {} workers and {} partitions, the first file of {of} and {partitions}",
                        shard.of, shard.partitions
                    ),
                ));
            }
            if shards.iter().any(|there| there.index == shard.index) {
                return Err(other(path, format!("worker {}/{} is given twice", shard.index, shard.of)));
            }
            shards.push(shard);
        }
        let missing = |first: &AuditedShard| {
            (0..first.of).find(|index| shards.iter().all(|shard| shard.index != *index))
        };
        if let (Some(path), Some(first)) = (paths.first(), shards.first())
            && let Some(index) = missing(first)
        {
            return Err(other(path, format!("the file of worker {index}/{} is missing", first.of)));
        }
        Ok(shards)
    }
}

/// Unites the symbols of workers, and compares them with those of the manifest that `is_wanted` accepts.
pub fn unite<'a>(
    manifest: &Manifest,
    keys: impl IntoIterator<Item = &'a ManifestKey>,
    is_wanted: impl Fn(&ManifestKey) -> bool,
) -> Union {
    let mut found: Vec<ManifestKey> = Vec::new();
    let mut expected: BTreeMap<Name<'_>, &ManifestKey> =
        manifest.keys.iter().filter(|key| is_wanted(key)).map(|key| (name(key), key)).collect();
    let (mut differences, mut described) = (0, Vec::new());
    let mut differs = |what: String| {
        differences += 1;
        if described.len() < DESCRIBED_MAX {
            described.push(what);
        }
    };
    for key in keys {
        let ManifestKey { date, seed, symbol, .. } = key;
        match expected.remove(&name(key)) {
            Some(entry) if entry == key => {}
            Some(_) => differs(format!("{symbol} of {date}, seed {seed}, has other messages")),
            None => {
                differs(format!("{symbol} of {date}, seed {seed}, is given twice, or is not in the manifest"))
            }
        }
        found.push(key.clone());
    }
    for ManifestKey { date, seed, symbol, .. } in expected.into_values() {
        differs(format!("{symbol} of {date}, seed {seed}, was not read completely and without a fault"));
    }
    let messages = found.iter().map(|key| key.messages).sum();
    Union { digest: digest(&found), keys: found.len() as u64, messages, differences, described }
}

/// The name of a symbol of a day.
type Name<'a> = (&'a str, u64, &'a str);

fn name(key: &ManifestKey) -> Name<'_> {
    (&key.date, key.seed, &key.symbol)
}

#[cfg(test)]
mod tests;
