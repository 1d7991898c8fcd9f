use tradesim_replay::Block;
use tradesim_schemas::{Coverage, EventType, OrdersFound, StreamSeq};
use tradesim_sim::session::TradingDay;

use super::*;

/// Returns the options of a small day: three symbols, about 6,000 messages.
fn options(date: &str) -> SimulationOptions {
    let day = TradingDay::new(date.parse().unwrap(), Closed::Refuse).unwrap();
    SimulationOptions { rate: 1.0, symbols: 3, ..SimulationOptions::new(day, 11) }
}

fn plan(clock: &str, events: &[EventType], days: Days) -> LivePlan {
    let options = options("2026-02-13");
    let start = options.day.at(clock.parse().unwrap());
    let from = (start > options.day.start()).then_some(start);
    let filter = Filter::new(Cut { from, events: events.to_vec(), ..Cut::default() });
    LivePlan { options, events: Vec::new(), start, filter, days }
}

/// Returns a source with many snapshots.
fn source(plan: LivePlan) -> LiveSource {
    let mut simulation = Simulation::new(plan.options.clone()).unwrap();
    let mut market = LiveMarket::new();
    simulation.pass_to(plan.start, |event| market.push(event));
    let mut source = LiveSource::new(plan, simulation, market);
    source.snapshots = Arc::new(Snapshots::new(
        source.snapshots.before_message(StreamSeq(0)),
        Limits { stride: 500, ..Limits::USUAL },
    ));
    source
}

/// Returns the records of a day, directly from the simulator.
fn day(date: &str) -> Vec<Record> {
    let mut simulation = Simulation::new(options(date)).unwrap();
    std::iter::from_fn(|| simulation.next_window()).flatten().collect()
}

fn records(source: &LiveSource, seq: StreamSeq, count: usize) -> Vec<Record> {
    let mut records = source.records(seq).unwrap();
    let mut all = Vec::new();
    while all.len() < count
        && let Some(window) = records.next_window().unwrap()
    {
        all.extend(window.records);
    }
    all.truncate(count);
    all
}

fn blocks(source: &LiveSource, seq: StreamSeq, count: usize) -> Vec<Block> {
    let mut feed = source.open(seq).unwrap();
    let mut builder = BlockBuilder::new(seq);
    let mut blocks = Vec::new();
    while blocks.len() < count {
        let filled = feed.fill(&mut builder).unwrap();
        if !builder.is_empty() {
            blocks.push(builder.take());
        }
        if filled == Filled::End {
            break;
        }
    }
    blocks
}

#[test]
fn one_day_equals_that_of_the_simulator_from_any_message_on() {
    let source = source(plan("04:00:00", &[], Days::One));
    let expected = day("2026-02-13");
    assert!(records(&source, StreamSeq(0), usize::MAX) == expected);
    // these use snapshots
    for seq in [0, 1, 499, 500, 501, 3_000, expected.len() - 1, expected.len()] {
        assert!(records(&source, StreamSeq(seq as u64), usize::MAX) == expected[seq..], "{seq}");
    }
    let messages = expected.len() as u64;
    let Err(SourceError::BeyondEnd { messages: end, .. }) = source.open(StreamSeq(messages + 1)).map(drop)
    else {
        panic!("a message after the end exists");
    };
    assert_eq!(end, messages);
}

#[test]
fn a_stream_that_starts_within_a_day_is_a_cut_of_it() {
    let trades = [EventType::Trade];
    let source = source(plan("10:00:00", &trades, Days::One));
    let start = source.plan.start;
    let passes = |record: &&Record| {
        record.envelope.timestamp >= start && record.envelope.event.event_type() == EventType::Trade
    };
    let expected: Vec<Record> = day("2026-02-13").iter().filter(passes).copied().collect();
    assert!(expected.len() > 1_000);
    for seq in [0, 600, 601] {
        assert!(records(&source, StreamSeq(seq as u64), usize::MAX) == expected[seq..], "{seq}");
    }
    let found = |place: &str| {
        source.find(place.parse().unwrap()).map(StreamSeq::get).map_err(|error| error.to_string())
    };
    let first_of = |clock: &str| {
        let at = source.plan.options.day.at(clock.parse().unwrap());
        expected.partition_point(|record| record.envelope.timestamp < at) as u64
    };
    assert_eq!(found("09:00"), Ok(0));
    assert_eq!(found("12:00"), Ok(first_of("12:00:00")));
    assert_eq!(found("15:59:30"), Ok(first_of("15:59:30")));
    assert!(found("20:00").unwrap_err().contains("all messages are earlier"));
}

