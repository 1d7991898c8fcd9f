//! Looks at all files of a dataset, without reading messages.

use std::{collections::BTreeSet, fmt, fs, io, path::Path};

use tradesim_archive::{Archive, remove_leftovers};

use crate::{DatasetError, PartRecord, Recipe, Shard, Unit, files, part};

/// Something in the folder that is not as the recipe says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A file of the dataset does not exist.
    Missing {
        /// The path of the file in the dataset.
        file: String,
    },
    /// A file is not of this dataset: it is of another one, or a copy under another name.
    Foreign {
        /// The path of the file in the dataset.
        file: String,
    },
    /// A file has other content than it should.
    Different {
        /// The path of the file in the dataset.
        file: String,
        /// The difference.
        what: String,
    },
    /// A file is damaged, or cannot be read.
    Damaged {
        /// The path of the file in the dataset.
        file: String,
        /// The problem.
        what: String,
    },
}

impl Finding {
    /// Returns the path of the file in the dataset.
    pub fn file(&self) -> &str {
        match self {
            Finding::Missing { file }
            | Finding::Foreign { file }
            | Finding::Different { file, .. }
            | Finding::Damaged { file, .. } => file,
        }
    }

    /// Returns the kind of finding as a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Finding::Missing { .. } => "missing",
            Finding::Foreign { .. } => "foreign",
            Finding::Different { .. } => "different",
            Finding::Damaged { .. } => "damaged",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Missing { file } => write!(f, "{file} is missing"),
            Finding::Foreign { file } => write!(f, "{file} is not a file of this dataset"),
            Finding::Different { file, what } => write!(f, "{file}: {what}"),
            Finding::Damaged { file, what } => write!(f, "{file} is damaged: {what}"),
        }
    }
}

/// The result of [`inspect`].
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The differences from the recipe.
    pub findings: Vec<Finding>,
    /// The complete units with their records, in order.
    pub parts: Vec<(Unit, PartRecord)>,
}

/// Compares all files of a dataset with its recipe, by their tails. It removes what killed processes left.
///
/// # Errors
/// Returns an error if a folder cannot be read. What is wrong with a file is a finding.
pub fn inspect(root: &Path, recipe: &Recipe) -> Result<Inspection, DatasetError> {
    let mut findings = Vec::new();
    let mut parts = Vec::new();
    let mut expected = BTreeSet::new();
    let mut markers = BTreeSet::new();
    for (_, unit) in recipe.units(Shard::WHOLE) {
        expected.insert(files::archive_name(&unit, recipe.parts()));
        markers.insert(files::marker_name(&unit, recipe.parts()));
        match inspect_unit(root, recipe, &unit) {
            Ok(part) => parts.push((unit, part)),
            Err(finding) => findings.push(finding),
        }
    }
    find_foreign(root, "", &expected, &mut findings)?;
    let own = format!("{}/parts/", files::OWN_FOLDER);
    let markers = markers.iter().map(|name| format!("{own}{name}")).collect();
    find_foreign(root, &own, &markers, &mut findings)?;
    remove_leftovers(&root.join(files::OWN_FOLDER));
    findings.sort_by(|left, right| left.file().cmp(right.file()));
    Ok(Inspection { findings, parts })
}

/// Returns the record of a unit if its archive and its record agree with each other and with the recipe.
pub(crate) fn inspect_unit(root: &Path, recipe: &Recipe, unit: &Unit) -> Result<PartRecord, Finding> {
    let file = files::archive_name(unit, recipe.parts());
    let marker = format!("{}/parts/{}", files::OWN_FOLDER, files::marker_name(unit, recipe.parts()));
    if !files::exists(&root.join(&file)) {
        return Err(Finding::Missing { file });
    }
    let stated = match PartRecord::read(root, recipe, unit) {
        Ok(Some(stated)) => stated,
        Ok(None) => return Err(Finding::Missing { file: marker }),
        Err(DatasetError::OtherPart { what, .. }) => return Err(Finding::Different { file: marker, what }),
        Err(error) => return Err(Finding::Damaged { file: marker, what: cause(&error) }),
    };
    let archive = part::open(root, recipe, unit);
    let archive = archive.map_err(|error| Finding::Damaged { file: file.clone(), what: cause(&error) })?;
    match PartRecord::of_archive(&archive, recipe, unit) {
        Ok(found) => match found.difference(&stated) {
            None => Ok(stated),
            Some(what) => Err(Finding::Different { file, what }),
        },
        Err(what) => Err(Finding::Different { file, what }),
    }
}

/// Opens the archive of a unit that agrees with its record and with the recipe.
///
/// # Errors
/// Returns an error if the unit is missing, damaged, or another one.
pub fn open_unit(root: &Path, recipe: &Recipe, unit: &Unit) -> Result<Archive, DatasetError> {
    match inspect_unit(root, recipe, unit) {
        Ok(_) => part::open(root, recipe, unit),
        Err(finding) => {
            let path = root.join(finding.file());
            Err(match finding {
                Finding::Missing { .. } => DatasetError::OtherPart { path, what: "it is missing".to_owned() },
                Finding::Foreign { .. } => DatasetError::OtherPart { path, what: "it is foreign".to_owned() },
                Finding::Different { what, .. } => DatasetError::OtherPart { path, what },
                Finding::Damaged { what, .. } => DatasetError::BadFile { path, what },
            })
        }
    }
}

/// Returns an error with its causes as one text.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Finds visible files below a folder that are not expected, and removes leftovers from the folders that are.
fn find_foreign(
    root: &Path,
    folder: &str,
    expected: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Result<(), DatasetError> {
    let path = root.join(folder);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DatasetError::io(&path, "read the folder", error)),
    };
    remove_leftovers(&path);
    for entry in entries {
        let entry = entry.map_err(|error| DatasetError::io(&path, "read the folder", error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // readers of lakes skip such names
        if name.starts_with(['.', '_']) {
            continue;
        }
        let file = format!("{folder}{name}");
        let below = format!("{file}/");
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let next = expected.range::<String, _>(&below..).next();
        if is_folder && next.is_some_and(|next| next.starts_with(&below)) {
            find_foreign(root, &below, expected, findings)?;
        } else if is_folder || !expected.contains(&file) {
            findings.push(Finding::Foreign { file });
        }
    }
    Ok(())
}
