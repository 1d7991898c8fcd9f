//! The files of a report. Each is whole at every moment, also while the load runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{page, report::Report};
use crate::exit::Failure;

/// The files that were asked for.
#[derive(Debug)]
pub(crate) struct ReportFiles {
    paths: Vec<PathBuf>,
}

impl ReportFiles {
    /// Looks whether they can be made, before a load of an hour shows that they cannot.
    ///
    /// # Errors
    /// A folder that is missing or cannot be written to.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<ReportFiles, Failure> {
        for path in paths {
            write(path, "")
                .and_then(|()| fs::remove_file(beside(path)))
                .map_err(|source| unwritable(path, source))?;
        }
        Ok(ReportFiles { paths: paths.to_vec() })
    }

    /// Puts a report in the place of the one before.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<()> {
        for path in &self.paths {
            let text = match path.extension() {
                Some(extension) if extension == "html" => page::page(report),
                _ => serde_json::to_string_pretty(report)? + "\n",
            };
            write(path, &text)
                .and_then(|()| fs::rename(beside(path), path))
                .map_err(|source| unwritable(path, source))?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(beside(path), text)
}

/// The name that a file has until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn unwritable(path: &Path, source: io::Error) -> Failure {
    Failure::OutputUnwritable { path: path.to_owned(), source }
}
