//! A dataset in a store of objects, here in memory.

use std::{
    collections::BTreeMap,
    path::Path as FilePath,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use tradesim_archive::{
    Error as ArchiveError, Object, PendingRead, Store, StoreAction, StoreError, StoreFailure,
};

use super::*;

/// A store in memory, which stops to answer after some operations.
#[derive(Debug)]
struct InMemory {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The number of operations that are answered.
    answers: AtomicI64,
}

#[derive(Debug)]
struct Whole(Vec<u8>);

struct Here(Vec<u8>);

impl Object for Whole {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn begin(&self, offset: u64, len: u64) -> Box<dyn PendingRead> {
        Box::new(Here(self.0[offset as usize..(offset + len) as usize].to_vec()))
    }
}

impl PendingRead for Here {
    fn wait(self: Box<Self>) -> Result<bytes::Bytes, StoreError> {
        Ok(self.0.into())
    }
}

impl InMemory {
    fn new() -> Arc<InMemory> {
        Arc::new(InMemory { objects: Mutex::default(), answers: AtomicI64::new(i64::MAX) })
    }

    fn answer(&self, name: &str, action: StoreAction) -> Result<(), StoreError> {
        if self.answers.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(StoreError::new(format!("mem://lake/{name}"), action, StoreFailure::Unreachable, ""))
    }
}

impl Store for InMemory {
    fn url(&self) -> &str {
        "mem://lake"
    }

    fn open(&self, name: &str) -> Result<Box<dyn Object>, StoreError> {
        self.answer(name, StoreAction::Read)?;
        let object = self.objects.lock().unwrap().get(name).cloned();
        let missing =
            || StoreError::new(format!("mem://lake/{name}"), StoreAction::Read, StoreFailure::NotFound, "");
        Ok(Box::new(Whole(object.ok_or_else(missing)?)))
    }

    fn create(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError> {
        self.answer(name, StoreAction::Write)?;
        let mut objects = self.objects.lock().unwrap();
        let is_new = !objects.contains_key(name);
        if is_new {
            objects.insert(name.to_owned(), content);
        }
        Ok(is_new)
    }

    fn replace(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        self.answer(name, StoreAction::Write)?;
        self.objects.lock().unwrap().insert(name.to_owned(), content);
        Ok(())
    }

    fn upload(&self, name: &str, file: &FilePath) -> Result<(), StoreError> {
        self.replace(name, fs::read(file).unwrap())
    }

    fn list(&self, names_max: usize) -> Result<Vec<String>, StoreError> {
        self.answer("", StoreAction::List)?;
        Ok(self.objects.lock().unwrap().keys().take(names_max).cloned().collect())
    }
}

fn root_of(store: &Arc<InMemory>) -> Root {
    Root::from(Arc::clone(store) as Arc<dyn Store>)
}

fn make_in(root: &Root, recipe: &Recipe) -> Result<Vec<Recorded>, DatasetError> {
    recipe.claim(root)?;
    let units = recipe.units(Shard::WHOLE);
    units.map(|(_, unit)| record(root, recipe, &unit, one(), &going)).collect()
}

#[test]
fn a_store_gets_the_files_of_a_folder() {
    let recipe = small();
    let folder = made(&recipe);
    let store = InMemory::new();
    let root = root_of(&store);
    let made = make_in(&root, &recipe).unwrap();
    assert!(made.iter().all(|recorded| matches!(recorded, Recorded::Made(_))));
    let again = make_in(&root, &recipe).unwrap();
    assert!(again.iter().all(|recorded| matches!(recorded, Recorded::There(_))));
    assert_eq!(seal(&root, &recipe).unwrap(), seal(folder.path(), &recipe).unwrap());
    assert_eq!(seal(&root, &recipe).unwrap(), seal(folder.path(), &recipe).unwrap(), "sealed twice");
    let objects = store.objects.lock().unwrap().clone();
    assert_eq!(objects.len(), 2 + 2 * 3);
    for (name, content) in objects {
        assert_eq!(fs::read(folder.path().join(&name)).unwrap(), content, "{name}");
    }
    assert_eq!(Recipe::read(&root).unwrap(), recipe);
    for unit in units(&recipe) {
        let manifest = Manifest::read(&root, &recipe).unwrap().unwrap();
        let verified = verify(&root, &recipe, &unit, Some(&manifest.index()), true, &going).unwrap();
        assert!(matches!(verified, Verified::Checked { .. }));
    }
    let (date, seed) = (units(&recipe)[0].date, 7);
    let day = |root: &Root| Day::open(root, &recipe, date, seed).unwrap().digest(&going).unwrap();
    assert_eq!(day(&root), day(&Root::from(folder.path())));
}

#[test]
fn recipe_and_manifest_are_created_and_never_replaced() {
    let recipe = small();
    let store = InMemory::new();
    let root = root_of(&store);
    assert!(matches!(Recipe::read(&root), Err(DatasetError::NotDataset { .. })));
    make_in(&root, &recipe).unwrap();
    let other = super::recipe(&["2026-11-27"], &[8], 3, options());
    let Err(DatasetError::OtherRecipe { root: named, .. }) = other.claim(&root) else {
        panic!("it is another")
    };
    assert_eq!(named, Path::new("mem://lake"));
    seal(&root, &recipe).unwrap();
    store.objects.lock().unwrap().insert("_tradesim/manifest.json".to_owned(), b"{}\n".to_vec());
    assert!(matches!(seal(&root, &recipe), Err(DatasetError::BadFile { .. })));
}

#[test]
fn foreign_missing_and_damaged_objects_are_found() {
    let recipe = small();
    let store = InMemory::new();
    let root = root_of(&store);
    make_in(&root, &recipe).unwrap();
    {
        let mut objects = store.objects.lock().unwrap();
        let unit = |part: usize| crate::files::archive_name(&units(&recipe)[part], 3);
        let copy = objects[&unit(0)].clone();
        objects.insert("date=2026-11-27/seed=7/part-000-of-003-copy.parquet".to_owned(), copy);
        objects.insert("_SUCCESS".to_owned(), Vec::new());
        objects.remove(&unit(1)).unwrap();
        let damaged = objects.get_mut(&unit(2)).unwrap();
        damaged.truncate(damaged.len() - 1);
    }
    let Sealed::Refused(findings) = seal(&root, &recipe).unwrap() else { panic!("it is not whole") };
    let kinds: Vec<_> = findings.iter().map(Finding::kind).collect();
    assert_eq!(kinds, ["foreign", "missing", "damaged"]);
    assert!(!store.objects.lock().unwrap().contains_key("_tradesim/manifest.json"));
}

#[test]
fn a_store_that_stops_to_answer_is_an_error_and_leaves_nothing_half_done() {
    let recipe = small();
    let whole = InMemory::new();
    make_in(&root_of(&whole), &recipe).unwrap();
    let expected = seal(&root_of(&whole), &recipe).unwrap();
    let mut stopped = 0;
    for answers in 0.. {
        let store = InMemory::new();
        let root = root_of(&store);
        store.answers.store(answers, Ordering::SeqCst);
        let result = make_in(&root, &recipe).and_then(|_| seal(&root, &recipe));
        store.answers.store(i64::MAX, Ordering::SeqCst);
        match result {
            // never a finding about a file
            Ok(sealed) => {
                assert_eq!(sealed, expected);
                break;
            }
            Err(DatasetError::Archive(ArchiveError::Store(error))) => {
                assert_eq!(error.failure, StoreFailure::Unreachable);
                stopped += 1;
            }
            Err(error) => panic!("after {answers} answers: {error}"),
        }
        let there = store.objects.lock().unwrap().clone();
        let whole = whole.objects.lock().unwrap();
        assert!(
            there.iter().all(|(name, content)| whole.get(name) == Some(content)),
            "after {answers} answers"
        );
        // one resumed run in the middle stands for all
        if answers == 9 {
            drop(whole);
            make_in(&root, &recipe).unwrap();
            assert_eq!(seal(&root, &recipe).unwrap(), expected);
        }
    }
    assert!(stopped > 20, "{stopped}");
}
