//! The live gateway of Databento: lines of text, then records in the Databento Binary Encoding (DBN), version 3.
//!
//! Sources: databento.com/docs (live API, DBN), and the published clients databento-python and databento-rs. The
//! records are written by hand: seven fixed layouts, against the packages and the build time of a library whose version is
//! that of its own structures.

mod encode;
mod instruments;
mod lines;
mod record;
mod session;
#[cfg(test)]
mod tests;

use crate::dialect::{Channel, Dialect, Framing, Transport, Wire};

/// The dialect.
pub(crate) static DIALECT: Dialect = Dialect {
    name: "databento",
    vendor: "Databento",
    transport: Transport::Tcp,
    channels: CHANNELS,
    wires: &[Wire { name: "dbn", framing: Framing::Bytes, encoder: encode::new }],
    headers: &[],
    holds_at_end: false,
    choose_wire: |_| 0,
    rules: session::new,
};

const TRADES: u8 = 0;
const TBBO: u8 = 1;
const MBP_1: u8 = 2;
const OHLCV_1M: u8 = 3;
const OHLCV_1H: u8 = 4;
const OHLCV_1D: u8 = 5;

/// The schemas.
const CHANNELS: &[Channel] = &[
    Channel::carried("trades"),
    Channel::carried("tbbo"),
    Channel::carried("mbp-1"),
    Channel::carried("ohlcv-1m"),
    Channel::carried("ohlcv-1h"),
    Channel::carried("ohlcv-1d"),
    Channel::silent("mbo"),
    Channel::silent("mbp-10"),
    Channel::silent("bbo-1s"),
    Channel::silent("bbo-1m"),
    Channel::silent("ohlcv-1s"),
    Channel::silent("status"),
    Channel::silent("statistics"),
    Channel::silent("definition"),
    Channel::silent("imbalance"),
];
