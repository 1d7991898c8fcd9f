mod planted;
mod stored;

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tradesim_archive::{Archive, ArchiveWriter, OpenOptions, Start, WriterOptions};
use tradesim_schemas::{ContentDigest, ContentHasher, MessageEncoder, Piece, Record, RecordSeq, Symbol};
use tradesim_sim::{
    Model, RandomBursts, Simulation,
    session::{Closed, TradingDay, parse_date},
};

use super::*;
use crate::part::open;

fn day(date: &str) -> TradingDay {
    TradingDay::new(parse_date(date).unwrap(), Closed::Refuse).unwrap()
}

fn options() -> MarketOptions {
    MarketOptions {
        model: Model::Gbm,
        rate: 1,
        symbols: 6,
        market_hours: true,
        random_bursts: None,
        planned_bursts: Vec::new(),
        planned_events: Vec::new(),
    }
}

/// A short day of some thousand messages, in three parts.
fn small() -> Recipe {
    recipe(&["2026-11-27"], &[7], 3, options())
}

fn recipe(dates: &[&str], seeds: &[u64], parts: u16, options: MarketOptions) -> Recipe {
    Recipe::new(dates.iter().map(|date| day(date)).collect(), seeds.to_vec(), parts, options).unwrap()
}

fn going() -> bool {
    false
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

/// Makes the units of a worker.
fn make(root: &Path, recipe: &Recipe, shard: &str) -> Vec<Recorded> {
    recipe.claim(root).unwrap();
    let units = recipe.units(shard.parse().unwrap());
    units.map(|(_, unit)| record(root, recipe, &unit, one(), &going).unwrap()).collect()
}

/// A complete dataset.
fn made(recipe: &Recipe) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), recipe, "0/1");
    folder
}

fn units(recipe: &Recipe) -> Vec<Unit> {
    recipe.units(Shard::WHOLE).map(|(_, unit)| unit).collect()
}

fn archives(root: &Path, recipe: &Recipe) -> Vec<Archive> {
    units(recipe).iter().map(|unit| open(&root.into(), recipe, unit).unwrap()).collect()
}

/// The messages of a whole day, simulated at once.
fn whole(recipe: &Recipe) -> Vec<Record> {
    let mut simulation = Simulation::new(recipe.options(&units(recipe)[0])).unwrap();
    let mut records = Vec::new();
    while let Some(window) = simulation.next_window() {
        records.extend(window);
    }
    records
}

fn digest<'a>(records: impl IntoIterator<Item = &'a Record>) -> ContentDigest {
    let (mut digest, mut encoder) = (ContentHasher::new(), MessageEncoder::new());
    for record in records {
        digest.push_with(|out| encoder.write(&record.envelope, out));
    }
    digest.finish()
}

fn merged(archives: &[Archive]) -> Vec<Record> {
    let mut merge = MarketMerge::new(archives, Start::Beginning, RecordSeq(0)).unwrap();
    std::iter::from_fn(|| merge.next_record().unwrap()).collect()
}

/// A day with planned events, some of which happen to all symbols.
fn planned_events() -> MarketOptions {
    let events = ["luld:AAPL@10:31:12", "split", "ipo", "venue-outage", "rebalance"];
    MarketOptions {
        model: Model::Stylized,
        symbols: 8,
        rate: 3,
        planned_events: events.map(|event| event.parse().unwrap()).to_vec(),
        ..options()
    }
}

