//! Reports that were written by earlier runs.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    report::{Findings, LoadReport, SCHEMA_VERSION, Verification},
};

/// The size limit of a report: about three days of samples.
const REPORT_BYTES_MAX: u64 = 64 << 20;

/// A report, and its file.
#[derive(Clone, Debug)]
pub struct StoredReport {
    /// The file.
    pub path: PathBuf,
    /// The report.
    pub report: LoadReport<StoredFindings>,
}

/// The comparison of the topics, as far as a report needs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredFindings {
    present: u64,
    lost: u64,
    duplicated: u64,
    reordered: u64,
    altered: u64,
    digest: String,
}

impl Verification for StoredFindings {
    fn findings(&self) -> Findings<'_> {
        Findings {
            present: self.present,
            lost: self.lost,
            duplicated: self.duplicated,
            reordered: self.reordered,
            altered: self.altered,
            digest: &self.digest,
        }
    }
}

/// The part of a report by which it is recognised.
#[derive(Deserialize)]
struct Layout {
    schema_version: u64,
}

impl StoredReport {
    /// Reads a report that `load run --report FILE.json` or `--json` has written.
    ///
    /// # Errors
    /// Fails with [`Error::ReadReport`], [`Error::LargeReport`], [`Error::NotReport`] and [`Error::ReportVersion`].
    pub fn read(path: &Path) -> Result<StoredReport, Error> {
        let failed = |source| Error::ReadReport { path: path.to_owned(), source };
        let mut text = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(REPORT_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > REPORT_BYTES_MAX {
            return Err(Error::LargeReport { path: path.to_owned(), max_bytes: REPORT_BYTES_MAX });
        }
        StoredReport::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<StoredReport, Error> {
        let foreign = |source| Error::NotReport { path: path.to_owned(), source };
        let Layout { schema_version } = serde_json::from_slice(text).map_err(foreign)?;
        if schema_version != u64::from(SCHEMA_VERSION) {
            let (path, found, known) = (path.to_owned(), schema_version, SCHEMA_VERSION);
            return Err(Error::ReportVersion { path, found, known });
        }
        let report = serde_json::from_slice(text).map_err(foreign)?;
        Ok(StoredReport { path: path.to_owned(), report })
    }
}
