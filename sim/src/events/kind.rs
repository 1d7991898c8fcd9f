//! The kinds of planned events, and their parameters.

use std::fmt;

use tradesim_schemas::text::nearest;

use super::{
    circuit_breaker, fat_finger, flash_crash, ipo, luld, news, rebalance, scene::Scene, script::Leg,
    short_sale, split, venue_outage,
};
use crate::{
    Model,
    rng::Stream,
    universe::{SymbolInfo, Universe},
};

/// A kind of planned events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A limit state and a trading pause of one symbol, by the Limit Up-Limit Down Plan.
    Luld,
    /// A market-wide halt of level 1, 2 or 3.
    CircuitBreaker,
    /// News about one symbol: a jump of its price, and a crowd.
    News,
    /// An order that is far too large.
    FatFinger,
    /// A crash of all symbols that mostly reverses.
    FlashCrash,
    /// The rebalancing of an index: a heavy closing cross.
    Rebalance,
    /// A split of one symbol, whose prices are adjusted on this day.
    Split,
    /// An initial public offering: the first trade of a symbol.
    Ipo,
    /// A venue that is silent for a time.
    VenueOutage,
    /// A fall that switches the price test for short sales on.
    ShortSale,
}

/// A parameter of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its valid values.
    pub values: Values,
    /// Its value if none is given.
    pub(super) usual: Usual,
    /// Its meaning, with its unit.
    pub help: &'static str,
}

/// The valid values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// A number.
    Number {
        /// The least valid number.
        min: f64,
        /// The greatest valid number.
        max: f64,
    },
    /// A whole number.
    Count {
        /// The least valid number.
        min: u32,
        /// The greatest valid number.
        max: u32,
    },
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// The value of a parameter that is not given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Usual {
    Fixed(f64),
    /// Uniform between two numbers.
    Drawn(f64, f64),
    /// One of the words of [`Values::OneOf`].
    AnyWord,
    /// The listing venue of a symbol, drawn by weight.
    Listing,
}

