//! The sizes of orders, as people choose them: odd lots, round hundreds, and a tail with a power law.

use crate::{math, rng::Stream};

/// The largest size in hundreds of shares.
const HUNDREDS_MAX: u32 = 5_000;
/// The smallest size of the tail in hundreds of shares, and its exponent 8/5 (Gopikrishnan et al. 2000: about 1.5).
const TAIL_MIN: f64 = 4.0;
const TAIL_EXPONENT: f64 = 1.6;
/// The smallest size of an order away from the market, in hundreds of shares. It is larger, because such orders are
/// what makes the volume ordered 30 to 55 times the volume executed (SEC MIDAS: 1.8 to 3.3 % are executed).
const LAYER_MIN: f64 = 6.0;

/// The sizes of odd lots with their shares in thousandths: from, to.
const ODD: [(u32, u32, u32); 8] = [
    (180, 1, 1),
    (180, 2, 9),
    (80, 10, 10),
    (160, 11, 24),
    (60, 25, 25),
    (120, 26, 49),
    (80, 50, 50),
    (140, 51, 99),
];
/// The other sizes with their shares in thousandths: from, to. The rest is the tail.
const ROUND: [(u32, u32, u32); 6] =
    [(600, 100, 100), (115, 200, 200), (55, 300, 300), (30, 400, 400), (35, 500, 500), (90, 101, 900)];

/// The number of positions in the tables below.
const THOUSAND: usize = 1_000;
/// Entries of the tables that are not sizes: a size from the tail, and one of the sizes of which there are more than positions.
const TAIL: u16 = 0;
const UNEVEN: u16 = u16::MAX;
const UNEVEN_FROM: u32 = 101;
const UNEVEN_COUNT: u32 = 800;

/// The sizes by position, so that a draw takes one look and no division.
static ODD_SIZES: [u16; THOUSAND] = by_position(&ODD);
static ROUND_SIZES: [u16; THOUSAND] = by_position(&ROUND);

const fn by_position(classes: &[(u32, u32, u32)]) -> [u16; THOUSAND] {
    let mut sizes = [TAIL; THOUSAND];
    let (mut class, mut at) = (0, 0);
    while class < classes.len() {
        let (thousandths, from, to) = classes[class];
        let count = to - from + 1;
        let mut share = 0;
        while share < thousandths {
            sizes[at] = if count > thousandths {
                assert!(from == UNEVEN_FROM && count == UNEVEN_COUNT);
                UNEVEN
            } else {
                (from + share * count / thousandths) as u16
            };
            share += 1;
            at += 1;
        }
        class += 1;
    }
    sizes
}

/// Moments of the tail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    mean: f64,
    mean_root: f64,
}

impl Tail {
    /// Sums the tail's distribution: the size is at least `k` hundreds with probability `(4 / k)^1.6`.
    pub(super) fn new() -> Tail {
        let (mut mean, mut mean_root, mut below) = (0.0, 0.0, 1.0);
        for hundreds in TAIL_MIN as u32..=HUNDREDS_MAX {
            let above = match hundreds {
                HUNDREDS_MAX => 0.0,
                _ => math::exp(TAIL_EXPONENT * math::ln(TAIL_MIN / f64::from(hundreds + 1))),
            };
            let shares = f64::from(hundreds) * 100.0;
            mean += (below - above) * shares;
            mean_root += (below - above) * shares.sqrt();
            below = above;
        }
        Tail { mean, mean_root }
    }
}

/// The sizes of one symbol's orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// The share of odd lots in thousandths.
    odd: u32,
}

impl Sizes {
    /// Returns the sizes of a stock of this price in dollars. The more a share costs, the more orders are odd lots (SEC MIDAS;
    /// NYSE 2020).
    pub(super) fn of_price(dollars: f64) -> Sizes {
        let odd = match dollars {
            price if price < 30.0 => 330,
            price if price < 100.0 => 450,
            price if price < 250.0 => 550,
            price if price < 500.0 => 650,
            _ => 740,
        };
        Sizes { odd }
    }

    /// Draws the size of an order in shares.
    #[inline]
    pub(super) fn draw(&self, stream: &mut Stream) -> u32 {
        let (class, share) = stream.pair_below(THOUSAND as u32, THOUSAND as u32);
        let table = if class < self.odd { &ODD_SIZES } else { &ROUND_SIZES };
        match table[share as usize] {
            TAIL => tail(stream, TAIL_MIN),
            UNEVEN => UNEVEN_FROM + stream.below(UNEVEN_COUNT),
            shares => shares.into(),
        }
    }

    /// Draws the size of an order away from the market.
    #[inline]
    pub(super) fn draw_layer(stream: &mut Stream) -> u32 {
        tail(stream, LAYER_MIN)
    }

    /// Returns the mean size, and the mean of its square root.
    pub(super) fn moments(&self, tail: &Tail) -> (f64, f64) {
        let odd = f64::from(self.odd) / 1_000.0;
        let of = |table: &[(u32, u32, u32)], power: fn(f64) -> f64| -> f64 {
            let class = |&(thousandths, from, to): &(u32, u32, u32)| {
                let values = (from..=to).map(|shares| power(f64::from(shares))).sum::<f64>();
                f64::from(thousandths) / 1_000.0 * values / f64::from(to - from + 1)
            };
            table.iter().map(class).sum()
        };
        let rest = 1.0 - f64::from(ROUND.iter().map(|class| class.0).sum::<u32>()) / 1_000.0;
        let moment = |power: fn(f64) -> f64, tail: f64| {
            odd * of(&ODD, power) + (1.0 - odd) * (of(&ROUND, power) + rest * tail)
        };
        (moment(|shares| shares, tail.mean), moment(f64::sqrt, tail.mean_root))
    }
}

/// Draws ⌊min · U^(−5/8)⌋ hundreds. The power needs square roots only.
#[inline]
fn tail(stream: &mut Stream, min: f64) -> u32 {
    let uniform = stream.unit();
    let root = uniform.sqrt();
    let eighth = root.sqrt().sqrt();
    ((min / (root * eighth)) as u32).min(HUNDREDS_MAX) * 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn draws_have_known_answers() {
        let mut stream = Stream::new(42, Purpose::Flow, "AAPL");
        let sizes = Sizes::of_price(178.5);
        let drawn: Vec<u32> = (0..8).map(|_| sizes.draw(&mut stream)).collect();
        assert_eq!(drawn, [100, 100, 100, 25, 335, 200, 500, 1]);
        let layers: Vec<u32> = (0..3).map(|_| Sizes::draw_layer(&mut stream)).collect();
        assert_eq!(layers, [900, 900, 600]);
    }

    #[test]
    fn shares_and_moments_are_those_of_the_tables() {
        let tail = Tail::new();
        for (price, odd) in [(20.0, 0.33), (178.5, 0.55), (772.3, 0.74)] {
            let sizes = Sizes::of_price(price);
            let mut stream = Stream::new(7, Purpose::Flow, "");
            let draws: Vec<f64> = (0..400_000).map(|_| f64::from(sizes.draw(&mut stream))).collect();
            let mean = |value: fn(f64) -> f64| draws.iter().map(|&size| value(size)).sum::<f64>() / 4e5;
            let share = mean(|size| if size < 100.0 { 1.0 } else { 0.0 });
            assert!((share - odd).abs() < 0.004, "{share}");
            let (size, root) = sizes.moments(&tail);
            assert!((mean(f64::sqrt) / root - 1.0).abs() < 0.01, "{root}");
            // the tail's variance is nearly infinite
            assert!((mean(|size| size) / size - 1.0).abs() < 0.06, "{size}");
        }
    }
}
