//! Two events in a day: what is wrong with one beside another.

use super::{
    SECOND,
    kind::{DIRECTION, EventKind, Reach},
    refusal::{Part, Refusal},
    rules,
    scene::Scene,
    venue_outage,
};

/// The distance that the index keeps from a level for the market's own moves, as a fraction of the previous close.
const DRIFT: f64 = 0.01;

impl EventKind {
    /// Returns true if the kind changes what a symbol is at the start of the day.
    const fn is_listing(self) -> bool {
        matches!(self, EventKind::Split | EventKind::Ipo)
    }

    /// Returns true if the kind's rule starts from a previous close: the tier and the width of price bands, the levels of the
    /// circuit breaker, the trigger of Rule 201.
    const fn needs_close(self) -> bool {
        match self {
            EventKind::Luld | EventKind::CircuitBreaker | EventKind::FatFinger | EventKind::ShortSale => true,
            EventKind::News
            | EventKind::FlashCrash
            | EventKind::Rebalance
            | EventKind::Split
            | EventKind::Ipo
            | EventKind::VenueOutage => false,
        }
    }
}

impl Scene<'_> {
    /// Returns true if the event moves prices, and not only upwards.
    fn lowers_prices(&self) -> bool {
        match self.event.kind {
            EventKind::CircuitBreaker | EventKind::FlashCrash | EventKind::ShortSale | EventKind::Ipo => true,
            EventKind::Luld | EventKind::News | EventKind::FatFinger => self.value(DIRECTION.name) != 0.0,
            EventKind::Rebalance | EventKind::Split | EventKind::VenueOutage => false,
        }
    }

    /// Returns the decline of the index that remains after an event in which the market falls, and the decline of the next level
    /// of the circuit breaker that would halt, both as fractions. `None` for other events, and if nothing is traded afterwards.
    fn after_fall(&self) -> Option<(f64, f64)> {
        match self.event.kind {
            EventKind::FlashCrash => {
                let remaining = self.value("depth") * (1.0 - self.value("recovery"));
                Some((remaining, rules::decline(self.day, 1)))
            }
            EventKind::CircuitBreaker => {
                let level = self.value("level") as usize;
                let remaining = rules::decline(self.day, level) * (1.0 - self.value("rebound"));
                (level < 3).then(|| (remaining, rules::decline(self.day, level + 1)))
            }
            _ => None,
        }
    }

    /// Returns true if a symbol has both events.
    fn meets(&self, other: &Scene<'_>) -> bool {
        let venue = |scene: &Scene<'_>| {
            (scene.definition().reach == Reach::Venue).then(|| venue_outage::venue(scene.event))
        };
        // venues that are silent at the same time would leave none for some orders
        match ((self.event.symbol, venue(self)), (other.event.symbol, venue(other))) {
            ((Some(mine), _), (Some(others), _)) => mine == others,
            ((Some(_), _), (_, Some(venue))) => self.info().exchange == venue,
            ((_, Some(venue)), (Some(_), _)) => other.info().exchange == venue,
            _ => true,
        }
    }

    /// Returns what is wrong with the event beside another one.
    pub(super) fn conflict(&self, other: &Scene<'_>) -> Option<(Part, Box<Refusal>)> {
        let rule = |part, reason| Some((part, Box::new(Refusal::Rule { event: self.head(), reason })));
        let (kind, other_kind) = (self.event.kind, other.event.kind);
        if kind == EventKind::CircuitBreaker && kind == other_kind {
            let reason =
                "each level halts once a day: give one circuit-breaker with the highest level".to_owned();
            return rule(Part::Whole, reason);
        }
        let (first, second) = if self.at() <= other.at() { (self, other) } else { (other, self) };
        if second.event.kind == EventKind::FlashCrash
            && let Some((remaining, next_level)) = first.after_fall()
            && remaining + second.value("depth") + DRIFT > next_level
        {
            let (first, second) = (first.head(), second.head());
            let reason = format!(
                "after the fall of {first}, {second} would reach a level of the circuit breaker without its halt: give it \
                 a smaller depth, or plan only one of them"
            );
            return rule(Part::Whole, reason);
        }
        if !self.meets(other) {
            return None;
        }
        if kind.is_listing() && other_kind.is_listing() {
            let symbol = self.info().symbol;
            return rule(Part::Whole, format!("{symbol} has at most one split or first trade a day"));
        }
        let pair = [(self, other), (other, self)];
        let first_trade = pair.into_iter().find(|(scene, _)| scene.event.kind == EventKind::Ipo);
        if let Some((ipo, later)) = first_trade
            && later.event.kind.needs_close()
        {
            let (symbol, kind) = (ipo.info().symbol, later.event.kind);
            let reason = format!(
                "{symbol} has no previous close on the day of its first trade, from which the rule of {kind} follows"
            );
            return rule(Part::Whole, reason);
        }
        if kind == EventKind::ShortSale && kind == other_kind {
            let symbol = self.info().symbol;
            return rule(
                Part::Whole,
                format!("{symbol} has at most one short-sale a day: its restriction lasts for the day"),
            );
        }
        let sale = pair.into_iter().find(|(scene, earlier)| {
            scene.event.kind == EventKind::ShortSale && earlier.at() <= scene.at() && earlier.lowers_prices()
        });
        if let Some((sale, earlier)) = sale {
            let (sale, earlier) = (sale.head(), earlier.head());
            let reason = format!(
                "{earlier} lowers the price before {sale}, whose trigger it may reach: plan short-sale first, or for another symbol"
            );
            return rule(Part::Whole, reason);
        }
        let busy = |scene: &Scene<'_>| (scene.definition().busy)(scene);
        let ((from, to), (other_from, other_to)) = (busy(self)?, busy(other)?);
        if from >= other_to || other_from >= to {
            return None;
        }
        if let Some((ipo, later)) = first_trade {
            let (symbol, end, later) = (ipo.info().symbol, self.clock(ipo.to()), later.named());
            let reason = format!(
                "{symbol} has no other event from 04:00 until two hours after its first trade: begin {later} at {end} or later"
            );
            return rule(Part::Start, reason);
        }
        let until = (other_to + SECOND - 1).div_euclid(SECOND) * SECOND;
        let refusal = Refusal::Overlap {
            event: self.head(),
            other: other.head(),
            until: self.clock(until),
            nearest: self.head_at(until),
        };
        Some((Part::Start, Box::new(refusal)))
    }
}
