//! The arrival times of one symbol's orders: a Hawkes process, in which each order excites further ones.

use std::sync::Arc;

use super::{path::Path, profile::SECOND};
use crate::{
    math,
    rng::{Purpose, Stream},
    segments::Segment,
};

/// The number of orders that an order causes on average (Hardiman, Bercot and Bouchaud 2013: near 1; Filimonov and Sornette
/// 2012: 0.7).
const BRANCHING: f64 = 0.75;
/// The decay of the slowest part of the kernel per microsecond: 20.48 s. Each other part decays 16 times as fast as the next
/// one, so that one exponential is enough.
const SLOWEST: f64 = 1.0 / 20.48e6;
/// The rate that an order adds to each part of the kernel: the weights of the parts approximate t^(−1.15).
const KICKS: [f64; 4] = [
    BRANCHING * 0.4193 * 4_096.0 * SLOWEST,
    BRANCHING * 0.2771 * 256.0 * SLOWEST,
    BRANCHING * 0.1830 * 16.0 * SLOWEST,
    BRANCHING * 0.1206 * SLOWEST,
];

/// The time, in microseconds of the process's clock, after which the bound of the rate is lowered while the fastest part of the
/// kernel dominates it: its mean life. Without that, most candidates after an order would be rejected.
const HOP: f64 = 5_000.0;
/// A hop and more than the rounding of its quotients.
const HOP_FOR_SURE: f64 = HOP * (1.0 + 1e-12);
/// The rest of each part of the kernel after a hop.
const KEPT_BY_HOP: [f64; 4] =
    [0.367_879_441_171_442_33, 0.939_413_062_813_475_8, 0.996_101_369_470_117_5, 0.999_755_889_174_897_2];

/// An arrival at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// An order arrives.
    Order,
    /// The opening cross.
    OpeningCross,
    /// The closing cross.
    ClosingCross,
}

/// The arrivals of one symbol. Times are in microseconds after 04:00.
///
/// The times are exact (thinning, Ogata 1981). A burst runs the clock of the whole process faster, so that its rate is the
/// multiple that was asked for from the first instant on.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    /// The multipliers of bursts. They cover the day.
    bursts: Arc<[Segment]>,
    burst: usize,
    /// 04:00 in microseconds since the epoch.
    start: i64,
    /// The rate per microsecond of orders that no order caused, at multiplier 1 and in average weather.
    base: f64,
    crosses: [i64; 2],
    next_cross: usize,
    /// The time at which the base rate changes or a cross takes place.
    boundary: f64,
    /// The base rate at present.
    exogenous: f64,
    /// The multiplier of the current burst; 1 outside bursts.
    speed: f64,
    /// A hop in microseconds.
    hop: f64,
    process: Process,
    stream: Stream,
}

/// The state that changes with each candidate. [`Arrivals::next`] works on a copy, which the compiler can keep in registers.
#[derive(Clone, Copy, Debug)]
struct Process {
    at: f64,
    /// The excitement by past orders, by the parts of the kernel, as it was `lag` microseconds of the process's clock ago.
    excited: [f64; 4],
    lag: f64,
    /// The exponential number that is left until the next candidate.
    need: f64,
}

impl Arrivals {
    /// Creates the arrivals of a symbol with `rate` orders per second at multiplier 1.
    pub(super) fn new(
        seed: u64,
        symbol: &str,
        rate: f64,
        bursts: Vec<Segment>,
        crosses: [i64; 2],
        path: &Path,
    ) -> Arrivals {
        let mut stream = Stream::new(seed, Purpose::Excitement, symbol);
        let need = stream.exponential();
        let mut arrivals = Arrivals {
            start: bursts[0].from,
            bursts: bursts.into(),
            burst: 0,
            base: (1.0 - BRANCHING) * rate / 1e6,
            crosses,
            next_cross: 0,
            boundary: 0.0,
            exogenous: 0.0,
            speed: 1.0,
            hop: HOP,
            process: Process { at: 0.0, excited: [0.0; 4], lag: 0.0, need },
            stream,
        };
        arrivals.look(path);
        arrivals
    }

    /// Returns the multiplier of the current burst; 1 outside bursts.
    #[inline]
    pub(super) fn burst(&self) -> f64 {
        self.speed
    }

