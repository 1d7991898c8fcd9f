//! The area under the ROC curve: the probability that a positive case has the higher score.

/// The number of bins of a score. Scores of one bin count as equal.
const BINS: usize = 400;

/// Collects scores in [−1, 1] of positive and negative cases.
#[derive(Clone, Debug)]
pub(crate) struct Auc {
    positive: Box<[u64]>,
    negative: Box<[u64]>,
}

impl Default for Auc {
    fn default() -> Auc {
        let empty = || vec![0; BINS + 1].into_boxed_slice();
        Auc { positive: empty(), negative: empty() }
    }
}

impl Auc {
    #[inline]
    pub(crate) fn push(&mut self, score: f64, is_positive: bool) {
        let bin = ((score + 1.0) * (BINS as f64 / 2.0) + 0.5) as usize;
        let counts = if is_positive { &mut self.positive } else { &mut self.negative };
        counts[bin.min(BINS)] += 1;
    }

    /// Returns the probability that the score of a positive case is above that of a negative one; equal scores count half.
    pub(crate) fn area(&self) -> Option<f64> {
        let (mut below, mut area) = (0.0, 0.0);
        for (positive, negative) in self.positive.iter().zip(&self.negative) {
            let (positive, negative) = (*positive as f64, *negative as f64);
            area += positive * (below + negative / 2.0);
            below += negative;
        }
        let positives: u64 = self.positive.iter().sum();
        super::ratio(area, below * positives as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separated_and_equal_scores_have_known_areas() {
        let area = |cases: &[(f64, bool)]| {
            let mut auc = Auc::default();
            cases.iter().for_each(|(score, positive)| auc.push(*score, *positive));
            auc.area()
        };
        assert_eq!(area(&[(0.5, true), (-0.5, false)]), Some(1.0));
        assert_eq!(area(&[(-1.0, true), (1.0, false)]), Some(0.0));
        assert_eq!(area(&[(0.2, true), (0.2, false)]), Some(0.5));
        // of the four pairs three are in order
        assert_eq!(area(&[(0.9, true), (0.1, true), (0.5, false), (-0.5, false)]), Some(0.75));
        assert_eq!(area(&[(0.9, true)]), None);
    }
}
