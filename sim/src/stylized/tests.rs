//! What no single part of the model decides.

use std::sync::Arc;

use chrono::NaiveDate;

use super::{calibration::Calibration, common::Common, path::Path, profile::Profile};
use crate::{
    session::{Closed, TradingDay},
    universe::Universe,
};

fn day() -> TradingDay {
    TradingDay::new(NaiveDate::from_ymd_opt(2026, 2, 18).unwrap(), Closed::Refuse).unwrap()
}

fn common(seed: u64, universe: &Universe) -> Arc<Common> {
    Common::new(seed, Profile::new(&day(), true), universe.symbols())
}

#[test]
fn factors_do_not_depend_on_the_symbols() {
    let whole = Universe::on(day().date());
    let (all, few) = (common(5, &whole), common(5, &whole.heaviest(1)));
    assert!(all.market == few.market);
    let sector = few_sector(&whole);
    assert!(all.sector(sector) == few.sector(sector));
    assert!(common(6, &whole).market != all.market);
}

fn few_sector(universe: &Universe) -> crate::universe::Sector {
    universe.heaviest(1).symbols()[0].sector
}

#[test]
fn the_weather_and_the_news_of_a_symbol_are_the_same_at_every_rate_in_bits() {
    let universe = Universe::on(day().date());
    let info = &universe.symbols()[0];
    let common = common(5, &universe);
    let path = |rate: f64| -> Vec<[u64; 3]> {
        let mut loadings = Calibration::new(info, rate * info.weight, &common).loadings;
        // the share of the news does depend on the rate, but not its draws
        loadings.news = 0.01;
        let mut path = Path::new(5, info.symbol.as_str(), info.sector, loadings, Arc::clone(&common));
        let steps = common.profile.grid.steps();
        (1..steps)
            .map(|step| {
                path.next_step();
                let change = path.take_return(common.profile.grid.start(step) * 1_000_000);
                [path.variance(), path.activity(), change].map(f64::to_bits)
            })
            .collect()
    };
    let slow = path(10.0);
    assert!(slow == path(100.0) && slow == path(1_000.0));
}

#[test]
fn news_makes_up_for_the_impact_that_few_trades_do_not_have() {
    let universe = Universe::on(day().date());
    let common = common(5, &universe);
    for info in universe.symbols() {
        let variance = |rate: f64| {
            let calibration = Calibration::new(info, rate * info.weight, &common);
            let loadings = calibration.loadings;
            let parts = [loadings.market, loadings.sector, loadings.news].map(|part| part * part);
            parts.iter().sum::<f64>() / (info.volatility * info.volatility)
        };
        // the rest is the impact of trades, which grows with their number
        assert!(variance(1.0) > variance(100.0) && variance(100.0) >= variance(10_000.0), "{}", info.symbol);
        assert!((0.319..=1.001).contains(&variance(10_000.0)) && variance(1.0) <= 1.001);
    }
}
