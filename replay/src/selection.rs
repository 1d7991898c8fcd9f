//! Which messages of a stream a client gets.
//!
//! There are two layers. What the URL asks for makes a stream of its own, whose seq counts what passes. What the client
//! subscribes to later only skips messages of that stream, and never brings back what the URL kept out.

mod choice;

use tradesim_schemas::{EventType, Symbol};

use self::choice::Choice;
use crate::{names::KnownSymbols, refusal::Refusal};

/// What a frame states: symbol and type, or nothing where it is no event.
pub(crate) type Kind = Option<(Symbol, EventType)>;

/// Symbols that one client may name where any may occur: far more than there are listed, and a bound of what a client
/// can make the server keep.
pub(crate) const SYMBOLS_MAX: usize = 16_384;

/// Which messages a client gets.
#[derive(Clone, Debug)]
pub struct Selection {
    url: Layer,
    subscribed: Layer,
    /// Whether the client took back everything at once. Then the next list begins anew, rather than to leave the other
    /// list, which it did not give, at nothing.
    nothing: bool,
    /// What is in the client's stream.
    in_stream: Matcher,
    /// What it gets of that.
    passing: Matcher,
}

/// What one layer chooses: a message passes if its symbol and its type are both chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layer {
    symbols: Choice<Symbol>,
    events: Choice<EventType>,
}

/// The symbols that are in effect, as a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SelectedSymbols {
    /// Every one.
    All,
    /// These.
    Only(Vec<Symbol>),
    /// Every one but these, where it is not known which there are.
    Except(Vec<Symbol>),
}

impl Selection {
    /// Everything.
    pub(crate) fn all() -> Selection {
        Selection::of_url(None, None)
    }

    /// What a URL lets through; a list that it does not give lets everything through.
    pub fn of_url(symbols: Option<&[Symbol]>, events: Option<&[EventType]>) -> Selection {
        let url = Layer {
            symbols: symbols.map_or(Choice::All, Choice::only),
            events: events.map_or(Choice::All, Choice::only),
        };
        let in_stream = Matcher::new(&url);
        Selection { passing: in_stream.clone(), in_stream, url, subscribed: Layer::ALL, nothing: false }
    }

    /// Adds to what is subscribed; without any list, subscribes to everything.
    ///
    /// # Errors
    /// More than [`SYMBOLS_MAX`] symbols. Nothing changes then.
    pub(crate) fn subscribe(
        &mut self,
        symbols: Option<&[Symbol]>,
        events: Option<&[EventType]>,
    ) -> Result<(), Refusal> {
        let mut subscribed = match symbols.is_none() && events.is_none() || self.nothing {
            true => Layer::ALL,
            false => self.subscribed.clone(),
        };
        if let Some(symbols) = symbols {
            subscribed.symbols.add(symbols);
        }
        if let Some(events) = events {
            subscribed.events.add(events);
        }
        self.change(subscribed, false)
    }

    /// Takes away from what is subscribed; without any list, all of it.
    ///
    /// # Errors
    /// More than [`SYMBOLS_MAX`] symbols. Nothing changes then.
    pub(crate) fn unsubscribe(
        &mut self,
        symbols: Option<&[Symbol]>,
        events: Option<&[EventType]>,
    ) -> Result<(), Refusal> {
        if symbols.is_none() && events.is_none() {
            return self.change(Layer { symbols: Choice::only(&[]), events: Choice::only(&[]) }, true);
        }
        let mut subscribed = self.subscribed.clone();
        if let Some(symbols) = symbols {
            subscribed.symbols.remove(symbols);
        }
        if let Some(events) = events {
            subscribed.events.remove(events);
        }
        self.change(subscribed, self.nothing)
    }

    /// Whether a message belongs to the stream that the URL asks for, and has a seq there.
    #[inline]
    pub(crate) fn in_stream(&self, kind: Kind) -> bool {
        self.in_stream.matches(kind)
    }

