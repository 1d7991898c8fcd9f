//! Arguments of `serve`.

use std::{path::PathBuf, time::Duration};

use chrono::{NaiveDate, NaiveTime};
use clap::Args;
use tradesim_schemas::EventType;

use super::{MarketArgs, ServerArgs};
use crate::{
    parse,
    settings::{self, Mode},
};

/// Serve the live simulator over WebSocket: the market as it is now, or a day at any time
#[derive(Debug, Args)]
#[command(after_help = "\
Modes: normal follows the wall clock, hours and holidays of New York; burst is the same with random
bursts; historical is a whole day, as fast as clients take it, and ends by itself.
A live clock waits for nobody (--wait-clients 0) and can be paused, but neither moved nor sped up.
With --day or --clock it is set. With --market-hours false there is a market at any time: from 04:00
to 20:00 it begins with the present time, otherwise at 04:00. The next trading day follows when the
wall clock says so, and at once where that was not followed.
The messages are those of `tradesim record` with the same seed, date and options, from where the
stream begins.")]
pub(crate) struct Serve {
    /// normal, burst or historical [setting: MODE, default: normal]
    #[arg(long, value_name = "MODE", value_parser = settings::mode)]
    pub(crate) mode: Option<Mode>,
    /// Begin with this trading date in New York, as 2026-02-18, at 04:00 unless --clock says otherwise [setting: START_DATE,
    /// default: today; historical: the last trading day]
    #[arg(long, visible_alias = "date", value_name = "DATE", value_parser = parse::date)]
    pub(crate) day: Option<NaiveDate>,
    /// Begin at this exchange time, as 09:29 or 09:29:30
    #[arg(long, value_name = "TIME", value_parser = parse::clock)]
    pub(crate) clock: Option<NaiveTime>,
    /// The seed; without one it is drawn and printed [setting: SEED]
    #[arg(long, value_name = "N", value_parser = parse::seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Record what is sent into this archive, which appears when the stream ends: with its day, or when it is stopped
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Overwrite a file that exists
    #[arg(long, requires = "record")]
    pub(crate) force: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    /// Only these types, as trade,orderbook (of trade, orderbook, marketdata)
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) events: Vec<EventType>,
    #[command(flatten)]
    pub(crate) market: MarketArgs,
    #[command(flatten)]
    pub(crate) bursts: LiveBurstArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// When orders come faster, in mode burst.
#[derive(Debug, Args)]
#[command(next_help_heading = "Bursts")]
pub(crate) struct LiveBurstArgs {
    /// How much faster, 2 to 100 [setting: BURST_MULTIPLIER, default: 20]
    #[arg(long, value_name = "X", value_parser = parse::burst_multiplier, allow_negative_numbers = true)]
    pub(crate) burst_multiplier: Option<f64>,
    /// Gap between bursts, on average [setting: BURST_INTERVAL_SECONDS, default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse::burst_interval)]
    pub(crate) burst_interval: Option<Duration>,
    /// Length of bursts, on average [setting: BURST_DURATION_SECONDS, default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse::burst_duration)]
    pub(crate) burst_duration: Option<Duration>,
}

impl LiveBurstArgs {
    /// Whether anything is said about bursts.
    pub(crate) fn is_given(&self) -> bool {
        self.burst_multiplier.is_some() || self.burst_interval.is_some() || self.burst_duration.is_some()
    }
}
