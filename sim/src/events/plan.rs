//! The plan of a day: complete events, and the checks that they follow the rules and do not meet.

use std::{cmp::Reverse, fmt};

use tradesim_schemas::{Symbol, Timestamp, text::nearest};

use super::{
    Request, SECOND,
    kind::{EventKind, Parameter, Reach},
    refusal::{Fault, OpenParts, Part, PlanError, Refusal},
    scene::{Scene, Shown, instant},
    split::split,
};
use crate::{
    SimulationOptions,
    rng::{Purpose, Stream},
    universe::Universe,
};

/// The most events of a day.
pub(super) const EVENTS_MAX: usize = 100;
/// The numbers of draws of symbol and start after which an event that was not given them is refused: first with usual starts, then
/// with all possible ones.
const DRAWS_USUAL: usize = 1_000;
const DRAWS_MAX: usize = 2_000;

/// An event of a plan, with everything decided.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedEvent {
    pub(super) kind: EventKind,
    pub(super) symbol: Option<Symbol>,
    pub(super) at: Timestamp,
    /// The values of the kind's parameters, in their order.
    pub(super) values: Vec<f64>,
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

/// Completes the events that are asked for: what a request leaves open is drawn from the seed. Returns them by start.
///
/// # Errors
/// Returns the first request that names something unknown, or that the rules or the other events do not allow.
pub fn plan(requests: &[Request], options: &SimulationOptions) -> Result<Vec<PlannedEvent>, PlanError> {
    let mut universe = SimulationOptions { planned_events: Vec::new(), ..options.clone() }.universe();
    if requests.len() > EVENTS_MAX {
        return Err(PlanError { request: EVENTS_MAX, part: Part::Whole, refusal: Box::new(Refusal::Many) });
    }
    let mut drafts = Vec::with_capacity(requests.len());
    for (number, request) in requests.iter().enumerate() {
        let ordinal = requests[..number].iter().filter(|other| other.kind == request.kind).count();
        let draft = Draft::new(request, ordinal, options, &universe);
        drafts.push((number, draft.map_err(|(part, refusal)| PlanError { request: number, part, refusal })?));
    }
    // splits decide the prices of the day; what is given has precedence over what is drawn
    drafts.sort_by_key(|(number, draft)| {
        let is_split = draft.kind == EventKind::Split;
        (Reverse(is_split), Reverse(draft.at.is_some()), Reverse(draft.symbol.is_some()), *number)
    });
    let mut events: Vec<PlannedEvent> = Vec::new();
    for (number, draft) in drafts {
        let placed = draft.place(&events, options, &universe);
        let placed = placed.map_err(|(part, refusal)| PlanError { request: number, part, refusal })?;
        universe = split(universe, std::slice::from_ref(&placed));
        events.push(placed);
    }
    events.sort_by_key(|event| (event.at, event.kind, event.symbol.map(|symbol| symbol.key())));
    Ok(events)
}

