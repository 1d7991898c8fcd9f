//! Collects the events of days.

use tradesim_schemas::{Event, OrderBook, Price, Symbol, Timestamp, Trade, TradeStatus};

use crate::{
    day::{SymbolDay, SymbolState},
    intraday::{cross::Print, grid::AtSecond, lives::Lives, quote::Quote, response::SizeSums},
    number::random::Random,
    pool::{DayFigures, Pool, Totals, co_movement},
    report::{Input, Report},
    session::{BIN_SECONDS, SECOND, Session},
    symbols::SymbolIndex,
};

/// The facts about a symbol that its events do not state.
#[derive(Clone, Debug)]
pub struct SymbolFacts {
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The economic sector, if it is known.
    pub sector: Option<String>,
    /// The tick size; if it is not known, a cent, and 0.0001 below one dollar.
    pub tick: Option<Price>,
    /// The configured standard deviation of the log return of a core session: 0.02 is 2 %.
    pub volatility: Option<f64>,
}

/// The maximum number of days of symbols that are measured, 400 days of 50 symbols: it bounds memory, to about 640 MB.
const SYMBOL_DAYS_MAX: usize = 20_000;

/// The sums of one symbol over all days.
#[derive(Clone, Debug, Default)]
pub(crate) struct SymbolSums {
    pub(crate) sector: Option<String>,
    pub(crate) tick: Option<i64>,
    pub(crate) volatility: Option<f64>,
    pub(crate) sizes: SizeSums,
    /// Sums over seconds with a quote: spreads and prices in units of 0.0001, and their count.
    pub(crate) spread: f64,
    pub(crate) price: f64,
    pub(crate) quoted: f64,
    pub(crate) orders: u64,
}

impl SymbolSums {
    /// Returns the tick size at a price, in units of 0.0001.
    fn tick(&self, price: i64) -> i64 {
        self.tick.unwrap_or(if price < 10_000 { 1 } else { 100 })
    }
}

/// A market whose events are being collected.
///
/// Call [`Market::begin_day`], push the events of the day in order of time, call [`Market::end_day`], and so on for further days;
/// then [`Market::finish`]. A day of another recording of the same date is another day.
#[derive(Debug)]
pub struct Market {
    symbols: SymbolIndex,
    sums: Vec<SymbolSums>,
    session: Option<Session>,
    states: Vec<Option<Box<SymbolState>>>,
    /// Orders of all symbols by second of the session.
    seconds: Vec<u32>,
    lives: Lives,
    totals: Totals,
    kept: Vec<SymbolDay>,
    days: Vec<DayFigures>,
    input: Input,
    random: Random,
}

impl Default for Market {
    fn default() -> Market {
        Market {
            symbols: SymbolIndex::default(),
            sums: Vec::new(),
            session: None,
            states: Vec::new(),
            seconds: Vec::new(),
            lives: Lives::default(),
            totals: Totals::default(),
            kept: Vec::new(),
            days: Vec::new(),
            input: Input::default(),
            random: Random::new(0),
        }
    }
}

impl Market {
    /// Adds what is known about a symbol. What was known before stays.
    pub fn describe(&mut self, facts: &SymbolFacts) {
        if let Some(index) = self.index(facts.symbol) {
            let sums = &mut self.sums[index];
            sums.sector = sums.sector.take().or_else(|| facts.sector.clone());
            sums.tick = sums.tick.or(facts.tick.map(Price::units).filter(|units| *units > 0));
            sums.volatility = sums.volatility.or(facts.volatility.filter(|volatility| *volatility > 0.0));
        }
    }

    /// Begins a day, and ends the previous one.
    pub fn begin_day(&mut self, session: Session) {
        self.end_day();
        self.seconds = vec![0; session.seconds()];
        self.session = Some(session);
    }

    /// Adds an event of the day. Events must be in order of time.
    ///
    /// # Panics
    /// Panics if no day has begun.
    #[inline]
    pub fn push(&mut self, at: Timestamp, event: &Event) {
        let session = self.session.expect("a day has begun");
        self.input.events += 1;
        if self.kept.len() >= SYMBOL_DAYS_MAX {
            self.input.events_left_out += 1;
            return;
        }
        let at = at.micros();
        match event {
            Event::Trade(trade) => self.trade(at, trade, session),
            Event::OrderBook(book) => self.book(at, book, session),
            Event::MarketData(_) => {}
        }
    }

    fn trade(&mut self, at: i64, trade: &Trade, session: Session) {
        let Some(index) = self.index(trade.symbol) else {
            self.input.events_left_out += 1;
            return;
        };
        let in_session = at >= session.open() && at < session.close();
        match trade.status {
            TradeStatus::New => {
                self.totals.orders += 1;
                self.sums[index].orders += 1;
                if let Some(id) = trade.correlation_id {
                    self.lives.arrive(id, at);
                }
                if in_session {
                    self.seconds[((at - session.open()) / SECOND) as usize] += 1;
                    self.state(index, session).orders.push(at, &session);
                }
            }
            TradeStatus::Cancelled => {
                self.totals.cancels += 1;
                if let Some(id) = trade.correlation_id {
                    self.lives.cancel(id, at);
                }
            }
            TradeStatus::Rejected => {
                if let Some(id) = trade.correlation_id {
                    self.lives.end(id);
                }
            }
            TradeStatus::PartiallyFilled | TradeStatus::Filled => {
                if trade.status == TradeStatus::Filled
                    && let Some(id) = trade.correlation_id
                {
                    self.lives.end(id);
                }
                let (price, shares) = (trade.price.units(), trade.quantity.get());
                if price > 0 {
                    self.execution(index, Print { shares, price, at }, session);
                }
            }
        }
    }