    /// Returns the next arrival, never before the previous one, and moves `path` to its step. Returns `None` at the end of
    /// the day.
    #[inline]
    pub(super) fn next(&mut self, path: &mut Path) -> Option<(i64, Arrival)> {
        let mut process = self.process;
        loop {
            // the excitement only decays, so its past value bounds the rate
            let bound = self.exogenous + total(&process.excited);
            let hop = process.at + self.hop;
            let may_hop = process.excited[0] > 0.25 * bound && hop < self.boundary;
            // most hops are decided without the division below, whose result would exceed `hop` by more than it is rounded
            if may_hop && process.need > HOP_FOR_SURE * bound {
                process.hop(hop, bound);
                continue;
            }
            let gap = process.need / (bound * self.speed);
            let next = process.at + gap;
            if may_hop && next >= hop {
                process.hop(hop, bound);
                continue;
            }
            if next >= self.boundary {
                let elapsed = (self.boundary - process.at) * self.speed;
                process.need = (process.need - elapsed * bound).max(0.0);
                process.lag += elapsed;
                process.at = self.boundary;
                let passed = self.pass_boundary(path);
                if let Passed::Change = passed {
                    continue;
                }
                self.process = process;
                return match passed {
                    Passed::Cross(cross) => Some((process.at as i64, cross)),
                    Passed::Change | Passed::End => None,
                };
            }
            process.at = next;
            process.decay(gap * self.speed + process.lag);
            process.lag = 0.0;
            process.need = self.stream.exponential();
            if self.stream.unit() * bound <= self.exogenous + total(&process.excited) {
                for (excited, kick) in process.excited.iter_mut().zip(KICKS) {
                    *excited += kick;
                }
                self.process = process;
                return Some((next as i64, Arrival::Order));
            }
        }
    }

    /// Passes the boundary, at which a step or a burst ends or a cross takes place, or several of them.
    fn pass_boundary(&mut self, path: &mut Path) -> Passed {
        let at = self.boundary as i64;
        let grid = path.profile().grid;
        if at == grid.start(path.step() + 1) * SECOND {
            if path.step() + 1 == grid.steps() {
                return Passed::End;
            }
            path.next_step();
        }
        if self.start + at == self.bursts[self.burst].to {
            self.burst += 1;
        }
        let cross = self.crosses.get(self.next_cross) == Some(&at);
        self.next_cross += usize::from(cross);
        self.look(path);
        match (cross, self.next_cross) {
            (false, _) => Passed::Change,
            (true, 1) => Passed::Cross(Arrival::OpeningCross),
            (true, _) => Passed::Cross(Arrival::ClosingCross),
        }
    }

    /// Finds the next boundary and the base rate until then.
    fn look(&mut self, path: &Path) {
        let step_end = path.profile().grid.start(path.step() + 1) * SECOND;
        let burst_end = self.bursts[self.burst].to - self.start;
        let cross = self.crosses.get(self.next_cross).copied().unwrap_or(i64::MAX);
        self.boundary = step_end.min(burst_end).min(cross) as f64;
        self.speed = self.bursts[self.burst].multiplier;
        self.hop = HOP / self.speed;
        self.exogenous = self.base * path.profile().intensity[path.step()] * path.activity();
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> impl Iterator<Item = u64> + use<> {
        let Process { at, excited, lag, need } = self.process;
        let numbers = [at, need, lag, self.exogenous].into_iter().chain(excited);
        numbers.map(f64::to_bits).chain([self.stream.position()])
    }
}

impl Process {
    /// Moves to `hop`, which is one hop ahead, without a candidate.
    #[inline]
    fn hop(&mut self, hop: f64, bound: f64) {
        self.need = (self.need - HOP * bound).max(0.0);
        self.at = hop;
        for (excited, kept) in self.excited.iter_mut().zip(KEPT_BY_HOP) {
            *excited *= kept;
        }
    }

