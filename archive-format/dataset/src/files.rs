//! The files of a dataset: where they are, and how they are read and written.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use tradesim_archive::NewFile;

use crate::{DatasetError, Unit};

/// The folder of the dataset's own files. Readers of lakes skip names that begin with `_`.
pub(crate) const OWN_FOLDER: &str = "_tradesim";

/// The largest document that is read, in bytes. A manifest has about 150 bytes for each day and symbol.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

pub(crate) fn recipe(root: &Path) -> PathBuf {
    root.join(OWN_FOLDER).join("recipe.json")
}

pub(crate) fn manifest(root: &Path) -> PathBuf {
    root.join(OWN_FOLDER).join("manifest.json")
}

pub(crate) fn markers(root: &Path) -> PathBuf {
    root.join(OWN_FOLDER).join("parts")
}

/// Returns the name of the file that says that a unit is complete.
pub(crate) fn marker_name(unit: &Unit, parts: u16) -> String {
    format!("{}.{}.{}.json", unit.date, unit.seed, number(unit.part, parts))
}

/// Returns the path of a unit's archive in the dataset.
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
        return Err(DatasetError::bad(path, format!("it has more than {DOCUMENT_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| DatasetError::bad(path, "it is not UTF-8"))
}

/// Returns true if a file exists under this name.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), DatasetError> {
    fs::create_dir_all(path).map_err(|source| DatasetError::CannotCreate { path: path.to_owned(), source })
}

/// Writes a file that appears when it is complete, and replaces one of the same name.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), DatasetError> {
    publish(path, text, true)
}

/// Writes a file that must not exist.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), DatasetError> {
    publish(path, text, false)
}

fn publish(path: &Path, text: &str, overwrite: bool) -> Result<(), DatasetError> {
    let file = NewFile::create(path, overwrite)?;
    file.handle()?.write_all(text.as_bytes()).map_err(|error| file.write_error(error))?;
    file.publish()?;
    Ok(())
}
