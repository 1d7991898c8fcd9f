//! The Avro writer of the bridge on the recorded minute, compared with a library.
//!
//! The ratio of `avro/write/trade` to `avro/write/trade-apache-avro` is independent of the speed of the machine.

use std::{fs, hint::black_box, path::Path};

use apache_avro::{Schema, types::Value, writer::datum::GenericDatumWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradesim_bridge::avro::{HEADER_BYTES, write_confluent};
use tradesim_schemas::{EventType, Message, ReadOptions, read};

/// The number of messages in one run: few enough to stay in the second-level cache, like a batch of the bridge.
const MESSAGES: usize = 1_000;

/// Returns the lines of the recorded minute.
fn lines() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/minute.jsonl");
    let text = fs::read_to_string(path).expect("the fixture is there");
    text.lines().map(str::to_owned).collect()
}

/// Returns so many of the messages that `wanted` accepts, repeated as needed.
fn messages(lines: &[String], wanted: impl Fn(EventType) -> bool) -> Vec<Message<'_>> {
    let all: Vec<Message<'_>> = lines
        .iter()
        .map(|line| read(line.as_bytes(), ReadOptions::default()).expect("a valid message"))
        .filter(|message| wanted(message.event_type()))
        .collect();
    all.iter().cycle().take(MESSAGES).cloned().collect()
}

fn bytes(messages: &[Message<'_>]) -> u64 {
    let mut out = Vec::new();
    for message in messages {
        write_confluent(message, 1, &mut out);
    }
    out.len() as u64
}

fn write(criterion: &mut Criterion) {
    let lines = lines();
    let mut group = criterion.benchmark_group("avro/write");
    for (name, wanted) in
        [("trade", &(|kind| kind == EventType::Trade) as &dyn Fn(EventType) -> bool), ("minute", &|_| true)]
    {
        let messages = messages(&lines, wanted);
        let bytes = bytes(&messages);
        group.throughput(Throughput::ElementsAndBytes { elements: MESSAGES as u64, bytes });
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                for message in &messages {
                    write_confluent(black_box(message), 1, &mut out);
                }
                out.len()
            });
        });
    }
    let trades = messages(&lines, |kind| kind == EventType::Trade);
    let schema = Schema::parse_str(EventType::Trade.avro_schema()).expect("a valid Avro schema");
    let values: Vec<Value> = trades.iter().map(|message| value(message, &schema)).collect();
    let writer = GenericDatumWriter::builder(&schema).build().expect("the names are resolved");
    group.throughput(Throughput::ElementsAndBytes { elements: MESSAGES as u64, bytes: bytes(&trades) });
    let mut out = Vec::new();
    group.bench_function("trade-apache-avro", |bencher| {
        bencher.iter(|| {
            out.clear();
            for value in &values {
                writer.write_value_ref(&mut out, black_box(value)).expect("the value fits the schema");
            }
            out.len()
        });
    });
    group.finish();
}

/// Returns the value of a message for the library, after checking that it writes the same bytes.
fn value(message: &Message<'_>, schema: &Schema) -> Value {
    use apache_avro::reader::datum::GenericDatumReader;
    let mut bytes = Vec::new();
    write_confluent(message, 1, &mut bytes);
    let reader = GenericDatumReader::builder(schema).build().expect("the names are resolved");
    let value = reader.read_value(&mut &bytes[HEADER_BYTES..]).expect("our bytes are read");
    let writer = GenericDatumWriter::builder(schema).build().expect("the names are resolved");
    let again = writer.write_value_to_vec(value.clone()).expect("the value fits the schema");
    assert_eq!(again, bytes[HEADER_BYTES..]);
    value
}

criterion_group!(benches, write);
criterion_main!(benches);
