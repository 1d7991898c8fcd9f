use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
};

use tradesim_schemas::{EventType, Symbol, TimeSpec};

use super::*;
use crate::{
    SourceInfo,
    sample::{SYMBOLS, Sample},
};

/// A sample, and the number of its messages that were read.
struct Watched {
    sample: Sample,
    read: Arc<AtomicU64>,
}

struct WatchedFeed {
    feed: Box<dyn Feed>,
    read: Arc<AtomicU64>,
}

impl Source for Watched {
    fn info(&self) -> &SourceInfo {
        self.sample.info()
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(WatchedFeed { feed: self.sample.open(seq)?, read: Arc::clone(&self.read) }))
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        self.sample.find(time)
    }
}

impl Feed for WatchedFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        let before = block.next_seq();
        let filled = self.feed.fill(block);
        self.read.fetch_add(block.next_seq() - before, Ordering::SeqCst);
        filled
    }
}

fn counts(sample: Sample) -> (Arc<Counts>, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    (Arc::new(Counts::new(Arc::new(Watched { sample, read: Arc::clone(&read) }))), read)
}

fn selection(symbols: &[&str], events: &[EventType]) -> Selection {
    let symbols: Vec<Symbol> = symbols.iter().map(|name| Symbol::new(name).unwrap()).collect();
    Selection::of_url(Some(&symbols).filter(|it| !it.is_empty()).map(Vec::as_slice), Some(events))
}

/// Computes the same by counting every message.
fn expected(messages: u64, selection: &Selection, wanted: Option<u64>, bound: u64) -> Counted {
    let mut counted = Counted { source_seq: StreamSeq(0), seq: StreamSeq(0) };
    while counted.source_seq < StreamSeq(messages.min(bound)) && wanted != Some(counted.seq.get()) {
        counted.seq += u64::from(selection.in_stream(Some(Sample::kind(counted.source_seq.get()))));
        counted.source_seq += 1;
    }
    counted
}

const MESSAGES: u64 = 60_000;

#[tokio::test]
async fn places_are_those_of_counting_one_by_one_and_the_stream_is_read_once() {
    let (counts, read) = counts(Sample::new(MESSAGES, 1));
    let selections = [
        selection(&[SYMBOLS[1]], EventType::ALL),
        selection(&[SYMBOLS[0], SYMBOLS[2]], &[EventType::Trade]),
        selection(&[], &[EventType::OrderBook]),
        selection(&["NONE"], EventType::ALL),
    ];
    let mut searched = 0;
    for selection in &selections {
        for (wanted, bound) in [
            (None, 0),
            (None, 1),
            (None, STRIDE),
            (None, STRIDE + 1),
            (None, 50_001),
            (None, MESSAGES),
            (None, MESSAGES + 7),
            (Some(0), MESSAGES),
            (Some(1), MESSAGES),
            (Some(1_000), MESSAGES),
            (Some(4_000), 5_000),
            (Some(19_999), MESSAGES),
            (Some(MESSAGES), MESSAGES),
            (Some(u64::MAX), u64::MAX),
        ] {
            let found = counts.locate(selection, wanted.map(StreamSeq), StreamSeq(bound)).await.unwrap();
            assert_eq!(found, expected(MESSAGES, selection, wanted, bound), "{wanted:?} {bound}");
            // the messages after a known point, in whole blocks
            searched += STRIDE + 2_048;
        }
    }
    let read = read.load(Ordering::SeqCst);
    assert!(read <= MESSAGES + searched, "{read} messages were read");
    // nothing needs to be read when a known point is at the very end
    let before = counts.locate(&selections[3], Some(StreamSeq(1)), StreamSeq(u64::MAX)).await.unwrap();
    assert_eq!((before.source_seq, before.seq), (StreamSeq(MESSAGES), StreamSeq(0)));
}

#[tokio::test]
async fn clients_that_wait_for_different_selections_share_one_reading() {
    let (counts, read) = counts(Sample::new(MESSAGES, 1));
    let mut clients = Vec::new();
    for client in 0..150 {
        let counts = Arc::clone(&counts);
        let selection = selection(&[SYMBOLS[client % 3]], &[EventType::ALL[client / 3 % 3]]);
        let expected = expected(MESSAGES, &selection, None, MESSAGES);
        clients.push(tokio::spawn(async move {
            assert_eq!(counts.locate(&selection, None, StreamSeq(MESSAGES)).await.unwrap(), expected);
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    // once for all of them, and for each the messages after the last known point
    let from_last = MESSAGES % STRIDE + 2_048;
    let read = read.load(Ordering::SeqCst);
    assert!(read <= MESSAGES + 150 * from_last, "{read} messages were read");
}

#[tokio::test]
async fn when_everybody_has_gone_counting_stops_and_goes_on_there_for_the_next() {
    let (counts, read) = counts(Sample::new(3 * MESSAGES, 1));
    let selection = selection(&[SYMBOLS[1]], EventType::ALL);
    let mut gone = Box::pin(counts.locate(&selection, None, StreamSeq(u64::MAX)));
    let pending = gone.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(pending, Poll::Pending), "a slice is being counted");
    drop(gone);
    // the next request waits for that slice, and needs no other
    counts.locate(&selection, None, StreamSeq(10)).await.unwrap();
    let slice = SLICE_BLOCKS as u64 * crate::BLOCK_MESSAGES as u64;
    assert!(read.load(Ordering::SeqCst) <= slice + 1_024);
    let all = counts.locate(&selection, None, StreamSeq(u64::MAX)).await.unwrap();
    assert_eq!((all.source_seq, all.seq), (StreamSeq(3 * MESSAGES), StreamSeq(3 * MESSAGES / 3)));
    let read = read.load(Ordering::SeqCst);
    assert!(read <= 3 * MESSAGES + 1_024 + STRIDE, "{read} messages were read");
}

#[tokio::test]
async fn a_source_that_fails_is_an_error_for_everyone_and_tried_again() {
    let (counts, _) = counts(Sample::failing_at(MESSAGES, 1, 20_000));
    let selection = selection(&[SYMBOLS[1]], EventType::ALL);
    for _ in 0..2 {
        assert!(matches!(
            counts.locate(&selection, None, StreamSeq(MESSAGES)).await,
            Err(SourceError::Read(_))
        ));
        assert_eq!(counts.locate(&selection, None, StreamSeq(9_000)).await.unwrap().seq, StreamSeq(3_000));
    }
}

#[test]
fn what_is_kept_stays_small_and_too_many_kinds_are_not_told_apart() {
    let mut table = Table::new();
    let kind = |n: u64| Some((Symbol::new(&format!("S{n}")).unwrap(), EventType::Trade));
    // each point keeps a count for each of many kinds
    table.count((0..40 * STRIDE).map(|n| kind(n % 30_000)));
    assert!(table.kept <= KEPT_MAX && table.marks.len() > 8, "{} of {}", table.kept, table.marks.len());
    let all = Selection::all();
    assert!(
        matches!(table.way(&all, None, StreamSeq(40 * STRIDE)), Way::From(from) if from.seq == from.source_seq)
    );
    table.count((0..KINDS_MAX as u64 + 10).map(kind));
    assert!(table.full);
    let frontier = table.frontier.source_seq;
    let from = Counted { source_seq: frontier, seq: frontier };
    assert_eq!(table.way(&all, None, frontier + 100), Way::From(from));
}
