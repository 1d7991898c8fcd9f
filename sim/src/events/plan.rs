//! The plan of a day: complete events, and the checks that they follow the rules and do not meet.

use std::{cmp::Reverse, fmt};

use tradesim_schemas::{Symbol, Timestamp, text::nearest};

use super::{
    Label, Phase, Request, SECOND,
    kind::{Definition, EventKind, Parameter, Reach, Values},
    script::Leg,
};
use crate::{
    SimulationOptions,
    rng::{Purpose, Stream},
    session::TradingDay,
    universe::{SymbolInfo, Universe},
};

/// The most events of a day.
const EVENTS_MAX: usize = 100;
/// The number of draws of symbol and start after which an event that was not given them is refused.
const DRAWS_MAX: usize = 1_000;

/// An event of a plan, with everything decided.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedEvent {
    kind: EventKind,
    symbol: Option<Symbol>,
    at: Timestamp,
    /// The values of the kind's parameters, in their order.
    values: Vec<f64>,
}

impl PlannedEvent {
    /// Returns the kind.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns the symbol; `None` if the event happens to all.
    pub fn symbol(&self) -> Option<Symbol> {
        self.symbol
    }

    /// Returns the start.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the start of the form in which users write an event: kind, symbol and exchange time.
    fn head(&self, day: &TradingDay) -> String {
        let symbol = self.symbol.map(|symbol| format!(":{symbol}")).unwrap_or_default();
        format!("{}{symbol}@{}", self.kind, clock(day, self.at.micros()))
    }
}

/// Writes the event as it stands in an identity: `luld:KO@2026-02-18T15:31:12.000000Z,direction=down,…`.
impl fmt::Display for PlannedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(symbol) = self.symbol {
            write!(f, ":{symbol}")?;
        }
        write!(f, "@{}", self.at)?;
        for (parameter, &value) in self.kind.parameters().iter().zip(&self.values) {
            write!(f, ",{}={}", parameter.name, parameter.text(value))?;
        }
        Ok(())
    }
}

/// The part of a request that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The kind.
    Kind,
    /// The symbol.
    Symbol,
    /// The start.
    Start,
    /// A parameter of this name.
    Parameter(String),
    /// All of it.
    Whole,
}

/// A request that cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct PlanError {
    /// The number of the request, from 0.
    pub request: usize,
    /// The part of the request that is wrong.
    pub part: Part,
    /// The reason.
    pub refusal: Box<Refusal>,
}

/// The reason for which an event cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There are too many events.
    #[error("too many planned events: expected at most {EVENTS_MAX} a day")]
    Many,
    /// There is no such kind.
    #[error("unknown planned event {kind:?}: expected {expected}")]
    Kind {
        /// The kind that was asked for.
        kind: String,
        /// The nearest kind, or all.
        expected: String,
    },
    /// There is no such symbol.
    #[error("unknown symbol {symbol:?} of {kind}: expected {expected}")]
    Symbol {
        /// The kind.
        kind: EventKind,
        /// The symbol that was asked for.
        symbol: String,
        /// The nearest symbol, or some.
        expected: String,
    },
    /// An event of all symbols has a symbol.
    #[error("{kind} happens to all symbols: expected {kind} without a symbol")]
    NoSymbol {
        /// The kind.
        kind: EventKind,
    },
    /// There is no such parameter.
    #[error("unknown parameter {name:?} of {kind}: expected {expected}")]
    Parameter {
        /// The kind.
        kind: EventKind,
        /// The parameter that was asked for.
        name: String,
        /// The nearest parameter, or all.
        expected: String,
    },
    /// A parameter is given twice.
    #[error("{name} of {kind} is given twice")]
    Twice {
        /// The kind.
        kind: EventKind,
        /// The parameter.
        name: String,
    },
    /// A value is not valid.
    #[error("invalid {name}={value} of {kind}: expected {expected}")]
    Value {
        /// The kind.
        kind: EventKind,
        /// The parameter.
        name: String,
        /// The value that was asked for.
        value: String,
        /// The valid values.
        expected: String,
    },
    /// The start is outside the time in which the event is possible.
    #[error("{event} begins outside {from} to {to} exchange time: the nearest valid form is {nearest}")]
    Start {
        /// The event.
        event: String,
        /// The first possible start.
        from: String,
        /// The last possible start.
        to: String,
        /// The event at the nearest possible start.
        nearest: String,
    },
    /// The day is too short for the event with these parameters.
    #[error("{kind} with these parameters does not fit into the core session")]
    Room {
        /// The kind.
        kind: EventKind,
    },
    /// The model cannot have the event.
    #[error("{kind} is not possible with the model {model}: {reason}")]
    Model {
        /// The kind.
        kind: EventKind,
        /// The model.
        model: &'static str,
        /// The reason.
        reason: &'static str,
    },
    /// A rule of the market does not allow the event.
    #[error("{event}: {reason}")]
    Rule {
        /// The event.
        event: String,
        /// The rule.
        reason: String,
    },
    /// Two events of a symbol overlap.
    #[error("{event} overlaps {other}, which ends at {until}: the nearest valid form is {nearest}")]
    Overlap {
        /// The event.
        event: String,
        /// The other event.
        other: String,
        /// The end of the other event, in exchange time.
        until: String,
        /// The event after the other one.
        nearest: String,
    },
    /// No symbol and start were found at which the event does not meet another one.
    #[error("no room for {kind} beside the other planned events: give it a symbol and a start")]
    Full {
        /// The kind.
        kind: EventKind,
    },
}

