//! Arguments of `serve`.

use std::{path::PathBuf, time::Duration};

use chrono::NaiveDate;
use clap::Args;
use tradesim_schemas::{EventType, ExchangeTime};

use super::{MarketArgs, PlannedArgs, ServerArgs};
use crate::{
    parse,
    settings::{self, Mode},
};

/// Serve the live simulator over WebSocket
#[derive(Debug, Args)]
#[command(after_help = "\
Mode `normal` follows the wall clock and the hours and holidays of the market in New York. Mode `burst` adds random bursts. \
Mode `historical` plays a whole day as fast as clients can read, and then ends.

The live clock does not wait for clients (--wait-clients 0) and can be paused, but not moved or sped up. --day and --clock \
set it. With --market-hours false, the market is open at any time: between 04:00 and 20:00 it starts at the present time, \
otherwise at 04:00. The next trading day starts when the wall clock reaches it, or at once if the clock was set.

The messages are those of `tradesim record` with the same seed, date and options, from the start of the stream on. Planned \
events happen on each day; on later days, those that the day does not allow are left out.")]
pub(crate) struct Serve {
    /// Mode: normal, burst or historical [setting: MODE, default: normal]
    #[arg(long, value_name = "MODE", value_parser = settings::mode)]
    pub(crate) mode: Option<Mode>,
    /// Start with this trading date in New York, for example 2026-02-18, at 04:00 or at --clock [setting: START_DATE,
    /// default: today; historical: the last trading day]
    #[arg(long, visible_alias = "date", value_name = "DATE", value_parser = parse::date)]
    pub(crate) day: Option<NaiveDate>,
    /// Start at this exchange time, for example 09:29 or 09:29:30
    #[arg(long, value_name = "TIME")]
    pub(crate) clock: Option<ExchangeTime>,
    /// Seed of the simulation; without one, a random seed is drawn and printed [setting: SEED]
    #[arg(long, value_name = "N", value_parser = parse::seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Record the stream in this archive, which is created when the stream ends: at the end of its day, or when the server
    /// is stopped
    #[arg(long, value_name = "FILE", value_parser = parse::output_file())]
    pub(crate) record: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long, requires = "record")]
    pub(crate) force: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    /// Only these event types: a list of trade, orderbook and marketdata
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) events: Vec<EventType>,
    #[command(flatten)]
    pub(crate) market: MarketArgs,
    #[command(flatten)]
    pub(crate) bursts: LiveBurstArgs,
    #[command(flatten)]
    pub(crate) planned: PlannedArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Options of bursts, in mode burst.
#[derive(Debug, Args)]
#[command(next_help_heading = "Bursts")]
pub(crate) struct LiveBurstArgs {
    /// Multiplier of the order rate in a burst, 2 to 100 [setting: BURST_MULTIPLIER, default: 20]
    #[arg(long, value_name = "X", value_parser = parse::burst_multiplier, allow_negative_numbers = true)]
    pub(crate) burst_multiplier: Option<f64>,
    /// Mean time between bursts [setting: BURST_INTERVAL_SECONDS, default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse::burst_interval)]
    pub(crate) burst_interval: Option<Duration>,
    /// Mean length of bursts [setting: BURST_DURATION_SECONDS, default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse::burst_duration)]
    pub(crate) burst_duration: Option<Duration>,
}

impl LiveBurstArgs {
    /// Reports whether any of these options was given.
    pub(crate) fn is_given(&self) -> bool {
        self.burst_multiplier.is_some() || self.burst_interval.is_some() || self.burst_duration.is_some()
    }
}
