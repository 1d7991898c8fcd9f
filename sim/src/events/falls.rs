//! The falls of a day, one after the other: whether the index would be at a level of the circuit breaker without its halt.

use super::{
    kind::{DIRECTION, EventKind},
    plan::PlannedEvent,
    refusal::{Fault, Part, Refusal},
    rules,
    scene::Scene,
    short_sale,
};

/// The distance that later falls keep from a level for the market's own moves, as a fraction of the previous close. The first
/// fall has none but that of its greatest depth.
const DRIFT: f64 = 0.015;
/// The same before a circuit breaker begins, whose label would not be true.
const DRIFT_BEFORE_HALT: f64 = 0.04;
/// The largest error of a sum of fractions.
const ROUNDING: f64 = 1e-9;

impl Scene<'_> {
    /// Returns true if the event moves prices, and not only upwards.
    pub(super) fn lowers_prices(&self) -> bool {
        match self.event.kind {
            EventKind::CircuitBreaker | EventKind::FlashCrash | EventKind::ShortSale | EventKind::Ipo => true,
            EventKind::Luld | EventKind::News | EventKind::FatFinger => self.value(DIRECTION.name) != 0.0,
            EventKind::Rebalance | EventKind::Split | EventKind::VenueOutage => false,
        }
    }

    /// Returns the part of the fall of an event that lowers prices which is left at its end, as a fraction of the price before.
    fn left(&self) -> f64 {
        match self.event.kind {
            EventKind::FlashCrash => self.value("depth") * (1.0 - self.value("recovery")),
            EventKind::News => self.value("move"),
            EventKind::Luld => {
                let band = rules::band_points(self.day, self.info(), self.at()) as f64 / 10_000.0;
                further(band, self.value("move"))
            }
            EventKind::ShortSale => short_sale::DECLINE,
            // the price comes back, or has no previous close to fall from
            EventKind::FatFinger | EventKind::Ipo => 0.0,
            EventKind::CircuitBreaker => {
                rules::decline(self.day, self.value("level") as usize) * (1.0 - self.value("rebound"))
            }
            EventKind::Rebalance | EventKind::Split | EventKind::VenueOutage => 0.0,
        }
    }

    /// Returns what is wrong with the event beside all others: a level of the circuit breaker that is reached without its halt.
    pub(super) fn fault_of_falls<'a>(
        &self,
        others: impl IntoIterator<Item = &'a PlannedEvent>,
    ) -> Option<Fault> {
        if !self.lowers_prices() {
            return None;
        }
        let others = others.into_iter().map(|event| Scene { event, shown: Default::default(), ..*self });
        let mut falls: Vec<Scene<'_>> = others.filter(Scene::lowers_prices).collect();
        falls.push(*self);
        falls.sort_by_key(Scene::at);
        let reason = reason(&falls)?;
        Some((Part::Whole, Box::new(Refusal::Rule { event: self.head(), reason })))
    }
}

/// Passes through the falls of a day, which are in order, and returns the reason for which they are not possible.
fn reason(falls: &[Scene<'_>]) -> Option<String> {
    // the planned declines of the index: of events that happen to all symbols, and of all events
    let (mut of_market, mut of_all) = (0.0, 0.0);
    let mut level = 1;
    for (index, fall) in falls.iter().enumerate() {
        let left = fall.left();
        match fall.event.kind {
            EventKind::FlashCrash => {
                let lowest = further(of_market, fall.value("depth"));
                let next = rules::decline(fall.day, level);
                if of_market > 0.0 && lowest + DRIFT > next + ROUNDING {
                    return Some(format!(
                        "after {}, {} would take the index {} below the previous close: level {level} of the circuit breaker, \
                         which would not halt then, is at {}, and {} are for the market's own moves; give flash-crash a \
                         smaller depth, or leave a fall out",
                        heads(falls[..index].iter().filter(|fall| fall.event.symbol.is_none())),
                        fall.head(),
                        percent(lowest),
                        percent(next),
                        percent(DRIFT),
                    ));
                }
                of_market = further(of_market, left);
                of_all = further(of_all, left);
            }
            EventKind::CircuitBreaker => {
                let first = rules::decline(fall.day, 1);
                if of_all > 0.0 && of_all + DRIFT_BEFORE_HALT > first + ROUNDING {
                    return Some(format!(
                        "{} would leave the index {} below the previous close before {}: level 1 of the circuit breaker, which \
                         would not halt then, is at {}, and {} are for the market's own moves; begin circuit-breaker first, \
                         or choose smaller falls",
                        heads(falls[..index].iter().filter(|fall| fall.left() > 0.0)),
                        percent(of_all),
                        fall.head(),
                        percent(first),
                        percent(DRIFT_BEFORE_HALT),
                    ));
                }
                // trading does not continue after level 3
                level = (fall.value("level") as usize + 1).min(3);
                (of_market, of_all) = (left, left);
            }
            _ => of_all = further(of_all, left * fall.info().weight),
        }
    }
    None
}

/// Returns the decline from the previous close after a further one from there.
fn further(decline: f64, further: f64) -> f64 {
    1.0 - (1.0 - decline) * (1.0 - further)
}

fn heads<'a, 'b: 'a>(falls: impl Iterator<Item = &'a Scene<'b>>) -> String {
    falls.map(Scene::head).collect::<Vec<_>>().join(" and ")
}

/// Returns a fraction as text, in percent rounded to two decimals.
fn percent(fraction: f64) -> String {
    format!("{} %", (fraction * 10_000.0).round() / 100.0)
}
