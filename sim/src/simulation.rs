//! A whole trading day: all symbols, simulated window by window and merged into one sequence.

use std::{collections::BTreeMap, fmt::Write as _, num::NonZeroUsize, sync::Mutex, thread};

use tradesim_schemas::{ArchiveKey, Digest, Record, Symbol, Timestamp};

use crate::{
    burst::{self, Burst, RandomBursts},
    gbm::{Arrivals, Market, MarketSetup},
    merge::merge,
    rng::day_seed,
    segments::{self, Segment},
    session::TradingDay,
    tape::Tape,
    universe::Universe,
};

/// The version of the generator. The same version, seed, date and options produce the same events. Any change that
/// produces other events increases it.
pub const GENERATOR_VERSION: &str = "1";

/// The name of the market model.
pub const MODEL: &str = "gbm/1";

/// The expected number of orders of a window, small enough that the window's events stay in the processor's caches.
const WINDOW_ORDERS: f64 = 2_048.0;

/// The options of a simulation.
#[derive(Clone, Debug)]
pub struct SimulationOptions {
    /// The seed of all random draws.
    pub seed: u64,
    /// The trading day.
    pub day: TradingDay,
    /// Orders per second at multiplier 1, over all symbols: 1 to 10,000.
    pub rate: f64,
    /// The number of symbols, those of greatest weight first: 1 to 50.
    pub symbols: usize,
    /// The order rate follows the market hours; otherwise it is constant from 04:00 to 20:00.
    pub market_hours: bool,
    /// The parameters of random bursts; `None` for no random bursts.
    pub random_bursts: Option<RandomBursts>,
    /// Bursts at given times.
    pub planned_bursts: Vec<Burst>,
}

/// Invalid options of a simulation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The rate is out of range.
    #[error("invalid rate {rate}: expected 1 to 10,000 orders per second")]
    Rate {
        /// The requested rate in orders per second.
        rate: f64,
    },
    /// The number of symbols is out of range.
    #[error("invalid number of symbols {symbols}: expected 1 to {available}")]
    Symbols {
        /// The requested number of symbols.
        symbols: usize,
        /// The number of symbols in the symbol table.
        available: usize,
    },
    /// A multiplier is out of range.
    #[error("invalid burst multiplier {multiplier}: expected 2 to 100")]
    Multiplier {
        /// The requested multiplier.
        multiplier: f64,
    },
    /// A length of bursts, or an interval between them, is out of range.
    #[error(
        "invalid bursts of {duration_seconds} s every {interval_seconds} s: expected 0.001 to 86,400 s each"
    )]
    Timing {
        /// The requested length in seconds.
        duration_seconds: f64,
        /// The requested interval in seconds.
        interval_seconds: f64,
    },
    /// A planned burst ends before it begins, or does not overlap the day.
    #[error("invalid burst from {from} to {to}: it is empty or outside the day")]
    Planned {
        /// The start of the burst.
        from: Timestamp,
        /// The end of the burst.
        to: Timestamp,
    },
    /// A planned burst affects a symbol that is not simulated.
    #[error("invalid burst of {symbol}: the simulation does not have this symbol")]
    BurstSymbol {
        /// The symbol of the burst.
        symbol: Symbol,
    },
}

impl SimulationOptions {
    /// Returns the default options of a day: 10 orders per second, all symbols, market hours, no bursts.
    pub fn new(day: TradingDay, seed: u64) -> SimulationOptions {
        SimulationOptions {
            seed,
            day,
            rate: 10.0,
            symbols: 50,
            market_hours: true,
            random_bursts: None,
            planned_bursts: Vec::new(),
        }
    }

    /// Returns the identity of the simulated recording: one line of text that names everything that determines the events.
    /// All ids are derived from it.
    pub fn identity(&self) -> String {
        let mut text = format!("tradesim generator={GENERATOR_VERSION} model={MODEL} seed={}", self.seed);
        let mut put = |key: &str, value: &str| write!(text, " {key}={value}").expect("writing to a String");
        put("date", &self.day.date().to_string());
        for (key, value) in self.to_map() {
            put(&key, &value);
        }
        text
    }

