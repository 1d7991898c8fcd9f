//! Random numbers: one generator for each (symbol, purpose), and our own samplers.
//!
//! Only the generator comes from a crate (`rand_pcg`, whose output is fixed by reference vectors). The samplers are
//! implemented here because those of `rand` may change their values in a minor release, and those of `rand_distr` stop
//! being portable when another crate of the build enables a feature (docs/adr/0001).

use chrono::{Datelike, NaiveDate};
use rand_pcg::{
    Pcg64Dxsm,
    rand_core::{Rng, SeedableRng},
};

use crate::math;

/// The purpose of a generator's draws. An additional draw for one purpose does not change the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The arrival times of orders.
    Arrivals,
    /// The steps of the price process.
    Price,
    /// The parameters and fates of orders.
    Orders,
    /// The spreads and sizes of the book.
    Quotes,
    /// The times and multipliers of bursts.
    Bursts,
    /// The weather of a factor (`stylized/1`, as all that follow).
    FactorWeather,
    /// The returns of a factor.
    FactorPrice,
    /// The weather of one symbol.
    Weather,
    /// The news of one symbol.
    News,
    /// The arrival times of orders that excite each other.
    Excitement,
    /// The parameters of orders in a flow with memory.
    Flow,
    /// The spreads and sizes of a quote that orders change.
    Depth,
    /// The times of the opening and the closing cross.
    Crosses,
    /// The values that the plan of an event leaves open (any model).
    Planned,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Purpose::Arrivals => "arrivals",
            Purpose::Price => "price",
            Purpose::Orders => "orders",
            Purpose::Quotes => "quotes",
            Purpose::Bursts => "bursts",
            Purpose::FactorWeather => "factor weather",
            Purpose::FactorPrice => "factor price",
            Purpose::Weather => "weather",
            Purpose::News => "news",
            Purpose::Excitement => "excitement",
            Purpose::Flow => "flow",
            Purpose::Depth => "depth",
            Purpose::Crosses => "crosses",
            Purpose::Planned => "planned events",
        }
    }
}

/// The BLAKE3 key derivation context of generator seeds. Changing it changes every recording.
const SEED_CONTEXT: &str = "tradesim 2026-11 generator seed";

/// The BLAKE3 key derivation context of [`day_seed`]. Changing it changes every recording.
const DAY_CONTEXT: &str = "tradesim 2026-11 seed of a day";

/// Derives the seed of one day, so that the same seed produces different events on each date.
pub(crate) fn day_seed(seed: u64, date: NaiveDate) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key(DAY_CONTEXT);
    hasher.update(&seed.to_le_bytes());
    hasher.update(&date.num_days_from_ce().to_le_bytes());
    let mut word = [0; 8];
    hasher.finalize_xof().fill(&mut word);
    u64::from_le_bytes(word)
}

/// A stream of random draws.
#[derive(Clone)]
pub(crate) struct Stream(Pcg64Dxsm);

