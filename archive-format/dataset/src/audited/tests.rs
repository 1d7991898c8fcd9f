use tradesim_sim::{
    Model,
    session::{Closed, TradingDay},
};

use super::*;
use crate::MarketOptions;

fn key(symbol: &str, messages: u64) -> ManifestKey {
    ManifestKey {
        date: "2026-11-27".to_owned(),
        seed: 1,
        symbol: symbol.to_owned(),
        messages,
        bytes: messages * 300,
        digest: format!("blake3:{messages}"),
    }
}

fn manifest(keys: Vec<ManifestKey>) -> Manifest {
    Manifest {
        schema_version: SCHEMA_VERSION,
        recipe: String::new(),
        dataset_digest: digest(&keys).to_string(),
        messages: keys.iter().map(|key| key.messages).sum(),
        bytes: 0,
        units: Vec::new(),
        keys,
    }
}

fn recipe() -> Recipe {
    let day = TradingDay::new("2026-11-27".parse().unwrap(), Closed::Refuse).unwrap();
    let options = MarketOptions {
        model: Model::default(),
        rate: 1,
        symbols: 6,
        market_hours: true,
        random_bursts: None,
        planned_bursts: Vec::new(),
        planned_events: Vec::new(),
    };
    Recipe::new(vec![day], vec![1], 2, options).unwrap()
}

#[test]
fn shares_unite_to_the_digest_of_the_dataset_in_any_order() {
    let manifest = manifest(vec![key("AAPL", 3), key("MSFT", 5), key("XOM", 7)]);
    let union = unite(&manifest, &[key("XOM", 7), key("AAPL", 3), key("MSFT", 5)], |_| true);
    assert_eq!((union.digest.to_string(), union.differences), (manifest.dataset_digest.clone(), 0));
    assert_eq!((union.keys, union.messages), (3, 15));
    // a share is compared with its own symbols
    let union = unite(&manifest, &[key("MSFT", 5)], |key| key.symbol == "MSFT");
    assert_eq!((union.differences, union.keys), (0, 1));
}

#[test]
fn a_lost_doubled_foreign_or_altered_symbol_is_a_difference() {
    let manifest = manifest(vec![key("AAPL", 3), key("MSFT", 5)]);
    let described = |keys: &[ManifestKey]| {
        let union = unite(&manifest, keys, |_| true);
        assert_eq!(union.described.len() as u64, union.differences);
        assert_ne!(union.digest.to_string(), manifest.dataset_digest);
        union.described.join("\n")
    };
    assert!(described(&[key("AAPL", 3)]).contains("MSFT of 2026-11-27, seed 1, was not read"));
    assert!(described(&[key("AAPL", 3), key("AAPL", 3), key("MSFT", 5)]).contains("given twice"));
    assert!(described(&[key("AAPL", 3), key("MSFT", 5), key("IBM", 1)]).contains("IBM of"));
    assert!(described(&[key("AAPL", 4), key("MSFT", 5)]).contains("AAPL of 2026-11-27, seed 1, has other"));
}

#[test]
fn files_must_be_the_shares_of_one_audit() {
    let folder = tempfile::tempdir().unwrap();
    let (recipe, path) = (recipe(), |name: &str| folder.path().join(name));
    let write = |name: &str, run: &str, index, of, partitions| {
        let share = AuditedShard::new(&recipe, run, (index, of), partitions, true, vec![key("AAPL", 3)]);
        share.write(&path(name)).unwrap();
        assert_eq!(AuditedShard::read(&path(name)).unwrap(), share);
    };
    write("0", "a", 0, 2, 12);
    write("1", "a", 1, 2, 12);
    write("run", "b", 1, 2, 12);
    write("of", "a", 2, 3, 12);
    write("partitions", "a", 1, 2, 6);
    let read = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| path(name)).collect();
        AuditedShard::read_all(&paths, &recipe, "a")
            .map(|shards| shards.len())
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(&["1", "0"]), Ok(2));
    let refused = |names: &[&str], what: &str| {
        let error = read(names).unwrap_err();
        assert!(error.contains(what), "{error}");
    };
    refused(&["0"], "worker 1/2 is missing");
    refused(&["0", "0"], "given twice");
    refused(&["0", "run"], "it is of run b, expected a");
    refused(&["0", "of"], "it is of 3 workers");
    refused(&["0", "partitions"], "6 partitions");
    std::fs::write(path("text"), "{}\n").unwrap();
    refused(&["text"], "missing field");
    // a file is never overwritten
    let share = AuditedShard::new(&recipe, "a", (0, 2), 12, true, Vec::new());
    assert!(share.write(&path("0")).is_err());
}
