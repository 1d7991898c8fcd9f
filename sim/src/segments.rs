//! The expected order rate over a day: segments between which it changes, because a period or a burst begins or ends.

use tradesim_schemas::{Symbol, Timestamp};

use crate::{
    burst::Burst,
    session::{Period, PeriodSpan},
};

/// A time span of constant intensity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Start, in microseconds since the epoch.
    pub(crate) from: i64,
    /// End, exclusive.
    pub(crate) to: i64,
    /// The multiplier of the base rate: that of the period times that of the strongest burst.
    pub(crate) multiplier: f64,
}

/// Returns the segments of a day for one symbol, or for the whole market without single-symbol bursts (`None`).
///
/// Only bursts that affect the symbol split its segments, so that other bursts do not change its arrivals, not even in the
/// last bit. Overlapping bursts do not multiply each other: the strongest one counts.
pub(crate) fn segments(periods: &[PeriodSpan], bursts: &[Burst], symbol: Option<Symbol>) -> Vec<Segment> {
    let mut bursts: Vec<&Burst> =
        bursts.iter().filter(|burst| burst.symbol.is_none() || burst.symbol == symbol).collect();
    bursts.sort_by_key(|burst| burst.from);
    let mut segments = Vec::new();
    for period in periods {
        let (start, end) = (period.from.micros(), period.to.micros());
        let mut cuts = vec![start, end];
        cuts.extend(
            bursts
                .iter()
                .flat_map(|burst| [burst.from.micros(), burst.to.micros()])
                .filter(|at| (start..end).contains(at)),
        );
        cuts.sort_unstable();
        cuts.dedup();
        // bursts are sorted by start, so each search can ignore those that have not begun yet
        for (&from, &to) in cuts.iter().zip(&cuts[1..]) {
            let begun = bursts.partition_point(|burst| burst.from.micros() <= from);
            let strongest = bursts[..begun]
                .iter()
                .filter(|burst| burst.to.micros() > from)
                .map(|burst| burst.multiplier)
                .fold(1.0, f64::max);
            segments.push(Segment { from, to, multiplier: period.multiplier * strongest });
        }
    }
    segments
}

/// Returns the segments of a day for one symbol in which only bursts change the rate.
pub(crate) fn of_bursts(
    start: Timestamp,
    end: Timestamp,
    bursts: &[Burst],
    symbol: Option<Symbol>,
) -> Vec<Segment> {
    segments(&[PeriodSpan { period: Period::AllDay, from: start, to: end, multiplier: 1.0 }], bursts, symbol)
}

/// Returns the expected number of orders per unit of rate.
pub(crate) fn expected(segments: &[Segment]) -> f64 {
    segments.iter().map(|segment| (segment.to - segment.from) as f64 * segment.multiplier / 1e6).sum()
}

/// Returns an upper bound of the expected order rate at each instant, over all symbols. It decides the size of a window.
///
/// A burst of one symbol adds the share of this symbol while it lasts. Such bursts are added up and not multiplied with each other:
/// on a day of random bursts the bound would otherwise exceed the rate by orders of magnitude, and windows would hold nothing.
pub(crate) fn market_segments(
    periods: &[PeriodSpan],
    bursts: &[Burst],
    weight_of: impl Fn(Symbol) -> f64,
) -> Vec<Segment> {
    let mut changes = Vec::new();
    for burst in bursts {
        if let Some(symbol) = burst.symbol {
            let extra = weight_of(symbol) * burst.multiplier;
            changes.extend([(burst.from.micros(), extra), (burst.to.micros(), -extra)]);
        }
    }
    changes.sort_by_key(|&(at, _)| at);
    let mut changes = changes.into_iter().peekable();
    let mut extra = 0.0;
    let mut cut = Vec::new();
    for whole in segments(periods, bursts, None) {
        let mut from = whole.from;
        while from < whole.to {
            while let Some((_, change)) = changes.next_if(|&(at, _)| at <= from) {
                extra += change;
            }
            let to = changes.peek().map_or(whole.to, |&(at, _)| at.min(whole.to));
            // the sum of what ended may leave a rounding error below zero
            let multiplier = whole.multiplier * (1.0 + f64::max(extra, 0.0));
            cut.push(Segment { from, to, multiplier });
            from = to;
        }
    }
    cut
}

