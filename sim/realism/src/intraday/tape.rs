//! Executions: their volume, their prices, and the trades that they form.

use super::{
    cross::{Cross, Print},
    quote::Quote,
    response::SignedTrade,
};
use crate::{
    number::random::Random,
    session::{SECOND, Session},
};

/// Microseconds in a minute.
const MINUTE: i64 = 60 * SECOND;

/// Sums of products of successive changes of the price of executions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounce {
    pub(crate) products: f64,
    /// With random signs.
    pub(crate) random_products: f64,
    pub(crate) squares: f64,
}

/// The executions of one symbol on one day.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    /// Shares by minute of the session, without the opening auction.
    pub(crate) minutes: Vec<f32>,
    /// Shares bought minus shares sold by minute.
    pub(crate) signed: Vec<f32>,
    /// The same with random signs.
    pub(crate) random_signed: Vec<f32>,
    /// Shares of the whole day.
    pub(crate) volume: u64,
    /// Shares of the session.
    pub(crate) volume_session: u64,
    /// Executions of the session.
    pub(crate) executions: u64,
    opening: Cross,
    closing: Cross,
    /// The price of the last execution, and the direction in which the last change went.
    last_price: i64,
    last_is_up: bool,
    last_change: Option<f64>,
    pub(crate) bounce: Bounce,
    /// Signs of the null of the bounce.
    random: Random,
    pending: Option<SignedTrade>,
}

impl Tape {
    pub(crate) fn new(session: &Session) -> Tape {
        let minutes = session.seconds() / 60;
        Tape {
            minutes: vec![0.0; minutes],
            signed: vec![0.0; minutes],
            random_signed: vec![0.0; minutes],
            volume: 0,
            volume_session: 0,
            executions: 0,
            opening: Cross::at(session.has_open().then_some(session.open())),
            closing: Cross::at(session.has_close().then_some(session.close())),
            last_price: 0,
            last_is_up: true,
            last_change: None,
            bounce: Bounce::default(),
            random: Random::new(11),
            pending: None,
        }
    }

    /// Adds an execution. Returns the print that certainly does not belong to an auction, if there is one, and the trade that this
    /// execution completes by not belonging to it.
    #[inline]
    pub(crate) fn push(
        &mut self,
        print: Print,
        quote: Option<Quote>,
        twice_mid: i64,
        session: &Session,
    ) -> (Option<Print>, Option<SignedTrade>) {
        let Print { shares, price, at } = print;
        let in_session = at >= session.open() && at < session.close();
        self.volume += u64::from(shares);
        let released = self.opening.pass(print).and_then(|print| self.closing.pass(print));
        if let Some(Print { shares, at, .. }) = released
            && at >= session.open()
            && at < session.close()
        {
            self.minutes[((at - session.open()) / MINUTE) as usize] += shares as f32;
        }
        if !in_session {
            return (released, None);
        }
        let is_buy = self.side(price, twice_mid);
        self.volume_session += u64::from(shares);
        self.executions += 1;
        self.pending_or(
            SignedTrade { is_buy, shares, twice_mid, spread: quote.map(|quote| quote.spread), at },
            released,
        )
    }

    fn pending_or(
        &mut self,
        trade: SignedTrade,
        released: Option<Print>,
    ) -> (Option<Print>, Option<SignedTrade>) {
        match &mut self.pending {
            Some(pending) if pending.at == trade.at && pending.is_buy == trade.is_buy => {
                pending.shares = pending.shares.saturating_add(trade.shares);
                (released, None)
            }
            pending => (released, pending.replace(trade)),
        }
    }

