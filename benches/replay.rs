//! The work of a replay for each message: text and frame, release, selection. The baseline is a copy of the same bytes.
#![allow(missing_docs)]

#[path = "common/burst.rs"]
mod burst;

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tradesim_replay::{
    Block, BlockBuilder, Meta, Opcode, Options,
    cores::{Outbox, Playback, Selection, Step},
};
use tradesim_schemas::{Envelope, EventType, MessageEncoder, StreamSeq, Symbol};

/// The number of messages in one run: the first seconds of the burst, about 40 blocks.
const MESSAGES: usize = 6_000;

fn frame(envelopes: &[Envelope], encoder: &mut MessageEncoder) -> Vec<Arc<Block>> {
    let mut builder = BlockBuilder::new(StreamSeq(0));
    let mut blocks = Vec::new();
    for envelope in envelopes {
        let kind = Some((envelope.event.symbol(), envelope.event.event_type()));
        let meta = Meta { at: envelope.timestamp, kind, opcode: Opcode::Text };
        builder.push(meta, |out| encoder.write(envelope, out));
        if builder.is_full() {
            blocks.push(Arc::new(builder.take()));
        }
    }
    if !builder.is_empty() {
        blocks.push(Arc::new(builder.take()));
    }
    blocks
}

fn whole(block: &Block) -> &[u8] {
    block.frames(0..block.messages())
}

/// Returns a play with all its blocks and its first client.
fn playback(blocks: &[Arc<Block>], options: &Options) -> Playback {
    let mut playback = Playback::new(options, StreamSeq(0));
    blocks.iter().for_each(|block| playback.push_block(Arc::clone(block)));
    playback.source_ended();
    playback.clients(1, Duration::ZERO);
    playback
}

/// Plays to the end on a clock that never waits. Returns the number of messages and the duration.
fn play(playback: &mut Playback) -> (usize, Duration) {
    let (mut released, mut now) = (0, Duration::ZERO);
    loop {
        match playback.poll(now) {
            Step::Release { messages, .. } => released += messages.len(),
            Step::WaitUntil(at) => now = at,
            Step::End => return (released, now),
            step => panic!("{step:?}"),
        }
    }
}

/// Writes the selected messages to a socket that accepts everything. Returns their number.
fn select(blocks: &[Arc<Block>], selection: &Selection) -> u64 {
    let mut outbox = Outbox::default();
    let mut sent = 0;
    for block in blocks {
        let entries = block.entries();
        outbox.push_selected(block, 0..block.messages(), |message| {
            selection.passes(entries[message].meta.kind)
        });
        while !outbox.is_empty() {
            let count = black_box(outbox.bytes()).len();
            sent += outbox.wrote(count, |_, _, _| {});
        }
    }
    sent
}

fn replay(criterion: &mut Criterion) {
    let envelopes = burst::burst(MESSAGES);
    let mut encoder = MessageEncoder::new();
    let blocks = frame(&envelopes, &mut encoder);
    let texts = blocks.iter().flat_map(|block| (0..block.messages()).map(|message| block.text(message)));
    assert!(texts.eq(envelopes.iter().map(|envelope| envelope.to_json().into_bytes())));
    let bytes = blocks.iter().map(|block| whole(block).len()).sum::<usize>();
    let throughput = || Throughput::ElementsAndBytes { elements: MESSAGES as u64, bytes: bytes as u64 };

    let mut group = criterion.benchmark_group("replay/frame");
    group.throughput(throughput());
    group
        .bench_function("burst", |bencher| bencher.iter(|| frame(black_box(&envelopes), &mut encoder).len()));
    group.bench_function("burst-memcpy", |bencher| {
        let mut out = Vec::with_capacity(bytes);
        bencher.iter(|| {
            out.clear();
            blocks.iter().for_each(|block| out.extend_from_slice(whole(block)));
            black_box(&out).len()
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("replay/release");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for speed in ["1x", "50x", "max"] {
        let options = Options { speed: speed.parse().expect("a speed"), ..Options::new("bench") };
        let (released, took) = play(&mut playback(&blocks, &options));
        assert_eq!(released, MESSAGES);
        assert_eq!(took.is_zero(), speed == "max");
        group.bench_function(format!("burst-{speed}"), |bencher| {
            bencher.iter_batched_ref(|| playback(&blocks, &options), play, BatchSize::SmallInput);
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("replay/select");
    group.throughput(throughput());
    let aapl = Symbol::new("AAPL").expect("a symbol");
    for (name, symbols, events) in [
        ("burst-all", None, None),
        ("burst-trades", None, Some(&[EventType::Trade][..])),
        ("burst-one-symbol", Some(&[aapl][..]), None),
    ] {
        let selection = Selection::of_url(symbols, events);
        let selected = envelopes.iter().filter(|envelope| {
            symbols.is_none_or(|symbols| symbols.contains(&envelope.event.symbol()))
                && events.is_none_or(|events| events.contains(&envelope.event.event_type()))
        });
        let selected = selected.count() as u64;
        assert_eq!(select(&blocks, &selection), selected);
        group.bench_function(name, |bencher| bencher.iter(|| select(black_box(&blocks), &selection)));
    }
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
