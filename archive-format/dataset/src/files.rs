//! The names of the files of a dataset, and files outside of it.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
};

use tradesim_archive::NewFile;

use crate::{DatasetError, Unit};

/// The folder of the dataset's own files. Readers of lakes skip names that begin with `_`.
pub(crate) const OWN_FOLDER: &str = "_tradesim";

pub(crate) const RECIPE: &str = "_tradesim/recipe.json";

pub(crate) const MANIFEST: &str = "_tradesim/manifest.json";

/// The folder of the markers, with a slash at its end.
pub(crate) const MARKERS: &str = "_tradesim/parts/";

/// The largest document that is read, in bytes. A manifest has about 150 bytes for each day and symbol.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// Returns the name in the dataset of the file that says that a unit is complete.
pub(crate) fn marker_name(unit: &Unit, parts: u16) -> String {
    format!("{MARKERS}{}.{}.{}.json", unit.date, unit.seed, number(unit.part, parts))
}

/// Returns the name of a unit's archive in the dataset.
pub(crate) fn archive_name(unit: &Unit, parts: u16) -> String {
    format!("date={}/seed={}/part-{}.parquet", unit.date, unit.seed, number(unit.part, parts))
}

fn number(part: u16, parts: u16) -> String {
    format!("{part:03}-of-{parts:03}")
}

/// Reads a document of limited length.
pub(crate) fn read(path: &Path) -> Result<String, DatasetError> {
    let file = fs::File::open(path).map_err(|error| DatasetError::io(path, "open", error))?;
    let mut bytes = Vec::new();
    let read = file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| DatasetError::io(path, "read", error))?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(too_long(path));
    }
    text(path, bytes)
}

pub(crate) fn too_long(path: &Path) -> DatasetError {
    DatasetError::bad(path, format!("it has more than {DOCUMENT_BYTES_MAX} bytes"))
}

pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, DatasetError> {
    String::from_utf8(bytes).map_err(|_| DatasetError::bad(path, "it is not UTF-8"))
}

/// Writes a file that appears when it is complete.
pub(crate) fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), DatasetError> {
    let file = NewFile::create(path, overwrite)?;
    file.handle()?.write_all(text.as_bytes()).map_err(|error| file.write_error(error))?;
    file.publish()?;
    Ok(())
}
