//! Records that were handed over and are not acknowledged yet, without transactions.

use tradesim_schemas::StreamSeq;

use std::collections::VecDeque;

/// Groups of records in the order in which they were handed over. Acknowledgements arrive in any order; delivery has
/// progressed to the oldest group that is not complete.
#[derive(Clone, Debug, Default)]
pub struct Window {
    groups: VecDeque<Group>,
    /// The number of the next record.
    next: u64,
}

#[derive(Clone, Debug)]
struct Group {
    /// The number of its first record.
    first: u64,
    /// The number of records that are not acknowledged.
    open: u64,
    /// The sequence number after its last message, once it is known.
    next_seq: Option<StreamSeq>,
}

impl Window {
    /// Returns an empty window.
    pub fn new() -> Window {
        Window::default()
    }

    /// Returns the number of the next record. Numbers only increase.
    pub fn next_record(&self) -> u64 {
        self.next
    }

    /// Adds a group of `records`, numbered from [`Window::next_record`] on. It can only be complete once it is
    /// sealed.
    pub fn push(&mut self, records: u64) {
        self.groups.push_back(Group { first: self.next, open: records, next_seq: None });
        self.next += records;
    }

    /// Seals the newest group: it contains the messages before this one, and no others follow.
    pub fn seal(&mut self, next_seq: StreamSeq) {
        if let Some(group) = self.groups.back_mut() {
            group.next_seq = Some(next_seq);
        }
    }

    /// Returns the number of the first record of the newest group.
    pub fn newest_first(&self) -> Option<u64> {
        self.groups.back().map(|group| group.first)
    }

    /// Records an acknowledgement. A number whose group was removed is ignored.
    ///
    /// # Panics
    /// If the group was already complete: records are acknowledged once.
    pub fn acknowledge(&mut self, record: u64) {
        if let Some(place) = self.place(record) {
            let group = &mut self.groups[place];
            group.open = group.open.checked_sub(1).expect("a record is acknowledged once");
        }
    }

    /// Returns the index of a record's group, counted from the oldest, and the index of the record in it.
    pub fn find(&self, record: u64) -> Option<(usize, usize)> {
        let place = self.place(record)?;
        Some((place, (record - self.groups[place].first) as usize))
    }

    fn place(&self, record: u64) -> Option<usize> {
        let behind = self.groups.partition_point(|group| group.first <= record);
        (behind > 0 && record < self.next).then(|| behind - 1)
    }

    /// Removes the oldest group if it is complete. Returns the sequence number up to which everything is delivered.
    pub fn pop(&mut self) -> Option<StreamSeq> {
        let group = self.groups.front()?;
        let next_seq = group.next_seq.filter(|_| group.open == 0)?;
        self.groups.pop_front();
        Some(next_seq)
    }

    /// Returns the number of records that are not acknowledged.
    pub fn open(&self) -> u64 {
        self.groups.iter().map(|group| group.open).sum()
    }

    /// Returns the number of groups.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Removes everything, because all of it is handed over again. Numbering continues.
    pub fn clear(&mut self) {
        self.groups.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(window: &mut Window, records: u64, next_seq: u64) {
        window.push(records);
        window.seal(StreamSeq(next_seq));
    }

    #[test]
    fn what_is_delivered_is_a_prefix() {
        let mut window = Window::new();
        push(&mut window, 2, 2);
        push(&mut window, 1, 3);
        assert_eq!((window.open(), window.groups(), window.next_record()), (3, 2, 3));
        window.acknowledge(2);
        window.acknowledge(0);
        assert_eq!(window.pop(), None);
        window.acknowledge(1);
        assert_eq!(
            (window.pop(), window.pop(), window.pop()),
            (Some(StreamSeq(2)), Some(StreamSeq(3)), None)
        );
        assert_eq!((window.open(), window.groups()), (0, 0));
    }

    #[test]
    fn a_group_without_records_is_whole_at_once() {
        let mut window = Window::new();
        push(&mut window, 0, 7);
        assert_eq!(window.pop(), Some(StreamSeq(7)));
    }

    #[test]
    fn a_record_is_found_by_its_number() {
        let mut window = Window::new();
        push(&mut window, 3, 3);
        push(&mut window, 2, 5);
        assert_eq!(
            (window.find(0), window.find(2), window.find(3)),
            (Some((0, 0)), Some((0, 2)), Some((1, 0)))
        );
        assert_eq!(window.find(5), None);
        for record in 0..3 {
            window.acknowledge(record);
        }
        window.pop();
        assert_eq!((window.find(2), window.find(4)), (None, Some((0, 1))));
    }

    #[test]
    fn a_group_is_not_whole_before_it_is_sealed() {
        let mut window = Window::new();
        window.push(1);
        window.acknowledge(0);
        assert_eq!(window.pop(), None);
        window.seal(StreamSeq(1));
        assert_eq!(window.pop(), Some(StreamSeq(1)));
    }

    #[test]
    fn acknowledgements_of_what_was_let_go_do_no_harm() {
        let mut window = Window::new();
        push(&mut window, 2, 2);
        window.clear();
        push(&mut window, 2, 2);
        window.acknowledge(0);
        assert_eq!((window.open(), window.find(1), window.find(2)), (2, None, Some((0, 0))));
        assert_eq!(window.newest_first(), Some(2));
    }
}
