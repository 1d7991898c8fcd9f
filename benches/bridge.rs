//! From frames to what is handed to the producer: read, validated, and written as Avro in Confluent's framing, as the
//! bridge does it, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradesim_bridge::{
    batch::{Batch, Entry, Rules},
    registry::SchemaIds,
};
use tradesim_schemas::ReadOptions;

/// A thousand messages as the opening has them, of all three types: few enough that the texts stay in a cache, as those of a
/// socket's buffer do.
const OPENING: &str = include_str!("../fixtures/opening-hour.jsonl");

fn rules() -> Rules {
    Rules { schema_ids: SchemaIds::new([1, 2, 3]), read: ReadOptions::default() }
}

/// Takes messages as the feed's thread does. Returns the bytes of all values.
fn encode(frames: &[String], batch: &mut Batch, rules: &Rules) -> usize {
    let mut bytes = 0;
    for frame in frames {
        batch.push(black_box(frame.as_bytes()), rules);
        if batch.should_flush() {
            bytes += values(batch);
            batch.clear();
        }
    }
    bytes += values(batch);
    batch.clear();
    bytes
}

fn values(batch: &Batch) -> usize {
    let of = |index| match batch.entry(index) {
        Entry::Record(record) => record.value.len() + record.key.len(),
        Entry::Invalid { refusal, .. } => panic!("{refusal}"),
    };
    (0..batch.len()).map(of).sum()
}

fn encoding(criterion: &mut Criterion) {
    let own: Vec<String> = OPENING.lines().map(str::to_owned).collect();
    // a space behind every comma between members, which no scan of our own layout takes
    let any: Vec<String> = own.iter().map(|text| text.replace(",\"", ", \"")).collect();
    let (rules, mut batch) = (rules(), Batch::new());
    assert_eq!(encode(&own, &mut batch, &rules), encode(&any, &mut batch, &rules));
    let mut group = criterion.benchmark_group("bridge/frames-to-avro");
    for (name, frames) in [("own-text", &own), ("any-json", &any)] {
        let bytes = frames.iter().map(String::len).sum::<usize>() as u64;
        group.throughput(Throughput::ElementsAndBytes { elements: own.len() as u64, bytes });
        group.bench_function(name, |bencher| bencher.iter(|| encode(frames, &mut batch, &rules)));
    }
    group.finish();
}

criterion_group!(benches, encoding);
criterion_main!(benches);