#[test]
fn a_recipe_carries_its_plan_and_every_part_has_it() {
    let recipe = recipe(&["2026-02-18", "2026-02-19"], &[1, 2], 4, planned_events());
    let folder = tempfile::tempdir().unwrap();
    recipe.claim(folder.path()).unwrap();
    let read = Recipe::read(folder.path()).unwrap();
    assert_eq!((read.hash(), &read), (recipe.hash(), &recipe));
    let mut plans = std::collections::BTreeSet::new();
    for unit in units(&recipe) {
        let options = recipe.options(&unit);
        assert_eq!(options.planned_events.len(), 5);
        plans.insert(options.identity());
    }
    // each date and seed has a plan of its own, which its parts share
    assert_eq!(plans.len(), 4);
    let unit = units(&recipe)[1];
    record(folder.path(), &recipe, &unit, one(), &going).unwrap();
    let part = open(&folder.path().into(), &recipe, &unit).unwrap();
    let provenance = part.metadata().provenance();
    let whole = recipe.options(&unit).to_map().remove("planned_events").unwrap();
    assert_eq!(provenance.options["planned_events"], whole);
    assert_eq!(whole.split(';').count(), 5);
    let symbols = &provenance.part.as_ref().unwrap().symbols;
    assert!(
        provenance.labels.iter().all(|label| label.symbol.is_none_or(|symbol| symbols.contains(&symbol)))
    );
    let others = provenance.labels.iter().filter(|label| label.symbol.is_none()).count();
    assert_eq!(others, 2, "those of all symbols are in each part");

    let early =
        MarketOptions { planned_events: vec!["luld:AAPL@15:00".parse().unwrap()], ..planned_events() };
    let error = Recipe::new(vec![day("2026-11-25"), day("2026-11-27")], vec![1], 1, early).unwrap_err();
    assert!(error.to_string().contains("on 2026-11-27 with seed 1"), "{error}");
    // a recipe without a plan is the document that it was before there were plans
    let folder = tempfile::tempdir().unwrap();
    small().claim(folder.path()).unwrap();
    assert!(
        !fs::read_to_string(folder.path().join("_tradesim/recipe.json")).unwrap().contains("planned_events")
    );
}

/// Acceptance A1: parts are the day, in order, number and digest, for any number of them.
#[test]
fn the_parts_of_a_day_are_the_day() {
    let bursts = RandomBursts { multiplier: 20.0, interval_seconds: 900.0, duration_seconds: 10.0 };
    let planned = PlannedBurst {
        at: "09:45".parse().unwrap(),
        micros: 5_000_000,
        multiplier: 50.0,
        symbol: Symbol::new("MSFT"),
    };
    let all = MarketOptions { symbols: 50, ..options() };
    let days = [
        ("2026-11-27", all.clone(), vec![1, 2, 5, 16, 50]),
        ("2026-02-18", MarketOptions { symbols: 10, rate: 3, ..all.clone() }, vec![4]),
        (
            "2026-02-18",
            MarketOptions { random_bursts: Some(bursts), planned_bursts: vec![planned], ..all.clone() },
            vec![7],
        ),
        ("2026-02-18", planned_events(), vec![3]),
        ("2026-11-27", MarketOptions { model: Model::Stylized, market_hours: false, ..all }, vec![5]),
    ];
    for (date, options, counts) in days {
        for parts in counts {
            let recipe = recipe(&[date], &[42], parts, options.clone());
            let whole = whole(&recipe);
            let folder = made(&recipe);
            let archives = archives(folder.path(), &recipe);
            assert_eq!(Parts::of(&archives), Parts::Complete);
            assert!(merged(&archives) == whole, "{date}, {parts} parts");

            let expected = digest(&whole);
            let of_day = Day::open(folder.path(), &recipe, day(date).date(), 42).unwrap();
            for workers in [1, 7, 96] {
                let shards = (0..workers).map(|index| format!("{index}/{workers}").parse().unwrap());
                let pieces = shards.flat_map(|shard| of_day.pieces(shard, &going).unwrap().pieces);
                assert_eq!(Piece::combine(pieces), Ok(expected), "{parts} parts, {workers} workers");
            }

            let mut by_symbol: BTreeMap<Symbol, Vec<&Record>> = BTreeMap::new();
            whole
                .iter()
                .for_each(|record| by_symbol.entry(record.envelope.event.symbol()).or_default().push(record));
            let keys = archives.iter().flat_map(|archive| archive.metadata().keys().unwrap());
            let keys: BTreeMap<Symbol, ContentDigest> = keys.map(|key| (key.symbol, key.digest)).collect();
            let expected = by_symbol.into_iter().map(|(symbol, records)| (symbol, digest(records)));
            assert_eq!(keys, expected.collect());
        }
    }
}

