//! Bursts: short time spans in which orders arrive many times faster, at random times or as planned.

use tradesim_schemas::{Symbol, Timestamp};

use crate::{
    rng::{Purpose, Stream},
    universe::Universe,
};

/// A time span in which the order rate is multiplied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// The start.
    pub from: Timestamp,
    /// The end, exclusive.
    pub to: Timestamp,
    /// The factor of the order rate.
    pub multiplier: f64,
    /// The only symbol that is affected, as by news; `None` for all symbols.
    pub symbol: Option<Symbol>,
    /// True if the burst was planned for a given time, false if it was drawn.
    pub planned: bool,
}

/// The parameters of random bursts (contract, section 2, Modes).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomBursts {
    /// The factor is uniform in [0.5, 2.5] × this.
    pub multiplier: f64,
    /// The gap between bursts is uniform in [0.5, 2] × this.
    pub interval_seconds: f64,
    /// The length is uniform in [0.5, 1.5] × this.
    pub duration_seconds: f64,
}

/// Draws the bursts of a day from `start` to `end`. Half of them affect one symbol, drawn by weight.
pub(crate) fn draw(
    seed: u64,
    random: &RandomBursts,
    universe: &Universe,
    start: Timestamp,
    end: Timestamp,
) -> Vec<Burst> {
    let mut stream = Stream::new(seed, Purpose::Bursts, "");
    let mut bursts = Vec::new();
    let mut at = start.micros();
    loop {
        let gap = stream.between(0.5, 2.0) * random.interval_seconds;
        let len = stream.between(0.5, 1.5) * random.duration_seconds;
        let multiplier = stream.between(0.5, 2.5) * random.multiplier;
        let one_symbol = stream.below(2) == 1;
        let hit = stream.weighted(universe.symbols().iter().map(|info| info.weight));
        let from = at + (gap * 1e6) as i64;
        if from >= end.micros() {
            return bursts;
        }
        let to = (from + ((len * 1e6) as i64).max(1)).min(end.micros());
        bursts.push(Burst {
            from: instant(from),
            to: instant(to),
            multiplier,
            symbol: one_symbol.then(|| universe.symbols()[hit].symbol),
            planned: false,
        });
        at = to;
    }
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("within the day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_keep_to_the_contract() {
        let universe = Universe::on(chrono::NaiveDate::from_ymd_opt(2026, 2, 18).unwrap());
        let random = RandomBursts { multiplier: 20.0, interval_seconds: 60.0, duration_seconds: 10.0 };
        let (start, end) = (instant(0), instant(16 * 3_600_000_000));
        let mut one_symbol = 0f64;
        let mut all = 0f64;
        for seed in 0..10 {
            let bursts = draw(seed, &random, &universe, start, end);
            let mut last = start.micros();
            for burst in &bursts[..bursts.len() - 1] {
                let gap = (burst.from.micros() - last) as f64 / 1e6;
                let len = (burst.to.micros() - burst.from.micros()) as f64 / 1e6;
                assert!((29.9..=120.1).contains(&gap), "{gap}");
                assert!((4.9..=15.1).contains(&len), "{len}");
                assert!((10.0..=50.0).contains(&burst.multiplier));
                last = burst.to.micros();
                one_symbol += f64::from(u8::from(burst.symbol.is_some()));
                all += 1.0;
            }
            // a gap of 75 s and a length of 10 s on average
            assert!((550..820).contains(&bursts.len()), "{}", bursts.len());
        }
        assert!((one_symbol - all / 2.0).abs() < 4.0 * (all / 4.0).sqrt());
    }
}
