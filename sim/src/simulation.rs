//! A whole trading day: all symbols, simulated window by window and merged into one sequence.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use tradesim_schemas::{ArchiveKey, ByteHash, Envelope, Record, RecordSeq, Symbol, Timestamp};

use crate::{
    burst::Burst,
    events::{self, Outage, Script},
    gbm,
    merge::merge,
    model::Model,
    options::{OptionsError, SimulationOptions},
    segments::{self, Segment},
    stylized,
    tape::Tape,
    universe::{SymbolInfo, Universe},
};

/// The expected number of orders of a window, small enough that the window's events stay in the processor's caches.
const WINDOW_ORDERS: f64 = 2_048.0;

/// The markets of all symbols. A simulation has one model, so the loops over markets contain no branch for it.
#[derive(Clone, Debug)]
enum Markets {
    Gbm(Vec<gbm::Market>),
    Stylized(Vec<Bounded>),
}

/// A market whose windows are bounded by their events, too: orders that excite each other exceed the expected rate by a
/// factor of 5 to 10.
#[derive(Clone, Debug)]
struct Bounded {
    market: stylized::Market,
    events_max: usize,
}

impl Bounded {
    /// The limit of a window's events: some for each symbol, and the others by weight.
    const EVENTS_MAX: (usize, f64) = (256, 16_384.0);

    fn new(market: stylized::Market, weight: f64) -> Bounded {
        let (each, shared) = Bounded::EVENTS_MAX;
        Bounded { market, events_max: each + (shared * weight) as usize }
    }
}

/// A simulated day, which returns its events window by window.
///
/// It keeps only the events of one window and the open orders in memory, at any rate. A clone continues at the position of
/// the original, so a clone serves as a snapshot to return to.
///
/// ```
/// use tradesim_sim::{
///     Simulation, SimulationOptions,
///     session::{Closed, TradingDay},
/// };
///
/// let date = "2026-02-18".parse()?;
/// let day = TradingDay::new(date, Closed::Refuse)?;
/// let mut simulation = Simulation::new(SimulationOptions::new(day, 42))?;
///
/// let window = simulation.next_window().expect("a day has events");
/// assert_eq!(window[0].seq.get(), 0);
/// assert!(window.is_sorted_by_key(|record| record.envelope.timestamp));
///
/// // the same seed, date and options produce the same events
/// let again = Simulation::new(SimulationOptions::new(day, 42))?.next_window();
/// assert_eq!(again.as_ref(), Some(&window));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    options: SimulationOptions,
    universe: Universe,
    bursts: Vec<Burst>,
    segments: Vec<Segment>,
    /// The expected number of orders of a window, over all symbols of the day.
    window_orders: f64,
    markets: Markets,
    /// The events of each market that have not been returned.
    windows: Vec<Vec<Record>>,
    threads: NonZeroUsize,
    /// All events before this instant (microseconds since the epoch) have been returned.
    until: i64,
    seq: RecordSeq,
}

impl Simulation {
    /// Creates a simulation at the beginning of its day.
    ///
    /// # Errors
    /// Returns an error if the options are out of range.
    pub fn new(options: SimulationOptions) -> Result<Simulation, OptionsError> {
        let (universe, bursts) = options.resolve()?;
        Ok(Simulation::of(options, universe, bursts))
    }

    /// Creates a simulation of some symbols of a day, at its beginning. Their events are those of the whole day in the same
    /// order, numbered from 0; the other symbols are not simulated. The parts of a day together, merged by
    /// [`MarketOrder`](crate::MarketOrder), are the whole day.
    ///
    /// # Errors
    /// Returns an error if the options are out of range, or do not include one of the symbols.
    pub fn of_symbols(options: SimulationOptions, symbols: &[Symbol]) -> Result<Simulation, OptionsError> {
        // weights, bursts and ordinals are those of the whole day, and the part is selected after they are known
        let (universe, bursts) = options.resolve()?;
        if let Some(&symbol) = symbols.iter().find(|&&symbol| universe.index_of(symbol).is_none()) {
            return Err(OptionsError::PartSymbol { symbol });
        }
        let chosen: Vec<usize> = (0..universe.symbols().len())
            .filter(|&ordinal| symbols.contains(&universe.symbols()[ordinal].symbol))
            .collect();
        Ok(Simulation::of_ordinals(options, universe, bursts, &chosen))
    }

