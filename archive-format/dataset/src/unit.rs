//! The units of work of a dataset, and the share of one worker.

use std::{fmt, str::FromStr};

use chrono::NaiveDate;

use crate::files;

/// One part of one day: the unit that is made, checked and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// The trading date.
    pub date: NaiveDate,
    /// The seed.
    pub seed: u64,
    /// The number of the part, from 0.
    pub part: u16,
}

impl Unit {
    /// Returns the path of the unit's archive in a dataset with `parts` parts.
    pub fn archive_name(&self, parts: u16) -> String {
        files::archive_name(self, parts)
    }

    /// Returns the name of the run in which this unit is delivered when all units of a dataset with `parts` parts are delivered
    /// as `run`. Each unit has its own numbers from 0, so each is a run of its own.
    pub fn run_name(&self, run: &str, parts: u16) -> String {
        let Unit { date, seed, part } = self;
        format!("{run}.{date}.{seed}.{part:03}-of-{parts:03}")
    }
}

/// The share of one of several workers: `3/16` is worker 3, from 0, of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// The error of a text that is not a [`Shard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a worker and the number of workers, such as 0/16 for the first of 16")]
pub struct ParseShardError;

impl Shard {
    /// The largest number of workers.
    pub const WORKERS_MAX: u32 = 1_000_000;

    /// The only worker.
    pub const WHOLE: Shard = Shard { index: 0, of: 1 };

    /// Returns the number of the worker, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Returns the number of workers.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Returns true if the work with this number is the worker's.
    pub fn has(self, number: u64) -> bool {
        number % u64::from(self.of) == u64::from(self.index)
    }
}

impl Default for Shard {
    fn default() -> Shard {
        Shard::WHOLE
    }
}

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Shard, ParseShardError> {
        let number = |text: &str| -> Result<u32, ParseShardError> {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if plain { text.parse().map_err(|_| ParseShardError) } else { Err(ParseShardError) }
        };
        let (index, of) = text.split_once('/').ok_or(ParseShardError)?;
        let (index, of) = (number(index)?, number(of)?);
        if index < of && of <= Shard::WORKERS_MAX { Ok(Shard { index, of }) } else { Err(ParseShardError) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_worker_below_the_number_of_workers_is_a_shard() {
        assert_eq!("0/1".parse(), Ok(Shard::WHOLE));
        assert_eq!("3/16".parse(), Ok(Shard { index: 3, of: 16 }));
        for text in ["", "1", "1/", "/1", "1/1", "16/16", "0/0", "-1/2", "+0/2", "0/1000001", "0/2/3", " 0/2"]
        {
            assert_eq!(text.parse::<Shard>(), Err(ParseShardError), "{text}");
        }
    }

    #[test]
    fn each_unit_belongs_to_one_worker() {
        for of in [1, 3, 16] {
            for number in 0..100 {
                let owners = (0..of).filter(|&index| Shard { index, of }.has(number));
                assert_eq!(owners.count(), 1);
            }
        }
    }
}
