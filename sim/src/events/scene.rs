//! Events in their day: what the functions of a kind see, and what follows from them.

use tradesim_schemas::Timestamp;

use super::{
    HOUR, Label, Phase, SECOND,
    kind::Definition,
    plan::PlannedEvent,
    refusal::{Fault, Part, Refusal},
    script::Leg,
};
use crate::{
    SimulationOptions,
    session::TradingDay,
    universe::{SymbolInfo, Universe},
};

/// An event in its day: what the functions of a kind see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) event: &'a PlannedEvent,
    pub(super) day: &'a TradingDay,
    pub(super) seed: u64,
    /// The end of the simulated day.
    pub(super) end: i64,
    pub(super) universe: &'a Universe,
    /// The parts of the event that texts for users have: those that were asked for, but not those that were drawn.
    pub(super) shown: Shown,
}

/// The parts of an event that are shown to users.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) symbol: bool,
    pub(super) start: bool,
}

impl Default for Shown {
    fn default() -> Shown {
        Shown { symbol: true, start: true }
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        event: &'a PlannedEvent,
        options: &'a SimulationOptions,
        universe: &'a Universe,
    ) -> Scene<'a> {
        let (day, seed, end) = (&options.day, options.day_seed(), options.end().micros());
        Scene { event, day, seed, end, universe, shown: Shown::default() }
    }

    pub(super) fn definition(&self) -> &'static Definition {
        self.event.kind.definition()
    }

    /// Returns the value of a parameter; for a word its index.
    pub(super) fn value(&self, name: &str) -> f64 {
        let index = self.event.kind.parameters().iter().position(|parameter| parameter.name == name);
        self.event.values[index.expect("a kind asks for its own parameters")]
    }

    /// Returns a parameter that is a number of seconds, in microseconds.
    pub(super) fn micros(&self, name: &str) -> i64 {
        (self.value(name) * SECOND as f64) as i64
    }

    /// Returns the start of the event in microseconds.
    pub(super) fn at(&self) -> i64 {
        self.event.at.micros()
    }

    /// Returns start and end of the core session in microseconds.
    pub(super) fn core(&self) -> (i64, i64) {
        (self.day.core_open().micros(), self.day.core_close().micros())
    }

    /// Returns the symbol of an event that has one.
    pub(super) fn info(&self) -> &'a SymbolInfo {
        let symbol = self.event.symbol.expect("an event of one symbol has it");
        self.universe.get(symbol).expect("the symbol was looked up")
    }

    /// Returns the text of an instant in exchange time.
    pub(super) fn clock(&self, at: i64) -> String {
        clock(self.day, at)
    }

    /// Returns kind and symbol as users write them.
    pub(super) fn named(&self) -> String {
        match self.event.symbol.filter(|_| self.shown.symbol) {
            Some(symbol) => format!("{}:{symbol}", self.event.kind),
            None => self.event.kind.to_string(),
        }
    }

    /// Returns the start of the form in which users write an event: kind, symbol and exchange time.
    pub(super) fn head(&self) -> String {
        if self.shown.start { self.head_at(self.at()) } else { self.named() }
    }

    /// Returns the same for the event at another time.
    pub(super) fn head_at(&self, at: i64) -> String {
        let session = self.day.start().micros();
        // sessions begin at 04:00; a time of day does not tell an instant of another date
        if (session - 4 * HOUR..session + 20 * HOUR).contains(&at) {
            format!("{}@{}", self.named(), self.clock(at))
        } else {
            format!("{}@{}", self.named(), instant(at))
        }
    }

    /// Returns the whole event, as the span in which its symbols can have no other one.
    pub(super) fn whole(&self) -> Option<(i64, i64)> {
        Some((self.at(), self.to()))
    }

    /// Returns the phases as starts, in order.
    pub(super) fn phases(&self) -> Vec<(&'static str, i64)> {
        (self.definition().phases)(self)
    }

    /// Returns the end of the event.
    pub(super) fn to(&self) -> i64 {
        self.phases().last().map_or(self.at(), |phase| phase.1)
    }

    /// Returns what happens to a symbol; nothing if the event happens to another one.
    pub(super) fn legs(&self, info: &SymbolInfo) -> Vec<Leg> {
        match self.event.symbol {
            Some(symbol) if symbol != info.symbol => Vec::new(),
            _ => (self.definition().legs)(self, info),
        }
    }

    /// Returns the name of the event within its day.
    pub(super) fn id(&self) -> String {
        let symbol = self.event.symbol.map(|symbol| format!("-{symbol}")).unwrap_or_default();
        format!("{}{symbol}-{}", self.event.kind, clock(self.day, self.at()).replace(':', ""))
    }

    /// Returns the label of the event.
    pub(super) fn label(&self) -> Label {
        let phases = self.phases();
        let values = self.event.kind.parameters().iter().zip(&self.event.values);
        let parameters = values.map(|(parameter, &value)| (parameter.name, parameter.text(value)));
        let facts = (self.definition().facts)(self);
        Label {
            id: self.id(),
            kind: self.event.kind.to_string(),
            symbol: self.event.symbol,
            from: instant(phases[0].1),
            to: instant(self.to()),
            phases: phases
                .iter()
                .map(|&(name, at)| Phase { name: name.to_owned(), at: instant(at) })
                .collect(),
            parameters: parameters.chain(facts).map(|(name, text)| (name.to_owned(), text)).collect(),
            rule: self.definition().rule.to_owned(),
        }
    }

    /// Returns what is wrong with the event alone.
    pub(super) fn fault(&self, model: crate::Model) -> Option<Fault> {
        let (kind, definition) = (self.event.kind, self.definition());
        if let Some(reason) = (definition.without)(model) {
            return Some((Part::Kind, Box::new(Refusal::Model { kind, model: model.as_str(), reason })));
        }
        let (from, to) = (definition.window)(self);
        if from > to {
            return Some((Part::Whole, Box::new(Refusal::Room { kind })));
        }
        if !(from..=to).contains(&self.at()) {
            // a start within a second of the window's end is not offered
            let near = self.at().clamp(from, to) / SECOND * SECOND;
            let near = if near < from { from } else { near };
            let (from, to) = (self.clock(from), self.clock(to));
            let refusal = Refusal::Start { event: self.head(), from, to, nearest: self.head_at(near) };
            return Some((Part::Start, Box::new(refusal)));
        }
        let rule = |reason| Refusal::Rule { event: self.head(), reason };
        (definition.fault)(self).map(|reason| (Part::Whole, Box::new(rule(reason))))
    }
}

pub(super) fn clock(day: &TradingDay, at: i64) -> String {
    day.exchange_time(instant(at)).format("%H:%M:%S%.f").to_string()
}

pub(super) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}

impl SimulationOptions {
    /// Returns the labels of the planned events, by start.
    pub fn labels(&self) -> Vec<Label> {
        let universe = self.universe();
        let label = |event| Scene::new(event, self, &universe).label();
        let mut labels: Vec<Label> = self.planned_events.iter().map(label).collect();
        // a first trade is planned by its time, and its label begins with the day
        labels.sort_by(|one, other| (one.from, &one.id).cmp(&(other.from, &other.id)));
        labels
    }
}
