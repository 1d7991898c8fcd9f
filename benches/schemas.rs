//! The hot paths of the schemas crate: writing and reading messages, and the content digest.
//!
//! The ratio of `schemas/write/trade` to `schemas/write/trade-serde-json` is independent of the speed of the machine.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradesim_schemas::{
    AccountId, ArchiveKey, ContentHasher, Envelope, Event, Exchange, MessageEncoder, OrderRef, OrderType,
    Price, Quantity, ReadOptions, Symbol, Timestamp, Trade, TradeStatus, TradeType, TraderId, read,
    testing::OracleEnvelope,
};

/// The number of trades in one run: few enough that texts stay in the second-level cache, like a block of a replay.
const TRADES: usize = 1_000;

/// Returns realistic trades: several symbols, prices with 2 to 4 decimals, increasing times.
fn trades() -> Vec<Envelope> {
    let symbols = ["AAPL", "MSFT", "GOOGL", "F", "BRK.B"].map(|text| Symbol::new(text).expect("a symbol"));
    let key = ArchiveKey::derive("bench");
    (0..TRADES)
        .map(|number| {
            // fixed pseudo-random values, so that branches have no short pattern
            let noise = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let pick = |count: u64| (noise % count) as usize;
            let symbol = pick(5);
            let at = OrderRef::new(number as u64 / 2, (number % 2) as u8).expect("an order");
            let ids = key.symbol_ids(symbols[symbol], symbol as u16);
            let micros = 1_771_425_000_000_000 + number as i64 * 37_123;
            let timestamp = Timestamp::from_micros(micros).expect("in range");
            let cents = 1_000 + (noise % 50_000) as i64;
            let fraction = if noise.is_multiple_of(8) { 50 } else { 0 };
            let trader = (noise % 200) as u32;
            let trade = Trade {
                trade_id: ids.trade_id(at),
                symbol: symbols[symbol],
                trade_type: TradeType::ALL[pick(2)],
                order_type: OrderType::ALL[pick(4)],
                price: Price::from_units(cents * 100 + fraction).expect("in range"),
                quantity: Quantity::new(1 + (noise % 5_000) as u32).expect("in range"),
                timestamp,
                exchange: Exchange::ALL[pick(5)],
                trader_id: TraderId::new(trader).expect("in range"),
                account_id: AccountId::new(trader as u16 / 5).expect("in range"),
                status: TradeStatus::ALL[number % 5],
                correlation_id: Some(ids.correlation_id(at)),
            };
            Envelope { timestamp, event: Event::Trade(trade) }
        })
        .collect()
}

/// Returns the same messages with a space after every comma between members, which the fast path does not accept.
fn foreign(text: &str) -> String {
    text.replace(",\"", ", \"")
}

fn write(criterion: &mut Criterion) {
    let trades = trades();
    let oracles: Vec<_> = trades.iter().map(OracleEnvelope::from).collect();
    for (trade, oracle) in trades.iter().zip(&oracles) {
        assert_eq!(trade.to_json(), oracle.to_json());
    }
    let bytes: usize = trades.iter().map(|trade| trade.to_json().len()).sum();
    let mut group = criterion.benchmark_group("schemas/write");
    group.throughput(Throughput::ElementsAndBytes { elements: TRADES as u64, bytes: bytes as u64 });
    let (mut encoder, mut out) = (MessageEncoder::new(), Vec::new());
    group.bench_function("trade", |bencher| {
        bencher.iter(|| {
            out.clear();
            for trade in &trades {
                encoder.write(black_box(trade), &mut out);
            }
            out.len()
        });
    });
    group.bench_function("trade-serde-json", |bencher| {
        bencher.iter(|| {
            let mut len = 0;
            for oracle in &oracles {
                len += black_box(oracle).to_json().len();
            }
            len
        });
    });
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let trades = trades();
    let own: Vec<String> = trades.iter().map(Envelope::to_json).collect();
    let any: Vec<String> = own.iter().map(|text| foreign(text)).collect();
    let mut group = criterion.benchmark_group("schemas/read");
    for (name, texts) in [("own-text", &own), ("any-json", &any)] {
        for (trade, text) in trades.iter().zip(texts) {
            let message = read(text.as_bytes(), ReadOptions::default()).expect("a valid message");
            assert_eq!(message.to_envelope().as_ref(), Some(trade));
        }
        let bytes = texts.iter().map(String::len).sum::<usize>() as u64;
        group.throughput(Throughput::ElementsAndBytes { elements: TRADES as u64, bytes });
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for text in texts {
                    black_box(read(black_box(text.as_bytes()), ReadOptions::default()).is_ok());
                }
            });
        });
    }
    group.finish();
}

fn digest(criterion: &mut Criterion) {
    let trades = trades();
    let mut by_text = ContentHasher::new();
    for trade in &trades {
        by_text.push(trade.to_json().as_bytes());
    }
    let bytes = trades.iter().map(|trade| trade.to_json().len() + 4).sum::<usize>() as u64;
    let mut group = criterion.benchmark_group("schemas/digest");
    group.throughput(Throughput::ElementsAndBytes { elements: TRADES as u64, bytes });
    group.bench_function("trades", |bencher| {
        let mut encoder = MessageEncoder::new();
        bencher.iter(|| {
            let mut digest = ContentHasher::new();
            for trade in &trades {
                digest.push_with(|out| encoder.write(trade, out));
            }
            assert_eq!(digest.messages(), TRADES as u64);
            digest.finish()
        });
    });
    group.finish();
    let mut encoder = MessageEncoder::new();
    let mut written = ContentHasher::new();
    for trade in &trades {
        written.push_with(|out| encoder.write(trade, out));
    }
    assert_eq!(written.finish(), by_text.finish());
}

criterion_group!(benches, write, reading, digest);
criterion_main!(benches);
