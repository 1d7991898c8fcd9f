//! The constants of one symbol, so that its volatility is the configured one at any order rate.

use super::{common::Common, path::Loadings, profile::TRADING_DAY, sizes::Sizes};
use crate::universe::SymbolInfo;

/// The shares of the variance that come from the market and from the sector (Bonanno et al. 2001, Plerou et al. 2002).
const MARKET_SHARE: f64 = 0.22;
const SECTOR_SHARE: f64 = 0.10;
/// The largest share that comes from the impact of trades.
const IMPACT_SHARE_MAX: f64 = 1.0 - MARKET_SHARE - SECTOR_SHARE;
/// The largest impact of a trade, in half spreads (Wyart et al. 2008).
const IMPACT_MAX: f64 = 0.9;
/// The variance of a sign that its past does not explain.
const SIGN_VARIANCE: f64 = 0.8;
/// The spread in units of one real trade's volatility (Wyart et al. 2008).
const SPREAD: f64 = 2.6;
/// The share of orders that take.
pub(super) const TAKERS: f64 = 0.105;
/// Executed shares for each share that takers execute, because resting orders that are filled count as well.
const EXECUTED_PER_TAKEN: f64 = 1.35;

/// The constants of one symbol on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calibration {
    pub(super) sizes: Sizes,
    pub(super) loadings: Loadings,
    /// The relative impact of an unexpected trade of one share, at the mean intensity of the core session and in average
    /// weather. It grows with the fourth root of the size.
    pub(super) impact: f64,
    /// The square root of the mean intensity of the core session.
    pub(super) root_intensity: f64,
    /// The usual spread in ticks; below one for symbols whose spread the tick limits.
    pub(super) spread: f64,
    /// The expected number of executed shares in the day.
    pub(super) expected_shares: f64,
}

impl Calibration {
    /// Calibrates a symbol with `rate` orders per second at multiplier 1.
    pub(super) fn new(info: &SymbolInfo, rate: f64, common: &Common) -> Calibration {
        let ticks = info.base_price.units() as f64 / info.tick_size.units() as f64;
        let sizes = Sizes::of_price(info.base_price.units() as f64 / 10_000.0);
        let (mean_size, mean_root) = sizes.moments(&common.tail);
        let deviation = info.volatility * ticks;
        let real_trades = info.avg_daily_volume as f64 / mean_size;
        let spread = SPREAD * deviation / real_trades.sqrt();

        let profile = &common.profile;
        let (core, whole) = profile.expected();
        let days = profile.core_seconds() / TRADING_DAY;
        let takers = rate * core * TAKERS;
        let session = deviation * days.sqrt();
        let wanted = session * (IMPACT_SHARE_MAX / (takers * SIGN_VARIANCE)).sqrt();
        let impact = wanted.min(IMPACT_MAX * 0.5 * spread.max(1.0));
        let impact_share = takers * SIGN_VARIANCE * impact * impact / (session * session);
        let part = |share: f64| info.volatility * share.max(0.0).sqrt();
        Calibration {
            sizes,
            loadings: Loadings {
                market: part(MARKET_SHARE),
                sector: part(SECTOR_SHARE),
                news: part(IMPACT_SHARE_MAX - impact_share),
            },
            impact: impact / ticks / mean_root.sqrt(),
            root_intensity: (core / profile.core_seconds()).sqrt(),
            spread,
            expected_shares: rate * whole * TAKERS * EXECUTED_PER_TAKEN * mean_size,
        }
    }
}
