//! Selects the messages of a stream that a fault plan affects.
//!
//! The selection depends only on the seed of the plan, the index and the kind of the fault, and the sequence number of the message.

use std::{
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use tradesim_schemas::ByteHash;

use super::plan::{Fault, FaultKind, FaultPlan, FaultPlanError, PLANTED_MAX};

/// A fault of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The kind of the fault.
    pub kind: FaultKind,
    /// Selects one of the variants of the kind.
    pub variant: u64,
    /// The duration of a stall or a drip.
    pub lasts: Duration,
    /// The rate of a drip.
    pub bytes_per_second: u32,
}

/// The faults of a stream by sequence number, at most one per message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// The faults.
    pub hits: BTreeMap<u64, Hit>,
}

impl FaultPlan {
    /// Resolves the plan for a stream of so many messages. Faults with `at` come first. The others are drawn from the messages that
    /// no earlier fault of the plan affects.
    ///
    /// # Errors
    /// Fails on a sequence number after the end, on two faults at one message, and if there are too few messages left.
    pub fn resolve(&self, messages: u64) -> Result<Planted, FaultPlanError> {
        self.check()?;
        let mut planted = Planted::default();
        let numbered = || self.faults.iter().enumerate();
        for (index, fault) in numbered() {
            let draw = Draw::new(self.seed, index, fault.kind);
            for &seq in fault.at.iter().flat_map(|at| at.seqs()) {
                if seq.saturating_add(width(fault.kind)) > messages {
                    let reason = format!("`at` is {seq}, but the stream has {messages} messages");
                    return Err(fault.error(index, reason));
                }
                if !planted.is_free(fault.kind, seq) {
                    let reason = format!("`at` is {seq}, where there is another fault");
                    return Err(fault.error(index, reason));
                }
                planted.put(seq, fault, draw.at(seq));
            }
        }
        for (index, fault) in numbered().filter(|(_, fault)| fault.at.is_none()) {
            let draw = Draw::new(self.seed, index, fault.kind);
            let last = (messages + 1).saturating_sub(width(fault.kind));
            if let Some(rate) = fault.rate {
                // exact, because the factor is a power of two
                let bound = (rate * (1u64 << 53) as f64) as u64;
                for seq in (0..last).filter(|&seq| draw.at(seq) >> 11 < bound) {
                    if planted.is_free(fault.kind, seq) {
                        planted.put(seq, fault, draw.at(seq).rotate_left(32));
                        planted.check_size()?;
                    }
                }
            } else {
                let count = fault.count.unwrap_or_default();
                let free = (0..last).filter(|&seq| planted.is_free(fault.kind, seq));
                let drawn = lowest(free.map(|seq| (draw.at(seq), seq)), count * CANDIDATES);
                let mut left = count;
                for (value, seq) in drawn {
                    if left > 0 && planted.is_free(fault.kind, seq) {
                        planted.put(seq, fault, value.rotate_left(32));
                        left -= 1;
                    }
                }
                if left > 0 {
                    let reason = format!("`count` is {count}, which is {left} messages too many");
                    return Err(fault.error(index, reason));
                }
            }
        }
        planted.check_size()?;
        Ok(planted)
    }
}

/// The number of candidates for each message of `count`. Three are enough, because a fault excludes at most its two neighbours,
/// as a swap does.
const CANDIDATES: usize = 3;

/// Returns the lowest of many values, in order, and keeps only those in memory.
fn lowest(values: impl Iterator<Item = (u64, u64)>, count: usize) -> Vec<(u64, u64)> {
    let mut kept = BinaryHeap::new();
    for value in values {
        if kept.len() < count {
            kept.push(value);
        } else if let Some(mut highest) = kept.peek_mut()
            && value < *highest
        {
            *highest = value;
        }
    }
    kept.into_sorted_vec()
}

/// Returns the number of messages that a fault affects.
fn width(kind: FaultKind) -> u64 {
    if kind == FaultKind::Swap { 2 } else { 1 }
}

impl Planted {
    fn is_free(&self, kind: FaultKind, seq: u64) -> bool {
        let takes = |seq: u64| self.hits.get(&seq).map(|hit| hit.kind);
        let before = seq.checked_sub(1).and_then(takes);
        takes(seq).is_none()
            && before != Some(FaultKind::Swap)
            && (kind != FaultKind::Swap || takes(seq + 1).is_none())
    }

    fn put(&mut self, seq: u64, fault: &Fault, variant: u64) {
        let hit = Hit {
            kind: fault.kind,
            variant,
            lasts: fault.lasts.unwrap_or_default(),
            bytes_per_second: fault.bytes_per_second.unwrap_or(1),
        };
        self.hits.insert(seq, hit);
    }

    fn check_size(&self) -> Result<(), FaultPlanError> {
        if self.hits.len() <= PLANTED_MAX { Ok(()) } else { Err(FaultPlanError::TooMany) }
    }

    /// Returns whether there is a fault of a matching kind.
    pub(super) fn has(&self, is_such: impl Fn(FaultKind) -> bool) -> bool {
        self.hits.values().any(|hit| is_such(hit.kind))
    }

