//! Files that are not of the dataset: what `seal` and `verify` find (acceptance A4).

use tradesim_archive::Provenance;
use tradesim_schemas::{Event, Quantity};

use super::*;
use crate::record::grid;

/// Plants something in a copy of a complete dataset, and returns what `seal` finds.
fn planted(plant: impl FnOnce(&Path, &Recipe, &[Unit])) -> Vec<Finding> {
    let recipe = small();
    let folder = made(&recipe);
    plant(folder.path(), &recipe, &units(&recipe));
    match seal(folder.path(), &recipe).unwrap() {
        Sealed::Complete(_) => Vec::new(),
        Sealed::Refused(findings) => {
            assert!(!folder.path().join("_tradesim/manifest.json").exists());
            findings
        }
    }
}

/// Writes a unit's archive again with other records.
fn rewrite(root: &Path, recipe: &Recipe, unit: &Unit, change: impl FnOnce(&mut Vec<Record>)) {
    let archive = open(&root.into(), recipe, unit).unwrap();
    let provenance: Provenance = archive.metadata().provenance().clone();
    let mut records = Vec::new();
    for batch in archive.batches(Start::Beginning) {
        records.extend(batch.unwrap().into_records());
    }
    change(&mut records);
    let slices = Some(grid(&recipe.options(unit)));
    let options = WriterOptions { overwrite: true, slices, ..WriterOptions::default() };
    let mut writer = ArchiveWriter::create(archive.path(), provenance, options).unwrap();
    writer.write_records(records).unwrap();
    writer.finish().unwrap();
}

/// Alters a message of a symbol.
fn alter(records: &mut [Record]) -> Symbol {
    for record in records {
        if let Event::OrderBook(book) = &mut record.envelope.event {
            book.bid_size = Quantity::new(book.bid_size.get() + 1).unwrap();
            return book.symbol;
        }
    }
    panic!("the part has an order book");
}

/// Acceptance A4.
#[test]
fn whatever_is_not_of_the_dataset_is_found_and_named() {
    assert_eq!(planted(|_, _, _| {}), []);
    let missing = planted(|root, _, units| fs::remove_file(root.join(file(&units[1]))).unwrap());
    assert_eq!(
        missing,
        [Finding::Missing { file: "date=2026-11-27/seed=7/part-001-of-003.parquet".to_owned() }]
    );

    let unmarked = planted(|root, _, units| fs::remove_file(root.join(marker(&units[0]))).unwrap());
    assert_eq!(unmarked.len(), 1);
    assert_eq!(unmarked[0].file(), "_tradesim/parts/2026-11-27.7.000-of-003.json");

    let doubled = planted(|root, _, units| {
        let copy = root.join("date=2026-11-27/seed=7/part-000-of-003-copy.parquet");
        fs::copy(root.join(file(&units[0])), copy).unwrap();
    });
    let copy = "date=2026-11-27/seed=7/part-000-of-003-copy.parquet".to_owned();
    assert_eq!(doubled, [Finding::Foreign { file: copy }]);

    let elsewhere = planted(|root, _, units| {
        fs::create_dir_all(root.join("date=2026-11-30/seed=7")).unwrap();
        fs::copy(root.join(file(&units[0])), root.join("date=2026-11-30/seed=7/a.parquet")).unwrap();
        fs::write(root.join("notes.txt"), "a note").unwrap();
        // names that readers of lakes skip
        fs::write(root.join("_SUCCESS"), "").unwrap();
    });
    let names: Vec<&str> = elsewhere.iter().map(Finding::file).collect();
    assert_eq!(names, ["date=2026-11-30", "notes.txt"]);

    let of_another_seed = planted(|root, _, units| {
        let other = recipe(&["2026-11-27"], &[8], 3, options());
        let folder = made(&other);
        let theirs = folder.path().join("date=2026-11-27/seed=8/part-002-of-003.parquet");
        fs::copy(theirs, root.join(file(&units[2]))).unwrap();
    });
    assert!(of_another_seed[0].to_string().contains("seed=8"), "{of_another_seed:?}");
    assert_eq!(of_another_seed[0].file(), file(&units(&small())[2]));

    let swapped = planted(|root, _, units| {
        let (left, right) = (root.join(file(&units[0])), root.join(file(&units[1])));
        let spare = root.join("_spare");
        fs::rename(&left, &spare).unwrap();
        fs::rename(&right, &left).unwrap();
        fs::rename(&spare, &right).unwrap();
    });
    assert_eq!(swapped.len(), 2);
    assert!(swapped[0].to_string().contains("it is part 1 of 3"), "{swapped:?}");

    let other_marker = planted(|root, _, units| {
        let _ = fs::copy(root.join(marker(&units[0])), root.join(marker(&units[1]))).unwrap();
    });
    assert!(other_marker[0].to_string().contains("another part"), "{other_marker:?}");

    let not_a_marker = planted(|root, _, units| fs::write(root.join(marker(&units[0])), "{}\n").unwrap());
    assert!(matches!(not_a_marker[..], [Finding::Damaged { .. }]), "{not_a_marker:?}");

    // the row group and the tail are proved again, but another file has another tail
    let mut symbol = None;
    let altered = planted(|root, recipe, units| {
        rewrite(root, recipe, &units[0], |records| symbol = Some(alter(records)));
    });
    assert_eq!(
        altered[0].to_string(),
        format!("{}: the messages of {} differ", file(&units(&small())[0]), symbol.unwrap())
    );

    let cut_short = planted(|root, _, units| {
        let path = root.join(file(&units[0]));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    });
    assert!(matches!(cut_short[..], [Finding::Damaged { .. }]), "{cut_short:?}");
}