#[test]
fn trading_days_follow_with_or_without_nights() {
    let friday = day("2026-02-13");
    let two_days = [friday.clone(), day("2026-02-17")].concat();
    for nights in [true, false] {
        let source = source(plan("04:00:00", &[], Days::All { closed: Closed::Refuse, nights }));
        assert!(records(&source, StreamSeq(0), two_days.len()) == two_days);
        // before and at the first message of the second day
        for before in [100, 0] {
            let seq = friday.len() - before;
            let blocks = blocks(&source, StreamSeq(seq as u64), 3);
            let starts = blocks.iter().flat_map(Block::entries).map(|entry| entry.starts_segment);
            let starts: Vec<usize> =
                starts.enumerate().filter_map(|(at, starts)| starts.then_some(at)).collect();
            assert_eq!(starts, if nights { vec![] } else { vec![before] }, "{before}");
            assert_eq!(blocks[0].first_seq(), StreamSeq(seq as u64));
        }
        let later = blocks(&source, StreamSeq(friday.len() as u64 + 1), 1);
        assert!(later[0].entries().iter().all(|entry| !entry.starts_segment));
    }
}

#[test]
fn a_first_day_that_is_nearly_over_is_followed_by_the_next() {
    let source = source(plan("19:59:59.999", &[], Days::All { closed: Closed::Allow, nights: false }));
    let first = blocks(&source, StreamSeq(0), 1).remove(0);
    let saturday = TradingDay::new("2026-02-14".parse().unwrap(), Closed::Allow).unwrap();
    let next = first.entries().iter().position(|entry| entry.meta.at >= saturday.start()).unwrap();
    for (at, entry) in first.entries().iter().enumerate() {
        assert_eq!(entry.starts_segment, at == next);
    }
}

#[test]
fn the_end_of_the_calendar_is_the_end_of_the_stream() {
    let mut plan = plan("04:00:00", &[], Days::All { closed: Closed::Refuse, nights: true });
    plan.options = options("2028-12-29");
    plan.start = plan.options.day.start();
    let source = source(plan);
    assert!(records(&source, StreamSeq(0), usize::MAX) == day("2028-12-29"));
}

#[test]
fn everything_that_determines_the_messages_is_in_the_identity() {
    let all = Days::All { closed: Closed::Refuse, nights: true };
    let identity = |clock: &str, events: &[EventType], days| {
        let source = source(plan(clock, events, days));
        (source.info().identity.clone(), source.info().symbols.len())
    };
    let (one, symbols) = identity("09:29:00", &[], Days::One);
    assert_eq!(symbols, 3);
    assert_eq!(
        one,
        "live tradesim generator=1 model=gbm/1 seed=11 date=2026-02-13 hours=regular market_hours=true rate=1 \
         symbols=3 from 2026-02-13T14:29:00.000000Z, one day, cut ()"
    );
    let others = [
        identity("09:29:01", &[], Days::One).0,
        identity("09:29:00", &[EventType::Trade], Days::One).0,
        identity("09:29:00", &[], all).0,
        identity("09:29:00", &[], Days::All { closed: Closed::Refuse, nights: false }).0,
    ];
    assert!(others.iter().all(|other| *other != one));
}

#[test]
fn the_state_is_that_of_all_messages_before_also_of_those_before_the_start() {
    let source = source(plan("10:00:00", &[], Days::One));
    let whole = day("2026-02-13");
    let first = whole.partition_point(|record| record.envelope.timestamp < source.plan.start);
    let messages = (whole.len() - first) as u64;
    let expected = |seq: u64| {
        let end = first + seq as usize;
        let mut market = LiveMarket::new();
        whole[..end].iter().for_each(|record| market.push(&record.envelope));
        let now = whole.get(end).unwrap_or(&whole[end - 1]).envelope.timestamp;
        let orders = OrdersFound { orders: market.orders.list(), coverage: Coverage::All };
        (market.state.view(now), Some(orders))
    };
    let state = |seq: u64| {
        let state = source.state(StreamSeq(seq), StateRequest::Orders).unwrap();
        (state.market, state.orders)
    };
    // nothing was simulated yet, so it is done for the state
    for seq in [0, 1, 700, messages - 1, messages] {
        assert_eq!(state(seq), expected(seq), "{seq}");
    }
    // from here on these are the recent messages
    records(&source, StreamSeq(0), usize::MAX);
    for seq in [0, 700, messages - 30_000, messages - 700, messages - 699, messages - 1] {
        assert_eq!(
            source.recent.before(StreamSeq(seq)).is_some(),
            seq >= messages - 30_000,
            "{seq} of {messages}"
        );
        assert_eq!(state(seq), expected(seq), "{seq}");
    }
    let (market, orders) = expected(0);
    let counted: u64 = market.open_orders.iter().map(|(_, count)| count).sum();
    assert!(market.books.len() == 3 && counted > 0 && !expected(700).0.candles.is_empty());
    assert_eq!(orders.unwrap().orders.len() as u64, counted);
    assert_eq!(source.state(StreamSeq(0), StateRequest::Books).unwrap().period, Some("morning"));
    assert_eq!(source.state(StreamSeq(messages), StateRequest::Books).unwrap().period, Some("closed"));
    assert!(source.state(StreamSeq(messages + 1), StateRequest::Books).is_err());
}

