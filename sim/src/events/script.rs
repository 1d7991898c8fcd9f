//! What planned events do to one symbol: the legs that its market passes through, and the position among them.

use std::sync::Arc;

use super::{
    flash_crash,
    kind::EventKind,
    rules::{self, REFERENCE_SPAN},
    scene::Scene,
};
use crate::{
    SimulationOptions,
    segments::Segment,
    trader::Trader,
    universe::{SymbolInfo, Universe},
};

/// A span of time in which a market behaves in a way of its own. Times are in microseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    pub(crate) from: i64,
    /// Exclusive.
    pub(crate) to: i64,
    /// It is the first leg of its event.
    pub(crate) opens: bool,
    /// The multiplier of the order rate; 0 if no order arrives.
    pub(crate) rate: f64,
    /// The multiplier of the spread.
    pub(crate) width: f64,
    /// The multiplier of displayed sizes.
    pub(crate) depth: f64,
    /// The multiplier of the volatility.
    pub(crate) volatility: f64,
    /// The half-width of the price bands around the reference price at the start of the event, in basis points; nothing
    /// executes outside them.
    pub(crate) band_points: Option<i64>,
    /// The lowest price at which something executes.
    pub(crate) floor: Option<Floor>,
    pub(crate) course: Course,
    /// The price at the start of the leg, if it is another one than at the end of the last leg.
    pub(crate) jump: Option<Goal>,
    /// The act at the start of the leg.
    pub(crate) act: Act,
    /// The share of the closing cross in the volume up to and including it.
    pub(crate) closing_share: Option<f64>,
}

/// A price below which nothing executes in a span of time, which may be before the leg that has it.
///
/// A bid that is below the floor at its start is not moved: the floor holds from where the bid is not below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    pub(crate) from: i64,
    /// Exclusive.
    pub(crate) to: i64,
    /// The lowest price, in units of 0.0001.
    pub(crate) units: i64,
}

/// The course of the fair price in a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course {
    /// As the model wants it.
    Free,
    /// As the model wants it, but it arrives at a goal at the end of the leg (a bridge).
    Towards(Goal),
    /// The quote rests on a band: the bid on the upper one (1), or the ask on the lower one (−1).
    Pinned(f64),
    /// Nothing executes.
    Halted,
}

/// A price.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// A multiple of the price at the start of the event.
    OfStart(f64),
    /// A multiple of the base price, which is the previous close.
    OfBase(f64),
    /// A multiple of the price at the start of the leg.
    OfHere(f64),
    /// This part of the way from the price at the start of the event to the upper (1) or lower (−1) band.
    Band(f64, f64),
}

/// An act at the start of a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    None,
    /// A cross with this share of the day's expected volume.
    Cross(f64),
    /// An order of this size by a trader, who buys (1) or sells (−1) at the best price.
    Take(f64, u32, Trader),
}

impl Leg {
    /// A leg in which nothing differs.
    pub(crate) const fn plain(from: i64, to: i64) -> Leg {
        Leg {
            from,
            to,
            opens: false,
            rate: 1.0,
            width: 1.0,
            depth: 1.0,
            volatility: 1.0,
            band_points: None,
            floor: None,
            course: Course::Free,
            jump: None,
            act: Act::None,
            closing_share: None,
        }
    }

    /// A leg in which no order arrives and nothing executes.
    pub(crate) const fn halted(from: i64, to: i64) -> Leg {
        Leg { rate: 0.0, course: Course::Halted, ..Leg::plain(from, to) }
    }
}

/// Returns the legs of a reopening: the cross, and then five minutes, or as long as there is, in which spread and activity
/// become normal again.
pub(super) fn reopening(at: i64, until: i64, share: f64) -> Vec<Leg> {
    const STEPS: [(i64, f64, f64); 5] =
        [(60, 4.0, 3.0), (120, 3.0, 2.5), (180, 2.0, 2.0), (240, 1.5, 1.5), (300, 1.25, 1.25)];
    let mut legs = Vec::new();
    let mut from = at;
    for (seconds, rate, width) in STEPS {
        let to = (at + seconds * super::SECOND).min(until);
        if to > from {
            let act = if legs.is_empty() { Act::Cross(share) } else { Act::None };
            legs.push(Leg { rate, width, act, ..Leg::plain(from, to) });
        }
        from = to;
    }
    legs
}