/// Returns the end of a window that starts at `from` and has about `orders` expected orders.
pub(crate) fn window_end(segments: &[Segment], from: i64, end: i64, rate: f64, orders: f64) -> i64 {
    let mut left = orders;
    let first = segments.partition_point(|segment| segment.to <= from);
    for segment in &segments[first..] {
        let start = segment.from.max(from);
        let per_micro = rate * segment.multiplier / 1e6;
        let expected = (segment.to - start) as f64 * per_micro;
        if expected >= left {
            return (start + (left / per_micro) as i64).max(from + 1).min(end);
        }
        left -= expected;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    const SECOND: i64 = 1_000_000;

    fn span(from: i64, to: i64, multiplier: f64) -> PeriodSpan {
        PeriodSpan { period: Period::Morning, from: at(from * SECOND), to: at(to * SECOND), multiplier }
    }

    fn burst(from: i64, to: i64, multiplier: f64, symbol: Option<&str>) -> Burst {
        Burst {
            from: at(from * SECOND),
            to: at(to * SECOND),
            multiplier,
            symbol: symbol.map(|symbol| Symbol::new(symbol).unwrap()),
            planned: true,
        }
    }

    #[test]
    fn the_strongest_burst_counts_and_others_symbols_do_not() {
        let periods = [span(0, 100, 2.0), span(100, 200, 1.0)];
        let bursts =
            [burst(50, 120, 10.0, None), burst(60, 70, 30.0, Some("AAPL")), burst(80, 90, 5.0, Some("MSFT"))];
        let list = |symbol: Option<&str>| -> Vec<(i64, i64, f64)> {
            segments(&periods, &bursts, symbol.map(|symbol| Symbol::new(symbol).unwrap()))
                .into_iter()
                .map(|segment| (segment.from / SECOND, segment.to / SECOND, segment.multiplier))
                .collect()
        };
        assert_eq!(list(None), [(0, 50, 2.0), (50, 100, 20.0), (100, 120, 10.0), (120, 200, 1.0)]);
        assert_eq!(
            list(Some("AAPL")),
            [
                (0, 50, 2.0),
                (50, 60, 20.0),
                (60, 70, 60.0),
                (70, 100, 20.0),
                (100, 120, 10.0),
                (120, 200, 1.0)
            ]
        );
        assert_eq!(list(Some("MSFT")).len(), 6);
    }

    #[test]
    fn bursts_of_single_symbols_add_their_share_while_they_last() {
        let periods = [span(0, 100, 2.0), span(100, 200, 1.0)];
        let bursts = [
            burst(10, 20, 10.0, Some("AAPL")),
            burst(15, 30, 20.0, Some("MSFT")),
            burst(40, 50, 3.0, None),
            burst(90, 110, 10.0, Some("AAPL")),
        ];
        let list: Vec<(i64, i64, f64)> = market_segments(&periods, &bursts, |_| 0.25)
            .into_iter()
            .map(|segment| (segment.from / SECOND, segment.to / SECOND, segment.multiplier))
            .collect();
        assert_eq!(
            list,
            [
                (0, 10, 2.0),
                (10, 15, 7.0),
                (15, 20, 17.0),
                (20, 30, 12.0),
                (30, 40, 2.0),
                (40, 50, 6.0),
                (50, 90, 2.0),
                (90, 100, 7.0),
                (100, 110, 3.5),
                (110, 200, 1.0)
            ]
        );
    }

    #[test]
    fn windows_hold_about_as_many_orders_as_asked() {
        let segments = segments(&[span(0, 100, 1.0), span(100, 200, 10.0)], &[], None);
        let end = 200 * SECOND;
        let close = |micros: i64, seconds: i64| (micros - seconds * SECOND).abs() <= 1;
        assert!(close(window_end(&segments, 0, end, 10.0, 500.0), 50));
        assert!(close(window_end(&segments, 50 * SECOND, end, 10.0, 1_500.0), 110));
        assert_eq!(window_end(&segments, 150 * SECOND, end, 10.0, 1e9), end);
        assert_eq!(window_end(&segments, 150 * SECOND, end, 1e9, 0.1), 150 * SECOND + 1);
    }
}
