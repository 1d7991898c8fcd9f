//! The table of rows: what is measured, and the range that published markets have.

use serde::Serialize;

/// The basis of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The number was read in a source.
    Read,
    /// The number is from memory of the paper.
    Remembered,
    /// The fact is from the paper; the bounds are ours, between the null and far beyond what is published.
    Fact,
    /// A promise of the simulator.
    Promise,
    /// There is no published range.
    None,
}

/// The amount of data that a recording must have so that a row is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The row is always judged.
    Always,
    /// The median symbol has at least [`DENSE`] executions per day: what is measured at trades fades when there are few.
    Dense,
    /// There are at least [`MANY_SYMBOLS`] symbols.
    ManySymbols,
    /// There are at least [`MANY_SYMBOL_DAYS`] days of symbols: tails need many observations.
    ManySymbolDays,
    /// There are at least two days.
    SeveralDays,
    /// The row is never judged: the literature does not agree, or gives no range.
    Never,
}

/// See [`Gate::Dense`].
pub(crate) const DENSE: u64 = 3_000;
/// See [`Gate::ManySymbols`].
pub(crate) const MANY_SYMBOLS: usize = 10;
/// See [`Gate::ManySymbolDays`].
pub(crate) const MANY_SYMBOL_DAYS: usize = 150;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The short name, such as `A1`.
    pub id: &'static str,
    /// The statistic.
    pub name: &'static str,
    /// The lower end of the range.
    pub low: f64,
    /// The upper end of the range.
    pub high: f64,
    /// The basis of the range.
    pub basis: Basis,
    /// The sources.
    pub source: &'static str,
    pub(crate) gate: Gate,
}