    /// Returns the options by name, without seed and date, as the archive's metadata contains them.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        let mut put = |key: &str, value: String| map.insert(key.to_owned(), value);
        put("rate", self.rate.to_string());
        put("symbols", self.symbols.to_string());
        put("market_hours", self.market_hours.to_string());
        put("hours", if self.day.is_early_close() { "early_close" } else { "regular" }.to_owned());
        if let Some(random) = &self.random_bursts {
            let RandomBursts { multiplier, interval_seconds, duration_seconds } = random;
            put("bursts", format!("{multiplier}x/{interval_seconds}s/{duration_seconds}s"));
        }
        if !self.planned_bursts.is_empty() {
            let planned = self.planned_bursts.iter().map(|burst| {
                let symbol = burst.symbol.map_or_else(|| "*".to_owned(), |symbol| symbol.to_string());
                format!("{symbol}:{}x:{}:{}", burst.multiplier, burst.from, burst.to)
            });
            put("planned_bursts", planned.collect::<Vec<_>>().join(","));
        }
        map
    }

    /// Returns the seed of this day's draws.
    fn day_seed(&self) -> u64 {
        day_seed(self.seed, self.day.date())
    }

    /// Returns the end of the simulated day.
    pub fn end(&self) -> Timestamp {
        self.day.day_end(self.market_hours)
    }

    /// Returns the expected number of orders of the whole day, including the random bursts that the seed draws.
    ///
    /// # Errors
    /// Returns an error if the options are out of range.
    pub fn expected_orders(&self) -> Result<f64, OptionsError> {
        let (universe, bursts) = self.resolve()?;
        let periods = self.day.periods(self.market_hours);
        let orders = |info: &crate::universe::SymbolInfo| -> f64 {
            let per_micro = self.rate * info.weight / 1e6;
            segments::segments(&periods, &bursts, Some(info.symbol))
                .iter()
                .map(|segment| (segment.to - segment.from) as f64 * segment.multiplier * per_micro)
                .sum()
        };
        Ok(universe.symbols().iter().map(orders).sum())
    }

    /// Checks the options, and returns their symbols and bursts.
    fn resolve(&self) -> Result<(Universe, Vec<Burst>), OptionsError> {
        if !(1.0..=10_000.0).contains(&self.rate) {
            return Err(OptionsError::Rate { rate: self.rate });
        }
        let universe = Universe::on(self.day.date());
        let available = universe.symbols().len();
        if !(1..=available).contains(&self.symbols) {
            return Err(OptionsError::Symbols { symbols: self.symbols, available });
        }
        let universe = universe.heaviest(self.symbols);
        let (start, end) = (self.day.start(), self.end());
        let multipliers = self.random_bursts.iter().map(|random| random.multiplier);
        for multiplier in multipliers.chain(self.planned_bursts.iter().map(|burst| burst.multiplier)) {
            if !(2.0..=100.0).contains(&multiplier) {
                return Err(OptionsError::Multiplier { multiplier });
            }
        }
        let mut bursts = self.planned_bursts.clone();
        for burst in &bursts {
            if burst.from >= burst.to || burst.from >= end || burst.to <= start {
                return Err(OptionsError::Planned { from: burst.from, to: burst.to });
            }
            if let Some(symbol) = burst.symbol
                && universe.index_of(symbol).is_none()
            {
                return Err(OptionsError::BurstSymbol { symbol });
            }
        }
        if let Some(random) = &self.random_bursts {
            let RandomBursts { interval_seconds, duration_seconds, .. } = *random;
            if ![interval_seconds, duration_seconds]
                .iter()
                .all(|seconds| (0.001..=86_400.0).contains(seconds))
            {
                return Err(OptionsError::Timing { duration_seconds, interval_seconds });
            }
            bursts.extend(burst::draw(self.day_seed(), random, &universe, start, end));
        }
        bursts.sort_by_key(|burst| (burst.from, burst.to));
        Ok((universe, bursts))
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
/// assert_eq!(window[0].seq, 0);
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
    markets: Vec<Market>,
    windows: Vec<Vec<Record>>,
    threads: NonZeroUsize,
    /// All events before this instant (microseconds since the epoch) have been returned.
    until: i64,
    seq: u64,
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

    /// Creates a simulation of these symbols and bursts.
    fn of(options: SimulationOptions, universe: Universe, bursts: Vec<Burst>) -> Simulation {
        let periods = options.day.periods(options.market_hours);
        let key = ArchiveKey::derive(&options.identity());
        let (seed, end) = (options.day_seed(), options.end());
        let market = |(ordinal, info): (usize, &crate::universe::SymbolInfo)| {
            let symbol = info.symbol;
            let segments = segments::segments(&periods, &bursts, Some(symbol));
            let arrivals = Arrivals::new(seed, symbol.as_str(), options.rate * info.weight, segments);
            let tape = Tape::new(info, key.symbol_ids(symbol, ordinal as u16), options.day, end);
            Market::new(MarketSetup { seed, info, tape, arrivals })
        };
        let markets: Vec<Market> = universe.symbols().iter().enumerate().map(market).collect();
        let weight_of = |symbol| universe.get(symbol).map_or(0.0, |info| info.weight);
        let segments = segments::market_segments(&periods, &bursts, weight_of);
        let windows = vec![Vec::new(); markets.len()];
        let until = options.day.start().micros();
        let threads = NonZeroUsize::MIN;
        Simulation { options, universe, bursts, segments, markets, windows, threads, until, seq: 0 }
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
                segments::window_end(&self.segments, self.until, end, self.options.rate, WINDOW_ORDERS);
            self.run(until);
            merge(&mut self.windows, &mut self.seq, &mut events);
            self.until = until;
        }
        Some(events)
    }

    /// Skips all events before an instant. The skipped events count in the numbers of the following ones.
    ///
    /// The following events do not change. An instant in the past has no effect.
    pub fn skip_to(&mut self, at: Timestamp) {
        let goal = at.micros().min(self.options.end().micros() + 1);
        while self.until < goal {
            let until =
                segments::window_end(&self.segments, self.until, goal, self.options.rate, WINDOW_ORDERS);
            self.run(until);
            for events in &mut self.windows {
                self.seq += events.len() as u64;
                events.clear();
            }
            self.until = until;
        }
    }

    fn run(&mut self, until: i64) {
        let work = self.markets.iter_mut().zip(&mut self.windows);
        let threads = self.threads.get().min(work.len());
        if threads == 1 {
            work.for_each(|(market, events)| market.run(until, events));
            return;
        }
        let work = Mutex::new(work);
        let take = || work.lock().expect("no thread panics while it takes work").next();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((market, events)) = take() {
                        market.run(until, events);
                    }
                });
            }
        });
    }

    /// Returns the options.
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// Returns the simulated symbols, in the order of the symbol table.
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
        self.markets.iter().map(Market::bytes).sum()
    }

    /// Returns a digest of the raw state (the bits of all floating-point numbers, the positions of all generators) at every
    /// virtual minute so far. It is used in tests of determinism, and is stricter than the content digest, because prices
    /// are rounded and the state is not.
    pub fn state_digest(&mut self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for market in &mut self.markets {
            hasher.update(&market.state_digest());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests;