    /// Whether the client gets a message: it is in the stream and subscribed to.
    #[inline]
    pub fn passes(&self, kind: Kind) -> bool {
        self.passing.matches(kind)
    }

    /// Whether every message passes, whatever it is.
    #[inline]
    pub(crate) fn is_all(&self) -> bool {
        self.passing.all
    }

    /// Whether the stream is that of the source: the URL filters nothing.
    #[inline]
    pub(crate) fn is_whole_stream(&self) -> bool {
        self.in_stream.all
    }

    /// What the URL asks for as one line of text: the same for the same filters, however they are written, and empty
    /// without any.
    pub(crate) fn identity(&self) -> String {
        let mut identity = String::new();
        if let Choice::Only(symbols) = &self.url.symbols {
            // Debug quotes and escapes, so that no symbol can pass for two
            identity += &format!("symbols={symbols:?}");
        }
        if let Choice::Only(events) = &self.url.events {
            identity +=
                &format!("events={:?}", events.iter().map(|event| event.as_str()).collect::<Vec<_>>());
        }
        identity
    }

    /// The symbols that pass.
    pub(crate) fn symbols(&self, known: &KnownSymbols) -> SelectedSymbols {
        match self.effective().symbols.among(known.as_slice()) {
            Choice::All => SelectedSymbols::All,
            Choice::Only(symbols) => SelectedSymbols::Only(symbols),
            Choice::Except(symbols) => SelectedSymbols::Except(symbols),
        }
    }

    /// The event types that pass, in the contract's order; `None` for all.
    pub(crate) fn events(&self) -> Option<Vec<EventType>> {
        match self.effective().events.among(EventType::ALL) {
            Choice::Only(events) => Some(events),
            Choice::All | Choice::Except(_) => None,
        }
    }

    fn effective(&self) -> Layer {
        Layer {
            symbols: self.url.symbols.and(&self.subscribed.symbols),
            events: self.url.events.and(&self.subscribed.events),
        }
    }

    fn change(&mut self, subscribed: Layer, nothing: bool) -> Result<(), Refusal> {
        if subscribed.symbols.named() > SYMBOLS_MAX {
            let text = format!("symbols: at most {SYMBOLS_MAX} can be named on one connection");
            return Err(Refusal::new("bad_value", text));
        }
        self.subscribed = subscribed;
        self.nothing = nothing;
        self.passing = Matcher::new(&self.effective());
        Ok(())
    }
}

impl Layer {
    const ALL: Layer = Layer { symbols: Choice::All, events: Choice::All };
}

/// A layer made ready to be asked for every message.
#[derive(Clone, Debug)]
struct Matcher {
    all: bool,
    /// A bit for each event type.
    events: u8,
    /// Whether `symbols` are those that pass, or those that do not.
    listed_pass: bool,
    /// [`Symbol::key`], ascending.
    symbols: Vec<u128>,
}

impl Matcher {
    fn new(layer: &Layer) -> Matcher {
        let bits = |events: &[EventType]| events.iter().fold(0, |bits, event| bits | 1 << *event as u8);
        let events = match &layer.events {
            Choice::All => !0,
            Choice::Only(events) => bits(events),
            Choice::Except(events) => !bits(events),
        };
        let (listed_pass, symbols) = match &layer.symbols {
            Choice::All => (false, &[][..]),
            Choice::Only(symbols) => (true, &symbols[..]),
            Choice::Except(symbols) => (false, &symbols[..]),
        };
        // a symbol's key has the order of its text
        let symbols = symbols.iter().map(Symbol::key).collect();
        Matcher { all: *layer == Layer::ALL, events, listed_pass, symbols }
    }

    #[inline]
    fn matches(&self, kind: Kind) -> bool {
        match kind {
            // a frame that states no event has nothing to be chosen by
            None => self.all,
            Some((symbol, event)) => {
                self.events & 1 << event as u8 != 0
                    && self.symbols.binary_search(&symbol.key()).is_ok() == self.listed_pass
            }
        }
    }
}

#[cfg(test)]
mod tests;
