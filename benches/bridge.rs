//! The work of the bridge from frames to records on one core: reading, validation, and writing as Avro in the Confluent wire
//! format.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradesim_bridge::{
    batch::{Batch, Entry, Rules},
    registry::SchemaIds,
};
use tradesim_schemas::ReadOptions;

/// The number of messages, of all three types, from the opening: few enough to stay in a cache, like those in a socket's buffer.
const OPENING: &str = include_str!("../fixtures/opening-hour.jsonl");

fn rules() -> Rules {
    Rules { schema_ids: SchemaIds::new([1, 2, 3]), read: ReadOptions::default() }
}

/// Processes messages like the thread of the feed. Returns the bytes of all values.
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
    // a space after every comma between members, which the fast path does not accept
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
