//! Hashes of slices of a day as files, so that workers on several machines compute the digest of one day.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tradesim_schemas::{ContentDigest, Piece, Subtree};

use crate::{DatasetError, Recipe, canonical, files, recipe::SCHEMA_VERSION};

/// The hashes of one or more slices of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Pieces {
    /// The hash of the recipe.
    pub recipe: String,
    /// The trading date.
    pub date: String,
    /// The seed.
    pub seed: u64,
    /// The length of the whole input of the day's digest.
    pub bytes: u64,
    /// The hashes.
    pub pieces: Vec<Piece>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    recipe: String,
    date: String,
    seed: u64,
    bytes: u64,
    pieces: Vec<PieceDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PieceDocument {
    offset: u64,
    length: u64,
    /// The bytes at both ends, as hex digits.
    head: String,
    tail: String,
    /// The subtrees between them: first chunk, exponent of the number of chunks, value as hex digits.
    subtrees: Vec<(u64, u8, String)>,
}

impl Pieces {
    /// Writes the hashes into a new file.
    ///
    /// # Errors
    /// Returns an error if the file exists or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DatasetError> {
        let document = Document {
            schema_version: SCHEMA_VERSION,
            recipe: self.recipe.clone(),
            date: self.date.clone(),
            seed: self.seed,
            bytes: self.bytes,
            pieces: self.pieces.iter().map(piece_document).collect(),
        };
        files::write(path, &canonical::to_text(&document), false)
    }

    /// Reads hashes from a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is not one of hashes.
    pub fn read(path: &Path) -> Result<Pieces, DatasetError> {
        let document: Document =
            canonical::from_text(&files::read(path)?).map_err(|what| DatasetError::bad(path, what))?;
        if document.schema_version != SCHEMA_VERSION {
            return Err(DatasetError::bad(path, format!("it has version {}", document.schema_version)));
        }
        let pieces = document.pieces.into_iter().map(|piece| restore(piece, path));
        Ok(Pieces {
            recipe: document.recipe,
            date: document.date,
            seed: document.seed,
            bytes: document.bytes,
            pieces: pieces.collect::<Result<_, _>>()?,
        })
    }
}

/// The day that files with hashes have to be of: that of the first file, where nothing is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectedDay {
    /// The trading date.
    pub date: Option<NaiveDate>,
    /// The seed.
    pub seed: Option<u64>,
}

/// Returns the content digest of a day of a dataset from the hashes of all its slices.
///
/// # Errors
/// Returns an error if the files are of another dataset or day or of several days, or if slices are missing or given twice.
pub fn combine(
    recipe: &Recipe,
    expected: ExpectedDay,
    paths: &[PathBuf],
) -> Result<ContentDigest, DatasetError> {
    let mut all: Option<Pieces> = None;
    for path in paths {
        let read = Pieces::read(path)?;
        let other = |what: String| Err(DatasetError::OtherPieces { path: path.clone(), what });
        if read.recipe != recipe.hash().to_string() {
            return other("it is of another dataset".to_owned());
        }
        let is_expected = expected.date.is_none_or(|date| date.to_string() == read.date)
            && expected.seed.is_none_or(|seed| seed == read.seed);
        let is_same = |all: &Pieces| (&all.date, all.seed) == (&read.date, read.seed);
        if !is_expected || !all.as_ref().is_none_or(is_same) {
            return other(format!("it is of {} with seed {}, and not of the same day", read.date, read.seed));
        }
        match &mut all {
            None => all = Some(read),
            Some(all) if all.bytes == read.bytes => all.pieces.extend(read.pieces),
            Some(all) => {
                let what =
                    format!("its day has {} bytes, and that of the other files {}", read.bytes, all.bytes);
                return other(what);
            }
        }
    }
    let Some(all) = all else {
        return Err(DatasetError::OtherPieces { path: PathBuf::new(), what: "no file is given".to_owned() });
    };
    let length = all.pieces.iter().map(|piece| piece.offset() + piece.len()).max().unwrap_or(0);
    if length != all.bytes {
        // the others may be an input of their own, which only its length can tell
        return Err(tradesim_schemas::PieceError::Gap { from: length, to: all.bytes }.into());
    }
    Ok(Piece::combine(all.pieces)?)
}

fn piece_document(piece: &Piece) -> PieceDocument {
    let (head, subtrees, tail) = piece.parts();
    let subtree = |subtree: &Subtree| (subtree.first, subtree.level, hex(&subtree.value));
    PieceDocument {
        offset: piece.offset(),
        length: piece.len(),
        head: hex(head),
        tail: hex(tail),
        subtrees: subtrees.iter().map(subtree).collect(),
    }
}

fn restore(document: PieceDocument, path: &Path) -> Result<Piece, DatasetError> {
    let bytes =
        |text: &str| unhex(text).ok_or_else(|| DatasetError::bad(path, "it has malformed hex digits"));
    let subtree = |(first, level, value): (u64, u8, String)| {
        let value = bytes(&value)?.try_into().map_err(|_| DatasetError::bad(path, "a hash has 32 bytes"))?;
        Ok::<Subtree, DatasetError>(Subtree { first, level, value })
    };
    let subtrees = document.subtrees.into_iter().map(subtree).collect::<Result<_, _>>()?;
    let (head, tail) = (bytes(&document.head)?, bytes(&document.tail)?);
    let place = (document.offset, document.length);
    Piece::from_parts(place, head, subtrees, tail).map_err(|error| DatasetError::bad(path, error))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}
