//! What the metadata of a part of a recording states in addition (FORMAT.md, 5.10 to 5.12): which symbols it has, and digests
//! and sums from which the whole recording can be proved without its other parts.

use serde::{Deserialize, Serialize};
use tradesim_schemas::{ContentDigest, Symbol, Timestamp};

use super::{Metadata, text, text_list};
use crate::limits;

/// The part of a recording that an archive contains: all messages of some symbols, numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingPart {
    /// The number of the part, from 0.
    pub index: u16,
    /// The number of parts of the recording.
    pub of: u16,
    /// The symbols of the part, in the order of their names.
    #[serde(with = "text_list")]
    pub symbols: Vec<Symbol>,
}

/// The messages of one symbol, and their content digest: that of the archive with only this symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDigest {
    /// The symbol.
    #[serde(with = "text")]
    pub symbol: Symbol,
    /// The number of messages.
    pub messages: u64,
    /// Their length in the input of the content digest: that of their texts, and four bytes for each.
    pub bytes: u64,
    /// The content digest of the messages.
    #[serde(with = "text")]
    pub digest: ContentDigest,
}

/// The division of a day into slices of equal length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceGrid {
    /// The start of the first slice.
    pub start: Timestamp,
    /// The length of a slice in microseconds.
    pub micros: u64,
    /// The number of slices.
    pub count: u32,
}

impl SliceGrid {
    /// Returns the number of the slice with this time.
    #[inline]
    pub fn index_of(&self, at: Timestamp) -> Option<usize> {
        let since = u64::try_from(at.micros().checked_sub(self.start.micros())?).ok()?;
        let index = since / self.micros;
        (index < u64::from(self.count)).then_some(index as usize)
    }
}

/// The number of messages in each slice of time, and their length in the input of the content digest. Summed over the parts of
/// a recording, they give the first number and the first byte of every slice of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slices {
    /// The start of the first slice.
    #[serde(with = "text")]
    pub start: Timestamp,
    /// The length of a slice in microseconds.
    pub micros: u64,
    /// The number of messages of each slice.
    pub messages: Vec<u64>,
    /// The length of the messages of each slice, with four bytes for each message.
    pub bytes: Vec<u64>,
}

impl Slices {
    /// Creates the sums of no messages.
    pub fn new(grid: SliceGrid) -> Slices {
        let zeros = vec![0; grid.count as usize];
        Slices { start: grid.start, micros: grid.micros, messages: zeros.clone(), bytes: zeros }
    }

    /// Returns the division of the day.
    pub fn grid(&self) -> SliceGrid {
        SliceGrid { start: self.start, micros: self.micros, count: self.messages.len() as u32 }
    }
}

/// Checks what a document states about a part. It may come from anyone.
pub(super) fn check(metadata: &Metadata) -> Result<(), String> {
    let is_in_table = |symbol: &Symbol| {
        let origins = &metadata.provenance.origins;
        origins.iter().flat_map(|origin| &origin.symbols).any(|entry| entry.symbol == *symbol)
    };
    if let Some(part) = &metadata.provenance.part {
        if part.index >= part.of {
            return Err(format!("`part` is number {} of {}", part.index, part.of));
        }
        check_names("part", part.symbols.iter(), is_in_table)?;
        if !part.symbols.is_sorted_by(|left, right| left.as_str() < right.as_str()) {
            return Err("the symbols of `part` are not in order".to_owned());
        }
    }
    if let Some(keys) = &metadata.keys {
        check_names("keys", keys.iter().map(|key| &key.symbol), is_in_table)?;
        let mut names: Vec<&str> = keys.iter().map(|key| key.symbol.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("`keys` contains a symbol twice".to_owned());
        }
    }
    if metadata.keys.is_some() != metadata.slices.is_some() {
        return Err("one of `keys` and `slices` is missing".to_owned());
    }
    if metadata.keys.is_some() && metadata.key_symbols().len() > limits::KEYS_MAX {
        return Err(format!("it has `keys` and more than {} symbols", limits::KEYS_MAX));
    }
    if let Some(slices) = &metadata.slices {
        let count = slices.messages.len();
        let fits = slices.bytes.len() == count && (1..=limits::SLICES_MAX).contains(&count);
        if !fits || slices.micros == 0 {
            return Err(format!("`slices` has {count} and {} entries", slices.bytes.len()));
        }
    }
    Ok(())
}

fn check_names<'a>(
    name: &str,
    symbols: impl ExactSizeIterator<Item = &'a Symbol>,
    is_in_table: impl Fn(&Symbol) -> bool,
) -> Result<(), String> {
    let found = symbols.len();
    if found > limits::KEYS_MAX {
        return Err(format!("`{name}` has {found} symbols, more than the limit of {}", limits::KEYS_MAX));
    }
    for symbol in symbols {
        if !is_in_table(symbol) {
            return Err(format!("`{name}` has the symbol {symbol}, which no origin lists"));
        }
    }
    Ok(())
}
