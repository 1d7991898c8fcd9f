//! The reasons for which events cannot be planned.

use tradesim_schemas::Symbol;

use super::{kind::EventKind, plan::EVENTS_MAX};

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

/// A reason, and the part of the request that it is about.
pub(super) type Fault = (Part, Box<Refusal>);

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
    /// An event that does not happen to one symbol has a symbol.
    #[error("{kind} does not happen to one symbol: leave the symbol out")]
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
    /// A symbol has no other event from the start of the day until two hours after its first trade.
    #[error(
        "{event}: {symbol} has no other event from 04:00 until two hours after its first trade: begin {later} at {end} or later"
    )]
    FirstTrade {
        /// The event.
        event: String,
        /// The event that is not the first trade.
        later: String,
        /// The symbol.
        symbol: Symbol,
        /// The instant from which it can have other events, in exchange time.
        end: String,
    },
    /// No symbol and start were found at which the event does not meet another one.
    #[error("no room for {kind} beside the other planned events{}: {}", because(cause.as_deref()), open.advice())]
    Full {
        /// The kind.
        kind: EventKind,
        /// The parts that were drawn.
        open: OpenParts,
        /// The reason against the first draw, as an example.
        cause: Option<String>,
    },
}

/// The parts of a request that were drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenParts {
    /// The symbol.
    Symbol,
    /// The start.
    Start,
    /// Both.
    Both,
}

impl OpenParts {
    /// Returns what to do about an event for which no place was found.
    const fn advice(self) -> &'static str {
        match self {
            OpenParts::Symbol => "give it a symbol, or leave an event out",
            OpenParts::Start => "give it a start, or leave an event out",
            OpenParts::Both => "give it a symbol and a start, or leave an event out",
        }
    }
}

impl Refusal {
    /// Returns what is wrong with an event beside another one, without the advice that follows it.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Refusal::Rule { reason, .. } => reason.split(": ").next().map(str::to_owned),
            Refusal::Overlap { other, until, .. } => Some(format!("{other} ends at {until}")),
            Refusal::FirstTrade { symbol, end, .. } => {
                Some(format!("{symbol} has no other event until {end}, two hours after its first trade"))
            }
            _ => None,
        }
    }
}

fn because(cause: Option<&str>) -> String {
    cause.map(|cause| format!(" ({cause})")).unwrap_or_default()
}
