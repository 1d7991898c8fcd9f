//! Everything that the symbols of a day have in common.

use std::sync::Arc;

use super::{factor::Factor, lives::Lives, profile::Profile, sizes::Tail, weather::Kind};
use crate::universe::{Sector, SymbolInfo};

/// The components of the weather of the market, of a sector and of a symbol. A component that lasts for hours decides
/// whether a day is wild or quiet; it varies less.
const MARKET: [Kind; 3] =
    [Kind::binomial(240.0, 1.45), Kind::binomial(1_920.0, 1.45), Kind::binomial(15_360.0, 1.25)];
const SECTOR: [Kind; 1] = [Kind::binomial(3_600.0, 1.4)];
pub(super) const SYMBOL: [Kind; 7] = [
    Kind::binomial(15.0, 1.6),
    Kind::binomial(60.0, 1.6),
    Kind::binomial(240.0, 1.6),
    Kind::binomial(960.0, 1.6),
    Kind::binomial(3_840.0, 1.6),
    Kind::binomial(15_360.0, 1.6),
    // rare excitement
    Kind { mean_life: 30.0, high: 16.0, chance: 0.012 },
];

/// The strength of leverage in the market, in a sector and in the news of a symbol. It is an exponential memory of ten minutes,
/// so more of it would make the correlation of volatility decay too fast.
const LEVERAGE_MARKET: f64 = 0.15;
const LEVERAGE_SECTOR: f64 = 0.08;
pub(super) const LEVERAGE_OWN: f64 = 0.08;

/// The common part of a simulated day. Clones of a simulation share it.
#[derive(Debug)]
pub(crate) struct Common {
    pub(super) profile: Profile,
    pub(super) market: Factor,
    /// The factors of sectors that have a symbol, in the order of [`Sector::ALL`].
    sectors: Vec<Option<Factor>>,
    pub(super) lives: Lives,
    pub(super) tail: Tail,
}

impl Common {
    /// Simulates the factors of a day for these symbols.
    pub(crate) fn new(seed: u64, profile: Profile, symbols: &[SymbolInfo]) -> Arc<Common> {
        let market = Factor::new(seed, "market", &MARKET, LEVERAGE_MARKET, &profile, None);
        let sector = |&sector: &Sector| {
            symbols.iter().any(|info| info.sector == sector).then(|| {
                Factor::new(seed, sector.as_str(), &SECTOR, LEVERAGE_SECTOR, &profile, Some(&market))
            })
        };
        let sectors = Sector::ALL.iter().map(sector).collect();
        Arc::new(Common { sectors, market, profile, lives: Lives::new(), tail: Tail::new() })
    }

    /// Returns the factor of a sector.
    #[inline]
    pub(super) fn sector(&self, sector: Sector) -> &Factor {
        self.sectors[sector as usize].as_ref().expect("a symbol's sector is simulated")
    }
}