impl Row {
    /// Returns true if a value is in the range.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

const fn row(
    id: &'static str,
    name: &'static str,
    (low, high): (f64, f64),
    basis: Basis,
    source: &'static str,
    gate: Gate,
) -> Row {
    Row { id, name, low, high, basis, source, gate }
}

/// All rows, in the order of reports. A: returns; B: the shape of a day; C: order flow; D: sizes; E: impact, quotes and cancels;
/// F: symbols together.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("A1", "excess kurtosis of returns, 1 min", (2.0, 40.0), Basis::Fact, "Cont 2001, fact 2; Ratliff-Crain et al. 2025", Gate::Always),
    row("A1s", "excess kurtosis of returns, 1 s", (5.0, 500.0), Basis::Fact, "Cont 2001: kurtosis grows as the interval shrinks", Gate::Never),
    row("A1f", "excess kurtosis of returns, 5 min", (0.8, 15.0), Basis::Fact, "Cont 2001; Gopikrishnan et al. 1998", Gate::Always),
    row("A2", "tail exponent of returns, 1 min, top 1 %", (2.0, 5.0), Basis::Read, "Gopikrishnan et al. 1998: about 3", Gate::Always),
    row("A3", "tail exponent of returns, 5 min, top 2 %", (2.0, 5.0), Basis::Read, "Gopikrishnan et al. 1998", Gate::ManySymbolDays),
    row("A4", "excess kurtosis, 30 min over 1 min", (0.1, 0.7), Basis::Fact, "Cont 2001, fact 4; slower than 1/30 of the central limit theorem", Gate::ManySymbolDays),
    row("A4b", "kurtosis falls from 1 to 5 to 30 min (1: yes)", (1.0, 1.0), Basis::Fact, "Cont 2001, fact 4", Gate::Always),
    row("A5", "autocorrelation of returns, 1 min, largest of lags 1 to 20", (-0.05, 0.05), Basis::Fact, "Cont 2001, fact 1", Gate::Always),
    row("A6", "autocorrelation of changes of trade prices, lag 1", (-0.5, -0.05), Basis::Fact, "Roll 1984; Cont 2001", Gate::Dense),
    row("A7", "realised variance, 10 s over 5 min", (0.8, 1.3), Basis::Fact, "Andersen et al. 2000", Gate::Always),
    row("A8", "autocorrelation of absolute returns, 1 min, lag 1", (0.1, 0.45), Basis::Fact, "Cont 2001, fact 6; Ratliff-Crain et al. 2025", Gate::Always),
    row("A9", "autocorrelation of absolute returns, 1 min, lag 20", (0.03, 0.3), Basis::Fact, "Cont 2001, fact 8", Gate::Always),
    row("A10", "decay exponent of the autocorrelation of absolute returns", (0.15, 0.6), Basis::Remembered, "Cont 2001, fact 8: 0.2 to 0.4; Liu et al. 1999: 0.3", Gate::Always),
    row("A11", "excess kurtosis after division by local volatility", (0.6, 15.0), Basis::Fact, "Cont 2001, fact 7", Gate::Always),
    row("A12", "leverage: return and the next 10 min of absolute returns", (-0.3, 0.1), Basis::Fact, "Cont 2001, fact 9", Gate::Never),
    row("A13", "correlation of volume and absolute return, 1 min", (0.2, 0.8), Basis::Fact, "Cont 2001, fact 10; Ratliff-Crain et al. 2025", Gate::Dense),
    row("A14", "realised over configured volatility", (0.85, 1.15), Basis::Promise, "the promise of the model", Gate::SeveralDays),
    row("A15", "deviation of the log volatility between days", (0.12, 0.7), Basis::Remembered, "Andersen et al. 2001", Gate::SeveralDays),
    row("B1", "volume, first 30 min over midday", (1.8, 6.0), Basis::Remembered, "Jain and Joh 1988; McInish and Wood 1992", Gate::Always),
    row("B2", "volume, last 30 min over midday", (1.4, 6.0), Basis::Remembered, "Jain and Joh 1988; McInish and Wood 1992", Gate::Always),
    row("B3", "volatility, first 30 min over midday", (1.6, 4.5), Basis::Remembered, "Wood et al. 1985; Andersen and Bollerslev 1997", Gate::Always),
    row("B4", "volatility, last 30 min over midday", (0.9, 2.2), Basis::Remembered, "Wood et al. 1985; Andersen and Bollerslev 1997", Gate::Never),
    row("B5", "spread, first 15 min over 11:30 to 15:30", (1.3, 4.0), Basis::Remembered, "McInish and Wood 1992", Gate::Always),
    row("B6", "share of volume outside the core session", (0.04, 0.125), Basis::Read, "Rosenblatt, June 2025: 10.6 %; Q2 2025: 11.5 %", Gate::Always),
    row("B7", "share of volume in the closing auction", (0.07, 0.105), Basis::Read, "Rosenblatt 2024 and 2025: 7.1 to 9.1 %; NYSE-listed 10.5 %", Gate::Always),
    row("B8", "share of volume in the opening auction", (0.003, 0.04), Basis::Remembered, "cross statistics of NYSE and Nasdaq: about 1 %", Gate::Always),
    row("C1", "autocorrelation of trade signs, lag 1", (0.1, 0.6), Basis::Read, "Lillo and Farmer 2004; Bouchaud et al. 2004", Gate::Always),
    row("C2", "autocorrelation of trade signs, lag 10", (0.03, 0.35), Basis::Read, "Lillo and Farmer 2004; Bouchaud et al. 2004", Gate::Always),
    row("C3", "decay exponent of the autocorrelation of signs, lags 2 to 200", (0.35, 0.8), Basis::Read, "Lillo and Farmer 2004: 0.36 to 0.77; Sato and Kanazawa 2023", Gate::Dense),
    row("C4", "coefficient of variation of gaps between orders", (1.3, 8.0), Basis::Fact, "Engle and Russell 1998; Filimonov and Sornette 2012", Gate::Always),
    row("C5", "branching ratio, by the Allan factor at 10 s", (0.3, 0.95), Basis::Read, "Filimonov and Sornette 2012; Hardiman et al. 2013", Gate::Always),
    row("C6", "exponent of the Allan factor, 10 to 600 s", (0.2, 1.1), Basis::Fact, "Eisler and Kertesz 2006: Hurst exponents of 0.6 to 1", Gate::Always),
    row("C7", "orders of the busiest second over the mean", (4.0, 60.0), Basis::Read, "Nasdaq records: 1.13 million messages/s of 1.68 billion a day, a factor of 16", Gate::Always),
    row("C8", "orders of the 99.9th percentile of seconds over the mean", (2.5, 30.0), Basis::None, "none", Gate::Never),
    row("D1", "share of prints of exactly 100 shares", (0.12, 0.45), Basis::Remembered, "Alexander and Peterson 2007", Gate::Always),
    row("D2", "share of prints below 100 shares", (0.35, 0.7), Basis::Read, "SEC MIDAS; NYSE 2020: above 50 %", Gate::Always),
    row("D3", "share of prints below 100 shares, from $350", (0.55, 0.9), Basis::Read, "SEC MIDAS, top price decile: 65 %", Gate::Always),
    row("D3b", "share of prints below 100 shares, below $70", (0.15, 0.6), Basis::Read, "SEC MIDAS, middle price decile: above 40 %, lowest 10 to 15 %", Gate::Always),
    row("D4", "multiples of 100 among prints above 100 shares", (0.35, 0.95), Basis::Remembered, "Alexander and Peterson 2007; Mu et al. 2009", Gate::Always),
    row("D5", "tail exponent of print sizes, top 0.5 %", (1.3, 2.8), Basis::Remembered, "Gopikrishnan et al. 2000: 1.53; Vaglica et al. 2008", Gate::Always),
    row("E1", "correlation of signed volume and return, 1 min", (0.2, 0.8), Basis::Remembered, "Cont, Kukanov and Stoikov 2014: R² of trade imbalance 32 %", Gate::Dense),
    row("E2", "exponent of impact in size, after 10 trades", (0.12, 0.55), Basis::Remembered, "Lillo, Farmer and Mantegna 2003: 0.2 to 0.5", Gate::Dense),
    row("E3", "response of the next middle over the half spread", (0.05, 1.0), Basis::Remembered, "Wyart et al. 2008: of the order of the half spread", Gate::Dense),
    row("E4", "response after 100 trades over that after 1", (1.05, 3.0), Basis::Remembered, "Bouchaud et al. 2004: rises by about 2", Gate::Never),
    row("E5", "median spread in ticks, $20 to $150", (1.0, 3.0), Basis::Read, "Nasdaq 2019; SEC analyses of tick sizes", Gate::Always),
    row("E6", "mean spread in ticks, above $350", (3.0, 60.0), Basis::Read, "Nasdaq 2019: several ticks above $100", Gate::Always),
    row("E7", "slope of log spread on log price", (0.2, 1.5), Basis::Fact, "Nasdaq 2019", Gate::ManySymbols),
    row("E8", "AUC of the size imbalance for the next move", (0.55, 0.85), Basis::Fact, "Gould and Bonart 2016", Gate::Dense),
    row("E9", "share of trade prices at multiples of 5 cents", (0.205, 0.42), Basis::Fact, "Ikenberry and Weston 2008", Gate::Always),
    row("E10", "quotes per execution", (2.0, 40.0), Basis::Read, "UTP 2024: 403 k quotes and 120 k trades in the peak second", Gate::Always),
    row("E11", "cancellations per execution", (4.0, 20.0), Basis::Read, "SEC MIDAS medians: 12.2 (2012) to 6.4 (2024)", Gate::Always),
    row("E12", "share of cancellations within 0.5 s", (0.2, 0.6), Basis::Read, "SEC data highlight, May 2013", Gate::Always),
    row("E13", "life of cancelled orders, p90 over median", (5.0, 1000.0), Basis::Read, "Challet and Stinchcombe 2003", Gate::Always),
    row("F1", "mean correlation of returns, 5 min", (0.1, 0.55), Basis::Read, "Epps 1979; Bonanno et al. 2001", Gate::ManySymbols),
    row("F2", "correlation within sectors minus across", (0.03, 0.35), Basis::Fact, "Bonanno et al. 2001; Plerou et al. 2002", Gate::ManySymbols),
    row("F3", "share of the largest eigenvalue, 5 min", (0.15, 0.6), Basis::Remembered, "Plerou et al. 2002: 20 to 30 %", Gate::ManySymbols),
    row("F4", "correlation at 10 s over that at 5 min", (0.2, 0.97), Basis::Fact, "Epps 1979; Toth and Kertesz 2009", Gate::ManySymbols),
    row("F5", "mean correlation of absolute returns, 5 min", (0.05, 0.6), Basis::Fact, "Andersen et al. 2001", Gate::ManySymbols),
    row("F6", "mean correlation of order counts, 5 min", (0.05, 0.7), Basis::Fact, "Hasbrouck and Seppi 2001", Gate::ManySymbols),
    row("F7", "exponent of activity by rank", (0.3, 1.6), Basis::Fact, "activity is broadly distributed", Gate::ManySymbols),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_are_distinct_and_have_a_range_and_a_source() {
        let ids: BTreeSet<&str> = ROWS.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), ROWS.len());
        assert_eq!(ROWS.iter().filter(|row| row.gate != Gate::Never).count(), 55);
        for row in ROWS {
            assert!(row.low <= row.high && !row.source.is_empty(), "{}", row.id);
            assert!(row.contains(row.low) && row.contains(row.high) && !row.contains(f64::NAN), "{}", row.id);
        }
    }
}
