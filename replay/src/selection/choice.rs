//! Choices of values of one kind.

/// A choice of values of one kind, symbols or event types. Lists are ascending, each value once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice<T> {
    /// All values, and messages without a value of this kind.
    All,
    /// These values.
    Only(Vec<T>),
    /// All values except these.
    Except(Vec<T>),
}

impl<T: Copy + Ord> Choice<T> {
    /// Returns the choice of these values only, in any order.
    pub(crate) fn only(values: &[T]) -> Choice<T> {
        Choice::Only(union(&[], values))
    }

    /// Adds these values. "All" is replaced by them: a client that begins with everything and then names some values
    /// wants those.
    pub(crate) fn add(&mut self, values: &[T]) {
        *self = match self {
            Choice::All => Choice::only(values),
            Choice::Only(chosen) => Choice::Only(union(chosen, values)),
            Choice::Except(left_out) => match difference(left_out, &union(&[], values)) {
                left_out if left_out.is_empty() => Choice::All,
                left_out => Choice::Except(left_out),
            },
        };
    }

    /// Removes these values.
    pub(crate) fn remove(&mut self, values: &[T]) {
        *self = match self {
            Choice::All => Choice::Except(union(&[], values)),
            Choice::Only(chosen) => Choice::Only(difference(chosen, &union(&[], values))),
            Choice::Except(left_out) => Choice::Except(union(left_out, values)),
        };
    }

    /// Returns the values that both choose.
    pub(crate) fn and(&self, other: &Choice<T>) -> Choice<T> {
        match (self, other) {
            (Choice::All, choice) | (choice, Choice::All) => choice.clone(),
            (Choice::Only(chosen), Choice::Except(left_out))
            | (Choice::Except(left_out), Choice::Only(chosen)) => Choice::Only(difference(chosen, left_out)),
            (Choice::Only(chosen), Choice::Only(others)) => {
                let both = chosen.iter().filter(|value| others.binary_search(value).is_ok());
                Choice::Only(both.copied().collect())
            }
            (Choice::Except(left_out), Choice::Except(others)) => Choice::Except(union(left_out, others)),
        }
    }

    /// Returns the choice as a list, given all values that exist.
    pub(crate) fn among(self, all: &[T]) -> Choice<T> {
        match self {
            Choice::Except(left_out) if !all.is_empty() => Choice::Only(difference(all, &left_out)),
            choice => choice,
        }
    }

    /// Returns the number of values in its list.
    pub(crate) fn named(&self) -> usize {
        match self {
            Choice::All => 0,
            Choice::Only(values) | Choice::Except(values) => values.len(),
        }
    }
}

fn union<T: Copy + Ord>(left: &[T], right: &[T]) -> Vec<T> {
    let mut values = [left, right].concat();
    values.sort_unstable();
    values.dedup();
    values
}

/// Returns the values of `left` without those of `right`, which is ascending.
fn difference<T: Copy + Ord>(left: &[T], right: &[T]) -> Vec<T> {
    left.iter().filter(|value| right.binary_search(value).is_err()).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl<T: Ord> Choice<T> {
        fn has(&self, value: &T) -> bool {
            match self {
                Choice::All => true,
                Choice::Only(values) => values.contains(value),
                Choice::Except(values) => !values.contains(value),
            }
        }
    }

    fn choice() -> impl Strategy<Value = Choice<u8>> {
        let values = || proptest::collection::btree_set(0u8..8, 0..6).prop_map(Vec::from_iter);
        prop_oneof![Just(Choice::All), values().prop_map(Choice::Only), values().prop_map(Choice::Except)]
    }

    proptest! {
        #[test]
        fn choices_are_sets(
            left in choice(),
            right in choice(),
            values in proptest::collection::vec(0u8..8, 1..6),
        ) {
            let (mut more, mut fewer) = (left.clone(), left.clone());
            more.add(&values);
            fewer.remove(&values);
            let (both, listed) = (left.and(&right), left.clone().among(&Vec::from_iter(0..8)));
            prop_assert!(!matches!(listed, Choice::Except(_)));
            for value in 0..8 {
                let named = values.contains(&value);
                prop_assert_eq!(more.has(&value), named || (left != Choice::All && left.has(&value)));
                prop_assert_eq!(fewer.has(&value), left.has(&value) && !named);
                prop_assert_eq!(both.has(&value), left.has(&value) && right.has(&value));
                prop_assert_eq!(listed.has(&value), left.has(&value));
            }
            for choice in [&more, &fewer, &both, &listed] {
                if let Choice::Only(values) | Choice::Except(values) = choice {
                    prop_assert!(values.is_sorted_by(|left, right| left < right));
                }
            }
        }
    }

    #[test]
    fn all_but_nothing_is_all() {
        let mut choice = Choice::All;
        choice.remove(&[2, 1]);
        assert_eq!(choice, Choice::Except(vec![1, 2]));
        choice.add(&[2]);
        choice.add(&[1, 7]);
        assert_eq!(choice, Choice::All);
    }
}
