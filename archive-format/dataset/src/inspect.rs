//! Looks at all files of a dataset, without reading messages.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tradesim_archive::{Archive, Error as ArchiveError, Store, remove_leftovers};

use crate::{DatasetError, PartRecord, Recipe, Root, Shard, Unit, files, part};

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
    /// A file is damaged, or is not a regular file.
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
/// Returns an error if a file or a folder cannot be read, or if a store does not answer. What is wrong with a file is a finding.
pub fn inspect(root: impl Into<Root>, recipe: &Recipe) -> Result<Inspection, DatasetError> {
    let root = &root.into();
    let mut findings = Vec::new();
    let mut parts = Vec::new();
    let mut expected = BTreeSet::new();
    let mut markers = BTreeSet::new();
    let units: Vec<Unit> = recipe.units(Shard::WHOLE).map(|(_, unit)| unit).collect();
    for unit in &units {
        expected.insert(files::archive_name(unit, recipe.parts()));
        markers.insert(files::marker_name(unit, recipe.parts()));
    }
    for (unit, inspected) in inspect_units(root, recipe, &units)? {
        match inspected {
            Ok(part) => parts.push((unit, part)),
            Err(finding) => findings.push(finding),
        }
    }
    match root.store() {
        Some(store) => {
            expected.append(&mut markers);
            find_foreign_objects(store, &expected, &mut findings)?;
        }
        None => {
            find_foreign(root, "", &expected, &mut findings)?;
            find_foreign(root, files::MARKERS, &markers, &mut findings)?;
            remove_leftovers(&root.join(files::OWN_FOLDER));
        }
    }
    findings.sort_by(|left, right| left.file().cmp(right.file()));
    Ok(Inspection { findings, parts })
}

/// A unit that is complete, or what is wrong with it.
type Inspected = Result<PartRecord, Finding>;

/// Inspects units, several at a time where each takes round trips. The results are in order.
fn inspect_units(
    root: &Root,
    recipe: &Recipe,
    units: &[Unit],
) -> Result<Vec<(Unit, Inspected)>, DatasetError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            let inspected = inspect_unit(root, recipe, &unit).inspect_err(|_| {
                // the others need not go on
                next.store(units.len(), Ordering::Relaxed);
            })?;
            done.push((unit, inspected));
        }
        Ok(done)
    };
    let threads = root.threads().get().min(units.len());
    let mut all = if threads <= 1 {
        work()?
    } else {
        let join = |worker: thread::ScopedJoinHandle<'_, _>| worker.join().expect("it does not panic");
        let results: Vec<Result<_, DatasetError>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(join).collect()
        });
        results.into_iter().collect::<Result<Vec<_>, _>>()?.concat()
    };
    all.sort_by_key(|(unit, _)| *unit);
    Ok(all)
}

/// Returns the record of a unit if its archive and its record agree with each other and with the recipe.
///
/// # Errors
/// Returns an error if a file cannot be read or a store does not answer: that says nothing about the unit.
pub(crate) fn inspect_unit(root: &Root, recipe: &Recipe, unit: &Unit) -> Result<Inspected, DatasetError> {
    let file = files::archive_name(unit, recipe.parts());
    let marker = files::marker_name(unit, recipe.parts());
    let archive = match root.open(&file) {
        Ok(Some(archive)) => Ok(archive),
        Ok(None) => return Ok(Err(Finding::Missing { file })),
        Err(error) if error.is_about_work() => return Err(error),
        Err(error) => Err(error),
    };
    let stated = match PartRecord::read(root, recipe, unit) {
        Ok(Some(stated)) => stated,
        Ok(None) => return Ok(Err(Finding::Missing { file: marker })),
        Err(error) if error.is_about_work() => return Err(error),
        Err(DatasetError::OtherPart { what, .. }) => {
            return Ok(Err(Finding::Different { file: marker, what }));
        }
        Err(error) => return Ok(Err(Finding::Damaged { file: marker, what: cause(&error) })),
    };
    let archive = match archive {
        Ok(archive) => archive,
        Err(error) => return Ok(Err(Finding::Damaged { file, what: cause(&error) })),
    };
    Ok(match PartRecord::of_archive(&archive, recipe, unit) {
        Ok(found) => match found.difference(&stated) {
            None => Ok(stated),
            Some(what) => Err(Finding::Different { file, what }),
        },
        Err(what) => Err(Finding::Different { file, what }),
    })
}

/// Opens the archive of a unit that agrees with its record and with the recipe.
///
/// # Errors
/// Returns an error if the unit is missing, damaged, or another one.
pub fn open_unit(root: impl Into<Root>, recipe: &Recipe, unit: &Unit) -> Result<Archive, DatasetError> {
    let root = &root.into();
    match inspect_unit(root, recipe, unit)? {
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
    root: &Root,
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

/// The largest number of objects of a dataset: two for each unit, and as many that do not belong to it.
const OBJECTS_MAX: usize = 4_000_000;

/// Finds visible objects that are not expected. A store has no leftovers: an object appears whole.
fn find_foreign_objects(
    store: &dyn Store,
    expected: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Result<(), DatasetError> {
    for name in store.list(OBJECTS_MAX).map_err(ArchiveError::from)? {
        let visible = name.strip_prefix(files::MARKERS).unwrap_or(&name);
        let is_hidden = visible.split('/').any(|segment| segment.starts_with(['.', '_']));
        if !is_hidden && !expected.contains(&name) {
            findings.push(Finding::Foreign { file: name });
        }
    }
    Ok(())
}
