//! The traders who send orders.

use tradesim_schemas::{AccountId, TraderId};

use crate::rng::Stream;

/// The number of traders. Source: contract, section 2.
const TRADERS: u32 = 200;
/// The number of traders that share an account. Source: contract, section 2.
const TRADERS_PER_ACCOUNT: u32 = 5;

/// A trader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trader(u8);

impl Trader {
    /// Draws the trader who sends an order. A few traders send most orders: the number is 200 u⁴ for a uniform u, so that
    /// the most active trader sends a quarter of all orders and the least active one in eight hundred.
    #[inline]
    pub(crate) fn draw(stream: &mut Stream) -> Trader {
        let u = stream.unit();
        let square = u * u;
        Trader((f64::from(TRADERS) * square * square) as u8)
    }

    /// Returns the trader's id.
    #[inline]
    pub(crate) fn id(self) -> TraderId {
        TraderId::new(self.0.into()).expect("there are 200 traders")
    }

    /// Returns the id of the trader's account.
    #[inline]
    pub(crate) fn account(self) -> AccountId {
        AccountId::new((u32::from(self.0) / TRADERS_PER_ACCOUNT) as u16).expect("there are 40 accounts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn draws_have_known_answers() {
        let mut stream = Stream::new(42, Purpose::Flow, "AAPL");
        let drawn: Vec<u8> = (0..8).map(|_| Trader::draw(&mut stream).0).collect();
        assert_eq!(drawn, [50, 23, 22, 0, 38, 1, 50, 127]);
    }

    #[test]
    fn every_trader_trades_and_some_more_than_others() {
        let mut stream = Stream::new(3, Purpose::Orders, "");
        let mut counts = [0u32; TRADERS as usize];
        for _ in 0..100_000 {
            counts[Trader::draw(&mut stream).0 as usize] += 1;
        }
        assert!(counts.iter().all(|&count| count > 0));
        assert!(counts[0] > 20 * counts[199]);
    }
}