/// An event in its day: what the functions of a kind see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) event: &'a PlannedEvent,
    pub(super) day: &'a TradingDay,
    pub(super) seed: u64,
    /// The end of the simulated day.
    pub(super) end: i64,
    pub(super) universe: &'a Universe,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        event: &'a PlannedEvent,
        options: &'a SimulationOptions,
        universe: &'a Universe,
    ) -> Scene<'a> {
        let (day, seed, end) = (&options.day, options.day_seed(), options.end().micros());
        Scene { event, day, seed, end, universe }
    }

    fn definition(&self) -> &'static Definition {
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

    /// Returns the phases as starts, in order.
    pub(super) fn phases(&self) -> Vec<(&'static str, i64)> {
        (self.definition().phases)(self)
    }

    /// Returns the end of the event.
    fn to(&self) -> i64 {
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
            from: self.event.at,
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
    fn fault(&self, model: crate::Model) -> Option<(Part, Box<Refusal>)> {
        let (kind, definition) = (self.event.kind, self.definition());
        if let Some(reason) = (definition.without)(model) {
            return Some((Part::Kind, Box::new(Refusal::Model { kind, model: model.as_str(), reason })));
        }
        let (from, to) = (definition.window)(self);
        if from > to {
            return Some((Part::Whole, Box::new(Refusal::Room { kind })));
        }
        let event = self.event.head(self.day);
        if !(from..=to).contains(&self.at()) {
            // a start within a second of the window's end is not offered
            let near = self.at().clamp(from, to) / SECOND * SECOND;
            let near = if near < from { from } else { near };
            let near = PlannedEvent { at: instant(near), ..self.event.clone() };
            let (from, to) = (self.clock(from), self.clock(to));
            let refusal = Refusal::Start { event, from, to, nearest: near.head(self.day) };
            return Some((Part::Start, Box::new(refusal)));
        }
        (definition.fault)(self).map(|reason| (Part::Whole, Box::new(Refusal::Rule { event, reason })))
    }

    /// Returns what is wrong with the event beside another one.
    fn conflict(&self, other: &Scene<'_>) -> Option<(Part, Box<Refusal>)> {
        let (kind, event) = (self.event.kind, self.event.head(self.day));
        if kind == EventKind::CircuitBreaker && other.event.kind == kind {
            let reason =
                "each level halts once a day: give one circuit-breaker with the highest level".to_owned();
            return Some((Part::Whole, Box::new(Refusal::Rule { event, reason })));
        }
        let (mine, others) = (self.event.symbol, other.event.symbol);
        let apart = mine.is_some() && others.is_some() && mine != others;
        if apart || self.at() >= other.to() || other.at() >= self.to() {
            return None;
        }
        let until = (other.to() + SECOND - 1).div_euclid(SECOND) * SECOND;
        let next = PlannedEvent { at: instant(until), ..self.event.clone() };
        let refusal = Refusal::Overlap {
            event,
            other: other.event.head(self.day),
            until: self.clock(until),
            nearest: next.head(self.day),
        };
        Some((Part::Start, Box::new(refusal)))
    }
}