/// The golden digest of fixtures/early-close.parquet, from parts.
#[test]
fn a_golden_day_has_its_digest_from_parts() {
    let options = MarketOptions { symbols: 50, ..options() };
    let recipe = recipe(&["2026-11-27"], &[42], 16, options);
    let folder = made(&recipe);
    let of_day = Day::open(folder.path(), &recipe, day("2026-11-27").date(), 42).unwrap();
    let golden = "blake3:2dcfb54469dc6f99955878d44d4e0e3f6b5c3e1a0e1bf0034b087ecc6a7cf11f";
    assert_eq!(of_day.digest(&going).unwrap().to_string(), golden);
}

/// Acceptance A2: one part has the row groups of a plain recording.
#[test]
fn one_part_has_the_bytes_of_a_recording() {
    let recipe = recipe(&["2026-11-27"], &[7], 1, options());
    let folder = made(&recipe);
    let part = &archives(folder.path(), &recipe)[0];
    let path = folder.path().join("plain.parquet");
    let simulation = Simulation::new(recipe.options(&units(&recipe)[0])).unwrap();
    let mut writer = ArchiveWriter::create(&path, provenance(&simulation), WriterOptions::default()).unwrap();
    writer.write_records(whole(&recipe)).unwrap();
    let plain = writer.finish().unwrap();
    assert_eq!(plain.metadata.format_version().to_string(), "1.0");
    assert_eq!(part.metadata().format_version().to_string(), "1.1");
    assert_eq!(part.metadata().digest(), plain.digest);
    assert_eq!(part.metadata().row_groups(), plain.metadata.row_groups());
    assert!(part.metadata().provenance().cuts.is_empty());
}

/// Returns the names and contents of all files, in order.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Acceptance A3, without the kills, which tests/it/dataset.rs has.
#[test]
fn any_number_of_workers_makes_the_same_files() {
    let recipe = recipe(&["2026-11-27", "2026-12-24"], &[1, 2], 3, MarketOptions { symbols: 3, ..options() });
    let reference = made(&recipe);
    let files = contents(reference.path());
    // twelve parts with their records, and the recipe
    assert_eq!(files.len(), 25);
    for workers in [3, 16] {
        let folder = tempfile::tempdir().unwrap();
        for index in (0..workers).rev() {
            make(folder.path(), &recipe, &format!("{index}/{workers}"));
        }
        assert!(contents(folder.path()) == files, "{workers} workers");
        let again = make(folder.path(), &recipe, "0/1");
        assert!(again.iter().all(|recorded| matches!(recorded, Recorded::There(_))));
        assert!(contents(folder.path()) == files);
    }
    let Sealed::Complete(first) = seal(reference.path(), &recipe).unwrap() else { panic!("it is complete") };
    assert!(first.dataset_digest.starts_with("dataset:blake3:"));
    assert_eq!(first.units.len(), 12);
    // a second seal finds the same manifest
    assert_eq!(seal(reference.path(), &recipe).unwrap(), Sealed::Complete(first));
}

#[test]
fn the_digest_of_a_dataset_does_not_depend_on_its_parts() {
    let digest = |parts| {
        let recipe = recipe(&["2026-11-27"], &[7], parts, options());
        let folder = made(&recipe);
        match seal(folder.path(), &recipe).unwrap() {
            Sealed::Complete(manifest) => manifest.dataset_digest,
            Sealed::Refused(findings) => panic!("{findings:?}"),
        }
    };
    assert_eq!(digest(1), digest(2));
    assert_eq!(digest(6), digest(2));
}