    /// Lets the excitement decay over `elapsed` microseconds of the process's clock.
    #[inline]
    fn decay(&mut self, elapsed: f64) {
        let mut kept = math::exp_of_small(-elapsed * SLOWEST);
        for excited in self.excited.iter_mut().rev() {
            *excited *= kept;
            // its power 16
            for _ in 0..4 {
                kept *= kept;
            }
        }
    }
}

/// The kinds of boundaries.
enum Passed {
    /// Only a change of rates.
    Change,
    Cross(Arrival),
    /// The end of the day.
    End,
}

#[inline]
fn total(excited: &[f64; 4]) -> f64 {
    excited[0] + excited[1] + (excited[2] + excited[3])
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::{
        session::{Closed, TradingDay},
        stylized::{calibration::Calibration, common::Common, profile::Profile},
        universe::Universe,
    };

    /// The arrivals of a symbol with a tenfold burst of a second at noon, and their path.
    fn arrivals(rate: f64) -> (Arrivals, Path) {
        let day = TradingDay::new(NaiveDate::from_ymd_opt(2026, 11, 27).unwrap(), Closed::Refuse).unwrap();
        let universe = Universe::on(day.date());
        let common = Common::new(5, Profile::new(&day, true), universe.symbols());
        let info = &universe.symbols()[0];
        let loadings = Calibration::new(info, rate, &common).loadings;
        let path = Path::new(5, info.symbol.as_str(), info.sector, loadings, common);
        let (start, end) = (day.start().micros(), day.day_end(true).micros());
        let noon = start + 8 * 3_600 * SECOND;
        let bursts = [(start, noon, 1.0), (noon, noon + SECOND, 10.0), (noon + SECOND, end, 1.0)]
            .map(|(from, to, multiplier)| Segment { from, to, multiplier });
        let crosses = [5 * 3_600 * SECOND + 7, 9 * 3_600 * SECOND + 11];
        (Arrivals::new(5, info.symbol.as_str(), rate, bursts.into(), crosses, &path), path)
    }

    #[test]
    fn arrivals_have_known_answers() {
        let (mut arrivals, mut path) = arrivals(20.0);
        let mut all = Vec::new();
        while let Some(arrival) = arrivals.next(&mut path) {
            all.push(arrival);
        }
        let crosses: Vec<_> = all.iter().filter(|arrival| arrival.1 != Arrival::Order).collect();
        let expected = [
            (5 * 3_600 * SECOND + 7, Arrival::OpeningCross),
            (9 * 3_600 * SECOND + 11, Arrival::ClosingCross),
        ];
        assert_eq!(crosses, [&expected[0], &expected[1]]);
        assert!(all.is_sorted_by_key(|arrival| arrival.0));
        let middle = all.len() / 2;
        let times: Vec<i64> =
            all[..3].iter().chain(&all[middle..middle + 3]).map(|arrival| arrival.0).collect();
        let expected = [11_134_165, 13_128_813, 13_130_408, 22_439_001_706, 22_439_027_114, 22_439_042_701];
        assert_eq!((all.len(), times), (400_018, expected.to_vec()));
    }

    /// The same process, as it is defined: the shortest code, without a guess and with the library's exponential.
    #[test]
    fn shortcuts_change_no_bit() {
        for rate in [0.05, 1.0, 60.0] {
            let (mut arrivals, mut path) = arrivals(rate);
            let (mut plain, mut same_path) = (arrivals.clone(), path.clone());
            loop {
                let found = arrivals.next(&mut path);
                assert_eq!(found, next_by_definition(&mut plain, &mut same_path));
                assert!(arrivals.state().eq(plain.state()), "{found:?}");
                if found.is_none_or(|(at, _)| at > 6 * 3_600 * SECOND) {
                    break;
                }
            }
        }
    }

    fn next_by_definition(arrivals: &mut Arrivals, path: &mut Path) -> Option<(i64, Arrival)> {
        loop {
            let speed = arrivals.bursts[arrivals.burst].multiplier;
            let Process { at, excited, lag, need } = arrivals.process;
            let bound = arrivals.exogenous + total(&excited);
            let gap = need / (bound * speed);
            let (next, hop) = (at + gap, at + HOP / speed);
            let process = &mut arrivals.process;
            if next >= hop && hop < arrivals.boundary && excited[0] > 0.25 * bound {
                let excited = std::array::from_fn(|part| excited[part] * KEPT_BY_HOP[part]);
                *process = Process { at: hop, excited, lag, need: (need - HOP * bound).max(0.0) };
            } else if next >= arrivals.boundary {
                let elapsed = (arrivals.boundary - at) * speed;
                let need = (need - elapsed * bound).max(0.0);
                *process = Process { at: arrivals.boundary, excited, lag: lag + elapsed, need };
                let at = process.at as i64;
                match arrivals.pass_boundary(path) {
                    Passed::Change => {}
                    Passed::Cross(cross) => return Some((at, cross)),
                    Passed::End => return None,
                }
            } else {
                let mut kept = math::exp(-(gap * speed + lag) * SLOWEST);
                let mut excited = excited;
                for part in (0..4).rev() {
                    excited[part] *= kept;
                    (0..4).for_each(|_| kept *= kept);
                }
                let need = arrivals.stream.exponential();
                *process = Process { at: next, excited, lag: 0.0, need };
                if arrivals.stream.unit() * bound <= arrivals.exogenous + total(&excited) {
                    (0..4).for_each(|part| process.excited[part] += KICKS[part]);
                    return Some((next as i64, Arrival::Order));
                }
            }
        }
    }
}
