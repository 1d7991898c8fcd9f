//! How prices respond to trades.

use super::signs::{SignMemory, SignSums};
use crate::number::random::Random;

/// Sizes by octave: 1, 2 to 3, 4 to 7, and so on.
pub(crate) const OCTAVES: usize = 31;
/// The number of later trades after which the response to a size is measured.
const AFTER: usize = 10;
/// The largest number of later trades after which a response is measured.
const LONG: usize = 100;
/// Sizes from which the null draws.
const RESERVOIR: usize = 64;

/// A trade: executions of one microsecond and one side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SignedTrade {
    /// True for a purchase.
    pub(crate) is_buy: bool,
    pub(crate) shares: u32,
    /// Twice the middle before the trade, in units of 0.0001.
    pub(crate) twice_mid: i64,
    /// The spread before the trade, in units of 0.0001; `None` without a quote.
    pub(crate) spread: Option<i64>,
    pub(crate) at: i64,
}

/// Responses by octave of the size: sum and count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BySize {
    pub(crate) response: [f64; OCTAVES],
    pub(crate) log_shares: [f64; OCTAVES],
    pub(crate) count: [f64; OCTAVES],
}

impl BySize {
    fn push(&mut self, shares: u32, response: f64) {
        let octave = shares.ilog2() as usize;
        self.response[octave] += response;
        self.log_shares[octave] += libm::log(f64::from(shares));
        self.count[octave] += 1.0;
    }

    /// Adds other sums after a division of their responses by a scale.
    pub(crate) fn add_scaled(&mut self, other: &BySize, scale: f64) {
        for octave in 0..OCTAVES {
            self.response[octave] += other.response[octave] / scale;
            self.log_shares[octave] += other.log_shares[octave];
            self.count[octave] += other.count[octave];
        }
    }
}

/// The sums over all symbols and days.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseSums {
    pub(crate) signs: SignSums,
    pub(crate) random_signs: SignSums,
    /// Responses one trade later, and with random signs.
    pub(crate) next: f64,
    pub(crate) random_next: f64,
    pub(crate) half_spread: f64,
    pub(crate) next_count: f64,
    /// Responses 100 trades later.
    pub(crate) long: f64,
    pub(crate) long_count: f64,
    /// Responses after each power of two of trades, for the plot.
    pub(crate) path: [(f64, f64); 7],
}

/// The sums of one symbol.
#[derive(Clone, Debug, Default)]
pub(crate) struct SizeSums {
    pub(crate) by_size: BySize,
    /// With sizes of other trades.
    pub(crate) shuffled: BySize,
}

/// The recent trades of a symbol on a day.
#[derive(Clone, Debug)]
pub(crate) struct Responses {
    memory: SignMemory,
    random_memory: SignMemory,
    recent: Vec<SignedTrade>,
    count: usize,
    sizes: Vec<u32>,
}

impl Responses {
    pub(crate) fn new() -> Responses {
        Responses {
            memory: SignMemory::default(),
            random_memory: SignMemory::default(),
            recent: Vec::with_capacity(LONG),
            count: 0,
            sizes: Vec::with_capacity(RESERVOIR),
        }
    }

    /// Adds a trade.
    pub(crate) fn push(
        &mut self,
        trade: SignedTrade,
        sums: &mut ResponseSums,
        sizes: &mut SizeSums,
        random: &mut Random,
    ) {
        self.memory.push(trade.is_buy, &mut sums.signs);
        self.random_memory.push(random.word() >> 63 == 1, &mut sums.random_signs);
        let response = |earlier: &SignedTrade| {
            let change = (trade.twice_mid - earlier.twice_mid) as f64 / earlier.twice_mid as f64;
            if earlier.is_buy { change } else { -change }
        };
        if let Some(earlier) = self.ago(1)
            && let Some(spread) = earlier.spread
        {
            let next = response(earlier);
            sums.next += next;
            sums.random_next += next * random.sign();
            // the half spread relative to the middle is the spread relative to twice the middle
            sums.half_spread += spread as f64 / earlier.twice_mid as f64;
            sums.next_count += 1.0;
        }
        for (power, (sum, count)) in sums.path.iter_mut().enumerate() {
            if let Some(earlier) = self.ago(1 << power) {
                *sum += response(earlier);
                *count += 1.0;
            }
        }
        if let Some(earlier) = self.ago(LONG) {
            sums.long += response(earlier);
            sums.long_count += 1.0;
        }
        if let Some(earlier) = self.ago(AFTER).copied() {
            let response = response(&earlier);
            sizes.by_size.push(earlier.shares, response);
            let other = if self.sizes.len() < RESERVOIR {
                self.sizes.push(earlier.shares);
                self.sizes[random.below(self.sizes.len())]
            } else {
                std::mem::replace(&mut self.sizes[random.below(RESERVOIR)], earlier.shares)
            };
            sizes.shuffled.push(other, response);
        }
        if self.recent.len() < LONG {
            self.recent.push(trade);
        } else {
            self.recent[self.count % LONG] = trade;
        }
        self.count += 1;
    }

    /// Returns the trade before which so many others arrived.
    fn ago(&self, trades: usize) -> Option<&SignedTrade> {
        (self.count >= trades).then(|| &self.recent[(self.count - trades) % LONG])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(number: i64, is_buy: bool, shares: u32, twice_mid: i64) -> SignedTrade {
        SignedTrade { is_buy, shares, twice_mid, spread: Some(200), at: number }
    }

    #[test]
    fn a_price_that_follows_every_trade_has_a_known_response() {
        let (mut sums, mut sizes, mut random) =
            (ResponseSums::default(), SizeSums::default(), Random::new(1));
        let mut responses = Responses::new();
        let mut twice_mid = 20_000_000;
        for number in 0..5_000 {
            // signs alternate, and a trade moves the middle by its half spread
            let is_buy = number % 2 == 0;
            responses.push(trade(number, is_buy, 100, twice_mid), &mut sums, &mut sizes, &mut random);
            twice_mid += if is_buy { 200 } else { -200 };
        }
        assert!((sums.next / sums.half_spread - 1.0).abs() < 1e-4);
        assert!((sums.random_next / sums.half_spread).abs() < 0.1);
        // an even number of trades later the price is where it was
        assert!(sums.long.abs() < 1e-12);
        assert_eq!(sums.long_count, 4_900.0);
        assert_eq!(sums.next_count, 4_999.0);
    }

    #[test]
    fn responses_are_kept_by_size() {
        let (mut sums, mut sizes, mut random) =
            (ResponseSums::default(), SizeSums::default(), Random::new(1));
        let mut responses = Responses::new();
        let mut twice_mid = 20_000_000;
        for number in 0..1_000 {
            let shares = if number % 11 == 0 { 1_024 } else { 4 };
            responses.push(trade(number, true, shares, twice_mid), &mut sums, &mut sizes, &mut random);
            twice_mid += i64::from(shares);
        }
        // every eleventh trade is large: ten trades after a large one, the price moved by 1,024 + 9 × 4
        let mean = |sums: &BySize, octave: usize| sums.response[octave] / sums.count[octave];
        let (small, large) = (mean(&sizes.by_size, 2), mean(&sizes.by_size, 10));
        assert!((large * 20_000_000.0 - 1_060.0).abs() < 10.0, "{large}");
        assert!(small < large * 1.1 && small > large * 0.5);
        assert!((sizes.by_size.log_shares[10] / sizes.by_size.count[10] - libm::log(1_024.0)).abs() < 1e-9);
        assert_eq!(sizes.shuffled.count.iter().sum::<f64>(), 990.0);
    }
}
