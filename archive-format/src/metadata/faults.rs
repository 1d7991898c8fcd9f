//! Faults that were added to an archive on purpose (FORMAT.md, 5.9).

use tradesim_schemas::RecordSeq;

use serde::{Deserialize, Serialize};

/// The faults that were added to an archive on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// The seed of the plan that drew the faults; `None` for a merged archive, which may have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_seed: Option<u64>,
    /// All faults; `None` for a merged archive, which renumbers the messages and so does not know where the faults are.
    pub planted: Option<Vec<PlantedFaults>>,
}

/// The faults of one kind and one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlantedFaults {
    /// The kind, such as `drop`.
    pub kind: String,
    /// The code of the reason for which a reader refuses the message; `None` if a reader cannot detect the fault.
    pub reason: Option<String>,
    /// The seqs of the faults in this archive. The kind defines which message a seq refers to.
    pub seqs: Vec<RecordSeq>,
}

/// The kind whose seq refers to the first of two messages.
const SWAP: &str = "swap";

/// Determines the faults that a cut contains, row by row.
#[derive(Clone, Debug)]
pub struct KeptFaults {
    faults: Faults,
    /// The seqs of rows with faults, ascending and unique, and whether the cut has the row.
    rows: Vec<(RecordSeq, bool)>,
    /// The index of the first one that the next row of the cut can be.
    next: usize,
}

impl KeptFaults {
    /// Creates the tracker from the faults of the archive that is cut.
    pub fn of(faults: Faults) -> KeptFaults {
        let mut rows: Vec<(RecordSeq, bool)> = Vec::new();
        for of_kind in faults.planted.iter().flatten() {
            for &seq in &of_kind.seqs {
                rows.push((seq, false));
                if of_kind.kind == SWAP {
                    rows.push((seq.saturating_add(1), false));
                }
            }
        }
        rows.sort_unstable();
        rows.dedup();
        KeptFaults { faults, rows, next: 0 }
    }

    /// Records that the cut has the row with this seq. Seqs must ascend.
    pub fn keep(&mut self, seq: RecordSeq) {
        while self.rows.get(self.next).is_some_and(|(row, _)| *row < seq) {
            self.next += 1;
        }
        if let Some((row, kept)) = self.rows.get_mut(self.next)
            && *row == seq
        {
            *kept = true;
        }
    }

    /// Returns the faults of which the cut has a row.
    pub fn finish(self) -> Faults {
        let KeptFaults { mut faults, rows, .. } = self;
        let has =
            |seq: RecordSeq| rows.binary_search_by_key(&seq, |(row, _)| *row).is_ok_and(|at| rows[at].1);
        if let Some(planted) = &mut faults.planted {
            for of_kind in planted.iter_mut() {
                let is_swap = of_kind.kind == SWAP;
                of_kind.seqs.retain(|&seq| has(seq) || is_swap && has(seq.saturating_add(1)));
            }
            planted.retain(|of_kind| !of_kind.seqs.is_empty());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(kind: &str, seqs: &[u64]) -> PlantedFaults {
        PlantedFaults {
            kind: kind.to_owned(),
            reason: None,
            seqs: seqs.iter().copied().map(RecordSeq).collect(),
        }
    }

    #[test]
    fn a_cut_lists_the_faults_of_which_it_has_a_row() {
        let faults = Faults {
            plan_seed: Some(7),
            planted: Some(vec![
                planted("drop", &[2, 2, 5, 9]),
                planted("swap", &[3, 6, 7]),
                planted("corrupt", &[0, 8]),
                planted("price", &[1]),
            ]),
        };
        let mut kept = KeptFaults::of(faults.clone());
        [0, 2, 4, 6].into_iter().for_each(|seq| kept.keep(RecordSeq(seq)));
        // the second message of the swap at 3 is left, and none of the swap at 7
        let expected = vec![planted("drop", &[2, 2]), planted("swap", &[3, 6]), planted("corrupt", &[0])];
        assert_eq!(kept.finish(), Faults { plan_seed: Some(7), planted: Some(expected) });

        let mut whole = KeptFaults::of(faults.clone());
        (0..10).for_each(|seq| whole.keep(RecordSeq(seq)));
        assert_eq!(whole.finish(), faults);
        assert_eq!(KeptFaults::of(faults).finish().planted, Some(Vec::new()));
        let unknown = Faults::default();
        assert_eq!(KeptFaults::of(unknown.clone()).finish(), unknown);
    }
}
