//! C4 to C8: when orders arrive.

use std::collections::BTreeMap;

use crate::{
    day::SymbolDay,
    measured::Measured,
    number::{fit, mean, random::Random, ratio},
    pool::Pool,
    session::BIN_SECONDS,
};

/// Windows of the Allan factor, in tens of seconds.
const WINDOWS: [usize; 7] = [1, 2, 5, 10, 20, 30, 60];
/// Windows of ten seconds in five minutes.
const COUNTS_BIN: usize = BIN_SECONDS / 10;
/// Bins of five minutes in half an hour.
const BINS_HALF_HOUR: usize = 6;
const NO_ORDERS: &str = "the recording has no orders in the core session";

pub(super) fn rows(pool: &Pool, random: &mut Random) -> Vec<Measured> {
    let profiles = Profiles::of(pool);
    let counts = |day: &SymbolDay| day.counts.iter().copied().map(f64::from).collect::<Vec<_>>();
    let found = factors(pool, &profiles, counts);
    let null = factors(pool, &profiles, |day| poisson(day, random));
    let busiest = |figure: fn(&crate::pool::Busiest) -> f64| {
        mean(pool.days.iter().filter_map(|day| day.seconds.as_ref()).map(figure))
    };
    let rows = [
        // exponential gaps
        Measured::new("C4", variation(pool, &profiles)).null(Some(1.0)),
        Measured::new("C5", branching(&found)).null(branching(&null)),
        Measured::new("C6", exponent(&found)).null(exponent(&null)),
        Measured::new("C7", busiest(|figures| figures.highest))
            .null(busiest_of_profile(pool, &profiles, random)),
        Measured::new("C8", busiest(|figures| figures.p999)),
    ];
    let has_orders = pool.days.iter().any(|day| day.seconds.is_some());
    rows.map(|row| row.only_if(has_orders, NO_ORDERS)).into()
}

/// The share of orders in each five minutes, in units of the mean, by the length of the session.
struct Profiles(BTreeMap<usize, Vec<f64>>);

impl Profiles {
    fn of(pool: &Pool) -> Profiles {
        let mut sums: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
        for day in &pool.symbol_days {
            let total: f64 = day.counts.iter().copied().map(f64::from).sum();
            let bins = day.session.bins_core();
            let profile = sums.entry(bins).or_insert_with(|| vec![(0.0, 0.0); bins]);
            for (bin, counts) in day.counts.chunks(COUNTS_BIN).enumerate() {
                if total > 0.0 {
                    let count: f64 = counts.iter().copied().map(f64::from).sum();
                    let place = &mut profile[day.session.bins_before() + bin];
                    place.0 += count * day.session.bins() as f64 / total;
                    place.1 += 1.0;
                }
            }
        }
        let mean = |(sum, count): (f64, f64)| if count > 0.0 { sum / count } else { 1.0 };
        Profiles(sums.into_iter().map(|(bins, sums)| (bins, sums.into_iter().map(mean).collect())).collect())
    }

    fn of_day(&self, day: &SymbolDay) -> &[f64] {
        &self.0[&day.session.bins_core()][day.session.bins_before()..][..day.session.bins()]
    }
}

/// Returns the coefficient of variation of gaps, in the time in which the profile is flat.
fn variation(pool: &Pool, profiles: &Profiles) -> Option<f64> {
    let mut variations = Vec::new();
    for day in &pool.symbol_days {
        let [mut count, mut sum, mut squares] = [0.0; 3];
        for (gaps, rate) in day.gaps.iter().zip(profiles.of_day(day)) {
            count += f64::from(gaps[0]);
            sum += f64::from(gaps[1]) * rate;
            squares += f64::from(gaps[2]) * rate * rate;
        }
        if count >= 100.0 {
            let mean = sum / count;
            variations.push((squares / count - mean * mean).max(0.0).sqrt() / mean);
        }
    }
    mean(variations)
}

/// Returns Poisson counts with the same mean in every five minutes.
fn poisson(day: &SymbolDay, random: &mut Random) -> Vec<f64> {
    let bins = day.counts.chunks(COUNTS_BIN);
    bins.flat_map(|bin| {
        let mean = bin.iter().copied().map(f64::from).sum::<f64>() / bin.len() as f64;
        (0..bin.len()).map(|_| random.poisson(mean)).collect::<Vec<_>>()
    })
    .collect()
}

/// Returns the busiest second, in units of the mean, of Poisson arrivals that follow the mean profile of all days by half hours: the mean
/// over days. Shorter parts of a few days would have their bursts in the profile.
fn busiest_of_profile(pool: &Pool, profiles: &Profiles, random: &mut Random) -> Option<f64> {
    let mut days: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for day in &pool.symbol_days {
        let mean = day.counts.iter().copied().map(f64::from).sum::<f64>() / (10 * day.counts.len()) as f64;
        let profile = profiles.of_day(day);
        let rates = days.entry(day.day).or_insert_with(|| vec![0.0; profile.len()]);
        for (rate, share) in rates.iter_mut().zip(profile) {
            *rate += mean * share;
        }
    }
    let busiest = days.into_values().filter_map(|rates| {
        let mut highest: f64 = 0.0;
        for half_hour in rates.chunks(BINS_HALF_HOUR) {
            let rate = half_hour.iter().sum::<f64>() / half_hour.len() as f64;
            let seconds = half_hour.len() * BIN_SECONDS;
            highest = (0..seconds).map(|_| random.poisson(rate)).fold(highest, f64::max);
        }
        ratio(highest * rates.len() as f64, rates.iter().sum())
    });
    mean(busiest.collect::<Vec<_>>())
}

