//! Two events in a day: what is wrong with one beside another.

use super::{
    SECOND,
    kind::{EventKind, Reach},
    plan::PlannedEvent,
    refusal::{Fault, Part, Refusal},
    scene::{Scene, Shown},
    venue_outage,
};

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

    /// Returns what is wrong with the event beside others.
    pub(super) fn conflicts(&self, others: &[PlannedEvent]) -> Option<Fault> {
        let conflict = |event| self.conflict(&Scene { event, shown: Shown::default(), ..*self });
        others.iter().find_map(conflict).or_else(|| self.fault_of_falls(others))
    }

    /// Returns what is wrong with the event beside another one.
    fn conflict(&self, other: &Scene<'_>) -> Option<Fault> {
        let rule = |part, reason| Some((part, Box::new(Refusal::Rule { event: self.head(), reason })));
        let (kind, other_kind) = (self.event.kind, other.event.kind);
        if kind == EventKind::CircuitBreaker && kind == other_kind {
            let reason =
                "each level halts once a day: give one circuit-breaker with the highest level".to_owned();
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
                "{kind} needs the previous close of {symbol}, which has none on the day of its first trade: choose another \
                 symbol or day"
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
            let (symbol, end) = (ipo.info().symbol, self.clock(ipo.to()));
            let refusal = Refusal::FirstTrade { event: self.head(), later: later.named(), symbol, end };
            return Some((Part::Start, Box::new(refusal)));
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