fn clock(day: &TradingDay, at: i64) -> String {
    day.exchange_time(instant(at)).format("%H:%M:%S%.f").to_string()
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}

/// Completes the events that are asked for: what a request leaves open is drawn from the seed. Returns them by start.
///
/// # Errors
/// Returns the first request that names something unknown, or that the rules or the other events do not allow.
pub fn plan(requests: &[Request], options: &SimulationOptions) -> Result<Vec<PlannedEvent>, PlanError> {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    if requests.len() > EVENTS_MAX {
        return Err(PlanError { request: EVENTS_MAX, part: Part::Whole, refusal: Box::new(Refusal::Many) });
    }
    let mut drafts = Vec::with_capacity(requests.len());
    for (number, request) in requests.iter().enumerate() {
        let ordinal = requests[..number].iter().filter(|other| other.kind == request.kind).count();
        let draft = Draft::new(request, ordinal, options, &universe);
        drafts.push((number, draft.map_err(|(part, refusal)| PlanError { request: number, part, refusal })?));
    }
    // what is given has precedence over what is drawn
    drafts.sort_by_key(|(number, draft)| {
        (Reverse(draft.at.is_some()), Reverse(draft.symbol.is_some()), *number)
    });
    let mut events: Vec<PlannedEvent> = Vec::new();
    for (number, draft) in drafts {
        let placed = draft.place(&events, options, &universe);
        events.push(placed.map_err(|(part, refusal)| PlanError { request: number, part, refusal })?);
    }
    events.sort_by_key(|event| (event.at, event.kind, event.symbol.map(|symbol| symbol.key())));
    Ok(events)
}

/// An event of which the symbol and the start may be open.
struct Draft {
    kind: EventKind,
    symbol: Option<Symbol>,
    at: Option<Timestamp>,
    values: Vec<f64>,
    stream: Stream,
}

impl Draft {
    fn new(
        request: &Request,
        ordinal: usize,
        options: &SimulationOptions,
        universe: &Universe,
    ) -> Result<Draft, (Part, Box<Refusal>)> {
        let kind = EventKind::of_name(&request.kind).ok_or_else(|| {
            let names = EventKind::ALL.iter().map(|kind| kind.as_str());
            let expected = nearest(&request.kind, names.clone())
                .map_or_else(|| format!("one of {}", names.collect::<Vec<_>>().join(", ")), str::to_owned);
            (Part::Kind, Box::new(Refusal::Kind { kind: request.kind.clone(), expected }))
        })?;
        if let Some(reason) = (kind.definition().without)(options.model) {
            return Err((
                Part::Kind,
                Box::new(Refusal::Model { kind, model: options.model.as_str(), reason }),
            ));
        }
        let symbol = match &request.symbol {
            Some(_) if !kind.has_symbol() => {
                return Err((Part::Symbol, Box::new(Refusal::NoSymbol { kind })));
            }
            Some(name) => Some(symbol_of(kind, name, universe)?),
            None => None,
        };
        let mut stream = Stream::new(options.day_seed(), Purpose::Planned, &format!("{kind}/{ordinal}"));
        let given =
            |parameter: &Parameter| request.parameters.iter().find(|(name, _)| name == parameter.name);
        check_names(kind, &request.parameters)?;
        let mut values = Vec::new();
        for parameter in kind.parameters() {
            // each parameter is drawn, so that a given one does not change the others
            let drawn = parameter.draw(&mut stream);
            values.push(match given(parameter) {
                None => drawn,
                Some((name, value)) => parameter.parse(value).ok_or_else(|| {
                    let (name, value) = (name.clone(), value.clone());
                    let expected = parameter.values.to_string();
                    (Part::Parameter(name.clone()), Box::new(Refusal::Value { kind, name, value, expected }))
                })?,
            });
        }
        let at = request.at.map(|at| options.day.resolve(at));
        Ok(Draft { kind, symbol, at, values, stream })
    }

