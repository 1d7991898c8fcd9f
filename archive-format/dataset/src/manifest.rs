//! The manifest: the list of all units of a complete dataset, and its digest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fmt::Write as _,
};

use serde::{Deserialize, Serialize};
use tradesim_archive::KeyDigest;
use tradesim_schemas::{ByteHash, Symbol};

use crate::{
    DatasetError, Finding, PartRecord, Recipe, Root, Shard, Unit, canonical, files, inspect,
    recipe::SCHEMA_VERSION,
};

/// The digest of a dataset: BLAKE3 over lines of date, seed, symbol, messages and digest of the symbol, sorted by bytes. It does
/// not depend on parts, workers, compression or place. It is printed with a prefix of its own, because it is not a content
/// digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatasetDigest(ByteHash);

impl fmt::Display for DatasetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dataset:{}", self.0)
    }
}

/// The manifest of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the document.
    pub schema_version: u32,
    /// The hash of the recipe.
    pub recipe: String,
    /// The digest of the dataset.
    pub dataset_digest: String,
    /// The number of messages.
    pub messages: u64,
    /// The length of all archives in bytes.
    pub bytes: u64,
    /// The units, in order.
    pub units: Vec<ManifestUnit>,
    /// The symbols of each day, in order of the units.
    pub keys: Vec<ManifestKey>,
}

/// A unit in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestUnit {
    /// The path of the archive in the dataset.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The number of messages.
    pub messages: u64,
    /// The content digest of the part.
    pub digest: String,
    /// The hash of the archive's tail.
    pub tail: String,
}

/// A symbol of a day in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestKey {
    /// The trading date.
    pub date: String,
    /// The seed.
    pub seed: u64,
    /// The symbol.
    pub symbol: String,
    /// The number of messages.
    pub messages: u64,
    /// Their length in the input of the content digest.
    pub bytes: u64,
    /// Their content digest.
    pub digest: String,
}

/// The result of [`seal`].
#[derive(Clone, Debug, PartialEq)]
pub enum Sealed {
    /// The dataset is complete, and has this manifest.
    Complete(Manifest),
    /// The dataset is not complete, and was not sealed.
    Refused(Vec<Finding>),
}

impl Manifest {
    /// Returns the manifest of complete units.
    fn new(recipe: &Recipe, parts: &[(Unit, PartRecord)]) -> Manifest {
        let keys = parts.iter().flat_map(|(unit, part)| part.keys.iter().map(|key| manifest_key(unit, key)));
        let keys: Vec<ManifestKey> = keys.collect();
        Manifest {
            schema_version: SCHEMA_VERSION,
            recipe: recipe.hash().to_string(),
            dataset_digest: digest(&keys).to_string(),
            messages: parts.iter().map(|(_, part)| part.counts.total()).sum(),
            bytes: parts.iter().map(|(_, part)| part.bytes).sum(),
            units: parts.iter().map(|(_, part)| manifest_unit(part)).collect(),
            keys,
        }
    }

    /// Reads the manifest of a dataset; `None` if it is not sealed.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not a manifest, is that of another recipe, or contradicts the recipe or itself.
    pub fn read(root: impl Into<Root>, recipe: &Recipe) -> Result<Option<Manifest>, DatasetError> {
        let root = &root.into();
        let path = root.join(files::MANIFEST);
        let Some(text) = root.read(files::MANIFEST)? else { return Ok(None) };
        let manifest: Manifest =
            canonical::from_text(&text).map_err(|what| DatasetError::bad(&path, what))?;
        if manifest.recipe != recipe.hash().to_string() {
            let what = "it is of another recipe".to_owned();
            return Err(DatasetError::OtherPart { path, what });
        }
        if manifest.dataset_digest != digest(&manifest.keys).to_string() {
            return Err(DatasetError::bad(&path, "its digest is not that of its keys"));
        }
        manifest.check(recipe).map_err(|what| DatasetError::bad(&path, what))?;
        Ok(Some(manifest))
    }

    /// Checks that the manifest lists each unit of the recipe once and nothing else, and that its sums are right. So a manifest whose
    /// units all have what it states of them states nothing more.
    fn check(&self, recipe: &Recipe) -> Result<(), String> {
        let names = recipe.units(Shard::WHOLE).map(|(_, unit)| unit.archive_name(recipe.parts()));
        if !names.eq(self.units.iter().map(|unit| unit.file.clone())) {
            return Err("its units are not those of the recipe".to_owned());
        }
        let name = |key: &ManifestKey| (key.date.clone(), key.seed, key.symbol.clone());
        let keys: BTreeSet<_> = self.keys.iter().map(name).collect();
        if keys.len() != self.keys.len() || self.keys.iter().any(|key| key.messages == 0) {
            return Err("it lists a symbol of a day twice, or one without messages".to_owned());
        }
        // sums of 64-bit numbers from a file of at most 256 MiB
        let sum = |numbers: &mut dyn Iterator<Item = u64>| numbers.map(u128::from).sum::<u128>();
        let messages = u128::from(self.messages);
        let is_summed = sum(&mut self.units.iter().map(|unit| unit.messages)) == messages
            && sum(&mut self.keys.iter().map(|key| key.messages)) == messages
            && sum(&mut self.units.iter().map(|unit| unit.bytes)) == u128::from(self.bytes);
        if is_summed { Ok(()) } else { Err("its sums are not those of its units and symbols".to_owned()) }
    }