    fn execution(&mut self, index: usize, print: Print, session: Session) {
        self.totals.executions += 1;
        self.totals.prices.push(print.price);
        self.advance(index, print.at, session);
        let state = self.states[index].as_deref_mut().expect("the clock of the symbol was advanced");
        if state.grid.twice_mid() == 0 {
            state.grid.set_trade(print.price);
        }
        let (quote, twice_mid) = (state.grid.quote(), state.grid.twice_mid());
        let (released, completed) = state.tape.push(print, quote, twice_mid, &session);
        state.grid.set_trade(print.price);
        if let Some(print) = released {
            self.totals.sizes.push(print.shares, print.price);
        }
        if let Some(trade) = completed {
            self.signed(index, trade, session);
        }
    }

    /// Adds a trade whose executions are complete. The first minute has the opening auction, whose side means nothing.
    fn signed(&mut self, index: usize, trade: crate::intraday::response::SignedTrade, session: Session) {
        if session.has_open() && trade.at < session.open() + 60 * SECOND {
            return;
        }
        let sign = self.random.sign();
        let state = self.states[index].as_deref_mut().expect("a trade of the symbol came before");
        state.tape.add_signed(&trade, sign, &session);
        let sizes = &mut self.sums[index].sizes;
        state.responses.push(trade, &mut self.totals.responses, sizes, &mut self.random);
    }

    fn book(&mut self, at: i64, book: &OrderBook, session: Session) {
        self.totals.quotes += 1;
        let Some(index) = self.index(book.symbol) else {
            self.input.events_left_out += 1;
            return;
        };
        let Some(quote) = Quote::of(book) else { return };
        self.advance(index, at, session);
        let state = self.states[index].as_deref_mut().expect("the clock of the symbol was advanced");
        if let Some(before) = state.grid.quote()
            && before.twice_mid != quote.twice_mid
            && at >= session.open()
            && at < session.close()
        {
            self.totals.imbalance.push(before.imbalance, quote.twice_mid > before.twice_mid);
            self.totals.random_imbalance.push(before.imbalance, self.random.sign() > 0.0);
        }
        state.grid.set_quote(quote);
    }

    /// Returns the index of a symbol, or `None` if there are too many.
    #[inline]
    fn index(&mut self, symbol: Symbol) -> Option<usize> {
        let index = self.symbols.index(symbol)?;
        if index >= self.sums.len() {
            self.sums.resize_with(index + 1, SymbolSums::default);
            self.states.resize_with(index + 1, || None);
        }
        Some(index)
    }

    fn state(&mut self, index: usize, session: Session) -> &mut SymbolState {
        self.states[index].get_or_insert_with(|| Box::new(SymbolState::new(&session)))
    }

    /// Passes the whole seconds of a symbol before an instant.
    #[inline]
    fn advance(&mut self, index: usize, to: i64, session: Session) {
        let state = self.states[index].get_or_insert_with(|| Box::new(SymbolState::new(&session)));
        let SymbolState { grid, early_spread, midday_spread, .. } = &mut **state;
        let (sums, totals) = (&mut self.sums[index], &mut self.totals);
        grid.advance(to, &session, |AtSecond { second, quote }| {
            let Some(quote) = quote else { return };
            let (price, spread) = (quote.twice_mid / 2, quote.spread as f64);
            sums.spread += spread;
            sums.price += quote.twice_mid as f64 / 2.0;
            sums.quoted += 1.0;
            totals.spreads.push(price, quote.spread, sums.tick(price));
            let window = match second + session.bins_before() * BIN_SECONDS {
                0..900 => &mut *early_spread,
                7_200..21_600 => &mut *midday_spread,
                _ => return,
            };
            window.0 += spread;
            window.1 += 1.0;
        });
    }

    /// Ends the day, if one has begun.
    pub fn end_day(&mut self) {
        let Some(session) = self.session.take() else { return };
        let day = self.days.len();
        for index in 0..self.states.len() {
            if self.states[index].is_none() {
                continue;
            }
            self.advance(index, i64::MAX, session);
            let last = self.states[index].as_deref_mut().and_then(|state| state.tape.finish());
            if let Some(trade) = last {
                self.signed(index, trade, session);
            }
        }
        let mut fine = Vec::new();
        if session.bins() > 0 {
            for (index, state) in self.states.iter_mut().enumerate() {
                if let Some(state) = state.take() {
                    let (kept, returns) = SymbolDay::of(*state, index, day, session, &mut self.random);
                    fine.push(returns);
                    self.kept.push(kept);
                }
            }
            self.days.push(DayFigures {
                seconds: DayFigures::busiest(&self.seconds),
                co_movement: co_movement(&fine),
            });
        }
        self.states.iter_mut().for_each(|state| *state = None);
        self.lives.end_day();
    }

    /// Counts a file among the input.
    pub fn count_file(&mut self) {
        self.input.files += 1;
    }

    /// Ends the last day, and returns the report.
    pub fn finish(mut self) -> Report {
        self.end_day();
        self.input.days = self.days.len();
        self.input.symbols = self.sums.len();
        self.input.symbol_days = self.kept.len();
        let pool = Pool {
            names: self.symbols.names().to_vec(),
            symbols: self.sums,
            symbol_days: self.kept,
            days: self.days,
            totals: self.totals,
            lives: self.lives.cancelled,
        };
        self.input.executions_median = pool.executions_median();
        Report::of(self.input, &pool)
    }
}