fn file(unit: &Unit) -> String {
    files::archive_name(unit, 3)
}

fn marker(unit: &Unit) -> String {
    files::marker_name(unit, 3)
}

#[test]
fn a_folder_of_another_recipe_is_refused_with_the_difference() {
    let recipe = small();
    let folder = made(&recipe);
    let before = contents(folder.path());
    let other = self::recipe(&["2026-11-27"], &[7], 3, MarketOptions { rate: 2, ..options() });
    let error = other.claim(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert!(error.to_string().contains("options.rate is 1, asked for 2"), "{error}");
    assert!(contents(folder.path()) == before);
    assert_eq!(Recipe::read(folder.path()).unwrap(), recipe);

    let path = folder.path().join("_tradesim/recipe.json");
    let text = fs::read_to_string(&path).unwrap();
    let check = |from: &str, to: &str, kind: ErrorKind, what: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = Recipe::read(folder.path()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    };
    check(r#""generator_version":"1""#, r#""generator_version":"0""#, ErrorKind::Data, "generator_version");
    check(r#""parts":3"#, r#""parts":2"#, ErrorKind::Data, "do not follow");
    check(r#""model":"gbm/1""#, r#""model":"tides/1""#, ErrorKind::Data, "tides/1");
    check(r#""seeds":[7]"#, r#""seeds": [7]"#, ErrorKind::Data, "canonical");
    check(r#""rate":1"#, r#""rate":0"#, ErrorKind::Data, "rate");
    check("2026-11-27", "2026-11-26", ErrorKind::Data, "2026-11-26");
    let none = tempfile::tempdir().unwrap();
    assert!(matches!(Recipe::read(none.path()), Err(DatasetError::NotDataset { .. })));
}

#[test]
fn hashes_of_a_day_are_stored_and_combined() {
    let recipe = small();
    let folder = made(&recipe);
    let of_day = Day::open(folder.path(), &recipe, day("2026-11-27").date(), 7).unwrap();
    let expected = of_day.digest(&going).unwrap();
    assert_eq!(expected, digest(&whole(&recipe)));
    let store = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..5).map(|index| store.path().join(format!("{index}.json"))).collect();
    for (index, path) in paths.iter().enumerate() {
        let pieces = of_day.pieces(format!("{index}/5").parse().unwrap(), &going).unwrap();
        pieces.write(path).unwrap();
        assert_eq!(Pieces::read(path).unwrap(), pieces);
        assert_eq!(pieces.write(path).unwrap_err().kind(), ErrorKind::Output);
    }
    let (date, other_date) = (Some(day("2026-11-27").date()), Some(day("2026-11-30").date()));
    let combined = |expected: ExpectedDay| combine(&recipe, expected, &paths);
    assert_eq!(combined(ExpectedDay::default()).unwrap(), expected);
    assert_eq!(combined(ExpectedDay { date, seed: Some(7) }).unwrap(), expected);
    for other in [ExpectedDay { date, seed: Some(8) }, ExpectedDay { date: other_date, seed: None }] {
        assert_eq!(combined(other).unwrap_err().kind(), ErrorKind::Difference, "{other:?}");
    }
    let other = MarketOptions { rate: 2, ..options() };
    let other =
        combine(&self::recipe(&["2026-11-27"], &[7], 3, other), ExpectedDay::default(), &paths).unwrap_err();
    assert!(other.to_string().contains("another dataset"), "{other}");
    let combine = |paths: &[PathBuf]| combine(&recipe, ExpectedDay::default(), paths);
    for lost in 0..5 {
        let others: Vec<_> =
            paths.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, path)| path.clone()).collect();
        assert_eq!(combine(&others).unwrap_err().kind(), ErrorKind::Difference, "without {lost}");
        let twice = [&paths[..], &paths[lost..=lost]].concat();
        assert_eq!(combine(&twice).unwrap_err().kind(), ErrorKind::Difference, "{lost} twice");
    }
    let text = fs::read_to_string(&paths[0]).unwrap();
    fs::write(&paths[0], text.replace("\"seed\":7", "\"seed\":8")).unwrap();
    assert_eq!(combine(&paths).unwrap_err().kind(), ErrorKind::Difference);
    fs::write(&paths[0], "{}").unwrap();
    assert_eq!(combine(&paths).unwrap_err().kind(), ErrorKind::Data);

    // a day without one of its parts has no digest
    fs::remove_file(folder.path().join(file(&units(&recipe)[2]))).unwrap();
    let error = Day::open(folder.path(), &recipe, day("2026-11-27").date(), 7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Difference);
    assert!(error.to_string().contains("part-002-of-003.parquet"), "{error}");
    let other = Day::open(folder.path(), &recipe, day("2026-11-27").date(), 8).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Usage);
}

/// Every document may come from anyone.
#[test]
fn changed_documents_are_refused_or_read_but_never_panic() {
    let recipe = small();
    let folder = made(&recipe);
    let root = folder.path();
    seal(root, &recipe).unwrap();
    let of_day = Day::open(root, &recipe, day("2026-11-27").date(), 7).unwrap();
    of_day.pieces("1/3".parse().unwrap(), &going).unwrap().write(&root.join("_pieces.json")).unwrap();
    let unit = units(&recipe)[0];
    let documents = ["_tradesim/recipe.json", "_tradesim/manifest.json", &marker(&unit), "_pieces.json"];
    let mut random = 1_u64;
    let mut next = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    let mut refused = 0;
    for name in documents {
        let path = root.join(name);
        let good = fs::read(&path).unwrap();
        for _ in 0..100 {
            let mut bad = good.clone();
            let at = next(bad.len());
            match next(3) {
                0 => bad[at] = b"0123456789\"-,:[]{}ex"[next(20)],
                1 => drop(bad.remove(at)),
                _ => bad.insert(at, b'9'),
            }
            fs::write(&path, bad).unwrap();
            let results = [
                Recipe::read(root).is_err(),
                Manifest::read(root, &recipe).is_err(),
                PartRecord::read(&root.into(), &recipe, &unit).is_err(),
                Pieces::read(&root.join("_pieces.json")).is_err(),
            ];
            refused += results.iter().filter(|is_refused| **is_refused).count();
        }
        fs::write(&path, good).unwrap();
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn only_all_parts_of_one_day_are_complete() {
    let recipe = small();
    let folder = made(&recipe);
    let all = archives(folder.path(), &recipe);
    assert_eq!(Parts::of(&all), Parts::Complete);
    let reversed: Vec<Archive> = all.iter().rev().cloned().collect();
    assert_eq!(Parts::of(&reversed), Parts::Complete);
    assert_eq!(Parts::of(&all[..1]), Parts::Missing(vec![1, 2]));
    let twice = [all[0].clone(), all[0].clone(), all[1].clone()];
    assert_eq!(Parts::of(&twice), Parts::Unrelated);
    assert_eq!(Parts::of(&[]), Parts::Unrelated);
    let other = self::recipe(&["2026-11-27"], &[8], 3, options());
    let others = made(&other);
    let foreign = Archive::open(
        others.path().join("date=2026-11-27/seed=8/part-002-of-003.parquet"),
        OpenOptions::default(),
    );
    let mixed = [all[0].clone(), all[1].clone(), foreign.unwrap()];
    assert_eq!(Parts::of(&mixed), Parts::Unrelated);
}

#[test]
fn a_unit_that_is_stopped_does_not_exist() {
    let recipe = small();
    let folder = tempfile::tempdir().unwrap();
    recipe.claim(folder.path()).unwrap();
    let unit = units(&recipe)[0];
    let stopped = record(folder.path(), &recipe, &unit, one(), &|| true);
    assert!(matches!(stopped, Err(DatasetError::Stopped)));
    assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), ["_tradesim/recipe.json"]);
}
