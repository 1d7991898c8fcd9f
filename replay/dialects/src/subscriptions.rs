//! Subscriptions: for each channel, the symbols that a client receives.

use std::collections::BTreeSet;

use tradesim_schemas::Symbol;

/// The limit of the channels of a dialect.
pub const CHANNELS_MAX: usize = 16;

/// The limit of symbols that one client may name over all channels: a bound of the memory that a client can make the
/// server use.
pub const SYMBOLS_MAX: usize = 16_384;

/// The error of a subscription to more than [`SYMBOLS_MAX`] symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection can name at most {SYMBOLS_MAX} symbols")]
pub struct TooManySymbols;

/// The symbols of each channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    channels: [Symbols; CHANNELS_MAX],
    named: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Symbols {
    all: bool,
    named: BTreeSet<Symbol>,
}

impl Subscriptions {
    /// Returns true if a message of this channel and symbol is selected.
    #[inline]
    pub fn passes(&self, channel: u8, symbol: Symbol) -> bool {
        let symbols = &self.channels[usize::from(channel)];
        symbols.all || (!symbols.named.is_empty() && symbols.named.contains(&symbol))
    }

    /// Returns true if nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.channels.iter().all(|symbols| !symbols.all && symbols.named.is_empty())
    }

    /// Returns true if all symbols of a channel are selected at once.
    pub fn has_all(&self, channel: u8) -> bool {
        self.channels[usize::from(channel)].all
    }

    /// Returns the symbols that are named for a channel, ascending.
    pub fn named(&self, channel: u8) -> impl Iterator<Item = Symbol> {
        self.channels[usize::from(channel)].named.iter().copied()
    }

    /// Selects all symbols of a channel.
    pub(crate) fn add_all(&mut self, channel: u8) {
        self.channels[usize::from(channel)].all = true;
    }

    /// Selects a symbol of a channel.
    ///
    /// # Errors
    /// [`TooManySymbols`]. Nothing is changed then.
    pub(crate) fn add(&mut self, channel: u8, symbol: Symbol) -> Result<(), TooManySymbols> {
        let named = &mut self.channels[usize::from(channel)].named;
        if named.contains(&symbol) {
            return Ok(());
        }
        if self.named >= SYMBOLS_MAX {
            return Err(TooManySymbols);
        }
        self.named += 1;
        named.insert(symbol);
        Ok(())
    }

    /// Removes the selection of all symbols of a channel. Symbols that are named stay.
    pub(crate) fn remove_all(&mut self, channel: u8) {
        self.channels[usize::from(channel)].all = false;
    }

    /// Removes a symbol that is named for a channel.
    pub(crate) fn remove(&mut self, channel: u8, symbol: Symbol) {
        if self.channels[usize::from(channel)].named.remove(&symbol) {
            self.named -= 1;
        }
    }

    /// Removes all symbols that are named for a channel.
    pub(crate) fn clear_named(&mut self, channel: u8) {
        self.named -= std::mem::take(&mut self.channels[usize::from(channel)].named).len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        Symbol::new(text).unwrap()
    }

    #[test]
    fn channels_are_selected_separately() {
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.is_empty() && !subscriptions.passes(0, symbol("A")));
        subscriptions.add(0, symbol("A")).unwrap();
        subscriptions.add_all(1);
        let passes = |subscriptions: &Subscriptions| {
            [(0, "A"), (0, "B"), (1, "A"), (1, "B"), (2, "A")]
                .map(|(channel, name)| subscriptions.passes(channel, symbol(name)))
        };
        assert_eq!(passes(&subscriptions), [true, false, true, true, false]);
        subscriptions.remove_all(1);
        subscriptions.remove(1, symbol("A"));
        assert_eq!(passes(&subscriptions), [true, false, false, false, false]);
        subscriptions.remove(0, symbol("A"));
        assert!(subscriptions.is_empty());
        assert_eq!(subscriptions, Subscriptions::default());
    }

    #[test]
    fn the_number_of_symbols_is_limited_over_all_channels() {
        let mut subscriptions = Subscriptions::default();
        for n in 0..SYMBOLS_MAX {
            subscriptions.add((n % 2) as u8, symbol(&n.to_string())).unwrap();
        }
        assert_eq!(subscriptions.add(2, symbol("X")), Err(TooManySymbols));
        assert_eq!(subscriptions.add(0, symbol("0")), Ok(()), "it is named already");
        subscriptions.clear_named(0);
        assert_eq!(subscriptions.add(2, symbol("X")), Ok(()));
    }
}
