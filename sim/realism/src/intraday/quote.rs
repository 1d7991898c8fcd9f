//! The best bid and ask.

use tradesim_schemas::OrderBook;

/// A quote with a bid below or at its ask, both above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quote {
    /// Bid plus ask in units of 0.0001, twice the middle.
    pub(crate) twice_mid: i64,
    /// Ask minus bid in units of 0.0001.
    pub(crate) spread: i64,
    /// (bid size − ask size) / (bid size + ask size).
    pub(crate) imbalance: f64,
}

impl Quote {
    /// Returns the quote of a snapshot, or `None` if it is crossed or a price is 0.
    #[inline]
    pub(crate) fn of(book: &OrderBook) -> Option<Quote> {
        let (bid, ask) = (book.bid_price.units(), book.ask_price.units());
        let (bids, asks) = (f64::from(book.bid_size.get()), f64::from(book.ask_size.get()));
        (bid > 0 && ask >= bid).then(|| Quote {
            twice_mid: bid + ask,
            spread: ask - bid,
            imbalance: (bids - asks) / (bids + asks),
        })
    }
}