    /// Creates a simulation of these symbols and bursts.
    fn of(options: SimulationOptions, universe: Universe, bursts: Vec<Burst>) -> Simulation {
        let all: Vec<usize> = (0..universe.symbols().len()).collect();
        Simulation::of_ordinals(options, universe, bursts, &all)
    }

    /// Creates a simulation of the symbols with these ordinals, which ascend.
    fn of_ordinals(
        options: SimulationOptions,
        universe: Universe,
        bursts: Vec<Burst>,
        ordinals: &[usize],
    ) -> Simulation {
        let markets = match options.model {
            Model::Gbm => Markets::Gbm(gbm_markets(&options, &universe, &bursts, ordinals)),
            Model::Stylized => Markets::Stylized(stylized_markets(&options, &universe, &bursts, ordinals)),
        };
        let periods = options.day.periods(options.market_hours);
        let weight_of = |symbol| universe.get(symbol).map_or(0.0, |info| info.weight);
        let segments = segments::market_segments(&periods, &bursts, weight_of);
        let windows = vec![Vec::new(); ordinals.len()];
        // a window of few symbols is longer, so that it has as many events; where it ends changes no event
        let share: f64 = ordinals.iter().map(|&ordinal| universe.symbols()[ordinal].weight).sum();
        let window_orders = WINDOW_ORDERS / share.clamp(1e-4, 1.0);
        let until = options.day.start().micros();
        let threads = NonZeroUsize::MIN;
        Simulation {
            options,
            universe,
            bursts,
            segments,
            window_orders,
            markets,
            windows,
            threads,
            until,
            seq: RecordSeq(0),
        }
    }

    /// Sets the number of threads. The events are the same for any number.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Simulation {
        self.threads = threads;
        self
    }

    /// Returns the events of the next window, in order and numbered, or `None` at the end of the day.
    ///
    /// The length of a window is chosen so that it contains some thousands of events. It is never empty.
    pub fn next_window(&mut self) -> Option<Vec<Record>> {
        // the last candles are emitted at the end of the day, so the last window includes this instant
        let end = self.options.end().micros() + 1;
        let mut events = Vec::new();
        while events.is_empty() {
            if self.until >= end {
                return None;
            }
            let until =
                segments::window_end(&self.segments, self.until, end, self.options.rate, self.window_orders);
            self.until = self.run(until);
            merge(&mut self.windows, self.until, &mut self.seq, &mut events);
        }
        Some(events)
    }

    /// Skips all events before an instant. The skipped events count in the numbers of the following ones.
    ///
    /// The following events do not change. An instant in the past has no effect.
    pub fn skip_to(&mut self, at: Timestamp) {
        self.pass_to(at, |_| {});
    }

    /// Skips events as [`Simulation::skip_to`] does, and calls `passed` for each of them. The events of a symbol come in
    /// their order; those of different symbols do not.
    pub fn pass_to(&mut self, at: Timestamp, mut pass: impl FnMut(&Envelope)) {
        let goal = at.micros().min(self.options.end().micros() + 1);
        while self.until < goal {
            let until =
                segments::window_end(&self.segments, self.until, goal, self.options.rate, self.window_orders);
            self.until = self.run(until);
            for events in &mut self.windows {
                let passed = events.partition_point(|event| event.envelope.timestamp.micros() < self.until);
                events.drain(..passed).for_each(|event| pass(&event.envelope));
                self.seq += passed as u64;
            }
        }
    }

    /// Simulates all events before `until`, or before an earlier instant if there are too many, and returns that instant.
    fn run(&mut self, until: i64) -> i64 {
        let (windows, threads) = (&mut self.windows, self.threads);
        match &mut self.markets {
            Markets::Gbm(markets) => run_all(markets, windows, threads, |market, events| {
                market.run(until, events);
                until
            }),
            Markets::Stylized(markets) => run_all(markets, windows, threads, |bounded, events| {
                bounded.market.run(until, bounded.events_max, events)
            }),
        }
    }

    /// Returns the options.
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// Returns all symbols of the day, in the order of the symbol table, also if only some of them are simulated.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Returns all bursts of the day, planned and random, by start.
    pub fn bursts(&self) -> &[Burst] {
        &self.bursts
    }

    /// Returns the current virtual time: all events before it have been returned.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.until).expect("virtual time stays within the day")
    }

    /// Returns the memory of a clone, in bytes. Most of it is used by open orders.
    pub fn state_bytes(&self) -> usize {
        let markets: usize = match &self.markets {
            Markets::Gbm(markets) => markets.iter().map(gbm::Market::bytes).sum(),
            Markets::Stylized(markets) => markets.iter().map(|bounded| bounded.market.bytes()).sum(),
        };
        markets + self.windows.iter().map(|events| size_of_val(&events[..])).sum::<usize>()
    }

    /// Returns a digest of the raw state (the bits of all floating-point numbers, the positions of all generators) at every
    /// virtual minute so far. It is used in tests of determinism, and is stricter than the content digest, because prices
    /// are rounded and the state is not.
    pub fn state_digest(&mut self) -> ByteHash {
        let mut hasher = blake3::Hasher::new();
        let mut add = |digest: [u8; 32]| {
            hasher.update(&digest);
        };
        match &mut self.markets {
            Markets::Gbm(markets) => markets.iter_mut().for_each(|market| add(market.state_digest())),
            Markets::Stylized(markets) => {
                markets.iter_mut().for_each(|bounded| add(bounded.market.state_digest()));
            }
        }
        ByteHash::from(hasher.finalize())
    }
}

