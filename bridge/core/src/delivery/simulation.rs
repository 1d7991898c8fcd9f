//! Exactly once, under every fault: a seeded simulation of bridges, a feed and a broker with transactions.
//!
//! A seed decides everything: the messages of the feed, when a bridge is killed or a second one starts, and which
//! call fails, with or without having had its effect. In all cases a reader of committed records sees exactly the
//! messages before the committed position, each once, in order for each key.
//!
//! `TRADESIM_SEED=17 cargo test -p tradesim-bridge-core simulation` runs one seed and prints its steps;
//! `TRADESIM_SEEDS=1000000` runs more of them.

mod broker;
mod world;

use world::{Control, Faults, World};

/// The number of seeds of a normal run.
const SEEDS: u64 = 10_000;
/// The least number of 1,000 seeds that must reveal a planted bug.
const CONTROL_FOUND_MIN: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

#[test]
fn simulation_readers_see_each_message_once() {
    if let Ok(seed) = std::env::var("TRADESIM_SEED") {
        let seed = seed.parse().expect("a number");
        let faults = World::new(seed, Control::None, true)
            .run()
            .unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        return println!("seed {seed}: {faults:?}");
    }
    let seeds = number("TRADESIM_SEEDS", SEEDS);
    let mut all = Faults::default();
    for seed in 0..seeds {
        match World::new(seed, Control::None, false).run() {
            Ok(faults) => all.add(&faults),
            Err(wrong) => panic!("TRADESIM_SEED={seed}: {wrong}"),
        }
    }
    println!("{seeds} seeds: {all:?}");
    if seeds >= SEEDS {
        all.assert_every_kind_happened();
    }
}

#[test]
fn simulation_the_same_seed_is_the_same_run() {
    for seed in 0..50 {
        let run = || World::new(seed, Control::None, false).run();
        assert_eq!(run(), run(), "{seed}");
    }
}

/// Returns how many of 1,000 seeds reveal a planted bug.
fn found(control: Control) -> u64 {
    (0..1_000).filter(|seed| World::new(*seed, control, false).run().is_err()).count() as u64
}

#[test]
fn simulation_finds_a_position_outside_of_the_transaction() {
    let found = found(Control::PositionOutside);
    assert!(found >= CONTROL_FOUND_MIN, "{found}");
}

#[test]
fn simulation_finds_a_broker_that_fences_nobody() {
    let found = found(Control::NoFencing);
    assert!(found >= CONTROL_FOUND_MIN, "{found}");
}

#[test]
fn simulation_finds_a_bridge_that_goes_on_after_a_commit_that_failed() {
    let found = found(Control::GoesOn);
    assert!(found >= CONTROL_FOUND_MIN, "{found}");
}