/// Completes the events that are possible on a day, as [`plan`] does, and leaves the others out: a plan for many days may have
/// a time that an early close does not have.
pub fn plan_possible(requests: &[Request], options: &SimulationOptions) -> Vec<PlannedEvent> {
    let mut requests: Vec<Request> = requests.iter().take(EVENTS_MAX).cloned().collect();
    loop {
        match plan(&requests, options) {
            Ok(events) => return events,
            Err(error) => drop(requests.remove(error.request)),
        }
    }
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
    ) -> Result<Draft, Fault> {
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
            let drawn = parameter.draw(&mut stream, universe);
            values.push(match given(parameter) {
                None => drawn,
                Some((name, value)) => parameter.parse(value).ok_or_else(|| {
                    let (name, value) = (name.clone(), value.clone());
                    let expected = parameter.values.expected(&value);
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
    ) -> Result<PlannedEvent, Fault> {
        let definition = self.kind.definition();
        let has_symbol = definition.reach == Reach::One;
        let shown = Shown { symbol: self.symbol.is_some(), start: self.at.is_some() };
        let is_open = !shown.start || has_symbol && !shown.symbol;
        let mut misses = Misses::default();
        for number in 0..if is_open { DRAWS_MAX } else { 1 } {
            let drawn = self.stream.weighted(universe.symbols().iter().map(|info| info.weight));
            let symbol = has_symbol.then(|| self.symbol.unwrap_or(universe.symbols()[drawn].symbol));
            let start = options.day.core_open();
            let mut event = PlannedEvent { kind: self.kind, symbol, at: start, values: self.values.clone() };
            let starts = if number < DRAWS_USUAL { definition.usual } else { definition.window };
            let (from, to) = starts(&Scene::new(&event, options, universe));
            let seconds = ((to - from) / SECOND).max(0) as u32 + 1;
            let drawn = from + i64::from(self.stream.below(seconds)) * SECOND;
            event.at = self.at.unwrap_or_else(|| instant(drawn));
            let scene = Scene { shown, ..Scene::new(&event, options, universe) };
            if let Some(fault) = scene.fault(options.model) {
                misses.of_event.get_or_insert(fault);
                continue;
            }
            match scene.conflicts(placed) {
                None => return Ok(event),
                Some(conflict) => misses.add_conflict(conflict),
            }
        }
        let open = match (has_symbol && !shown.symbol, !shown.start) {
            (true, true) => OpenParts::Both,
            (true, false) => OpenParts::Symbol,
            (false, _) => OpenParts::Start,
        };
        Err(match is_open {
            true => misses.of_open(self.kind, open),
            false => misses.first(self.kind),
        })
    }
}

/// The faults of the draws of an event.
#[derive(Default)]
struct Misses {
    /// The first fault of the event alone.
    of_event: Option<Fault>,
    /// The first conflict with another event.
    conflict: Option<Fault>,
    /// There were other conflicts.
    conflicts_differ: bool,
}

impl Misses {
    fn add_conflict(&mut self, conflict: Fault) {
        match &self.conflict {
            Some(first) => self.conflicts_differ |= *first != conflict,
            None => self.conflict = Some(conflict),
        }
    }

    /// Returns the fault of an event with everything given.
    fn first(self, kind: EventKind) -> Fault {
        let full = Refusal::Full { kind, open: OpenParts::Start, cause: None };
        self.of_event.or(self.conflict).unwrap_or((Part::Whole, Box::new(full)))
    }

    /// Returns the fault of an event that was drawn. A conflict tells a user something only if no draw can avoid it.
    fn of_open(self, kind: EventKind, open: OpenParts) -> Fault {
        match (self.of_event, self.conflict) {
            (Some(fault), None) => fault,
            (None, Some((part, refusal)))
                if !self.conflicts_differ
                    && part == Part::Whole
                    && matches!(*refusal, Refusal::Rule { .. }) =>
            {
                (part, refusal)
            }
            (_, conflict) => {
                let cause = conflict.and_then(|(_, refusal)| refusal.cause());
                (Part::Whole, Box::new(Refusal::Full { kind, open, cause }))
            }
        }
    }
}

fn symbol_of(kind: EventKind, name: &str, universe: &Universe) -> Result<Symbol, Fault> {
    let known = universe.symbols().iter().find(|info| info.symbol.as_str() == name);
    known.map(|info| info.symbol).ok_or_else(|| {
        let expected = nearest(name, universe.names()).map_or_else(
            || format!("one of the {} simulated symbols", universe.symbols().len()),
            str::to_owned,
        );
        (Part::Symbol, Box::new(Refusal::Symbol { kind, symbol: name.to_owned(), expected }))
    })
}

fn check_names(kind: EventKind, given: &[(String, String)]) -> Result<(), Fault> {
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
        if let Some(fault) = scene.fault(options.model).or_else(|| scene.conflicts(&events[..request])) {
            return fail(fault);
        }
    }
    Ok(())
}
