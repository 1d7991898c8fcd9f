//! Books and quotes: the values of a snapshot, when a snapshot is due, and executions within the latest one.

use tradesim_schemas::{OrderBook, OrderType, Price, Quantity, Trade, TradeStatus, TradeType};

use super::{
    Scope,
    model::Cadence,
    report::{Findings, Rule},
    symbols::{AuditSymbol, SymbolTable},
};

/// The number of trade events of a symbol between two snapshots of its book. Source: contract, section 2.
const TRADES_OF_QUOTE: u8 = 5;

/// A symbol's latest snapshot.
#[derive(Clone, Copy, Debug)]
struct Quote {
    bid: Price,
    ask: Price,
    sizes: (Quantity, Quantity),
    /// The number of trade events since then.
    trades: u8,
}

/// Checks the books of one origin.
#[derive(Debug)]
pub(super) struct Quotes {
    cadence: Cadence,
    trades: bool,
    books: bool,
    cut_start: bool,
    cut_end: bool,
    quotes: Vec<Option<Quote>>,
    before_first: u64,
}

impl Quotes {
    pub(super) fn new(scope: &Scope, cadence: Cadence) -> Quotes {
        Quotes {
            cadence,
            trades: scope.trades,
            books: scope.order_books,
            cut_start: scope.from.is_some(),
            cut_end: scope.is_cut_at_end(),
            quotes: Vec::new(),
            before_first: 0,
        }
    }

    pub(super) fn book(
        &mut self,
        book: &OrderBook,
        symbol: u16,
        known: Option<&AuditSymbol>,
        findings: &mut Findings,
    ) {
        check_book(book, known, findings);
        let new = Quote {
            bid: book.bid_price,
            ask: book.ask_price,
            sizes: (book.bid_size, book.ask_size),
            trades: 0,
        };
        let Some(old) = self.quote_of(symbol).replace(new) else {
            if self.cadence != Cadence::Unknown && self.trades {
                findings.checked(Rule::Cadence);
            }
            return;
        };
        match self.cadence {
            Cadence::EveryFifth if self.trades => {
                findings.checked(Rule::Cadence);
                if old.trades != TRADES_OF_QUOTE {
                    findings.violated(Rule::Cadence, || {
                        format!(
                            "a book of {} after {} trade events, expected after 5",
                            book.symbol, old.trades
                        )
                    });
                }
            }
            Cadence::OnChange => {
                findings.checked(Rule::Cadence);
                if (old.bid, old.ask, old.sizes) == (new.bid, new.ask, new.sizes) {
                    findings.violated(Rule::Cadence, || {
                        format!("a book of {} that is equal to the one before it", book.symbol)
                    });
                }
            }
            Cadence::EveryFifth | Cadence::Unknown => {}
        }
    }

    pub(super) fn trade(
        &mut self,
        trade: &Trade,
        symbol: u16,
        known: Option<&AuditSymbol>,
        findings: &mut Findings,
    ) {
        findings.checked(Rule::Prices);
        if trade.status.is_execution()
            && let Some(tick) = off_grid(trade.price, known)
        {
            findings.violated(Rule::Prices, || {
                format!("{} executes at {}, not a multiple of its tick {tick}", trade.symbol, trade.price)
            });
        }
        if !self.books {
            return;
        }
        let (cut_start, cadence) = (self.cut_start, self.cadence);
        let Some(quote) = self.quote_of(symbol) else {
            if cut_start || cadence == Cadence::Unknown {
                self.before_first += 1;
            } else {
                findings.violated(Rule::Cadence, || {
                    format!("a trade event of {} before the first snapshot of its book", trade.symbol)
                });
            }
            return;
        };
        if cadence == Cadence::EveryFifth {
            findings.checked(Rule::Cadence);
            if quote.trades == TRADES_OF_QUOTE {
                // counting continues as if the snapshot had been there, so that a lost snapshot is one violation
                quote.trades = 0;
                findings.violated(Rule::Cadence, || {
                    format!("no book of {} after five trade events", trade.symbol)
                });
            }
            quote.trades += 1;
        }
        check_price(trade, *quote, findings);
    }

    /// Reports missing books, and what could not be checked.
    pub(super) fn finish(self, symbols: &SymbolTable, findings: &mut Findings) {
        if self.before_first > 0 {
            let count = self.before_first;
            if self.cut_start {
                let reason = format!(
                    "{count} trades between the start of the cut and the first snapshot of their book"
                );
                findings.skipped(Rule::Prices, reason.clone());
                findings.skipped(Rule::Cadence, reason);
            } else {
                findings
                    .skipped(Rule::Prices, format!("{count} trades before the first snapshot of their book"));
            }
        }
        if self.cut_end || !self.trades || self.cadence != Cadence::EveryFifth {
            return;
        }
        for (index, quote) in self.quotes.iter().enumerate() {
            if quote.is_some_and(|quote| quote.trades == TRADES_OF_QUOTE) {
                let symbol = symbols.symbol(index);
                findings.violated(Rule::Cadence, || {
                    format!("no book of {symbol} after its last five trade events")
                });
            }
        }
    }

    #[inline]
    fn quote_of(&mut self, symbol: u16) -> &mut Option<Quote> {
        let index = usize::from(symbol);
        if index >= self.quotes.len() {
            self.quotes.resize(index + 1, None);
        }
        &mut self.quotes[index]
    }
}

fn check_book(book: &OrderBook, known: Option<&AuditSymbol>, findings: &mut Findings) {
    findings.checked(Rule::Books);
    let (bid, ask) = (book.bid_price, book.ask_price);
    if bid >= ask || bid == Price::default() {
        findings.violated(Rule::Books, || format!("{} has bid {bid} and ask {ask}", book.symbol));
        return;
    }
    if ask.checked_sub(bid) != Some(book.spread) {
        findings.violated(Rule::Books, || {
            format!("{} has spread {} with bid {bid} and ask {ask}", book.symbol, book.spread)
        });
    }
    if book.mid_price != Price::mid(bid, ask) {
        findings.violated(Rule::Books, || {
            format!("{} has mid price {} with bid {bid} and ask {ask}", book.symbol, book.mid_price)
        });
    }
    for (side, price) in [("bid", bid), ("ask", ask)] {
        if let Some(tick) = off_grid(price, known) {
            findings.violated(Rule::Books, || {
                format!("{} has {side} {price}, not a multiple of its tick {tick}", book.symbol)
            });
        }
    }
}

fn check_price(trade: &Trade, quote: Quote, findings: &mut Findings) {
    if trade.status.is_execution() {
        if trade.price < quote.bid || trade.price > quote.ask {
            findings.violated(Rule::Prices, || {
                format!(
                    "{} executes at {}, outside bid {} and ask {}",
                    trade.symbol, trade.price, quote.bid, quote.ask
                )
            });
        }
    } else if trade.status == TradeStatus::New && trade.order_type == OrderType::Market {
        let expected = match trade.trade_type {
            TradeType::Buy => quote.ask,
            TradeType::Sell => quote.bid,
        };
        if trade.price != expected {
            findings.violated(Rule::Prices, || {
                format!(
                    "the NEW of a MARKET {} of {} has price {}, not the quote {}",
                    trade.trade_type, trade.symbol, trade.price, expected
                )
            });
        }
    }
}

/// Returns the tick size if the price is not a multiple of it.
#[inline]
fn off_grid(price: Price, known: Option<&AuditSymbol>) -> Option<Price> {
    let tick = known?.tick_size;
    (tick.units() > 0 && price.units() % tick.units() != 0).then_some(tick)
}
