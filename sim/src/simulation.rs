//! A whole trading day: all symbols, stepped window by window and merged into one order.

use std::{collections::BTreeMap, fmt::Write as _, num::NonZeroUsize, sync::Mutex, thread};

use tradesim_schemas::{ArchiveKey, Digest, Record, Symbol, Timestamp};

use crate::{
    arrivals::{self, Arrivals, Segment},
    burst::{self, Burst, RandomBursts},
    market::{Market, MarketSetup},
    merge::merge,
    rng::day_seed,
    session::TradingDay,
    universe::Universe,
};

/// The version of the generator. The same version, seed, date and options give the same events; whatever changes them
/// raises it.
pub const GENERATOR_VERSION: &str = "1";

/// The name of the market model.
pub const MODEL: &str = "gbm/1";

/// Orders that a window is expected to hold: few enough that the window's events stay in the processor's caches.
const WINDOW_ORDERS: f64 = 2_048.0;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulationOptions {
    /// The seed of all random draws.
    pub seed: u64,
    /// The trading day.
    pub day: TradingDay,
    /// Orders a second at multiplier 1, over all symbols: 1 to 10,000.
    pub rate: f64,
    /// How many symbols, the heaviest first: 1 to 50.
    pub symbols: usize,
    /// Whether the rate follows the hours of the market.
    pub market_hours: bool,
    /// Random bursts, if any.
    pub random_bursts: Option<RandomBursts>,
    /// Bursts at given times.
    pub planned_bursts: Vec<Burst>,
}

/// Options that cannot be simulated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The rate is out of range.
    #[error("a rate of {rate} orders a second is outside 1 to 10,000")]
    Rate {
        /// The rate asked for.
        rate: f64,
    },
    /// The number of symbols is out of range.
    #[error("{symbols} symbols are outside 1 to {available}")]
    Symbols {
        /// The number asked for.
        symbols: usize,
        /// How many there are.
        available: usize,
    },
    /// A multiplier is out of range.
    #[error("a burst multiplier of {multiplier} is outside 2 to 100")]
    Multiplier {
        /// The multiplier asked for.
        multiplier: f64,
    },
    /// A length or a gap of bursts is out of range.
    #[error("bursts of {duration_seconds} s every {interval_seconds} s: both have to be 0.001 to 86,400 s")]
    Timing {
        /// The length asked for.
        duration_seconds: f64,
        /// The gap asked for.
        interval_seconds: f64,
    },
    /// A planned burst ends before it begins, or does not touch the day.
    #[error("a burst from {from} to {to} is empty or outside the day")]
    Planned {
        /// Its start.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// A planned burst hits a symbol that is not simulated.
    #[error("a burst is planned for {symbol}, which is not among the symbols")]
    BurstSymbol {
        /// The symbol asked for.
        symbol: Symbol,
    },
}

impl SimulationOptions {
    /// A plain day: 10 orders a second, all symbols, market hours, no bursts.
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

    /// The identity of what is simulated: one line of text that names everything that decides the events, and from
    /// which all ids are derived.
    pub fn identity(&self) -> String {
        let mut text = format!("tradesim generator={GENERATOR_VERSION} model={MODEL} seed={}", self.seed);
        let mut put = |key: &str, value: &str| write!(text, " {key}={value}").expect("writing to a String");
        put("date", &self.day.date().to_string());
        for (key, value) in self.to_map() {
            put(&key, &value);
        }
        text
    }

    /// The options by name, without seed and date, as the archive's metadata states them.
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

    /// The seed of this day's draws.
    fn day_seed(&self) -> u64 {
        day_seed(self.seed, self.day.date())
    }

    /// The end of the simulated day.
    pub fn end(&self) -> Timestamp {
        self.day.day_end(self.market_hours)
    }

    /// Orders that are expected over the whole day; random bursts are those that the seed draws.
    pub fn expected_orders(&self) -> Result<f64, OptionsError> {
        let (universe, bursts) = self.resolve()?;
        let periods = self.day.periods(self.market_hours);
        let orders = |info: &crate::universe::SymbolInfo| -> f64 {
            let per_micro = self.rate * info.weight / 1e6;
            arrivals::segments(&periods, &bursts, Some(info.symbol))
                .iter()
                .map(|segment| (segment.to - segment.from) as f64 * segment.multiplier * per_micro)
                .sum()
        };
        Ok(universe.symbols().iter().map(orders).sum())
    }