/// Returns the Allan factor by window in seconds: the mean square of the difference of neighbouring counts over twice their mean.
/// The difference that the profile of the day makes is subtracted. It is 1 for Poisson arrivals.
fn factors(
    pool: &Pool,
    profiles: &Profiles,
    mut counts: impl FnMut(&SymbolDay) -> Vec<f64>,
) -> Vec<(f64, f64)> {
    let mut sums = [(0.0, 0.0); WINDOWS.len()];
    for day in &pool.symbol_days {
        let counts = counts(day);
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let profile = profiles.of_day(day);
        let expected: Vec<f64> = (0..counts.len()).map(|at| mean * profile[at / COUNTS_BIN]).collect();
        for (window, sums) in WINDOWS.iter().zip(&mut sums) {
            let total =
                |values: &[f64]| values.chunks_exact(*window).map(|chunk| chunk.iter().sum()).collect();
            let (found, due): (Vec<f64>, Vec<f64>) = (total(&counts), total(&expected));
            for at in 1..found.len() {
                let difference = found[at] - found[at - 1] - (due[at] - due[at - 1]);
                sums.0 += difference * difference;
                sums.1 += found[at] + found[at - 1];
            }
        }
    }
    let seconds = WINDOWS.iter().map(|window| *window as f64 * 10.0);
    seconds
        .zip(sums)
        .filter_map(|(seconds, (squares, counts))| Some((seconds, ratio(squares, counts)?)))
        .collect()
}

/// Returns the Allan factors of all orders.
pub(crate) fn allan_factors(pool: &Pool) -> Vec<(f64, f64)> {
    let counts = |day: &SymbolDay| day.counts.iter().copied().map(f64::from).collect();
    factors(pool, &Profiles::of(pool), counts)
}

/// Returns the share of orders that other orders caused, of a Hawkes process: counts over long windows have the variance
/// mean / (1 − n)² (Hawkes 1971; Hardiman and Bouchaud 2014).
fn branching(factors: &[(f64, f64)]) -> Option<f64> {
    let (_, factor) = factors.first()?;
    Some(1.0 - 1.0 / factor.sqrt())
}

fn exponent(factors: &[(f64, f64)]) -> Option<f64> {
    let points: Vec<_> = factors.iter().map(|(window, factor)| (*window, *factor, 1.0)).collect();
    fit::exponent(&points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::pool_of_returns;

    fn pool_of_counts(counts: Vec<Vec<u16>>) -> Pool {
        let mut pool = pool_of_returns(vec![vec![vec![0.0; 390]; counts.len()]]);
        pool.symbol_days.iter_mut().zip(counts).for_each(|(day, counts)| day.counts = counts);
        pool
    }

    #[test]
    fn poisson_arrivals_have_a_factor_of_one_whatever_their_profile() {
        let mut random = Random::new(3);
        let counts = |random: &mut Random| {
            (0..2_340).map(|at| random.poisson(if at < 180 { 60.0 } else { 20.0 }) as u16).collect()
        };
        let pool = pool_of_counts((0..20).map(|_| counts(&mut random)).collect());
        let found = allan_factors(&pool);
        assert_eq!(found.len(), WINDOWS.len());
        assert!(found.iter().all(|(_, factor)| (factor - 1.0).abs() < 0.2), "{found:?}");
        assert!(branching(&found).unwrap().abs() < 0.02);
        assert!(exponent(&found).unwrap().abs() < 0.04);
    }

    #[test]
    fn clusters_raise_the_factor_to_their_size() {
        // orders arrive in fours: the factor is 4, and the branching ratio of such counts one half
        let mut random = Random::new(3);
        let day = |random: &mut Random| (0..2_340).map(|_| 4 * random.poisson(10.0) as u16).collect();
        let pool = pool_of_counts((0..20).map(|_| day(&mut random)).collect());
        let found = allan_factors(&pool);
        assert!((found[0].1 - 4.0).abs() < 0.1, "{found:?}");
        assert!((branching(&found).unwrap() - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_busy_second_beyond_the_profile_is_beyond_its_null() {
        let busiest =
            |pool: &Pool| busiest_of_profile(pool, &Profiles::of(pool), &mut Random::new(1)).unwrap();
        // the largest of 23,400 Poisson numbers of mean 100 is about four deviations above it
        let flat = busiest(&pool_of_counts(vec![vec![1_000; 2_340]]));
        assert!((1.32..=1.52).contains(&flat), "{flat}");
        // one day of three is busy for five minutes, at ten times the mean
        let quiet = vec![1_000; 2_340];
        let mut busy = quiet.clone();
        busy[..30].fill(10_000);
        let bursts = busiest(&pool_of_counts(vec![busy, quiet.clone(), quiet]));
        assert!((1.6..2.4).contains(&bursts), "{bursts}");
    }

    #[test]
    fn regular_gaps_do_not_vary() {
        let mut pool = pool_of_counts(vec![vec![1; 2_340]]);
        for gaps in &mut pool.symbol_days[0].gaps {
            *gaps = [30.0, 300.0, 3_000.0];
        }
        assert!(variation(&pool, &Profiles::of(&pool)).unwrap() < 1e-3);
        // half of the gaps are 0, the others 20 s
        for gaps in &mut pool.symbol_days[0].gaps {
            *gaps = [30.0, 300.0, 6_000.0];
        }
        assert!((variation(&pool, &Profiles::of(&pool)).unwrap() - 1.0).abs() < 1e-6);
    }
}
