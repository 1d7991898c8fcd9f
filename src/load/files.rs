//! The files of a report. Each is whole at every moment, also while the load runs.

use std::{io::Write, path::PathBuf};

use tradesim_archive::NewFile;

use super::{page, report::Report};

/// The files that were asked for.
#[derive(Debug)]
pub(crate) struct ReportFiles {
    paths: Vec<PathBuf>,
}

impl ReportFiles {
    /// Looks whether they can be made, before a load of an hour shows that they cannot.
    ///
    /// # Errors
    /// A folder that is missing or cannot be written to; a path that leads to anything but a regular file.
    pub(crate) fn new(paths: &[PathBuf]) -> anyhow::Result<ReportFiles> {
        for path in paths {
            drop(NewFile::create(path, true)?);
        }
        Ok(ReportFiles { paths: paths.to_vec() })
    }

    /// Puts a report in the place of the one before, as an archive is published: whole, or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<()> {
        for path in &self.paths {
            let text = match path.extension() {
                Some(extension) if extension == "html" => page::page(report),
                _ => serde_json::to_string_pretty(report)? + "\n",
            };
            let file = NewFile::create(path, true)?;
            file.handle()?.write_all(text.as_bytes()).map_err(|source| file.write_error(source))?;
            file.publish()?;
        }
        Ok(())
    }
}