    /// Decides what is open so that the event follows the rules and does not meet those that are placed already.
    fn place(
        mut self,
        placed: &[PlannedEvent],
        options: &SimulationOptions,
        universe: &Universe,
    ) -> Result<PlannedEvent, (Part, Box<Refusal>)> {
        let reach = self.kind.definition().reach;
        let is_open = self.at.is_none() || reach == Reach::One && self.symbol.is_none();
        let mut first = None;
        for _ in 0..if is_open { DRAWS_MAX } else { 1 } {
            let drawn = self.stream.weighted(universe.symbols().iter().map(|info| info.weight));
            let symbol =
                (reach == Reach::One).then(|| self.symbol.unwrap_or(universe.symbols()[drawn].symbol));
            let start = options.day.core_open();
            let mut event = PlannedEvent { kind: self.kind, symbol, at: start, values: self.values.clone() };
            let (from, to) = (self.kind.definition().usual)(&Scene::new(&event, options, universe));
            let seconds = ((to - from) / SECOND).max(0) as u32 + 1;
            let drawn = from + i64::from(self.stream.below(seconds)) * SECOND;
            event.at = self.at.unwrap_or_else(|| instant(drawn));
            let scene = Scene::new(&event, options, universe);
            let conflict = |other| scene.conflict(&Scene::new(other, options, universe));
            match scene.fault(options.model).or_else(|| placed.iter().find_map(conflict)) {
                None => return Ok(event),
                Some(fault) => first = first.or(Some(fault)),
            }
        }
        let none = (Part::Whole, Box::new(Refusal::Full { kind: self.kind }));
        Err(match first {
            Some((_, refusal)) if is_open && matches!(*refusal, Refusal::Overlap { .. }) => none,
            Some(fault) => fault,
            None => none,
        })
    }
}

fn symbol_of(kind: EventKind, name: &str, universe: &Universe) -> Result<Symbol, (Part, Box<Refusal>)> {
    let known = universe.symbols().iter().find(|info| info.symbol.as_str() == name);
    known.map(|info| info.symbol).ok_or_else(|| {
        let expected = nearest(name, universe.names()).map_or_else(
            || format!("one of the {} simulated symbols", universe.symbols().len()),
            str::to_owned,
        );
        (Part::Symbol, Box::new(Refusal::Symbol { kind, symbol: name.to_owned(), expected }))
    })
}

fn check_names(kind: EventKind, given: &[(String, String)]) -> Result<(), (Part, Box<Refusal>)> {
    for (index, (name, _)) in given.iter().enumerate() {
        let part = || Part::Parameter(name.clone());
        let names = kind.parameters().iter().map(|parameter| parameter.name);
        if !names.clone().any(|known| known == name) {
            let expected = nearest(name, names.clone())
                .map_or_else(|| format!("one of {}", names.collect::<Vec<_>>().join(", ")), str::to_owned);
            return Err((part(), Box::new(Refusal::Parameter { kind, name: name.clone(), expected })));
        }
        if given[..index].iter().any(|(other, _)| other == name) {
            return Err((part(), Box::new(Refusal::Twice { kind, name: name.clone() })));
        }
    }
    Ok(())
}

/// Checks that complete events are possible together.
pub(crate) fn check(options: &SimulationOptions, universe: &Universe) -> Result<(), PlanError> {
    let events = &options.planned_events;
    if events.len() > EVENTS_MAX {
        return Err(PlanError { request: EVENTS_MAX, part: Part::Whole, refusal: Box::new(Refusal::Many) });
    }
    for (request, event) in events.iter().enumerate() {
        let fail = |(part, refusal)| Err(PlanError { request, part, refusal });
        if let Some(symbol) = event.symbol
            && universe.get(symbol).is_none()
        {
            let fault = symbol_of(event.kind, symbol.as_str(), universe);
            return fault.map(drop).or_else(fail);
        }
        let scene = Scene::new(event, options, universe);
        let conflict = |other| scene.conflict(&Scene::new(other, options, universe));
        if let Some(fault) =
            scene.fault(options.model).or_else(|| events[..request].iter().find_map(conflict))
        {
            return fail(fault);
        }
    }
    Ok(())
}

impl Values {
    /// Returns true for values that are words.
    pub fn are_words(&self) -> bool {
        matches!(self, Values::OneOf(_))
    }
}

impl SimulationOptions {
    /// Returns the labels of the planned events, by start.
    pub fn labels(&self) -> Vec<Label> {
        let universe = Universe::on(self.day.date()).heaviest(self.symbols);
        self.planned_events.iter().map(|event| Scene::new(event, self, &universe).label()).collect()
    }
}