fn gbm_markets(
    options: &SimulationOptions,
    universe: &Universe,
    bursts: &[Burst],
    ordinals: &[usize],
) -> Vec<gbm::Market> {
    let periods = options.day.periods(options.market_hours);
    let seed = options.day_seed();
    let market = |(info, tape): (&SymbolInfo, Tape)| {
        let legs = events::script(options, universe, info);
        let segments = events::multiplied(segments::segments(&periods, bursts, Some(info.symbol)), &legs);
        let arrivals = gbm::Arrivals::new(seed, info.symbol.as_str(), options.rate * info.weight, segments);
        gbm::Market::new(gbm::MarketSetup { seed, info, tape, arrivals, legs })
    };
    tapes(options, universe, ordinals).map(market).collect()
}

fn stylized_markets(
    options: &SimulationOptions,
    universe: &Universe,
    bursts: &[Burst],
    ordinals: &[usize],
) -> Vec<Bounded> {
    let seed = options.day_seed();
    let profile = stylized::Profile::new(&options.day, options.market_hours);
    // factors do not depend on the symbols, so only those of the simulated ones are made
    let simulated: Vec<SymbolInfo> = ordinals.iter().map(|&ordinal| universe.symbols()[ordinal]).collect();
    let common = stylized::Common::new(seed, profile, &simulated);
    let market = |(info, tape): (&SymbolInfo, Tape)| {
        let legs = events::script(options, universe, info);
        let bursts = segments::of_bursts(options.day.start(), options.end(), bursts, Some(info.symbol));
        let bursts = events::multiplied(bursts, &legs);
        let script = Script::new(legs, info);
        let (rate, common) = (options.rate * info.weight, Arc::clone(&common));
        let setup = stylized::MarketSetup { seed, info, rate, bursts, tape, common, script };
        Bounded::new(stylized::Market::new(setup), info.weight)
    };
    tapes(options, universe, ordinals).map(market).collect()
}

/// Returns the symbols with these ordinals and their tapes.
fn tapes<'a>(
    options: &SimulationOptions,
    universe: &'a Universe,
    ordinals: &'a [usize],
) -> impl Iterator<Item = (&'a SymbolInfo, Tape)> {
    let key = ArchiveKey::derive(&options.identity());
    let outages: Arc<[Outage]> = events::outages(&options.planned_events).into();
    let (day, end) = (options.day, options.end());
    ordinals.iter().map(move |&ordinal| {
        let info = &universe.symbols()[ordinal];
        let ids = key.symbol_ids(info.symbol, ordinal as u16);
        (info, Tape::new(info, ids, day, end).with_outages(Arc::clone(&outages)))
    })
}

/// Runs all markets with some threads, and returns the smallest result.
fn run_all<M: Send>(
    markets: &mut [M],
    windows: &mut [Vec<Record>],
    threads: NonZeroUsize,
    run: impl Fn(&mut M, &mut Vec<Record>) -> i64 + Sync,
) -> i64 {
    let work = markets.iter_mut().zip(windows);
    let threads = threads.get().min(work.len());
    if threads == 1 {
        return work.map(|(market, events)| run(market, events)).fold(i64::MAX, i64::min);
    }
    let work = Mutex::new(work);
    let reached = AtomicI64::new(i64::MAX);
    let take = || work.lock().expect("no thread panics while it takes work").next();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((market, events)) = take() {
                    reached.fetch_min(run(market, events), Ordering::Relaxed);
                }
            });
        }
    });
    reached.into_inner()
}

#[cfg(test)]
mod tests;
