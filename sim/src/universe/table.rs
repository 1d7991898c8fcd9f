//! The symbol table.
//!
//! Real issuers and listings, with prices and volumes similar to those of 2024, after the splits of that year; Apple,
//! Alphabet and Microsoft exactly as in the contract. There is one listing each on NYSE American, Arca and Cboe BZX, so that
//! every venue is the listing of a symbol. A changed row changes the events of a seed, and needs a new model or generator
//! version.

use tradesim_schemas::Exchange;

use super::Sector;

/// The sum of all weights of the table: a weight is a number of ten-thousandths.
pub(super) const WEIGHT_TOTAL: u32 = 10_000;

/// A row of the table.
pub(super) struct Row {
    pub(super) symbol: &'static str,
    pub(super) name: &'static str,
    pub(super) exchange: Exchange,
    pub(super) sector: Sector,
    pub(super) base_price: &'static str,
    pub(super) volatility: f64,
    pub(super) avg_daily_volume: u64,
    pub(super) weight: u32,
}

#[expect(clippy::too_many_arguments, reason = "a row of a table, in the order of its columns")]
const fn row(
    symbol: &'static str,
    name: &'static str,
    exchange: Exchange,
    sector: Sector,
    base_price: &'static str,
    volatility: f64,
    avg_daily_volume: u64,
    weight: u32,
) -> Row {
    Row { symbol, name, exchange, sector, base_price, volatility, avg_daily_volume, weight }
}

