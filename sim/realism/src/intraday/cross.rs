//! The auction prints of the open and the close: the largest print within a minute after it.

use crate::session::SECOND;

/// The time after the open or the close in which an auction prints. NYSE's close prints seconds after 16:00.
const WINDOW: i64 = 60 * SECOND;

/// A print: shares at a price in units of 0.0001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    pub(crate) shares: u32,
    pub(crate) price: i64,
    pub(crate) at: i64,
}

/// Holds back the largest print of a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cross {
    from: i64,
    largest: Option<Print>,
}

impl Cross {
    /// Looks at the minute from an instant on; never, with `None`.
    pub(crate) fn at(from: Option<i64>) -> Cross {
        Cross { from: from.unwrap_or(i64::MAX - WINDOW), largest: None }
    }

    /// Returns the print that is certainly not the largest, if there is one: this one, or an earlier one.
    #[inline]
    pub(crate) fn pass(&mut self, print: Print) -> Option<Print> {
        if print.at < self.from || print.at >= self.from + WINDOW {
            return Some(print);
        }
        match self.largest {
            Some(largest) if largest.shares >= print.shares => Some(print),
            earlier => {
                self.largest = Some(print);
                earlier
            }
        }
    }

    /// Returns the shares of the largest print.
    pub(crate) fn shares(&self) -> u64 {
        self.largest.map_or(0, |print| u64::from(print.shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_print_of_the_minute_is_held_back() {
        let print = |shares, second| Print { shares, price: 1, at: second * SECOND };
        let mut cross = Cross::at(Some(100 * SECOND));
        assert_eq!(cross.pass(print(900, 99)), Some(print(900, 99)));
        assert_eq!(cross.pass(print(5, 100)), None);
        assert_eq!(cross.pass(print(50, 101)), Some(print(5, 100)));
        assert_eq!(cross.pass(print(50, 102)), Some(print(50, 102)));
        assert_eq!(cross.pass(print(900, 160)), Some(print(900, 160)));
        assert_eq!(cross.shares(), 50);
        assert_eq!(Cross::at(None).pass(print(1, 1)), Some(print(1, 1)));
    }
}