/// The parts of a kind.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) rule: &'static str,
    /// The symbols that it happens to.
    pub(super) reach: Reach,
    /// The reason for which a model cannot have it.
    pub(super) without: fn(Model) -> Option<&'static str>,
    /// The first and the last instant at which it may begin.
    pub(super) window: fn(&Scene<'_>) -> (i64, i64),
    /// The span from which the start is drawn if none is given; within the window.
    pub(super) usual: fn(&Scene<'_>) -> (i64, i64),
    /// The reason for which the event is against the rules, if it is.
    pub(super) fault: fn(&Scene<'_>) -> Option<String>,
    /// Its phases. The market differs from the first one on, and the last one is the end of the event.
    pub(super) phases: fn(&Scene<'_>) -> Vec<(&'static str, i64)>,
    /// The span in which a symbol can have no other event; `None` if it can have them at any time.
    pub(super) busy: fn(&Scene<'_>) -> Option<(i64, i64)>,
    /// The legs of a symbol.
    pub(super) legs: fn(&Scene<'_>, &SymbolInfo) -> Vec<Leg>,
    /// The facts that the label states in addition to the parameters.
    pub(super) facts: fn(&Scene<'_>) -> Vec<(&'static str, String)>,
}

/// The symbols that a kind happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    One,
    All,
    /// Those that are listed on a venue, which is a parameter.
    Venue,
}

/// The words of a parameter that is a venue.
pub(super) const VENUES: &[&str] = &["NYSE", "NASDAQ", "AMEX", "ARCA", "BATS"];

impl EventKind {
    /// All kinds.
    pub const ALL: &[EventKind] = &[
        EventKind::Luld,
        EventKind::CircuitBreaker,
        EventKind::News,
        EventKind::FatFinger,
        EventKind::FlashCrash,
        EventKind::Rebalance,
        EventKind::Split,
        EventKind::Ipo,
        EventKind::VenueOutage,
        EventKind::ShortSale,
    ];

    pub(super) const fn definition(self) -> &'static Definition {
        match self {
            EventKind::Luld => &luld::DEFINITION,
            EventKind::CircuitBreaker => &circuit_breaker::DEFINITION,
            EventKind::News => &news::DEFINITION,
            EventKind::FatFinger => &fat_finger::DEFINITION,
            EventKind::FlashCrash => &flash_crash::DEFINITION,
            EventKind::Rebalance => &rebalance::DEFINITION,
            EventKind::Split => &split::DEFINITION,
            EventKind::Ipo => &ipo::DEFINITION,
            EventKind::VenueOutage => &venue_outage::DEFINITION,
            EventKind::ShortSale => &short_sale::DEFINITION,
        }
    }

    /// Returns the name of the kind.
    pub const fn as_str(self) -> &'static str {
        self.definition().name
    }

    /// Returns the kind of a name.
    pub fn of_name(name: &str) -> Option<EventKind> {
        EventKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Returns the parameters of the kind.
    pub const fn parameters(self) -> &'static [Parameter] {
        self.definition().parameters
    }

    /// Returns true if the kind happens to one symbol, and false if it happens to several.
    pub fn has_symbol(self) -> bool {
        self.definition().reach == Reach::One
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Parameter {
    /// Draws the value of a parameter that is not given. It has at most four decimals, so that its text is short.
    pub(super) fn draw(&self, stream: &mut Stream, universe: &Universe) -> f64 {
        match (self.usual, self.values) {
            (Usual::Fixed(value), _) => value,
            (Usual::Drawn(from, to), _) => (stream.between(from, to) * 10_000.0) as i64 as f64 / 10_000.0,
            (Usual::AnyWord, Values::OneOf(words)) => f64::from(stream.below(words.len() as u32)),
            (Usual::Listing, Values::OneOf(words)) => {
                let drawn = stream.weighted(universe.symbols().iter().map(|info| info.weight));
                let venue = universe.symbols()[drawn].exchange.as_str();
                words.iter().position(|word| *word == venue).unwrap_or(0) as f64
            }
            (Usual::AnyWord | Usual::Listing, _) => 0.0,
        }
    }

    /// Parses a value.
    pub(super) fn parse(&self, text: &str) -> Option<f64> {
        match self.values {
            Values::Number { min, max } => text.parse().ok().filter(|value| (min..=max).contains(value)),
            Values::Count { min, max } => {
                text.parse::<u32>().ok().filter(|value| (min..=max).contains(value)).map(f64::from)
            }
            Values::OneOf(words) => words.iter().position(|word| *word == text).map(|index| index as f64),
        }
    }

    /// Returns the text of a value.
    pub(super) fn text(&self, value: f64) -> String {
        match self.values {
            Values::OneOf(words) => words[value as usize].to_owned(),
            Values::Number { .. } | Values::Count { .. } => value.to_string(),
        }
    }
}

impl Values {
    /// Returns the nearest valid form of a value that is not valid, or all valid ones.
    pub(super) fn expected(&self, value: &str) -> String {
        let word = match self {
            Values::OneOf(words) => nearest(value, words.iter().copied()),
            Values::Number { .. } | Values::Count { .. } => None,
        };
        word.map_or_else(|| self.to_string(), str::to_owned)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Values::Count { min, max } => write!(f, "a whole number from {min} to {max}"),
            Values::OneOf(words) => f.write_str(&words.join(" or ")),
        }
    }
}

/// The parameter of kinds that move a price up or down.
pub(super) const DIRECTION: Parameter = Parameter {
    name: "direction",
    values: Values::OneOf(&["up", "down"]),
    usual: Usual::AnyWord,
    help: "where the price goes",
};

/// Returns 1 for up and −1 for down.
pub(super) fn sign(scene: &Scene<'_>) -> f64 {
    1.0 - 2.0 * scene.value("direction")
}
