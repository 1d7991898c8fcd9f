//! Random actions on a playback at random times, after which its promises must hold.

use std::time::Duration;

use proptest::{prelude::*, sample::select};
use tradesim_schemas::{EventType, StreamSeq, Symbol};

use super::{fake_source::FakeSource, stage::Stage};
use crate::{Command, LoopRange, OnSlow, Options, Position, Speed, sample::SYMBOLS};

const MESSAGES: u64 = 1_200;

/// An action on a playback. Numbers name readers and messages modulo their count.
#[derive(Clone, Debug)]
enum Action {
    Advance(Duration),
    Produce(usize),
    Look,
    Act,
    Publish,
    /// Checks, acts and publishes, so many times.
    Play(usize),
    Read(usize, usize),
    Join {
        from_seq: Option<u64>,
        v1: bool,
        symbols: Option<Vec<Symbol>>,
        events: Option<Vec<EventType>>,
    },
    Leave(usize),
    GiveUp(usize),
    Subscribe(usize, Option<Vec<Symbol>>, Option<Vec<EventType>>),
    Unsubscribe(usize, Option<Vec<Symbol>>, Option<Vec<EventType>>),
    Ping(usize),
    Command(Command),
}

fn symbols() -> impl Strategy<Value = Option<Vec<Symbol>>> {
    let some = prop::sample::subsequence(SYMBOLS.to_vec(), 0..=SYMBOLS.len());
    prop::option::weighted(
        0.4,
        some.prop_map(|names| names.iter().map(|name| Symbol::new(name).unwrap()).collect()),
    )
}

fn events() -> impl Strategy<Value = Option<Vec<EventType>>> {
    prop::option::weighted(0.3, prop::sample::subsequence(EventType::ALL.to_vec(), 0..=EventType::ALL.len()))
}

fn speed() -> impl Strategy<Value = Speed> {
    select(vec!["0.5x", "1x", "3x", "7x", "50x", "1000x", "max"]).prop_map(|text| text.parse().unwrap())
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => Just(Command::Pause),
        4 => Just(Command::Resume),
        2 => (1u64..200).prop_map(Command::Step),
        1 => (0..=MESSAGES).prop_map(|seq| Command::Seek(Position::Seq(StreamSeq(seq)))),
        1 => (0..MESSAGES, 1..60u64).prop_map(|(from, messages)| {
            let to = (from + messages).min(MESSAGES);
            let [from, to] = [from, to].map(|seq| Position::Seq(StreamSeq(seq)));
            Command::Loop(Some(LoopRange { from, to }))
        }),
        1 => Just(Command::Loop(None)),
        2 => speed().prop_map(Command::Speed),
    ]
}

fn deed() -> impl Strategy<Value = Action> {
    let reader = 0usize..8;
    let room = || prop_oneof![1 => Just(0), 2 => 1usize..2_000, 3 => 2_000usize..300_000];
    let from_seq = prop::option::of(0..=MESSAGES);
    let join = (from_seq, any::<bool>(), symbols(), events()).prop_map(|(from_seq, v1, symbols, events)| {
        // most clients want everything, and only those stay connected across jumps
        Action::Join { from_seq, v1, symbols, events }
    });
    prop_oneof![
        6 => (0u64..40_000).prop_map(|us| Action::Advance(Duration::from_micros(us))),
        4 => (1usize..4).prop_map(Action::Produce),
        3 => Just(Action::Look),
        3 => Just(Action::Act),
        2 => Just(Action::Publish),
        6 => (1usize..12).prop_map(Action::Play),
        10 => (reader.clone(), room()).prop_map(|(reader, room)| Action::Read(reader, room)),
        3 => join,
        1 => reader.clone().prop_map(Action::Leave),
        1 => reader.clone().prop_map(Action::GiveUp),
        1 => (reader.clone(), symbols(), events()).prop_map(|(reader, symbols, events)| Action::Subscribe(reader, symbols, events)),
        1 => (reader.clone(), symbols(), events()).prop_map(|(reader, symbols, events)| Action::Unsubscribe(reader, symbols, events)),
        1 => reader.prop_map(Action::Ping),
        4 => command().prop_map(Action::Command),
    ]
}

prop_compose! {
    fn options()(
        speed in speed(),
        max_gap in prop::option::weighted(0.4, select(vec![0u64, 200, 10_000])),
        wait_clients in 0usize..3,
        start_paused in prop::bool::weighted(0.3),
        wait in any::<bool>(),
        buffer_kib in select(vec![64usize, 200, 512, 4_096]),
    ) -> Options {
        Options {
            speed,
            max_gap: max_gap.map(Duration::from_micros),
            wait_clients,
            start_paused,
            on_slow: if wait { OnSlow::Wait } else { OnSlow::Disconnect },
            buffer_bytes: buffer_kib << 10,
            linger: Duration::from_millis(20),
            ..Options::new("laws")
        }
    }
}

fn perform(stage: &mut Stage, deed: &Action) {
    let readers = stage.readers.len();
    match deed {
        Action::Advance(by) => stage.advance(*by),
        Action::Produce(blocks) => stage.produce(*blocks),
        Action::Look => stage.look(),
        Action::Act => _ = stage.act(),
        Action::Publish => stage.publish(),
        Action::Play(times) => {
            for _ in 0..*times {
                stage.produce(1);
                stage.look();
                let until = stage.act();
                stage.publish();
                if let Some(until) = until {
                    stage.advance(until.saturating_sub(stage.now));
                }
            }
        }
        Action::Join { from_seq, v1, symbols, events } => {
            stage.join(*from_seq, *v1, symbols.as_deref(), events.as_deref());
        }
        Action::Command(command) => {
            stage.command(command);
            stage.publish();
        }
        _ if readers == 0 => {}
        Action::Read(reader, room) => stage.read(reader % readers, *room),
        Action::Leave(reader) => stage.leave(reader % readers),
        Action::GiveUp(reader) => stage.give_up(reader % readers),
        Action::Ping(reader) => stage.readers[reader % readers].ping(),
        Action::Subscribe(reader, symbols, events) => stage.readers[reader % readers].select(|selection| {
            selection.subscribe(symbols.as_deref(), events.as_deref()).unwrap();
        }),
        Action::Unsubscribe(reader, symbols, events) => stage.readers[reader % readers].select(|selection| {
            selection.unsubscribe(symbols.as_deref(), events.as_deref()).unwrap();
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_client_gets_what_it_was_promised_when_it_is_due(
        options in options(),
        deeds in prop::collection::vec(deed(), 0..150),
    ) {
        let mut stage = Stage::new(FakeSource::made(MESSAGES), options);
        for deed in &deeds {
            perform(&mut stage, deed);
        }
        stage.finish();
    }
}
