//! What is measured while a load runs. Times are on the server's clock; latency counts from the instant at which a message
//! was due, not from when it left, so that nothing that stands still looks fast.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;
use tradesim_replay::{Block, LineFault};

/// Instants of messages that are not delivered to everyone are remembered up to this many, which is 64 MB; what is beyond
/// is counted and not measured.
const DUES_MAX: usize = 8_000_000;
/// Stands for a message without an instant at which it is due.
const NO_SCHEDULE: u64 = u64::MAX;

/// What is measured, shared by the server's observer, the end points and the sampler.
#[derive(Debug)]
pub(crate) struct Measures {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// When the first message was due.
    began: Option<Duration>,
    dues: Dues,
    /// Messages released so far.
    sent: u64,
    /// For each end point, the number of the next message.
    delivered: Vec<u64>,
    /// When each end point got the last message so far.
    delivered_at: Vec<Duration>,
    seconds: Vec<Second>,
    latency: Histogram<u64>,
    unmeasured: u64,
    /// From here on pauses count as recovery.
    events_from: Option<Duration>,
    pause_max: Duration,
}

/// What happened in a second from the first message on.
#[derive(Debug, Clone)]
struct Second {
    due: u64,
    sent: u64,
    delivered: u64,
    latency: Option<Box<Histogram<u64>>>,
}

/// Instants at which messages were due, from the oldest on that is not delivered to everyone.
#[derive(Debug, Default)]
struct Dues {
    base: u64,
    ns: VecDeque<u64>,
}

/// How one second went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SecondSummary {
    pub(crate) due: u64,
    pub(crate) sent: u64,
    /// At all end points together.
    pub(crate) delivered: u64,
    /// Of the messages that were delivered in it, in milliseconds.
    pub(crate) latency: Option<[f64; 3]>,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) began: Option<Duration>,
    pub(crate) sent: u64,
    /// Number of the next message, at the end point that is furthest behind.
    pub(crate) delivered: u64,
    /// When the last message so far arrived anywhere.
    pub(crate) delivered_at: Option<Duration>,
    /// The longest time for which an end point got nothing although something was due; after the first event, if there
    /// are any.
    pub(crate) pause_max: Duration,
    pub(crate) unmeasured: u64,
}

/// Microseconds, up to an hour and a half; what takes longer counts as that.
fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 32, digits).expect("the bounds are valid")
}

fn second_of(began: Duration, at: Duration) -> usize {
    at.saturating_sub(began).as_secs() as usize
}