/// Symbol, name, listing, sector, price, daily volatility, average daily volume in shares, weight; grouped by sector.
#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    row("AAPL", "Apple Inc.", Exchange::Nasdaq, Sector::Technology, "178.50", 0.02, 55_000_000, 800),
    row("MSFT", "Microsoft Corporation", Exchange::Nasdaq, Sector::Technology, "415.30", 0.018, 20_000_000, 700),
    row("GOOGL", "Alphabet Inc. Class A", Exchange::Nasdaq, Sector::Technology, "141.80", 0.025, 22_000_000, 600),
    row("NVDA", "NVIDIA Corporation", Exchange::Nasdaq, Sector::Technology, "121.40", 0.035, 310_000_000, 650),
    row("META", "Meta Platforms, Inc.", Exchange::Nasdaq, Sector::Technology, "498.20", 0.024, 15_000_000, 400),
    row("AVGO", "Broadcom Inc.", Exchange::Nasdaq, Sector::Technology, "165.20", 0.027, 32_000_000, 200),
    row("AMD", "Advanced Micro Devices, Inc.", Exchange::Nasdaq, Sector::Technology, "192.60", 0.034, 65_000_000, 380),
    row("ORCL", "Oracle Corporation", Exchange::Nyse, Sector::Technology, "125.50", 0.018, 10_000_000, 130),
    row("CRM", "Salesforce, Inc.", Exchange::Nyse, Sector::Technology, "303.40", 0.021, 6_000_000, 130),
    row("ADBE", "Adobe Inc.", Exchange::Nasdaq, Sector::Technology, "551.20", 0.022, 3_200_000, 120),
    row("CSCO", "Cisco Systems, Inc.", Exchange::Nasdaq, Sector::Technology, "49.70", 0.012, 18_000_000, 150),
    row("INTC", "Intel Corporation", Exchange::Nasdaq, Sector::Technology, "43.60", 0.026, 40_000_000, 240),
    row("IBM", "International Business Machines Corporation", Exchange::Nyse, Sector::Technology, "191.30", 0.013, 5_000_000, 90),
    row("QCOM", "QUALCOMM Incorporated", Exchange::Nasdaq, Sector::Technology, "170.80", 0.022, 8_000_000, 140),
    row("PLTR", "Palantir Technologies Inc.", Exchange::Nasdaq, Sector::Technology, "24.80", 0.042, 62_000_000, 270),
    row("JPM", "JPMorgan Chase & Co.", Exchange::Nyse, Sector::Finance, "188.90", 0.014, 9_000_000, 240),
    row("BAC", "Bank of America Corporation", Exchange::Nyse, Sector::Finance, "35.80", 0.017, 38_000_000, 230),
    row("V", "Visa Inc.", Exchange::Nyse, Sector::Finance, "282.60", 0.012, 6_500_000, 150),
    row("MA", "Mastercard Incorporated", Exchange::Nyse, Sector::Finance, "474.80", 0.013, 2_600_000, 120),
    row("WFC", "Wells Fargo & Company", Exchange::Nyse, Sector::Finance, "57.10", 0.018, 18_000_000, 140),
    row("GS", "The Goldman Sachs Group, Inc.", Exchange::Nyse, Sector::Finance, "388.40", 0.016, 2_200_000, 110),
    row("MS", "Morgan Stanley", Exchange::Nyse, Sector::Finance, "87.20", 0.017, 8_000_000, 110),
    row("C", "Citigroup Inc.", Exchange::Nyse, Sector::Finance, "57.40", 0.018, 15_000_000, 130),
    row("XLF", "Financial Select Sector SPDR Fund", Exchange::Arca, Sector::Finance, "40.90", 0.01, 41_000_000, 160),
    row("CBOE", "Cboe Global Markets, Inc.", Exchange::Bats, Sector::Finance, "184.30", 0.013, 800_000, 40),
    row("UNH", "UnitedHealth Group Incorporated", Exchange::Nyse, Sector::Healthcare, "489.70", 0.015, 3_500_000, 150),
    row("JNJ", "Johnson & Johnson", Exchange::Nyse, Sector::Healthcare, "159.60", 0.011, 7_000_000, 130),
    row("LLY", "Eli Lilly and Company", Exchange::Nyse, Sector::Healthcare, "772.30", 0.019, 3_200_000, 200),
    row("PFE", "Pfizer Inc.", Exchange::Nyse, Sector::Healthcare, "26.90", 0.016, 40_000_000, 190),
    row("MRK", "Merck & Co., Inc.", Exchange::Nyse, Sector::Healthcare, "123.40", 0.013, 8_000_000, 120),
    row("ABBV", "AbbVie Inc.", Exchange::Nyse, Sector::Healthcare, "178.90", 0.013, 5_500_000, 110),
    row("AMGN", "Amgen Inc.", Exchange::Nasdaq, Sector::Healthcare, "273.20", 0.015, 2_800_000, 80),
    row("GILD", "Gilead Sciences, Inc.", Exchange::Nasdaq, Sector::Healthcare, "73.60", 0.014, 7_000_000, 80),
    row("AMZN", "Amazon.com, Inc.", Exchange::Nasdaq, Sector::Consumer, "176.90", 0.021, 42_000_000, 520),
    row("TSLA", "Tesla, Inc.", Exchange::Nasdaq, Sector::Consumer, "178.60", 0.036, 95_000_000, 560),
    row("HD", "The Home Depot, Inc.", Exchange::Nyse, Sector::Consumer, "372.80", 0.014, 3_500_000, 120),
    row("PG", "The Procter & Gamble Company", Exchange::Nyse, Sector::Consumer, "160.80", 0.01, 6_500_000, 110),
    row("KO", "The Coca-Cola Company", Exchange::Nyse, Sector::Consumer, "59.90", 0.01, 13_000_000, 120),
    row("MCD", "McDonald's Corporation", Exchange::Nyse, Sector::Consumer, "292.10", 0.011, 3_000_000, 90),
    row("COST", "Costco Wholesale Corporation", Exchange::Nasdaq, Sector::Consumer, "738.40", 0.014, 2_000_000, 140),
    row("XOM", "Exxon Mobil Corporation", Exchange::Nyse, Sector::Energy, "108.80", 0.016, 18_000_000, 190),
    row("CVX", "Chevron Corporation", Exchange::Nyse, Sector::Energy, "151.30", 0.015, 8_000_000, 120),
    row("COP", "ConocoPhillips", Exchange::Nyse, Sector::Energy, "113.60", 0.018, 5_500_000, 80),
    row("SLB", "SLB Limited", Exchange::Nyse, Sector::Energy, "51.80", 0.021, 10_000_000, 90),
    row("IMO", "Imperial Oil Limited", Exchange::Amex, Sector::Energy, "64.90", 0.019, 400_000, 30),
    row("CAT", "Caterpillar Inc.", Exchange::Nyse, Sector::Industrials, "335.40", 0.017, 2_900_000, 80),
    row("BA", "The Boeing Company", Exchange::Nyse, Sector::Industrials, "203.10", 0.022, 8_000_000, 110),
    row("GE", "General Electric Company", Exchange::Nyse, Sector::Industrials, "158.70", 0.016, 5_000_000, 60),
    row("HON", "Honeywell International Inc.", Exchange::Nasdaq, Sector::Industrials, "197.60", 0.012, 3_000_000, 45),
    row("UPS", "United Parcel Service, Inc.", Exchange::Nyse, Sector::Industrials, "150.90", 0.016, 3_500_000, 45),
];
