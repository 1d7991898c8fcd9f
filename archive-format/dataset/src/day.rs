//! The content digest of a whole day from its parts, slice by slice of time.

use chrono::NaiveDate;
use tradesim_archive::{Archive, Slices, Start};
use tradesim_schemas::{ContentDigest, MessageEncoder, RecordSeq, SliceHasher, Timestamp};

use crate::{
    DatasetError, MarketMerge, Pieces, Recipe, Root, Shard,
    inspect::{Finding, inspect_unit},
    part,
};

/// A day of a dataset, with all its parts.
#[derive(Debug)]
pub struct Day {
    archives: Vec<Archive>,
    /// The sums of all parts.
    slices: Slices,
    date: NaiveDate,
    seed: u64,
    recipe: String,
    path: std::path::PathBuf,
}

impl Day {
    /// Opens all parts of a day.
    ///
    /// # Errors
    /// Returns an error if a part is missing, damaged or not that of the recipe.
    pub fn open(
        root: impl Into<Root>,
        recipe: &Recipe,
        date: NaiveDate,
        seed: u64,
    ) -> Result<Day, DatasetError> {
        let root = &root.into();
        let mut archives = Vec::new();
        let mut sums: Option<Slices> = None;
        for unit in recipe.units_of(date, seed)? {
            let found = inspect_unit(root, recipe, &unit)?.map_err(|finding| {
                let path = root.join(finding.file());
                match finding {
                    Finding::Damaged { what, .. } => DatasetError::BadFile { path, what },
                    Finding::Different { what, .. } => DatasetError::OtherPart { path, what },
                    Finding::Missing { .. } | Finding::Foreign { .. } => {
                        DatasetError::OtherPart { path, what: "it is missing".to_owned() }
                    }
                }
            })?;
            let archive = part::open(root, recipe, &unit)?;
            let overflow = || DatasetError::bad(archive.path(), "its slices have impossible sums");
            match &mut sums {
                None => sums = Some(found.slices),
                Some(sums) if sums.grid() == found.slices.grid() => {
                    add(&mut sums.messages, &found.slices.messages).ok_or_else(overflow)?;
                    add(&mut sums.bytes, &found.slices.bytes).ok_or_else(overflow)?;
                }
                Some(_) => return Err(DatasetError::bad(archive.path(), "it has other slices of time")),
            }
            archives.push(archive);
        }
        let slices = sums.expect("a day has at least one part");
        let path = root.join(&format!("date={date}/seed={seed}"));
        let total = slices.bytes.iter().try_fold(0_u64, |sum, &bytes| sum.checked_add(bytes));
        if total.is_none() {
            return Err(DatasetError::bad(&path, "the slices of its parts have impossible sums"));
        }
        Ok(Day { archives, slices, date, seed, recipe: recipe.hash().to_string(), path })
    }

    /// Returns the length of the digest's input.
    pub(crate) fn bytes(&self) -> u64 {
        self.slices.bytes.iter().sum()
    }

    /// Returns the hash of a worker's share of the day: neighbouring slices, with about the same number of bytes for each
    /// worker.
    ///
    /// # Errors
    /// Returns an error if a part cannot be read, if it does not have the messages that its slices state, and
    /// [`DatasetError::Stopped`] if `is_stopping` returns true.
    pub fn pieces(&self, shard: Shard, is_stopping: &dyn Fn() -> bool) -> Result<Pieces, DatasetError> {
        let slices = self.share(shard);
        let before = |sums: &[u64]| sums[..slices.start].iter().sum::<u64>();
        let within = |sums: &[u64]| sums[slices.clone()].iter().sum::<u64>();
        let (offset, first) = (before(&self.slices.bytes), before(&self.slices.messages));
        let mut hasher = SliceHasher::new(offset);
        if !slices.is_empty() {
            let (from, to) = (self.start_of(slices.start), self.start_of(slices.end));
            let mut encoder = MessageEncoder::new();
            let mut merge = MarketMerge::new(&self.archives, Start::Time(from), RecordSeq(first))?;
            while let Some(record) = merge.next_record()? {
                if record.envelope.timestamp >= to {
                    break;
                }
                hasher.push_with(|out| encoder.write(&record.envelope, out));
                if hasher.messages().is_multiple_of(65_536) && is_stopping() {
                    return Err(DatasetError::Stopped);
                }
            }
        }
        let messages = hasher.messages();
        let piece = hasher.finish();
        if (messages, piece.len()) != (within(&self.slices.messages), within(&self.slices.bytes)) {
            let what = "its parts do not have the messages that their slices state";
            return Err(DatasetError::bad(&self.path, what));
        }
        Ok(Pieces {
            recipe: self.recipe.clone(),
            date: self.date.to_string(),
            seed: self.seed,
            bytes: self.bytes(),
            pieces: vec![piece],
        })
    }

    /// Returns the content digest of the day.
    ///
    /// # Errors
    /// Returns the errors of [`Day::pieces`].
    pub fn digest(&self, is_stopping: &dyn Fn() -> bool) -> Result<ContentDigest, DatasetError> {
        Ok(self.pieces(Shard::WHOLE, is_stopping)?.pieces[0].finish()?)
    }

    /// Returns the slices of a worker.
    fn share(&self, shard: Shard) -> std::ops::Range<usize> {
        let total = u128::from(self.bytes());
        let bound = |index: u32| {
            let goal = total * u128::from(index) / u128::from(shard.of());
            let mut sum = 0;
            // the first slice with at least so many bytes before it; the last worker takes the empty slices at the end
            let reached = |bytes: &&u64| {
                let is_before = sum < goal;
                sum += u128::from(**bytes);
                is_before
            };
            self.slices.bytes.iter().take_while(reached).count()
        };
        let end =
            if shard.index() + 1 == shard.of() { self.slices.bytes.len() } else { bound(shard.index() + 1) };
        bound(shard.index())..end
    }

    /// Returns the start of a slice. The end of the last slice may be above every time.
    fn start_of(&self, slice: usize) -> Timestamp {
        let Slices { start, micros, .. } = &self.slices;
        let since = u64::try_from(slice).ok().and_then(|slice| slice.checked_mul(*micros));
        let since = since.and_then(|since| i64::try_from(since).ok());
        let at = since.and_then(|since| start.micros().checked_add(since)).and_then(Timestamp::from_micros);
        at.unwrap_or(Timestamp::MAX)
    }
}

fn add(sums: &mut [u64], further: &[u64]) -> Option<()> {
    for (sum, further) in sums.iter_mut().zip(further) {
        *sum = sum.checked_add(*further)?;
    }
    Some(())
}