impl Stream {
    /// Creates the stream of one purpose for one symbol, for a factor by its name, or for the whole market with an empty
    /// `symbol`.
    ///
    /// The generator's 32 seed bytes are derived by hashing, so that streams are independent. PCG's own stream parameter is
    /// not used: its documentation warns of correlated streams.
    pub(crate) fn new(seed: u64, purpose: Purpose, symbol: &str) -> Stream {
        let mut hasher = blake3::Hasher::new_derive_key(SEED_CONTEXT);
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.label().as_bytes());
        hasher.update(b"/");
        hasher.update(symbol.as_bytes());
        Stream(Pcg64Dxsm::from_seed(*hasher.finalize().as_bytes()))
    }

    /// Draws a uniform integer in `0..bound`, without bias.
    ///
    /// Source: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019.
    #[inline]
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        debug_assert!(bound > 0);
        let bound = u64::from(bound);
        let mut product = (self.0.next_u64() >> 32) * bound;
        if (product as u32) < bound as u32 {
            let threshold = (1u64 << 32) % bound;
            while u64::from(product as u32) < threshold {
                product = (self.0.next_u64() >> 32) * bound;
            }
        }
        (product >> 32) as u32
    }

    /// Draws two uniform integers, in `0..first` and `0..second`, without bias. They use the two halves of one word, because
    /// the generator is a large part of the cost of small draws. Source: see [`Stream::below`].
    #[inline]
    pub(crate) fn pair_below(&mut self, first: u32, second: u32) -> (u32, u32) {
        debug_assert!(first > 0 && second > 0);
        let biased = |product: u64, bound: u32| {
            (product as u32) < bound && u64::from(product as u32) < (1u64 << 32) % u64::from(bound)
        };
        loop {
            let word = self.0.next_u64();
            let high = (word >> 32) * u64::from(first);
            let low = u64::from(word as u32) * u64::from(second);
            if !biased(high, first) && !biased(low, second) {
                return ((high >> 32) as u32, (low >> 32) as u32);
            }
        }
    }

    /// Draws 64 random bits.
    #[inline]
    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Draws a uniform number in the open interval (0, 1), on a grid of 2⁻⁵³ shifted by half a step.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) * (1.0 / (1u64 << 53) as f64)
    }

    /// Draws a uniform number between `low` and `high`.
    #[inline]
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Draws an exponential number of mean 1, by inversion.
    #[inline]
    pub(crate) fn exponential(&mut self) -> f64 {
        -math::ln(self.unit())
    }

    /// Draws a standard normal number by inversion, which takes one draw, so that the stream's position is the number of
    /// draws.
    #[inline]
    pub(crate) fn normal(&mut self) -> f64 {
        math::normal_quantile(self.unit())
    }

    /// Draws several standard normal numbers, the same as as many calls of [`Stream::normal`].
    #[inline]
    pub(crate) fn normals<const N: usize>(&mut self) -> [f64; N] {
        math::normal_quantiles(std::array::from_fn(|_| self.unit()))
    }

    /// Draws an index with probability proportional to its weight.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.unit() * weights.clone().sum::<f64>();
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            last = index;
            if left < weight {
                return index;
            }
            left -= weight;
        }
        last
    }

    /// Returns a number that identifies the generator's position, for the state digest: the next draw.
    pub(crate) fn position(&self) -> u64 {
        self.0.clone().next_u64()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({:016x})", self.position())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_known_answers() {
        let mut stream = Stream::new(42, Purpose::Price, "AAPL");
        let words: Vec<u64> = (0..3).map(|_| stream.0.next_u64()).collect();
        assert_eq!(words, [6_093_392_014_626_915_869, 13_883_582_650_160_386_822, 3_201_152_615_490_548_125]);
        let mut stream = Stream::new(42, Purpose::Price, "AAPL");
        assert_eq!(stream.below(1_000), 330);
        let draws = [stream.unit(), stream.exponential(), stream.normal()];
        assert_eq!(draws.map(f64::to_bits), [0x3fe8158c9b9512c2, 0x3ffc05a3d4c3e74c, 0x3fcd58aac35d2fad]);
    }

    #[test]
    fn each_sampler_has_known_answers() {
        let mut stream = Stream::new(42, Purpose::Flow, "samplers");
        let pairs = [(); 3].map(|()| stream.pair_below(1_000, 7));
        let weights = [0.2, 0.5, 0.3];
        let chosen = [(); 8].map(|()| stream.weighted(weights.iter().copied()));
        let (between, word) = (stream.between(-2.0, 3.0).to_bits(), stream.word());
        let mut single = stream.clone();
        let normals = stream.normals::<5>().map(f64::to_bits);
        assert_eq!(normals, [(); 5].map(|()| single.normal().to_bits()));
        assert_eq!(stream.position(), single.position());
        assert_eq!(pairs, [(974, 1), (973, 6), (656, 5)]);
        assert_eq!(chosen, [0, 1, 0, 1, 1, 0, 1, 1]);
        let expected = [4_609_334_167_096_839_216, 1_171_623_993_008_611_841, 13_828_906_311_520_712_840];
        assert_eq!([between, word, normals[4]], expected);
    }

    #[test]
    fn streams_of_other_purposes_symbols_and_seeds_differ() {
        let first = Stream::new(1, Purpose::Price, "AAPL").position();
        for other in [
            Stream::new(2, Purpose::Price, "AAPL"),
            Stream::new(1, Purpose::Orders, "AAPL"),
            Stream::new(1, Purpose::Price, "MSFT"),
            Stream::new(1, Purpose::Price, ""),
        ] {
            assert_ne!(other.position(), first);
        }
    }

    #[test]
    fn days_of_one_seed_differ() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 2, day).unwrap();
        assert_ne!(day_seed(42, date(18)), day_seed(42, date(19)));
        assert_ne!(day_seed(42, date(18)), day_seed(43, date(18)));
        assert_eq!(day_seed(42, date(18)), 6_393_618_459_624_390_241);
    }

    #[test]
    fn integers_below_a_bound_are_uniform() {
        let mut stream = Stream::new(7, Purpose::Orders, "");
        let mut counts = [0f64; 7];
        let draws = 70_000;
        for _ in 0..draws {
            counts[stream.below(7) as usize] += 1.0;
        }
        let expected = f64::from(draws) / 7.0;
        let chi_square: f64 =
            counts.iter().map(|count| (count - expected) * (count - expected) / expected).sum();
        // 6 degrees of freedom: 22.46 is exceeded once in a thousand seeds
        assert!(chi_square < 22.46, "{chi_square}");
    }

    #[test]
    fn pairs_are_uniform_and_independent() {
        let mut stream = Stream::new(8, Purpose::Orders, "");
        let mut counts = [[0f64; 5]; 3];
        let draws = 60_000;
        for _ in 0..draws {
            let (first, second) = stream.pair_below(3, 5);
            counts[first as usize][second as usize] += 1.0;
        }
        let expected = f64::from(draws) / 15.0;
        let chi_square: f64 =
            counts.iter().flatten().map(|count| (count - expected) * (count - expected) / expected).sum();
        // 14 degrees of freedom: 36.12 is exceeded once in a thousand seeds
        assert!(chi_square < 36.12, "{chi_square}");
    }

    #[test]
    fn a_bound_that_needs_rejection_stays_below() {
        let mut stream = Stream::new(7, Purpose::Orders, "x");
        let bound = (1 << 31) + 1;
        assert!((0..10_000).all(|_| stream.below(bound) < bound));
        assert!((0..100).all(|_| stream.below(1) == 0));
    }

    #[test]
    fn normal_and_exponential_draws_have_their_moments() {
        let mut stream = Stream::new(3, Purpose::Price, "");
        let draws = 200_000;
        let (mut sum, mut squares, mut exponential) = (0.0, 0.0, 0.0);
        for _ in 0..draws {
            let z = stream.normal();
            sum += z;
            squares += z * z;
            exponential += stream.exponential();
        }
        let n = f64::from(draws);
        assert!((sum / n).abs() < 4.0 / n.sqrt());
        assert!((squares / n - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
        assert!((exponential / n - 1.0).abs() < 4.0 / n.sqrt());
    }

    #[test]
    fn weighted_draws_follow_the_weights() {
        let mut stream = Stream::new(3, Purpose::Bursts, "");
        let weights = [0.5, 0.0, 0.3, 0.2];
        let mut counts = [0u32; 4];
        for _ in 0..50_000 {
            counts[stream.weighted(weights.iter().copied())] += 1;
        }
        for (count, weight) in counts.into_iter().zip(weights) {
            let sigma = (50_000.0 * weight * (1.0 - weight)).sqrt();
            assert!((f64::from(count) - 50_000.0 * weight).abs() <= 4.0 * sigma);
        }
    }
}
