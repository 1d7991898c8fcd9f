//! The provenance of archives that are made from other archives (FORMAT.md, section 5).

use super::{Metadata, Provenance, Source};
use crate::Cut;

impl Metadata {
    /// Returns the provenance of an archive with changed messages of this one, which becomes its only source.
    pub fn derived_provenance(&self) -> Provenance {
        let mut provenance = self.provenance.clone();
        provenance.part = None;
        let cuts = std::mem::take(&mut provenance.cuts);
        let sources = std::mem::take(&mut provenance.sources);
        provenance.sources = vec![Source { digest: self.digest, cuts, sources }];
        provenance
    }

    /// Returns the provenance of a cut of this archive. A cut of a cut lists the original source and both cuts, so that the parts
    /// of one recording can be recognised. An open cut is a copy.
    pub fn cut_provenance(&self, cut: &Cut) -> Provenance {
        let mut provenance = self.provenance.clone();
        provenance.part = None;
        if cut.is_open() {
            return provenance;
        }
        let is_cut_of_its_source = !provenance.cuts.is_empty() && provenance.sources.len() == 1;
        if !is_cut_of_its_source {
            let cuts = provenance.cuts.clone();
            provenance.sources = vec![Source { digest: self.digest, cuts, sources: provenance.sources }];
        }
        provenance.push_cut(cut.clone());
        provenance
    }
}

impl Provenance {
    /// Adds a cut. Only the labels that it touches stay.
    pub fn push_cut(&mut self, cut: Cut) {
        self.labels.retain(|label| label.is_touched_by(&cut));
        self.cuts.push(cut);
    }

    /// Adds the labels of another archive that this one does not have, in order of time.
    pub fn add_labels(&mut self, other: &Provenance) {
        for label in &other.labels {
            if !self.labels.contains(label) {
                self.labels.push(label.clone());
            }
        }
        self.labels.sort_by(|one, other| (one.from, &one.id).cmp(&(other.from, &other.id)));
    }

    /// Returns whether the messages were merged from cuts, so that messages between them may be missing.
    pub fn is_merge_of_cuts(&self) -> bool {
        is_merge_of_cuts(&self.cuts, &self.sources)
    }
}

fn is_merge_of_cuts(cuts: &[Cut], sources: &[Source]) -> bool {
    match sources {
        // a cut lists its source, and includes the cuts of its source
        [source] if !cuts.is_empty() => is_merge_of_cuts(&source.cuts, &source.sources),
        sources => sources
            .iter()
            .any(|source| !source.cuts.is_empty() || is_merge_of_cuts(&source.cuts, &source.sources)),
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::ContentDigest;

    use super::*;

    fn source(cuts: usize, sources: Vec<Source>) -> Source {
        Source { digest: ContentDigest::of([""; 0]), cuts: vec![Cut::default(); cuts], sources }
    }

    #[test]
    fn only_merges_of_cuts_have_holes() {
        let cut = [Cut::default()];
        assert!(!is_merge_of_cuts(&[], &[]));
        assert!(!is_merge_of_cuts(&cut, &[]));
        assert!(!is_merge_of_cuts(&cut, &[source(0, vec![])]));
        assert!(!is_merge_of_cuts(&cut, &[source(1, vec![])]));
        assert!(!is_merge_of_cuts(&[], &[source(0, vec![]), source(0, vec![])]));
        assert!(is_merge_of_cuts(&[], &[source(1, vec![]), source(0, vec![])]));
        assert!(is_merge_of_cuts(&cut, &[source(0, vec![source(1, vec![]), source(1, vec![])])]));
    }
}