#[test]
fn a_state_has_only_what_the_stream_has() {
    let source = source(plan("10:00:00", &[EventType::Trade], Days::One));
    let state = source.state(StreamSeq(300), StateRequest::Books).unwrap();
    assert!(state.market.books.is_empty() && !state.market.candles.is_empty());
    assert_eq!(state.orders, None, "it was not requested");
    let source = self::source(plan("10:00:00", &[EventType::OrderBook], Days::One));
    let state = source.state(StreamSeq(300), StateRequest::Orders).unwrap();
    assert!(state.market.candles.is_empty() && state.orders.unwrap().orders.is_empty());
}

/// Returns the phases that readers from `seq` on announce, with the sequence numbers of the messages that they begin with.
fn announced(source: &dyn Source, seq: StreamSeq) -> Vec<(u64, String)> {
    let mut feed = source.open(seq).unwrap();
    let mut builder = BlockBuilder::new(seq);
    let mut phases = Vec::new();
    loop {
        let filled = feed.fill(&mut builder).unwrap();
        if !builder.is_empty() {
            let block = builder.take();
            for message in 0..block.messages() {
                let at = block.first_seq().get() + message as u64;
                phases.extend(
                    block.events_at(message).map(|phase| (at, format!("{} {}", phase.id, phase.phase))),
                );
            }
        }
        if filled == Filled::End {
            return phases;
        }
    }
}

#[test]
fn phases_are_announced_at_the_same_messages_by_every_reader() {
    let texts = ["news:AAPL@10:00", "split", "venue-outage@11:00,length=600"];
    let events: Vec<Request> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let planned = |clock: &str, days: Days| {
        let plain = plan(clock, &[], days);
        let planned_events = tradesim_sim::plan(&events, &plain.options).unwrap();
        let options = SimulationOptions { planned_events, ..plain.options };
        LivePlan { options, events: events.clone(), ..plain }
    };
    let live = source(planned("04:00", Days::One));
    let all = announced(&live, StreamSeq(0));
    let names: Vec<&str> = all.iter().map(|(_, name)| name.rsplit_once(' ').unwrap().1).collect();
    // the last one is the end of the split, which is that of the day
    assert_eq!(names, ["ex", "jump", "settled", "end", "outage", "end", "end"]);
    assert_eq!(all[0].0, 0, "the split is there from the first message on");
    let day = records(&live, StreamSeq(0), usize::MAX);
    let instants = ["10:00", "11:00"].map(|clock| live.plan.options.day.at(clock.parse().unwrap()));
    for (instant, index) in instants.into_iter().zip([1, 4]) {
        let first = day.iter().position(|record| record.envelope.timestamp >= instant).unwrap();
        assert_eq!(all[index].0, first as u64);
    }
    // a reader from any message on announces what begins there and after it, once
    for seq in all.iter().flat_map(|(seq, _)| [seq.saturating_sub(1), *seq, seq + 1]).chain([500, 1_000]) {
        let expected: Vec<_> = all.iter().filter(|(at, _)| *at >= seq).cloned().collect();
        assert_eq!(announced(&live, StreamSeq(seq)), expected, "from {seq}");
    }
    // what is over at the start of a stream is not announced, and what is not is announced at its first message
    let later = source(planned("11:05", Days::One));
    let names: Vec<String> = announced(&later, StreamSeq(0)).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(
        names[0].starts_with("split") && names[1].ends_with("outage") && names[2].ends_with("end"),
        "{names:?}"
    );
}

#[test]
fn later_days_have_the_events_that_are_possible_on_them() {
    // 2026-02-13 is a Friday
    let events: Vec<Request> =
        ["news:AAPL@10:00", "news:MSFT@2026-02-13T16:00:00Z"].map(|text| text.parse().unwrap()).to_vec();
    let plain = plan("19:00", &[], Days::All { closed: Closed::Refuse, nights: false });
    let planned_events = tradesim_sim::plan(&events, &plain.options).unwrap();
    assert_eq!(planned_events.len(), 2);
    let plan =
        LivePlan { options: SimulationOptions { planned_events, ..plain.options.clone() }, events, ..plain };
    let before = identity(&plan);
    assert!(before.contains("events (news:AAPL@10:00; news:MSFT@2026-02-13T16:00:00Z)"), "{before}");
    let source = source(plan);
    let mut records = source.records(StreamSeq(0)).unwrap();
    while records.simulation.options().day.date().to_string() == "2026-02-13" {
        records.next_window().unwrap();
    }
    let labels = records.simulation.options().labels();
    assert_eq!(labels.iter().map(|label| label.id.as_str()).collect::<Vec<_>>(), ["news-AAPL-100000"]);
    assert_eq!(records.simulation.options().day.date().to_string(), "2026-02-17");
}
