//! Hostile metadata documents.

use serde_json::{Value, json};

use super::{Bomb, Refusal, changed, market};

pub(super) const BOMBS: &[Bomb] = &[
    ("metadata-sources-nested", Refusal::Opening("it is nested deeper than 124 levels"), || {
        let open = format!(",\"later\":{}", "[{\"sources\":".repeat(100_000));
        changed(|parts| parts.more_metadata = open)
    }),
    ("metadata-values", Refusal::Opening("it has more than 1048576 values"), || {
        with("bursts", |list| list.extend(vec![json!(0); 3_000_000]))
    }),
    ("metadata-cut-symbols", Refusal::Opening("it has more than 1048576 values"), || {
        changed(|parts| {
            let symbols = vec![json!("A"); 5_000_000];
            parts.metadata["cuts"] =
                json!([{"from": null, "to": null, "symbols": symbols, "events": [], "limit": null}]);
        })
    }),
    (
        "metadata-long",
        Refusal::Opening("the length of the metadata is 25166592, above the limit of 25165824"),
        || changed(|parts| parts.metadata["options"] = json!({"feed": "x".repeat(24 << 20)})),
    ),
    (
        "metadata-options",
        Refusal::Opening("`options` has 500000 entries, more than the limit of 1024"),
        || {
            changed(|parts| {
                let options = (0..500_000).map(|n| (n.to_string(), json!("")));
                parts.metadata["options"] = Value::Object(options.collect());
            })
        },
    ),
    (
        "metadata-origins",
        Refusal::Opening("`origins` has 70000 entries, more than the limit of 65535"),
        || with("origins", |list| list.extend((0..70_000).map(|n| origin(n, 0)))),
    ),
    (
        "metadata-symbols",
        Refusal::Opening("`symbols` has 70000 entries, more than the limit of 65535"),
        || with("origins", |list| list.push(origin(0, 70_000))),
    ),
    (
        "metadata-faults",
        Refusal::Opening("`faults` has 200000 entries, more than the limit of 100000"),
        || {
            changed(|parts| {
                let seqs: Vec<u32> = (0..200_000).collect();
                parts.metadata["faults"] =
                    json!({"plan_seed": 1, "planted": [{"kind": "drop", "reason": null, "seqs": seqs}]});
            })
        },
    ),
    ("metadata-row-groups", Refusal::Opening("the footer has a different number of row groups"), || {
        changed(|parts| {
            let groups = parts.metadata["row_groups"].as_array_mut().expect("a list");
            // all but the first have no bytes
            let mut empty = groups[0].clone();
            empty["length"] = json!(0);
            empty["offset"] = json!(4);
            groups.extend(vec![empty; 10_000]);
        })
    }),
    ("metadata-rows-overflow", Refusal::Opening("rows"), || {
        changed(|parts| {
            parts.metadata["counts"] = json!({
                "trade": 0, "orderbook": 0, "marketdata": 0, "raw": u64::MAX, "total": u64::MAX
            });
        })
    }),
    ("origins-many", Refusal::Never, || of_market(|list| list.extend((0..65_535).map(|n| origin(n, 0))))),
    ("symbols-many", Refusal::Never, || of_market(|list| list.push(origin(0, 65_535)))),
];

/// Returns a capture with a longer list in its document.
fn with(key: &str, more: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    changed(|parts| more(parts.metadata[key].as_array_mut().expect("a list")))
}

/// Returns a market with more origins.
fn of_market(more: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let mut parts = market();
    more(parts.metadata["origins"].as_array_mut().expect("a list"));
    parts.seal()
}

fn origin(number: usize, symbols: usize) -> Value {
    let symbols: Vec<Value> = (0..symbols)
        .map(|n| {
            json!({
                "symbol": format!("S{n}"), "name": "", "exchange": "NYSE", "sector": "", "base_price": "1.00",
                "volatility": "0.02", "avg_daily_volume": 1, "tick_size": "0.01", "lot_size": 1, "weight": "1"
            })
        })
        .collect();
    json!({"identity": format!("tradesim date=2026-02-18 seed={number}"), "symbols": symbols})
}
