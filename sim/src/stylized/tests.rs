//! What no single part of the model decides.

use std::sync::Arc;

use chrono::NaiveDate;

use super::{calibration::Calibration, common::Common, path::Path, profile::Profile};
use crate::{
    rng::{Purpose, Stream},
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
    let slow = path(1.0);
    assert!([10.0, 100.0, 1_000.0, 10_000.0].into_iter().all(|rate| path(rate) == slow));
}

#[test]
fn the_factors_of_a_day_have_known_answers() {
    let common = common(5, &Universe::on(day().date()));
    let factors = [&common.market, common.sector(few_sector(&Universe::on(day().date())))];
    let answers = factors.map(|factor| {
        let middle = factor.variance.len() / 2;
        let values = [factor.variance[middle], factor.activity[middle], *factor.price.last().unwrap()];
        values.map(f64::to_bits)
    });
    let market = [4_609_273_818_648_810_889, 4_607_452_986_573_551_761, 13_832_060_176_307_443_807];
    let sector = [4_602_854_352_332_599_545, 4_605_763_378_346_645_778, 4_606_697_570_708_401_133];
    assert_eq!(answers, [market, sector]);
}

/// Orders look at the path whenever they come, so a busy symbol hears of its news earlier than a quiet one.
#[test]
fn the_draws_of_a_path_do_not_depend_on_when_it_is_looked_at() {
    let universe = Universe::on(day().date());
    let info = &universe.symbols()[3];
    let common = common(5, &universe);
    let loadings = Calibration::new(info, 10.0, &common).loadings;
    let new = || Path::new(5, info.symbol.as_str(), info.sector, loadings, Arc::clone(&common));
    let (mut quiet, mut busy, mut drawn) =
        (new(), new(), Stream::new(5, Purpose::News, info.symbol.as_str()));
    drawn.below(5);
    let mut moments = Stream::new(1, Purpose::Flow, "moments");
    let (mut price, mut returns) = (0.0, 0.0);
    for step in 0..common.profile.grid.steps() {
        let (from, to) = (common.profile.grid.start(step), common.profile.grid.start(step + 1));
        let mut at = from * 1_000_000;
        let mut heard = 0;
        for _ in 0..moments.below(8) {
            at += i64::from(moments.below(((to * 1_000_000 - at) / 2) as u32));
            price += busy.take_return(at);
            // generators are where they would be if each number were drawn when it is heard
            let fine = common.profile.grid.fine(at) - 5 * step;
            (heard..fine).for_each(|_| {
                drawn.word();
            });
            heard = fine;
            assert_eq!(busy.news_position(), drawn.position(), "{step}");
        }
        (heard..5).for_each(|_| {
            drawn.word();
        });
        quiet.next_step();
        busy.next_step();
        assert_eq!(busy.news_position(), drawn.position());
        let states =
            [&quiet, &busy].map(|path| [path.variance(), path.activity(), path.normals].map(f64::to_bits));
        assert_eq!(states[0], states[1], "{step}");
    }
    let end = common.profile.grid.start(common.profile.grid.steps()) * 1_000_000;
    price += busy.take_return(end);
    returns += quiet.take_return(end);
    assert!((price - returns).abs() < 1e-12, "{price} {returns}");
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
