//! The record of a complete part: what its archive states, in a file beside the dataset.

use serde::{Deserialize, Serialize};
use tradesim_archive::{Archive, Counts, KeyDigest, RecordingPart, Slices};
use tradesim_schemas::{ByteHash, ContentDigest};

use crate::{DatasetError, Recipe, Root, Unit, canonical, files, recipe::SCHEMA_VERSION};

/// The facts about a complete part. It is written after the archive, so an archive without it may be of any other recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct PartRecord {
    /// The path of the archive in the dataset.
    pub file: String,
    /// The length of the archive in bytes.
    pub bytes: u64,
    /// The hash of the archive's tail, which covers all of its bytes.
    pub tail: ByteHash,
    /// The content digest of the part.
    pub digest: ContentDigest,
    /// The number of messages of each kind.
    pub counts: Counts,
    /// The place of the part in its day.
    pub part: RecordingPart,
    /// The digest of each symbol.
    pub keys: Vec<KeyDigest>,
    /// The sums of each slice of time.
    pub slices: Slices,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    /// The hash of the recipe.
    recipe: String,
    date: String,
    seed: u64,
    file: String,
    bytes: u64,
    tail: String,
    digest: String,
    counts: Counts,
    part: RecordingPart,
    keys: Vec<KeyDigest>,
    slices: Slices,
}

impl PartRecord {
    /// Returns what an archive states of itself, if it is this unit of the recipe, and otherwise the difference.
    pub(crate) fn of_archive(archive: &Archive, recipe: &Recipe, unit: &Unit) -> Result<PartRecord, String> {
        let metadata = archive.metadata();
        let provenance = metadata.provenance();
        let identity = recipe.options(unit).identity();
        match &provenance.origins[..] {
            [origin] if origin.identity == identity => {}
            [origin] => return Err(format!("it is of {:?}, expected {identity:?}", origin.identity)),
            origins => return Err(format!("it has {} origins, expected one", origins.len())),
        }
        let expected = expected_part(recipe, unit);
        match &provenance.part {
            Some(part) if *part == expected => {}
            Some(part) => {
                let found = part.symbols.first().map_or("no symbol", |symbol| symbol.as_str());
                return Err(format!(
                    "it is part {} of {}, from {found}, expected part {} of {}",
                    part.index, part.of, expected.index, expected.of
                ));
            }
            None => return Err("it is not a part".to_owned()),
        }
        let (Some(keys), Some(slices)) = (metadata.keys(), metadata.slices()) else {
            return Err("it does not state the digests of its symbols".to_owned());
        };
        Ok(PartRecord {
            file: files::archive_name(unit, recipe.parts()),
            bytes: archive.bytes(),
            tail: archive.tail_hash(),
            digest: metadata.digest(),
            counts: metadata.counts(),
            part: expected,
            keys: keys.to_vec(),
            slices: slices.clone(),
        })
    }

    /// Reads the record of a unit; `None` if it does not exist.
    pub(crate) fn read(
        root: &Root,
        recipe: &Recipe,
        unit: &Unit,
    ) -> Result<Option<PartRecord>, DatasetError> {
        let name = files::marker_name(unit, recipe.parts());
        let path = root.join(&name);
        let Some(text) = root.read(&name)? else { return Ok(None) };
        let document: Document =
            canonical::from_text(&text).map_err(|what| DatasetError::bad(&path, what))?;
        let other = |what: &str| DatasetError::OtherPart { path: path.clone(), what: what.to_owned() };
        if document.recipe != recipe.hash().to_string() {
            return Err(other("it is of another recipe"));
        }
        let is_of_unit = (document.date.as_str(), document.seed)
            == (unit.date.to_string().as_str(), unit.seed)
            && document.part == expected_part(recipe, unit)
            && document.file == files::archive_name(unit, recipe.parts());
        if !is_of_unit {
            return Err(other("it is of another part"));
        }
        let bad = |name: &str| DatasetError::bad(&path, format!("`{name}` is not a digest"));
        Ok(Some(PartRecord {
            file: document.file,
            bytes: document.bytes,
            tail: document.tail.parse().map_err(|_| bad("tail"))?,
            digest: document.digest.parse().map_err(|_| bad("digest"))?,
            counts: document.counts,
            part: document.part,
            keys: document.keys,
            slices: document.slices,
        }))
    }

    /// Writes the record of a unit.
    pub(crate) fn write(&self, root: &Root, recipe: &Recipe, unit: &Unit) -> Result<(), DatasetError> {
        let document = Document {
            schema_version: SCHEMA_VERSION,
            recipe: recipe.hash().to_string(),
            date: unit.date.to_string(),
            seed: unit.seed,
            file: self.file.clone(),
            bytes: self.bytes,
            tail: self.tail.to_string(),
            digest: self.digest.to_string(),
            counts: self.counts,
            part: self.part.clone(),
            keys: self.keys.clone(),
            slices: self.slices.clone(),
        };
        root.write(&files::marker_name(unit, recipe.parts()), &canonical::to_text(&document))
    }

    /// Returns the first difference from another record of the same unit; `None` if they are equal.
    pub(crate) fn difference(&self, other: &PartRecord) -> Option<String> {
        let key = self
            .keys
            .iter()
            .find(|key| !other.keys.contains(key))
            .or_else(|| other.keys.iter().find(|key| !self.keys.contains(key)));
        if let Some(key) = key {
            Some(format!("the messages of {} differ", key.symbol))
        } else if self.digest != other.digest || self.counts != other.counts {
            Some("its messages differ".to_owned())
        } else if self.slices != other.slices {
            Some("the times of its messages differ".to_owned())
        } else if self.tail != other.tail || self.bytes != other.bytes {
            Some("its bytes differ".to_owned())
        } else if self != other {
            Some("it is another part".to_owned())
        } else {
            None
        }
    }
}

/// Opens the archive of a unit.
pub(crate) fn open(root: &Root, recipe: &Recipe, unit: &Unit) -> Result<Archive, DatasetError> {
    let name = files::archive_name(unit, recipe.parts());
    let missing = || DatasetError::OtherPart { path: root.join(&name), what: "it is missing".to_owned() };
    root.open(&name)?.ok_or_else(missing)
}

/// Returns the place of a unit in its day.
pub(crate) fn expected_part(recipe: &Recipe, unit: &Unit) -> RecordingPart {
    RecordingPart {
        index: unit.part,
        of: recipe.parts(),
        symbols: recipe.ranges()[usize::from(unit.part)].clone(),
    }
}
