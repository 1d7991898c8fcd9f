//! Faults that were planted into an archive on purpose (FORMAT.md, 5.9).

/// What is wrong with an archive on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The seed of the plan by which they were drawn; none in a merge, which may have several.
    pub plan_seed: Option<u64>,
    /// All of them; none in a merge, which numbers the messages anew and does not know any more where they are.
    pub planted: Option<Vec<PlantedFaults>>,
}

/// The faults of one kind that a reader refuses for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlantedFaults {
    /// The kind, such as `drop`.
    pub kind: String,
    /// The code of the reason for which a reader refuses the message; none where no reader can.
    pub reason: Option<String>,
    /// Where they are in this archive. What the number names depends on the kind.
    pub seqs: Vec<u64>,
}

/// The kind whose number names the first of two messages.
const SWAP: &str = "swap";

/// Finds out, row by row, which of the faults a cut still has.
#[derive(Clone, Debug)]
pub struct KeptFaults {
    faults: Faults,
    /// The rows that faults are at, ascending, each once, and whether the cut has it.
    rows: Vec<(u64, bool)>,
    /// The first of them that the next row of the cut may be.
    next: usize,
}

impl KeptFaults {
    /// Of the faults of the archive that is cut.
    pub fn of(faults: Faults) -> KeptFaults {
        let mut rows: Vec<(u64, bool)> = Vec::new();
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

    /// The cut has the row of this number. They have to ascend.
    pub fn keep(&mut self, seq: u64) {
        while self.rows.get(self.next).is_some_and(|(row, _)| *row < seq) {
            self.next += 1;
        }
        if let Some((row, kept)) = self.rows.get_mut(self.next)
            && *row == seq
        {
            *kept = true;
        }
    }

    /// Those of which the cut has a row; what had none left is gone.
    pub fn finish(self) -> Faults {
        let KeptFaults { mut faults, rows, .. } = self;
        let has = |seq: u64| rows.binary_search_by_key(&seq, |(row, _)| *row).is_ok_and(|at| rows[at].1);
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
        PlantedFaults { kind: kind.to_owned(), reason: None, seqs: seqs.to_vec() }
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
        [0, 2, 4, 6].into_iter().for_each(|seq| kept.keep(seq));
        // of the swap at 3 the second message is left, of that at 7 none
        let expected = vec![planted("drop", &[2, 2]), planted("swap", &[3, 6]), planted("corrupt", &[0])];
        assert_eq!(kept.finish(), Faults { plan_seed: Some(7), planted: Some(expected) });

        let mut whole = KeptFaults::of(faults.clone());
        (0..10).for_each(|seq| whole.keep(seq));
        assert_eq!(whole.finish(), faults);
        assert_eq!(KeptFaults::of(faults).finish().planted, Some(Vec::new()));
        let unknown = Faults::default();
        assert_eq!(KeptFaults::of(unknown.clone()).finish(), unknown);
    }
}
