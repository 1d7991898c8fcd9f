//! Selections: which messages of a stream a client receives.
//!
//! There are two layers. The query of the URL defines a stream of its own, whose sequence numbers count the messages
//! that pass. Subscriptions only skip messages of that stream, and never bring back what the query excludes.

mod choice;

use tradesim_protocol::{Notice, Refusal};
use tradesim_schemas::{EventType, StreamSeq, Symbol};

use self::choice::Choice;
use crate::known_symbols::KnownSymbols;

/// The symbol and type of a frame, or `None` if it does not contain an event.
pub(crate) type Kind = Option<(Symbol, EventType)>;

/// The limit of symbols that one client may name if any may occur: far more than are listed, and a bound of the
/// memory that a client can make the server use.
pub(crate) const SYMBOLS_MAX: usize = 16_384;

/// The messages that a client receives.
#[derive(Clone, Debug)]
pub struct Selection {
    url: Layer,
    subscribed: Layer,
    /// True if the client unsubscribed from everything. Then the next list replaces the selection, instead of leaving
    /// the other list, which it does not contain, empty.
    nothing: bool,
    /// Selects the client's stream.
    in_stream: Matcher,
    /// Selects the messages of that stream that are sent.
    passing: Matcher,
}

/// One layer of the selection: a message passes if its symbol and its type are both chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layer {
    symbols: Choice<Symbol>,
    events: Choice<EventType>,
}

/// The symbols in effect, as reported to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SelectedSymbols {
    /// All symbols.
    All,
    /// These symbols.
    Only(Vec<Symbol>),
    /// All symbols except these, if the symbols of the stream are not known.
    Except(Vec<Symbol>),
}

impl SelectedSymbols {
    /// Returns the notice of a changed subscription.
    pub(crate) fn notice(self, seq: StreamSeq, events: Option<Vec<EventType>>) -> Notice {
        let (symbols, except) = match self {
            SelectedSymbols::All => (None, None),
            SelectedSymbols::Only(symbols) => (Some(symbols), None),
            SelectedSymbols::Except(symbols) => (None, Some(symbols)),
        };
        Notice::Subscribed { seq, symbols, except, events }
    }
}

impl Selection {
    /// Returns a selection of everything.
    pub(crate) fn all() -> Selection {
        Selection::of_url(None, None)
    }

    /// Returns the selection of a URL's query; a list that is missing selects everything.
    pub fn of_url(symbols: Option<&[Symbol]>, events: Option<&[EventType]>) -> Selection {
        let url = Layer {
            symbols: symbols.map_or(Choice::All, Choice::only),
            events: events.map_or(Choice::All, Choice::only),
        };
        let in_stream = Matcher::new(&url);
        Selection { passing: in_stream.clone(), in_stream, url, subscribed: Layer::ALL, nothing: false }
    }

    /// Adds to the subscription; without any list, subscribes to everything.
    ///
    /// # Errors
    /// More than [`SYMBOLS_MAX`] symbols. The selection is unchanged then.
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

    /// Removes from the subscription; without any list, all of it.
    ///
    /// # Errors
    /// More than [`SYMBOLS_MAX`] symbols. The selection is unchanged then.
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

    /// Returns true if a message belongs to the stream that the URL requests, and has a sequence number there.
    #[inline]
    pub(crate) fn in_stream(&self, kind: Kind) -> bool {
        self.in_stream.matches(kind)
    }

    /// Returns true if the client receives a message: it is in the stream and subscribed to.
    #[inline]
    pub fn passes(&self, kind: Kind) -> bool {
        self.passing.matches(kind)
    }

    /// Returns true if messages of a symbol pass, whatever their type.
    pub(crate) fn selects(&self, symbol: Symbol) -> bool {
        self.passing.selects(symbol)
    }

    /// Returns true if every message passes.
    #[inline]
    pub(crate) fn is_all(&self) -> bool {
        self.passing.all
    }

    /// Returns true if the stream is that of the source, without a filter.
    #[inline]
    pub(crate) fn is_whole_stream(&self) -> bool {
        self.in_stream.all
    }

    /// Returns the query's filters as one line of text: equal for equal filters, however they are written, and empty
    /// without any.
    pub(crate) fn identity(&self) -> String {
        let mut identity = String::new();
        if let Choice::Only(symbols) = &self.url.symbols {
            // Debug quotes and escapes, so that one symbol cannot be mistaken for two
            identity += &format!("symbols={symbols:?}");
        }
        if let Choice::Only(events) = &self.url.events {
            identity +=
                &format!("events={:?}", events.iter().map(|event| event.as_str()).collect::<Vec<_>>());
        }
        identity
    }

    /// Returns a short description of what passes, such as `AAPL, MSFT and 3 more; trade`; `None` for everything.
    pub(crate) fn description(&self, known: &KnownSymbols) -> Option<String> {
        let symbols = match self.symbols(known) {
            SelectedSymbols::All => None,
            SelectedSymbols::Only(symbols) if symbols.is_empty() => Some("nothing".to_owned()),
            SelectedSymbols::Only(symbols) => Some(listed(&symbols)),
            SelectedSymbols::Except(symbols) => Some(format!("all except {}", listed(&symbols))),
        };
        let events = self.events().map(|events| match events.is_empty() {
            true => "nothing".to_owned(),
            false => events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", "),
        });
        let parts: Vec<String> = symbols.into_iter().chain(events).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Returns the symbols that pass.
    pub(crate) fn symbols(&self, known: &KnownSymbols) -> SelectedSymbols {
        match self.effective().symbols.among(known.as_slice()) {
            Choice::All => SelectedSymbols::All,
            Choice::Only(symbols) => SelectedSymbols::Only(symbols),
            Choice::Except(symbols) => SelectedSymbols::Except(symbols),
        }
    }

    /// Returns the event types that pass, in the order of the contract; `None` for all.
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
            let text = format!("symbols: a connection can name at most {SYMBOLS_MAX} symbols");
            return Err(Refusal::new("bad_value", text));
        }
        self.subscribed = subscribed;
        self.nothing = nothing;
        self.passing = Matcher::new(&self.effective());
        Ok(())
    }
}

/// The limit of symbols in a description.
const DESCRIBED_SYMBOLS_MAX: usize = 5;

fn listed(symbols: &[Symbol]) -> String {
    let named = &symbols[..symbols.len().min(DESCRIBED_SYMBOLS_MAX)];
    let mut text = named.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ");
    if named.len() < symbols.len() {
        text += &format!(" and {} more", symbols.len() - named.len());
    }
    text
}

impl Layer {
    const ALL: Layer = Layer { symbols: Choice::All, events: Choice::All };
}

/// A layer prepared for checking every message.
#[derive(Clone, Debug)]
struct Matcher {
    all: bool,
    /// One bit for each event type.
    events: u8,
    /// True if `symbols` lists the symbols that pass, false if it lists those that do not.
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
        // the keys of symbols have the order of their texts
        let symbols = symbols.iter().map(Symbol::key).collect();
        Matcher { all: *layer == Layer::ALL, events, listed_pass, symbols }
    }

    #[inline]
    fn matches(&self, kind: Kind) -> bool {
        match kind {
            // a frame that does not contain an event cannot be chosen by symbol or type
            None => self.all,
            Some((symbol, event)) => self.events & 1 << event as u8 != 0 && self.selects(symbol),
        }
    }

    #[inline]
    fn selects(&self, symbol: Symbol) -> bool {
        self.symbols.binary_search(&symbol.key()).is_ok() == self.listed_pass
    }
}

#[cfg(test)]
mod tests;