fn checked(root: &Path, recipe: &Recipe, unit: &Unit, recompute: bool) -> Verified {
    let manifest = Manifest::read(root, recipe).unwrap();
    verify(root, recipe, unit, manifest.as_ref().map(Manifest::index).as_ref(), recompute, &going).unwrap()
}

#[test]
fn a_unit_is_what_it_states_or_is_refused() {
    let recipe = small();
    let folder = made(&recipe);
    let root = folder.path();
    let unit = units(&recipe)[0];
    seal(root, &recipe).unwrap();
    for unit in units(&recipe) {
        match checked(root, &recipe, &unit, true) {
            Verified::Checked { rules, .. } => assert!(rules.is_clean(), "{rules:?}"),
            Verified::Refused(finding) => panic!("{finding}"),
        }
    }

    // a byte of a row group, which no tail shows
    let path = root.join(file(&unit));
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[1_000] ^= 1;
    fs::write(&path, &bad).unwrap();
    assert!(matches!(checked(root, &recipe, &unit, false), Verified::Refused(Finding::Damaged { .. })));
    fs::write(&path, &good).unwrap();

    // an altered archive with its own record: only the manifest, or the simulator, can tell
    let mut symbol = None;
    rewrite(root, &recipe, &unit, |records| symbol = Some(alter(records)));
    let archive = open(&root.into(), &recipe, &unit).unwrap();
    PartRecord::of_archive(&archive, &recipe, &unit).unwrap().write(&root.into(), &recipe, &unit).unwrap();
    let Verified::Refused(finding) = checked(root, &recipe, &unit, false) else { panic!("it is altered") };
    assert!(finding.to_string().contains(symbol.unwrap().as_str()), "{finding}");
    fs::remove_file(root.join("_tradesim/manifest.json")).unwrap();
    assert!(matches!(checked(root, &recipe, &unit, false), Verified::Checked { .. }));
    let Verified::Refused(finding) = checked(root, &recipe, &unit, true) else { panic!("it is altered") };
    assert!(finding.to_string().contains("simulator"), "{finding}");
}

/// A manifest states what its units state, and nothing else.
#[test]
fn a_manifest_that_contradicts_the_recipe_or_itself_is_refused() {
    let recipe = small();
    let folder = made(&recipe);
    let root = folder.path();
    let Sealed::Complete(good) = seal(root, &recipe).unwrap() else { panic!("it is complete") };
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        manifest.dataset_digest = crate::manifest::digest(&manifest.keys).to_string();
        fs::write(root.join("_tradesim/manifest.json"), crate::canonical::to_text(&manifest)).unwrap();
        let error = Manifest::read(root, &recipe).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    };
    refused(&|manifest| manifest.messages += 1);
    refused(&|manifest| manifest.bytes -= 1);
    refused(&|manifest| manifest.units.truncate(2));
    refused(&|manifest| manifest.units.push(manifest.units[0].clone()));
    refused(&|manifest| manifest.units.swap(0, 1));
    refused(&|manifest| manifest.units[0].file = "date=2026-11-30/seed=7/part-000-of-003.parquet".to_owned());
    refused(&|manifest| manifest.keys.push(manifest.keys[0].clone()));
    refused(&|manifest| {
        manifest.keys.push(ManifestKey { symbol: "ZZZ".to_owned(), ..manifest.keys[0].clone() })
    });
    refused(&|manifest| {
        manifest.keys.push(ManifestKey { symbol: "ZZZ".to_owned(), messages: 0, ..manifest.keys[0].clone() });
    });
    fs::write(root.join("_tradesim/manifest.json"), crate::canonical::to_text(&good)).unwrap();
    assert_eq!(Manifest::read(root, &recipe).unwrap(), Some(good));
}

/// A file that the system does not read may be whole.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_not_called_damaged() {
    let recipe = small();
    let folder = made(&recipe);
    let root = folder.path();
    let unit = units(&recipe)[1];
    for name in [file(&unit), marker(&unit)] {
        let path = root.join(&name);
        let good = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        // a link to itself cannot be opened by anyone, whatever they may read
        std::os::unix::fs::symlink(&path, &path).unwrap();
        for error in
            [seal(root, &recipe).unwrap_err(), verify(root, &recipe, &unit, None, false, &going).unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
            assert!(error.to_string().contains(&name), "{error}");
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, good).unwrap();
    }
    // what is there cannot be a part
    let path = root.join(file(&unit));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let verified = verify(root, &recipe, &unit, None, false, &going).unwrap();
    assert!(matches!(verified, Verified::Refused(Finding::Damaged { .. })), "{verified:?}");
}

#[test]
fn neighbours_of_a_symbol_that_are_swapped_are_found() {
    let recipe = small();
    let folder = made(&recipe);
    let unit = units(&recipe)[0];
    rewrite(folder.path(), &recipe, &unit, |records| {
        let place = records.windows(2).position(|pair| {
            let [left, right] = pair else { unreachable!() };
            let same = |record: &Record| (record.envelope.timestamp, record.envelope.event.symbol());
            same(left) == same(right) && left.order.is_some() && right.order.is_some()
        });
        let place = place.expect("a market order is filled at once");
        records.swap(place, place + 1);
        records[place].seq = RecordSeq(place as u64);
        records[place + 1].seq = RecordSeq(place as u64 + 1);
    });
    let Verified::Refused(finding) = checked(folder.path(), &recipe, &unit, false) else {
        panic!("it is altered")
    };
    assert!(finding.to_string().contains("the messages of"), "{finding}");
}
