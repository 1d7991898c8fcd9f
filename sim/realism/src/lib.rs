//! Measures a market: statistics of returns, volatility, order flow, sizes, impact and correlations, from its events, against
//! published ranges.
//!
//! [`Market`] receives the events of days in order and keeps a few kilobytes per symbol and day, however many events there are.
//! [`Market::finish`] returns a [`Report`]: a row for each statistic, with its range, its source, its value, and the value of its
//! null: the same data with the measured property removed. A row whose null is inside the range shows nothing.
//!
//! This crate knows events. It does not know archives, the simulator, files or clocks: a recording is measured by code that
//! shares nothing with the code that made it.
#![deny(missing_docs)]

mod day;
mod intraday;
mod market;
mod measured;
mod number;
mod page;
mod plots;
mod pool;
mod report;
mod rows;
mod session;
mod statistics;
mod symbols;
mod text;

pub use market::{Market, SymbolFacts};
pub use report::{Input, Report, RowReport, Summary, Verdict};
pub use rows::{Basis, ROWS, Row};
pub use session::Session;

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Market>();
};

#[cfg(test)]
mod tests;
