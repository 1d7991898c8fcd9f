//! The files of a report. Each is complete at any time, even while the load runs.

use std::{io::Write, path::PathBuf};

use serde::Serialize;
use tradesim_archive::NewFile;

use crate::error::Error;

/// The files of `--report`.
#[derive(Debug)]
pub(crate) struct ReportFiles {
    paths: Vec<PathBuf>,
}

impl ReportFiles {
    /// Checks before the load that the files can be created.
    ///
    /// # Errors
    /// Fails on a folder that is missing or not writable, and on a path that exists and is not a regular file.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Result<ReportFiles, Error> {
        for path in &paths {
            drop(NewFile::create(path, true)?);
        }
        Ok(ReportFiles { paths })
    }

    /// Replaces the files atomically. `html` returns the page, `report` is the JSON object.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub(crate) fn write(
        &self,
        report: &impl Serialize,
        html: impl Fn() -> Result<String, serde_json::Error>,
    ) -> Result<(), Error> {
        for path in &self.paths {
            let text = match path.extension() {
                Some(extension) if extension == "html" => html()?,
                _ => serde_json::to_string_pretty(report)? + "\n",
            };
            let file = NewFile::create(path, true)?;
            file.handle()?.write_all(text.as_bytes()).map_err(|source| file.write_error(source))?;
            file.publish()?;
        }
        Ok(())
    }
}