    /// Returns true for a purchase: above the middle, or in the middle after a rise (Lee and Ready 1991). Updates the changes of
    /// the price.
    fn side(&mut self, price: i64, twice_mid: i64) -> bool {
        if self.last_price > 0 {
            let change = (price - self.last_price) as f64 / self.last_price as f64;
            if let Some(last) = self.last_change {
                self.bounce.products += change * last;
                self.bounce.random_products += change * last * self.random.sign();
            }
            self.bounce.squares += change * change;
            self.last_change = Some(change);
            if price != self.last_price {
                self.last_is_up = price > self.last_price;
            }
        }
        self.last_price = price;
        match (2 * price).cmp(&twice_mid) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => self.last_is_up,
        }
    }

    /// Returns the last trade at the end of the day.
    pub(crate) fn finish(&mut self) -> Option<SignedTrade> {
        self.pending.take()
    }

    /// Adds a trade to the signed volume of its minute. `sign` is a random one.
    pub(crate) fn add_signed(&mut self, trade: &SignedTrade, sign: f64, session: &Session) {
        let minute = ((trade.at - session.open()) / MINUTE) as usize;
        let shares = trade.shares as f32;
        self.signed[minute] += if trade.is_buy { shares } else { -shares };
        self.random_signed[minute] += shares * sign as f32;
    }

    pub(crate) fn opening_shares(&self) -> u64 {
        self.opening.shares()
    }

    pub(crate) fn closing_shares(&self) -> u64 {
        self.closing.shares()
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::Timestamp;

    use super::*;

    fn session() -> Session {
        let at = |second: i64| Timestamp::from_micros(second * SECOND).unwrap();
        Session::covered(at(0), at(600), at(0), at(600))
    }

    #[test]
    fn executions_of_one_instant_and_side_are_one_trade() {
        let session = session();
        let mut tape = Tape::new(&session);
        let mut trades = Vec::new();
        let at = 100 * SECOND;
        for (price, shares, at) in
            [(101, 5, at), (101, 6, at), (99, 7, at), (100, 8, at + 1), (101, 9, at + 2), (100, 10, at + 3)]
        {
            let (released, trade) = tape.push(Print { shares, price, at }, None, 200, &session);
            assert_eq!(released, Some(Print { shares, price, at }));
            trades.extend(trade);
        }
        trades.extend(tape.finish());
        // in the middle, the rule of ticks decides: 100 after 99 is a purchase, 100 after 101 a sale
        let found: Vec<_> = trades.iter().map(|trade| (trade.is_buy, trade.shares)).collect();
        assert_eq!(found, [(true, 11), (false, 7), (true, 8), (true, 9), (false, 10)]);
        trades.iter().for_each(|trade| tape.add_signed(trade, 1.0, &session));
        assert_eq!((tape.signed[1], tape.random_signed[1], tape.minutes[1]), (11.0, 45.0, 45.0));
    }

    #[test]
    fn a_price_between_bid_and_ask_bounces() {
        let session = session();
        let mut tape = Tape::new(&session);
        for number in 0..1_000 {
            let price = 1_000_000 + 100 * (number % 2);
            tape.push(Print { shares: 1, price, at: 70 * SECOND + number }, None, 2_000_100, &session);
        }
        let Bounce { products, squares, random_products } = tape.bounce;
        assert!((random_products / squares).abs() < 0.2);
        assert!((products / squares + 1.0).abs() < 0.01, "alternating prices have an autocorrelation of −1");
    }

    #[test]
    fn auctions_are_no_part_of_the_minutes() {
        let session = session();
        let mut tape = Tape::new(&session);
        let mut push = |shares, second| {
            tape.push(Print { shares, price: 100, at: second * SECOND }, None, 200, &session).0
        };
        assert_eq!(push(1_000, 0), None);
        assert!(push(10, 1).is_some());
        assert!(push(20, 599).is_some());
        assert_eq!(push(5_000, 601), None);
        assert!(push(1, 700).is_some());
        assert_eq!((tape.minutes[0], tape.minutes[9]), (10.0, 20.0));
        assert_eq!((tape.opening_shares(), tape.closing_shares()), (1_000, 5_000));
        assert_eq!((tape.volume, tape.volume_session, tape.executions), (6_031, 1_030, 3));
    }
}