    /// Returns the symbols of one day.
    pub fn keys_of(&self, unit: &Unit) -> impl Iterator<Item = &ManifestKey> {
        let (date, seed) = (unit.date.to_string(), unit.seed);
        self.keys.iter().filter(move |key| key.date == date && key.seed == seed)
    }

    /// Returns the entries by name, to compare many units with them.
    pub fn index(&self) -> ManifestIndex<'_> {
        let key = |key: &'_ ManifestKey| (key.date.clone(), key.seed, key.symbol.clone());
        ManifestIndex {
            units: self.units.iter().map(|unit| (unit.file.as_str(), unit)).collect(),
            keys: self.keys.iter().map(|entry| (key(entry), entry)).collect(),
        }
    }
}

/// The entries of a manifest by name.
#[derive(Clone, Debug)]
pub struct ManifestIndex<'a> {
    units: BTreeMap<&'a str, &'a ManifestUnit>,
    keys: BTreeMap<(String, u64, String), &'a ManifestKey>,
}

impl ManifestIndex<'_> {
    /// Returns the difference between a unit and its entry; `None` if they agree.
    pub(crate) fn difference(&self, unit: &Unit, part: &PartRecord) -> Option<String> {
        let Some(entry) = self.units.get(part.file.as_str()) else {
            return Some("it is not in the manifest".to_owned());
        };
        let key_differs = |key: &&KeyDigest| {
            let expected = manifest_key(unit, key);
            let name = (expected.date.clone(), expected.seed, expected.symbol.clone());
            self.keys.get(&name) != Some(&&expected)
        };
        if let Some(key) = part.keys.iter().find(key_differs) {
            return Some(format!("the messages of {} are not those of the manifest", key.symbol));
        }
        (**entry != manifest_unit(part)).then(|| "it is not the file of the manifest".to_owned())
    }
}

fn manifest_unit(part: &PartRecord) -> ManifestUnit {
    ManifestUnit {
        file: part.file.clone(),
        bytes: part.bytes,
        messages: part.counts.total(),
        digest: part.digest.to_string(),
        tail: part.tail.to_string(),
    }
}

fn manifest_key(unit: &Unit, key: &KeyDigest) -> ManifestKey {
    let Unit { date, seed, .. } = unit;
    let KeyDigest { symbol, messages, bytes, digest } = key;
    ManifestKey {
        date: date.to_string(),
        seed: *seed,
        symbol: Symbol::to_string(symbol),
        messages: *messages,
        bytes: *bytes,
        digest: digest.to_string(),
    }
}

/// Returns the digest of a dataset that consists of these symbols of days.
pub(crate) fn digest(keys: &[ManifestKey]) -> DatasetDigest {
    let line = |key: &ManifestKey| {
        let mut line = String::new();
        let ManifestKey { date, seed, symbol, messages, digest, .. } = key;
        writeln!(line, "{date} {seed} {symbol} {messages} {digest}").expect("writing to a String");
        line
    };
    let mut lines: Vec<String> = keys.iter().map(line).collect();
    lines.sort_unstable();
    DatasetDigest(ByteHash::of(lines.concat().as_bytes()))
}

/// Writes the manifest of a dataset if all its units are there and agree with the recipe and with each other. A dataset that
/// has the same manifest already is sealed.
///
/// # Errors
/// Returns an error if files cannot be read or written, or if the dataset has another manifest.
pub fn seal(root: impl Into<Root>, recipe: &Recipe) -> Result<Sealed, DatasetError> {
    let root = &root.into();
    let inspection = inspect(root, recipe)?;
    if !inspection.findings.is_empty() {
        return Ok(Sealed::Refused(inspection.findings));
    }
    let manifest = Manifest::new(recipe, &inspection.parts);
    if root.write_new(files::MANIFEST, &canonical::to_text(&manifest))? {
        return Ok(Sealed::Complete(manifest));
    }
    match Manifest::read(root, recipe)? {
        Some(there) if there == manifest => Ok(Sealed::Complete(manifest)),
        _ => Err(DatasetError::OtherManifest { path: root.join(files::MANIFEST) }),
    }
}
