//! Arguments of `record`.

use std::{path::PathBuf, time::Duration};

use chrono::NaiveDate;
use clap::{ArgGroup, Args};
use tradesim_schemas::{Symbol, TimeSpec};
use tradesim_sim::{Model, Request};

use super::{CutArgs, ThreadArgs};
use crate::{
    parse::{self, SymbolChoice},
    settings,
};

/// Simulate a trading day into an archive
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
The same version, seed, date and options always produce the same messages, on any machine and with any number of threads. \
--model, --rate, --symbols 10, --market-hours, bursts and planned events change the simulation, so they produce different events. \
--symbols AAPL,MSFT, --events, --from, --to and --limit only select: they keep messages of the whole day unchanged, as \
`tradesim filter` does.")]
pub(crate) struct Record {
    /// Trading date in New York, for example 2026-02-18 [setting: START_DATE]
    #[arg(long, value_name = "DATE", value_parser = parse::date)]
    pub(crate) date: Option<NaiveDate>,
    /// Seed of the simulation; without one, a random seed is drawn, printed and recorded [setting: SEED]
    #[arg(long, value_name = "N", value_parser = parse::seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// The archive to write; it is created only when it is complete [default: DATE.seedN.parquet]
    #[arg(short, long, value_name = "FILE", value_parser = parse::output_file())]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the plan and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object instead of the digest
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    #[command(flatten)]
    pub(crate) market: MarketArgs,
    #[command(flatten)]
    pub(crate) bursts: BurstArgs,
    #[command(flatten)]
    pub(crate) planned: PlannedArgs,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
}

/// Planned events.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Planned events")]
pub(crate) struct PlannedArgs {
    /// Add a planned event, for example luld:KO@10:31:12,direction=down; may be given more than once. Kinds: luld,
    /// circuit-breaker, news, fat-finger, flash-crash, rebalance, split, ipo, venue-outage, short-sale. What is left out is drawn from the seed
    /// (docs/guide/events.md)
    #[arg(long, value_name = "KIND[:SYMBOL][@TIME][,KEY=VALUE...]")]
    pub(crate) scenario: Vec<Request>,
    /// Add the planned events of a file (TOML): `[[event]]` with kind, symbol, at and parameters
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) scenario_file: Option<PathBuf>,
}

/// Options of the simulated market.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Market")]
pub(crate) struct MarketArgs {
    /// Market model: gbm, or stylized, which has the statistics of real markets [setting: MODEL, default: gbm]
    #[arg(long, value_name = "MODEL", value_parser = settings::model)]
    pub(crate) model: Option<Model>,
    /// Orders per second over all symbols, 1 to 10000, before the multiplier of the period [setting: RATE, default: 10]
    #[arg(long, value_name = "N", value_parser = parse::rate, allow_negative_numbers = true)]
    pub(crate) rate: Option<u32>,
    /// With a number, simulate only the N heaviest symbols, which changes the events; with names, such as AAPL,MSFT,
    /// simulate all symbols and keep only these [setting: NUM_SYMBOLS, default: 50]
    #[arg(long, value_name = "N|SYMBOLS", value_parser = parse::symbol_choice)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) symbols: Option<SymbolChoice>,
    /// Vary the order rate over the periods of the day [setting: SIMULATE_MARKET_HOURS, default: true]
    #[arg(long, value_name = "true|false", value_parser = parse::boolean, action = clap::ArgAction::Set)]
    pub(crate) market_hours: Option<bool>,
    /// Simulate a weekend or holiday as if the market were open
    #[arg(long)]
    pub(crate) allow_closed: bool,
}

/// Options of bursts.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Bursts")]
#[command(group = ArgGroup::new("any_burst").args(["burst", "burst_at"]).multiple(true))]
pub(crate) struct BurstArgs {
    /// Add random bursts throughout the day
    #[arg(long)]
    pub(crate) burst: bool,
    /// Multiplier of the order rate in a burst, 2 to 100 [setting: BURST_MULTIPLIER, default: 20]
    #[arg(long, value_name = "X", value_parser = parse::burst_multiplier, requires = "any_burst")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) burst_multiplier: Option<f64>,
    /// Mean time between random bursts [setting: BURST_INTERVAL_SECONDS, default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse::burst_interval, requires = "burst")]
    pub(crate) burst_interval: Option<Duration>,
    /// Mean length of random bursts [setting: BURST_DURATION_SECONDS, default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse::burst_duration, requires = "burst")]
    pub(crate) burst_duration: Option<Duration>,
    /// Add a burst at this time (exchange time or RFC 3339); may be given more than once
    #[arg(long, value_name = "TIME", requires = "burst_for")]
    pub(crate) burst_at: Vec<TimeSpec>,
    /// Length of the bursts of --burst-at
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, requires = "burst_at")]
    pub(crate) burst_for: Option<Duration>,
    /// Restrict the bursts of --burst-at to this symbol
    #[arg(long, value_name = "SYMBOL", value_parser = one_symbol, requires = "burst_at")]
    pub(crate) burst_symbol: Option<Symbol>,
}

fn one_symbol(text: &str) -> Result<Symbol, parse::Invalid> {
    Symbol::new(text).ok_or(parse::Invalid::expected("a symbol such as AAPL"))
}
