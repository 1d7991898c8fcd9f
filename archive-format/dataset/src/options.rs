//! The options of the simulated market, without date and seed.

use serde::{Deserialize, Serialize};
use tradesim_schemas::{Symbol, TimeSpec, Timestamp};
use tradesim_sim::{
    Burst, Model, PlanError, RandomBursts, Request, SimulationOptions, plan, session::TradingDay,
};

/// The options of all days of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketOptions {
    /// The market model.
    pub model: Model,
    /// Orders per second at multiplier 1, over all symbols.
    pub rate: u32,
    /// The number of symbols, those of greatest weight first.
    pub symbols: u16,
    /// The order rate follows the market hours.
    pub market_hours: bool,
    /// The parameters of random bursts.
    pub random_bursts: Option<RandomBursts>,
    /// Bursts at given times, on every date.
    pub planned_bursts: Vec<PlannedBurst>,
    /// Planned events of every date, as they are asked for. What they leave open is drawn from the seed of the day.
    pub planned_events: Vec<Request>,
}

/// A burst at a given time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedBurst {
    /// The start: exchange time, or an instant if the dataset has one date.
    pub at: TimeSpec,
    /// The length in microseconds.
    pub micros: u64,
    /// The factor of the order rate.
    pub multiplier: f64,
    /// The only symbol that is affected.
    pub symbol: Option<Symbol>,
}

impl MarketOptions {
    /// Returns the options of one day.
    ///
    /// # Errors
    /// Returns the first planned event that is not possible on the day.
    pub fn of_day(&self, day: TradingDay, seed: u64) -> Result<SimulationOptions, PlanError> {
        let options = self.without_events(day, seed);
        let planned_events = plan(&self.planned_events, &options)?;
        Ok(SimulationOptions { planned_events, ..options })
    }

    fn without_events(&self, day: TradingDay, seed: u64) -> SimulationOptions {
        let burst = |planned: &PlannedBurst| {
            let from = day.resolve(planned.at);
            let to = i64::try_from(planned.micros)
                .ok()
                .and_then(|micros| from.micros().checked_add(micros))
                .and_then(Timestamp::from_micros)
                .unwrap_or(Timestamp::MAX);
            let PlannedBurst { multiplier, symbol, .. } = *planned;
            Burst { from, to, multiplier, symbol, planned: true }
        };
        SimulationOptions {
            model: self.model,
            rate: f64::from(self.rate),
            symbols: usize::from(self.symbols),
            market_hours: self.market_hours,
            random_bursts: self.random_bursts,
            planned_bursts: self.planned_bursts.iter().map(burst).collect(),
            ..SimulationOptions::new(day, seed)
        }
    }
}

/// The largest number of planned bursts of a recipe.
const PLANNED_BURSTS_MAX: usize = 1_000;
/// The largest number of planned events of a recipe, which is that of a day.
const PLANNED_EVENTS_MAX: usize = 100;

/// The options in a recipe. Floats are texts, because some JSON parsers do not read a float back to the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptionsDocument {
    rate: u32,
    symbols: u16,
    market_hours: bool,
    bursts: Option<BurstsDocument>,
    planned_bursts: Vec<PlannedDocument>,
    /// Recipes without planned events do not have the member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    planned_events: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BurstsDocument {
    multiplier: String,
    interval_seconds: String,
    duration_seconds: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedDocument {
    at: String,
    micros: u64,
    multiplier: String,
    symbol: Option<String>,
}

impl OptionsDocument {
    pub(crate) fn new(options: &MarketOptions) -> OptionsDocument {
        let bursts = options.random_bursts.map(|bursts| BurstsDocument {
            multiplier: bursts.multiplier.to_string(),
            interval_seconds: bursts.interval_seconds.to_string(),
            duration_seconds: bursts.duration_seconds.to_string(),
        });
        let planned = options.planned_bursts.iter().map(|burst| PlannedDocument {
            at: burst.at.to_string(),
            micros: burst.micros,
            multiplier: burst.multiplier.to_string(),
            symbol: burst.symbol.map(|symbol| symbol.to_string()),
        });
        OptionsDocument {
            rate: options.rate,
            symbols: options.symbols,
            market_hours: options.market_hours,
            bursts,
            planned_bursts: planned.collect(),
            planned_events: options.planned_events.iter().map(Request::to_string).collect(),
        }
    }

    /// Returns the options, or the name of the member that is invalid. Ranges are checked by the simulator.
    pub(crate) fn options(&self, model: Model) -> Result<MarketOptions, &'static str> {
        let number = |text: &str, name: &'static str| text.parse::<f64>().map_err(|_| name);
        let seconds = |text: &str, name: &'static str| {
            // the bounds of the command line: shorter ones would be millions of bursts
            number(text, name)
                .and_then(|seconds| if (1.0..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err(name) })
        };
        if self.planned_bursts.len() > PLANNED_BURSTS_MAX {
            return Err("options.planned_bursts");
        }
        let bursts = self.bursts.as_ref().map(|bursts| {
            Ok::<RandomBursts, &'static str>(RandomBursts {
                multiplier: number(&bursts.multiplier, "options.bursts.multiplier")?,
                interval_seconds: seconds(&bursts.interval_seconds, "options.bursts.interval_seconds")?,
                duration_seconds: seconds(&bursts.duration_seconds, "options.bursts.duration_seconds")?,
            })
        });
        let planned = self.planned_bursts.iter().map(|burst| {
            let symbol =
                burst.symbol.as_deref().map(|name| Symbol::new(name).ok_or("options.planned_bursts.symbol"));
            Ok::<PlannedBurst, &'static str>(PlannedBurst {
                at: burst.at.parse().map_err(|_| "options.planned_bursts.at")?,
                micros: burst.micros,
                multiplier: number(&burst.multiplier, "options.planned_bursts.multiplier")?,
                symbol: symbol.transpose()?,
            })
        });
        if self.planned_events.len() > PLANNED_EVENTS_MAX {
            return Err("options.planned_events");
        }
        let events =
            self.planned_events.iter().map(|text| text.parse().map_err(|_| "options.planned_events"));
        Ok(MarketOptions {
            model,
            rate: self.rate,
            symbols: self.symbols,
            market_hours: self.market_hours,
            random_bursts: bursts.transpose()?,
            planned_bursts: planned.collect::<Result<_, _>>()?,
            planned_events: events.collect::<Result<_, _>>()?,
        })
    }
}
