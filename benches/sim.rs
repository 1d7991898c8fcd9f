//! The speed of the simulation in events per second, on one thread unless the name differs.

use std::{hint::black_box, num::NonZeroUsize};

use chrono::{NaiveDate, NaiveTime};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tradesim_schemas::Timestamp;
use tradesim_sim::{
    Burst, Model, Simulation, SimulationOptions,
    session::{Closed, TradingDay},
};

/// The number of events in one iteration, which is enough to switch between symbols many times.
const EVENTS: usize = 200_000;

fn options(rate: f64) -> SimulationOptions {
    let date = NaiveDate::from_ymd_opt(2026, 2, 18).expect("a date");
    let day = TradingDay::new(date, Closed::Refuse).expect("a trading day");
    SimulationOptions { rate, ..SimulationOptions::new(day, 42) }
}

/// Returns a simulation at the open, where the order rate is highest.
fn at_the_open(options: SimulationOptions, threads: usize) -> Simulation {
    let open = options.day.core_open();
    let threads = NonZeroUsize::new(threads).expect("at least one thread");
    let mut simulation = Simulation::new(options).expect("valid options").with_threads(threads);
    while simulation.now() < open {
        simulation.next_window().expect("the day continues after the open");
    }
    simulation
}

fn generate(simulation: &mut Simulation) -> usize {
    let mut events = 0;
    while events < EVENTS {
        events += black_box(simulation.next_window().expect("the day is longer")).len();
    }
    events
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sim/generate");
    group.throughput(Throughput::Elements(EVENTS as u64)).sample_size(10);
    let open = options(100.0).day.at(NaiveTime::from_hms_opt(9, 30, 0).expect("a time of day"));
    let to = Timestamp::from_micros(open.micros() + 60_000_000).expect("an instant");
    let burst = Burst { from: open, to, multiplier: 50.0, symbol: None, planned: true };
    let stylized = |rate| SimulationOptions { model: Model::Stylized, ..options(rate) };
    for (name, options, threads) in [
        ("rate-100", options(100.0), 1),
        ("stylized-rate-100", stylized(100.0), 1),
        ("stylized-rate-10000", stylized(10_000.0), 1),
        ("rate-10000", options(10_000.0), 1),
        ("rate-10000-two-threads", options(10_000.0), 2),
        ("burst", SimulationOptions { planned_bursts: vec![burst], ..options(100.0) }, 1),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || at_the_open(options.clone(), threads),
                generate,
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    whole_days(criterion);
}

/// The default day of each model, from its first event to its last, with what is made before the first.
fn whole_days(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sim/day");
    group.sample_size(10);
    for &model in Model::ALL {
        let options = SimulationOptions { model, ..options(10.0) };
        let day = || {
            let mut simulation = Simulation::new(options.clone()).expect("valid options");
            let mut events = 0;
            while let Some(window) = simulation.next_window() {
                events += black_box(window).len();
            }
            events
        };
        group.throughput(Throughput::Elements(day() as u64));
        group.bench_function(model.as_str(), |bencher| bencher.iter(&day));
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
