//! The options of a simulation: everything that determines its events, and the identity that names it.

use std::{collections::BTreeMap, fmt::Write as _};

use tradesim_schemas::{Symbol, Timestamp};

use crate::{
    burst::{self, Burst, RandomBursts},
    events::{self, PlanError, PlannedEvent},
    model::Model,
    rng::day_seed,
    segments,
    session::TradingDay,
    stylized::Profile,
    universe::{SymbolInfo, Universe},
};

/// The version of the generator. The same version, seed, date and options produce the same events. Any change that
/// produces other events increases it.
pub const GENERATOR_VERSION: &str = "1";

/// The options of a simulation.
#[derive(Clone, Debug)]
pub struct SimulationOptions {
    /// The seed of all random draws.
    pub seed: u64,
    /// The trading day.
    pub day: TradingDay,
    /// The market model.
    pub model: Model,
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
    /// Planned events by start, as [`plan`](crate::plan) returns them.
    pub planned_events: Vec<PlannedEvent>,
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
    /// A part contains a symbol that is not simulated.
    #[error("invalid part with {symbol}: the simulation does not have this symbol")]
    PartSymbol {
        /// The symbol of the part.
        symbol: Symbol,
    },
    /// A planned burst affects a symbol that is not simulated.
    #[error("invalid burst of {symbol}: the simulation does not have this symbol")]
    BurstSymbol {
        /// The symbol of the burst.
        symbol: Symbol,
    },
    /// A planned event is not possible.
    #[error(transparent)]
    Event(PlanError),
}

impl SimulationOptions {
    /// Returns the default options of a day: model `gbm/1`, 10 orders per second, all symbols, market hours, no bursts.
    pub fn new(day: TradingDay, seed: u64) -> SimulationOptions {
        SimulationOptions {
            seed,
            day,
            model: Model::Gbm,
            rate: 10.0,
            symbols: 50,
            market_hours: true,
            random_bursts: None,
            planned_bursts: Vec::new(),
            planned_events: Vec::new(),
        }
    }

    /// Returns the identity of the simulated recording: one line of text that names everything that determines the events.
    /// All ids are derived from it.
    pub fn identity(&self) -> String {
        let mut text =
            format!("tradesim generator={GENERATOR_VERSION} model={} seed={}", self.model.name(), self.seed);
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
        if !self.planned_events.is_empty() {
            let planned = self.planned_events.iter().map(PlannedEvent::to_string);
            put("planned_events", planned.collect::<Vec<_>>().join(";"));
        }
        map
    }

    /// Returns the seed of this day's draws.
    pub(crate) fn day_seed(&self) -> u64 {
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
        let profile = match self.model {
            Model::Gbm => None,
            Model::Stylized => Some(Profile::new(&self.day, self.market_hours)),
        };
        let periods = self.day.periods(self.market_hours);
        let orders = |info: &SymbolInfo| -> f64 {
            let symbol = Some(info.symbol);
            let multiplied = match &profile {
                None => segments::expected(&segments::segments(&periods, &bursts, symbol)),
                Some(profile) => {
                    let segments = segments::of_bursts(self.day.start(), self.end(), &bursts, symbol);
                    profile.expected_in(&segments, self.day.start().micros())
                }
            };
            self.rate * info.weight * multiplied
        };
        Ok(universe.symbols().iter().map(orders).sum())
    }

    /// Returns the symbols, with the prices that they have after the splits of the day.
    pub(crate) fn universe(&self) -> Universe {
        events::split(Universe::on(self.day.date()).heaviest(self.symbols), &self.planned_events)
    }

    /// Checks the options, and returns their symbols and bursts.
    pub(crate) fn resolve(&self) -> Result<(Universe, Vec<Burst>), OptionsError> {
        if !(1.0..=10_000.0).contains(&self.rate) {
            return Err(OptionsError::Rate { rate: self.rate });
        }
        let available = Universe::SYMBOLS_MAX;
        if !(1..=available).contains(&self.symbols) {
            return Err(OptionsError::Symbols { symbols: self.symbols, available });
        }
        let universe = self.universe();
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
        events::check(self, &universe).map_err(OptionsError::Event)?;
        Ok((universe, bursts))
    }
}