    /// The symbols and the bursts that these options mean.
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

/// A simulated day: a source of events, pulled window by window.
///
/// It holds no more than a window of events and the open orders, whatever the rate. A clone goes on where the original
/// stands: that is how a place in a day is kept, to come back to.
#[derive(Clone, Debug)]
pub struct Simulation {
    options: SimulationOptions,
    universe: Universe,
    bursts: Vec<Burst>,
    segments: Vec<Segment>,
    markets: Vec<Market>,
    windows: Vec<Vec<Record>>,
    threads: NonZeroUsize,
    /// Everything before this instant (microseconds since the epoch) has been handed out.
    until: i64,
    seq: u64,
}

impl Simulation {
    /// A day at its beginning.
    ///
    /// # Errors
    /// Options that are out of range.
    pub fn new(options: SimulationOptions) -> Result<Simulation, OptionsError> {
        let (universe, bursts) = options.resolve()?;
        Ok(Simulation::of(options, universe, bursts))
    }

    /// A day of these symbols and bursts.
    fn of(options: SimulationOptions, universe: Universe, bursts: Vec<Burst>) -> Simulation {
        let periods = options.day.periods(options.market_hours);
        let key = ArchiveKey::derive(&options.identity());
        let (seed, end) = (options.day_seed(), options.end());
        let market = |(ordinal, info): (usize, &crate::universe::SymbolInfo)| {
            let symbol = info.symbol;
            let segments = arrivals::segments(&periods, &bursts, Some(symbol));
            let arrivals = Arrivals::new(seed, symbol.as_str(), options.rate * info.weight, segments);
            let ids = key.symbol_ids(symbol, ordinal as u16);
            Market::new(MarketSetup { seed, day: options.day, end, info, ids, arrivals })
        };
        let markets: Vec<Market> = universe.symbols().iter().enumerate().map(market).collect();
        let weight_of = |symbol| universe.get(symbol).map_or(0.0, |info| info.weight);
        let segments = arrivals::market_segments(&periods, &bursts, weight_of);
        let windows = vec![Vec::new(); markets.len()];
        let until = options.day.start().micros();
        let threads = NonZeroUsize::MIN;
        Simulation { options, universe, bursts, segments, markets, windows, threads, until, seq: 0 }
    }

    /// Simulates on `threads` threads; the events are the same for any number.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Simulation {
        self.threads = threads;
        self
    }

    /// The events of the next window, in their total order and numbered; `None` after the day's last.
    ///
    /// A window is as long as it takes for some thousands of events, and never empty.
    pub fn next_window(&mut self) -> Option<Vec<Record>> {
        // candles are stated at the end of the day, which is why it is part of the last window
        let end = self.options.end().micros() + 1;
        let mut events = Vec::new();
        while events.is_empty() {
            if self.until >= end {
                return None;
            }
            let until =
                arrivals::window_end(&self.segments, self.until, end, self.options.rate, WINDOW_ORDERS);
            self.run(until);
            merge(&mut self.windows, &mut self.seq, &mut events);
            self.until = until;
        }
        Some(events)
    }

    /// Goes on to an instant without handing out what happens before it; the numbers count it all the same.
    ///
    /// What follows is what would have followed anyway. An instant that has been passed changes nothing.
    pub fn skip_to(&mut self, at: Timestamp) {
        let goal = at.micros().min(self.options.end().micros() + 1);
        while self.until < goal {
            let until =
                arrivals::window_end(&self.segments, self.until, goal, self.options.rate, WINDOW_ORDERS);
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

    /// What is simulated.
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// The symbols that are simulated, in the order of the table.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// All bursts of the day, planned and drawn, by start.
    pub fn bursts(&self) -> &[Burst] {
        &self.bursts
    }

    /// How far the day has been simulated: everything before this instant has been handed out.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.until).expect("virtual time stays within the day")
    }

    /// A digest of the raw state (the bits of all floating-point numbers, the positions of all generators) at every
    /// virtual minute so far: a hook for tests of determinism, stricter than the content digest, because prices are
    /// rounded and the state is not.
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