/// Returns the legs of one symbol on a day, in order and without overlap.
pub(crate) fn script(options: &SimulationOptions, universe: &Universe, info: &SymbolInfo) -> Vec<Leg> {
    let scenes = options.planned_events.iter().map(|event| Scene::new(event, options, universe));
    let mut parts: Vec<(Scene<'_>, Vec<Leg>)> =
        scenes.map(|scene| (scene, scene.legs(info))).filter(|(_, legs)| !legs.is_empty()).collect();
    parts.sort_by_key(|(scene, _)| scene.at());
    set_floors(&mut parts, info);
    for (_, legs) in &mut parts {
        legs[0].opens = true;
    }
    let mut legs: Vec<Leg> = parts.into_iter().flat_map(|(_, legs)| legs).collect();
    legs.sort_by_key(|leg| leg.from);
    debug_assert!(legs.windows(2).all(|pair| pair[0].to <= pair[1].from));
    legs
}

/// Adapts the floor that a circuit breaker has from the start of the day to the events before it, which are in order. An event
/// that lowers the price has its fall in full, and the price is high enough before a fall of all symbols to be above the floor
/// after it.
fn set_floors(parts: &mut [(Scene<'_>, Vec<Leg>)], info: &SymbolInfo) {
    let is_breaker = |(scene, _): &(Scene<'_>, Vec<Leg>)| scene.event.kind() == EventKind::CircuitBreaker;
    let Some(mut holder) = parts.iter().position(is_breaker) else { return };
    for earlier in (0..holder).rev().filter(|index| parts[*index].0.lowers_prices()).collect::<Vec<_>>() {
        let (scene, legs) = &parts[earlier];
        let (scene, start, end) = (*scene, legs[0].from, legs[legs.len() - 1].to);
        let Some(floor) = &mut parts[holder].1[0].floor else { return };
        let whole = *floor;
        floor.from = end;
        let Some(left) = flash_crash::left(&scene, info) else { return };
        let units = (whole.units as f64 / (1.0 - left)) as i64 + 1;
        parts[earlier].1[0].floor = Some(Floor { to: start, units, ..whole });
        holder = earlier;
    }
}

/// Returns segments of order rates, multiplied by those of legs.
pub(crate) fn multiplied(segments: Vec<Segment>, legs: &[Leg]) -> Vec<Segment> {
    if legs.is_empty() {
        return segments;
    }
    let mut result = Vec::new();
    for segment in segments {
        let mut from = segment.from;
        let touched = legs.iter().filter(|leg| leg.from < segment.to && leg.to > segment.from);
        for leg in touched {
            let (start, end) = (leg.from.max(segment.from), leg.to.min(segment.to));
            if start > from {
                result.push(Segment { from, to: start, ..segment });
            }
            let multiplier = segment.multiplier * leg.rate;
            result.push(Segment { from: start, to: end, multiplier });
            from = end;
        }
        if from < segment.to {
            result.push(Segment { from, ..segment });
        }
    }
    result
}

/// Returns the factor by which legs that only move the price have moved it at an instant, for a model whose price is a
/// process of its own.
pub(crate) fn shift(legs: &[Leg], now: i64) -> f64 {
    let mut factor = 1.0;
    for leg in legs.iter().take_while(|leg| leg.from < now) {
        if let Course::Towards(Goal::OfStart(goal)) = leg.course {
            let part = (now - leg.from) as f64 / (leg.to - leg.from) as f64;
            factor *= 1.0 + (goal - 1.0) * part.min(1.0);
        }
    }
    factor
}

/// A floor of a market, in ticks, and whether the bid was above it.
#[derive(Clone, Copy, Debug)]
struct Lowest {
    from: i64,
    /// Exclusive.
    to: i64,
    price: i64,
    holds: bool,
}

/// The position of a market in its legs. Prices are in ticks.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    legs: Arc<[Leg]>,
    next: usize,
    current: Option<Leg>,
    /// The time of the last step of a bridge.
    at: i64,
    /// The previous close.
    base: f64,
    tick: i64,
    /// The prices at the start of the event and of the leg.
    event_start: f64,
    leg_start: f64,
    bands: Option<(i64, i64)>,
    floors: Vec<Lowest>,
    /// The sum and the number of the prices, in units of 0.0001, that make the next reference price.
    reference: (i64, i64),
    last_price: i64,
    shares: u64,
}

impl Script {
    /// Creates the script of a symbol; `None` without legs.
    pub(crate) fn new(legs: Vec<Leg>, info: &SymbolInfo) -> Option<Box<Script>> {
        let (base, tick) = (info.base_price.units(), info.tick_size.units());
        let ticks = base as f64 / tick as f64;
        let floor = |leg: &Leg| {
            let floor = leg.floor?;
            Some(Lowest {
                from: floor.from,
                to: floor.to,
                price: ticks_above(floor.units, tick),
                holds: false,
            })
        };
        let floors = legs.iter().filter_map(floor).collect();
        (!legs.is_empty()).then(|| {
            Box::new(Script {
                legs: legs.into(),
                next: 0,
                current: None,
                at: 0,
                base: ticks,
                tick,
                event_start: ticks,
                leg_start: ticks,
                bands: None,
                floors,
                reference: (0, 0),
                last_price: base,
                shares: 0,
            })
        })
    }

    /// Returns the next instant at which a leg begins or ends; `i64::MAX` after the last one.
    #[inline]
    pub(crate) fn next_turn(&self) -> i64 {
        match &self.current {
            Some(leg) => leg.to,
            None => self.legs.get(self.next).map_or(i64::MAX, |leg| leg.from),
        }
    }

    /// Returns the current leg.
    #[inline]
    pub(crate) fn leg(&self) -> Option<&Leg> {
        self.current.as_ref()
    }

    /// Returns the multiplier of the volatility.
    #[inline]
    pub(crate) fn volatility(&self) -> f64 {
        self.current.as_ref().map_or(1.0, |leg| leg.volatility)
    }

    /// Returns true if nothing executes.
    pub(crate) fn is_halted(&self) -> bool {
        matches!(self.current, Some(Leg { course: Course::Halted, .. }))
    }

    /// Returns the direction of the band on which the quote rests, if it does.
    pub(crate) fn pinned(&self) -> Option<f64> {
        match self.current {
            Some(Leg { course: Course::Pinned(sign), .. }) => Some(sign),
            _ => None,
        }
    }

    /// Returns the price bands in ticks, while they bind.
    pub(crate) fn bands(&self) -> Option<(i64, i64)> {
        self.bands.filter(|_| self.current.is_some_and(|leg| leg.band_points.is_some()))
    }

    /// Returns the lowest price in ticks at which something may execute at an instant, if there is one. `bid` is the bid at which
    /// the market would be without it.
    #[inline]
    pub(crate) fn floor(&mut self, now: i64, bid: i64) -> Option<i64> {
        let floor = self.floors.iter_mut().find(|floor| (floor.from..floor.to).contains(&now))?;
        floor.holds |= bid >= floor.price;
        floor.holds.then_some(floor.price)
    }

    /// Counts an execution at a price in ticks.
    pub(crate) fn executed(&mut self, now: i64, price: i64, shares: u32) {
        let units = price * self.tick;
        self.last_price = units;
        self.shares += u64::from(shares);
        let opening = self.legs[self.next..].iter().find(|leg| leg.opens && leg.band_points.is_some());
        if opening.is_some_and(|leg| (leg.from - REFERENCE_SPAN..leg.from).contains(&now)) {
            self.reference = (self.reference.0 + units, self.reference.1 + 1);
        }
    }

    /// Returns the size of the closing cross, if the current leg decides it.
    pub(crate) fn closing_cross(&self) -> Option<f64> {
        let share = self.current?.closing_share?;
        Some(self.shares as f64 * share / (1.0 - share))
    }

    /// Ends the current leg and enters the next one, if it begins at `now`. `fair` is the price at that instant. Returns the
    /// price with which the leg begins, and what happens.
    pub(crate) fn turn(&mut self, now: i64, fair: f64) -> (f64, Act) {
        self.current = self.legs.get(self.next).copied().filter(|leg| leg.from <= now);
        let Some(leg) = self.current else { return (fair, Act::None) };
        self.next += 1;
        self.at = now;
        self.leg_start = fair;
        if leg.opens {
            self.event_start = fair;
            self.bands = leg.band_points.map(|points| self.take_bands(points));
        }
        let price = leg.jump.map_or(fair, |goal| self.price_of(goal));
        (price, leg.act)
    }

    /// Returns the bands around the mean of the executions in the five minutes before, in ticks.
    fn take_bands(&mut self, points: i64) -> (i64, i64) {
        let (sum, count) = std::mem::take(&mut self.reference);
        let reference = if count == 0 { self.last_price } else { (2 * sum + count).div_euclid(2 * count) };
        let (lower, upper) = rules::bands(reference, points);
        (lower / self.tick, upper / self.tick)
    }

    fn price_of(&self, goal: Goal) -> f64 {
        match goal {
            Goal::OfStart(factor) => self.event_start * factor,
            Goal::OfBase(factor) => self.base * factor,
            Goal::OfHere(factor) => self.leg_start * factor,
            Goal::Band(sign, part) => {
                let (lower, upper) = self.bands.expect("the event has bands");
                let band = if sign > 0.0 { upper } else { lower };
                self.event_start + (band as f64 - self.event_start) * part
            }
        }
    }

    /// Returns the fair price at `now`, which is within the current leg or its end, from that of the model.
    pub(crate) fn steer(&mut self, fair: f64, now: i64) -> f64 {
        let Some(leg) = self.current else { return fair };
        match leg.course {
            Course::Free => fair,
            Course::Pinned(_) | Course::Halted => leg.jump.map_or(self.leg_start, |goal| self.price_of(goal)),
            Course::Towards(goal) => {
                let (goal, left) = (self.price_of(goal), leg.to - self.at);
                let part = if left > 0 { (now - self.at) as f64 / left as f64 } else { 1.0 };
                self.at = now;
                if now >= leg.to { goal } else { fair + (goal - fair) * part }
            }
        }
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> [u64; 6] {
        let (sum, count) = self.reference;
        let prices = [self.event_start.to_bits(), self.leg_start.to_bits()];
        [self.next as u64, prices[0], prices[1], sum as u64, count as u64, self.shares]
    }
}

/// Returns a price in ticks, rounded up.
const fn ticks_above(units: i64, tick: i64) -> i64 {
    (units + tick - 1).div_euclid(tick)
}