impl Measures {
    /// Measures of so many end points, with nothing measured yet.
    pub(crate) fn new(end_points: usize) -> Measures {
        Measures {
            inner: Mutex::new(Inner {
                began: None,
                dues: Dues::default(),
                sent: 0,
                delivered: vec![0; end_points],
                delivered_at: vec![Duration::ZERO; end_points],
                seconds: Vec::new(),
                latency: histogram(3),
                unmeasured: 0,
                events_from: None,
                pause_max: Duration::ZERO,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages of a block are released.
    pub(crate) fn released(&self, block: &Block, messages: &Range<usize>, now: Duration) {
        // a planted gap is never sent, and so has no latency
        let is_gap = |message| block.fault_at(message) == Some(LineFault::Missing);
        let due = messages.clone().map(|message| block.due(message).filter(|_| !is_gap(message)));
        self.inner().released(due, now);
    }

    /// Whether and when the first message was due.
    pub(crate) fn began(&self) -> Option<Duration> {
        self.inner().began
    }

    /// An end point has everything before `next_seq`.
    pub(crate) fn delivered(&self, end_point: usize, next_seq: u64, at: Duration) {
        self.inner().delivered(end_point, next_seq, at);
    }

    /// Something happens: pauses from here on count as recovery, and those before do not.
    pub(crate) fn event(&self, at: Duration) {
        let mut inner = self.inner();
        if inner.events_from.is_none() {
            inner.events_from = Some(at);
            inner.pause_max = Duration::ZERO;
        }
    }

    /// How things stand now.
    pub(crate) fn standing(&self, now: Duration) -> Standing {
        self.inner().standing(now)
    }

    /// The seconds from the one with this number on.
    pub(crate) fn seconds(&self, from: usize) -> Vec<SecondSummary> {
        let inner = self.inner();
        inner.seconds.iter().skip(from).map(Second::summary).collect()
    }

    /// Lets go of what is needed only to summarise seconds before this one.
    pub(crate) fn forget_before(&self, second: usize) {
        let mut inner = self.inner();
        let end = second.min(inner.seconds.len());
        // one that is late may be put into again
        for second in inner.seconds[..end].iter_mut().rev().take_while(|second| second.latency.is_some()) {
            second.latency = None;
        }
    }

    /// Latency of everything, in microseconds.
    pub(crate) fn latency(&self) -> Histogram<u64> {
        self.inner().latency.clone()
    }
}

impl Inner {
    fn released(&mut self, dues: impl Iterator<Item = Option<Duration>>, now: Duration) {
        let mut count = 0;
        for due in dues {
            let at = due.unwrap_or(now);
            let began = *self.began.get_or_insert(at);
            self.second(second_of(began, at)).due += 1;
            self.dues.ns.push_back(due.map_or(NO_SCHEDULE, |due| due.as_nanos() as u64));
            count += 1;
        }
        let Some(began) = self.began else { return };
        self.second(second_of(began, now)).sent += count;
        self.sent += count;
        let slowest = self.delivered.iter().copied().min().unwrap_or(self.sent);
        self.dues.forget(slowest);
    }

    fn delivered(&mut self, end_point: usize, next_seq: u64, at: Duration) {
        let before = self.delivered[end_point];
        let Some(began) = self.began.filter(|_| next_seq > before) else { return };
        self.delivered[end_point] = next_seq;
        let index = second_of(began, at);
        self.second(index).delivered += next_seq - before;
        let first = before.max(self.dues.base).min(next_seq);
        self.unmeasured += first - before;
        if first == next_seq {
            self.delivered_at[end_point] = at;
            return;
        }
        let at_ns = at.as_nanos() as u64;
        let range = (first - self.dues.base) as usize..(next_seq - self.dues.base) as usize;
        let mut waiting_since = None;
        let Inner { dues, seconds, latency, .. } = self;
        let of_second = seconds[index].latency.get_or_insert_with(|| Box::new(histogram(2)));
        for &due in dues.ns.range(range).filter(|due| **due != NO_SCHEDULE) {
            waiting_since.get_or_insert(due);
            let us = at_ns.saturating_sub(due) / 1000;
            latency.saturating_record(us);
            of_second.saturating_record(us);
        }
        if let Some(since) = waiting_since {
            self.pause(end_point, Duration::from_nanos(since), at);
        }
        self.delivered_at[end_point] = at;
    }

    fn pause(&mut self, end_point: usize, due: Duration, at: Duration) {
        if self.events_from.is_none_or(|from| at >= from) {
            let since = due.max(self.delivered_at[end_point]).max(self.events_from.unwrap_or_default());
            self.pause_max = self.pause_max.max(at.saturating_sub(since));
        }
    }

    fn standing(&mut self, now: Duration) -> Standing {
        for end_point in 0..self.delivered.len() {
            let next = self.delivered[end_point];
            let due = next.checked_sub(self.dues.base).and_then(|at| self.dues.ns.get(at as usize)).copied();
            if let Some(due) = due.filter(|due| *due != NO_SCHEDULE) {
                self.pause(end_point, Duration::from_nanos(due), now);
            }
        }
        Standing {
            began: self.began,
            sent: self.sent,
            delivered: self.delivered.iter().copied().min().unwrap_or(0),
            delivered_at: self.delivered_at.iter().copied().max().filter(|at| !at.is_zero()),
            pause_max: self.pause_max,
            unmeasured: self.unmeasured,
        }
    }

    fn second(&mut self, index: usize) -> &mut Second {
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, Second { due: 0, sent: 0, delivered: 0, latency: None });
        }
        &mut self.seconds[index]
    }
}

impl Dues {
    fn forget(&mut self, before: u64) {
        let excess = self.ns.len().saturating_sub(DUES_MAX);
        let count = ((before.saturating_sub(self.base)) as usize).min(self.ns.len()).max(excess);
        self.ns.drain(..count);
        self.base += count as u64;
    }
}

impl Second {
    fn summary(&self) -> SecondSummary {
        let ms = |us: u64| us as f64 / 1e3;
        let latency = self.latency.as_ref().filter(|latency| !latency.is_empty());
        SecondSummary {
            due: self.due,
            sent: self.sent,
            delivered: self.delivered,
            latency: latency.map(|latency| {
                [ms(latency.value_at_quantile(0.5)), ms(latency.value_at_quantile(0.99)), ms(latency.max())]
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A message every 10 ms from 1 s on, released when it is due.
    fn released(measures: &Measures, messages: Range<u64>) {
        for message in messages {
            let due = ms(1_000 + 10 * message);
            measures.inner().released(std::iter::once(Some(due)), due);
        }
    }

    #[test]
    fn a_stall_counts_for_every_message_that_was_due_meanwhile() {
        let measures = Measures::new(1);
        released(&measures, 0..200);
        measures.delivered(0, 50, ms(1_500));
        // nothing for a second, then all at once
        measures.delivered(0, 150, ms(2_500));
        measures.delivered(0, 200, ms(3_000));
        let latency = measures.latency();
        assert_eq!(latency.len(), 200);
        let longest = latency.max() as f64 / 1e3;
        assert!((999.0..=1_001.0).contains(&longest), "{longest}");
        assert!(latency.value_at_quantile(0.5) >= 300_000);
        let standing = measures.standing(ms(3_000));
        assert_eq!((standing.sent, standing.delivered, standing.pause_max), (200, 200, ms(1_000)));
        let seconds = measures.seconds(0);
        assert_eq!(seconds.iter().map(|second| second.delivered).collect::<Vec<_>>(), [50, 100, 50]);
        assert_eq!(seconds.iter().map(|second| second.due).collect::<Vec<_>>(), [100, 100, 0]);
    }

    #[test]
    fn the_slowest_end_point_is_how_things_stand() {
        let measures = Measures::new(2);
        released(&measures, 0..100);
        measures.delivered(0, 100, ms(2_000));
        measures.delivered(1, 10, ms(2_000));
        released(&measures, 100..110);
        let standing = measures.standing(ms(4_000));
        assert_eq!((standing.sent, standing.delivered), (110, 10));
        // the second one still waits, for what was due before it got its last one
        assert_eq!(standing.pause_max, ms(2_000));
        assert_eq!(measures.inner().dues.base, 10);
        measures.delivered(1, 110, ms(4_000));
        assert_eq!(measures.latency().len(), 210);
    }

    #[test]
    fn pauses_before_an_event_are_no_recovery() {
        let measures = Measures::new(1);
        released(&measures, 0..500);
        measures.delivered(0, 300, ms(4_000));
        measures.event(ms(4_500));
        measures.delivered(0, 400, ms(5_200));
        assert_eq!(measures.standing(ms(5_200)).pause_max, ms(700));
    }

    #[test]
    fn without_a_schedule_there_is_no_latency() {
        let measures = Measures::new(1);
        measures.inner().released([None, None].into_iter(), ms(5));
        measures.delivered(0, 2, ms(6));
        assert!(measures.latency().is_empty());
        assert_eq!(measures.standing(ms(7)).delivered, 2);
    }

    #[test]
    fn memory_is_bounded() {
        let mut dues = Dues { base: 0, ns: (0..DUES_MAX as u64 + 5).collect() };
        dues.forget(0);
        assert_eq!((dues.base, dues.ns.len(), dues.ns[0]), (5, DUES_MAX, 5));
    }
}