    /// Returns a text that identifies all faults. The stream id depends on it.
    pub fn identity(&self) -> String {
        let mut text = String::new();
        for (seq, hit) in &self.hits {
            let Hit { kind, variant, lasts, bytes_per_second } = hit;
            text += &format!("{seq} {} {variant} {} {bytes_per_second}\n", kind.name(), lasts.as_micros());
        }
        ByteHash::of(text.as_bytes()).to_string()
    }
}

/// Pseudo-random numbers, one for each message.
struct Draw {
    key: [u8; 32],
}

impl Draw {
    fn new(seed: u64, index: usize, kind: FaultKind) -> Draw {
        let text = format!("tradesim fault\n{seed}\n{index}\n{}", kind.name());
        Draw { key: *ByteHash::of(text.as_bytes()).as_bytes() }
    }

    fn at(&self, seq: u64) -> u64 {
        let mut text = [0; 40];
        text[..32].copy_from_slice(&self.key);
        text[32..].copy_from_slice(&seq.to_le_bytes());
        let digest = ByteHash::of(&text);
        u64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("eight bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<FaultPlan, String> {
        text.parse().map_err(|error: FaultPlanError| error.to_string())
    }

    #[test]
    fn the_selection_is_repeatable_and_changes_with_the_seed() {
        let text = "seed = 7\n[[fault]]\nkind = 'corrupt'\nrate = 0.1\n[[fault]]\nkind = 'drop'\ncount = 200\n\
                    [[fault]]\nkind = 'swap'\ncount = 50\n[[fault]]\nkind = 'stall'\nat = [5, 9]\nfor = '1s'";
        let drawn = plan(text).unwrap().resolve(10_000).unwrap();
        assert_eq!(plan(text).unwrap().resolve(10_000).unwrap(), drawn);
        assert_ne!(plan(&text.replace("= 7", "= 8")).unwrap().resolve(10_000).unwrap(), drawn);
        let count = |kind| drawn.hits.values().filter(|hit| hit.kind == kind).count();
        assert_eq!((count(FaultKind::Drop), count(FaultKind::Swap), count(FaultKind::Stall)), (200, 50, 2));
        assert!((800..1_200).contains(&count(FaultKind::Corrupt)), "{}", count(FaultKind::Corrupt));
        for (seq, _) in drawn.hits.iter().filter(|(_, hit)| hit.kind == FaultKind::Swap) {
            assert!(!drawn.hits.contains_key(&(seq + 1)));
        }
    }

    #[test]
    fn a_selection_by_count_equals_that_of_a_full_sort() {
        let swaps = plan("[[fault]]\nkind = 'swap'\ncount = 30").unwrap().resolve(100).unwrap();
        let draw = Draw::new(0, 0, FaultKind::Swap);
        let mut sorted: Vec<(u64, u64)> = (0..99).map(|seq| (draw.at(seq), seq)).collect();
        sorted.sort_unstable();
        let mut expected = Planted::default();
        let fault = &plan("[[fault]]\nkind = 'swap'\ncount = 30").unwrap().faults[0];
        for (value, seq) in sorted {
            if expected.hits.len() < 30 && expected.is_free(FaultKind::Swap, seq) {
                expected.put(seq, fault, value.rotate_left(32));
            }
        }
        assert_eq!(swaps, expected);
        let all = plan("[[fault]]\nkind = 'drop'\ncount = 100").unwrap().resolve(100).unwrap();
        assert_eq!(all.hits.len(), 100);
        let many = plan("[[fault]]\nkind = 'drop'\nrate = 1.0").unwrap().resolve(2_000_000);
        assert!(many.unwrap_err().to_string().contains("more than 1000000"));
    }

    #[test]
    fn an_invalid_plan_is_refused_with_its_key() {
        for (text, expected) in [
            ("[[fault]]\nkind = 'lose'\nat = 1", "unknown variant `lose`"),
            ("[[fault]]\nkind = 'drop'\nat = 1\nrat = 0.1", "unknown field `rat`"),
            ("[[fault]]\nkind = 'drop'", "exactly one of `at`, `rate` and `count`"),
            ("[[fault]]\nkind = 'drop'\nrate = 1.5", "`rate` is 1.5"),
            ("[[fault]]\nkind = 'drop'\nrate = nan", "`rate` is NaN"),
            ("[[fault]]\nkind = 'stall'\nat = 1", "`for` is missing"),
            ("[[fault]]\nkind = 'stall'\nat = 1\nfor = 'soon'", "expected a duration"),
            ("[[fault]]\nkind = 'drip'\nat = 1\nfor = '1s'", "`bytes_per_second`"),
            ("[[fault]]\nkind = 'drop'\nat = []", "1 to 1000000"),
            ("[[fault]]\nkind = 'drop'\nat = 'x'", "a sequence number or a list"),
        ] {
            let error = plan(text).unwrap_err();
            assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        }
        for (text, expected) in [
            ("[[fault]]\nkind = 'drop'\nat = 10", "fault 1 (drop): `at` is 10, but the stream has 10"),
            ("[[fault]]\nkind = 'swap'\nat = 9", "fault 1 (swap): `at` is 9"),
            (
                "[[fault]]\nkind = 'swap'\nat = 3\n[[fault]]\nkind = 'drop'\nat = 4",
                "where there is another fault",
            ),
            ("[[fault]]\nkind = 'drop'\ncount = 11", "1 messages too many"),
        ] {
            let error = plan(text).unwrap().resolve(10).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        }
    }
}
