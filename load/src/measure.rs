//! The measurements of a load. Times are on the clock of the server. Latency is measured from the instant at which a message was
//! due, not from when it was sent, so that a stall does not look fast.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;
use tradesim_replay::{Block, LineFault};

use crate::sampler::Sample;

/// The maximum number of messages whose due instants are kept until they are delivered to every end point, which takes 64 MB.
/// Further messages are counted, but their latency is not measured.
const DUES_MAX: usize = 8_000_000;
/// Marks a message without a due instant.
const NO_SCHEDULE: u64 = u64::MAX;

/// The measurements, shared by the observer of the server, the end points and the sampler.
#[derive(Debug)]
pub(crate) struct Measures(Mutex<Measured>);

/// The measurements so far.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The instant at which the first message was due.
    pub(crate) began: Option<Duration>,
    dues: Dues,
    /// The number of released messages.
    sent: u64,
    /// The sequence number of the next message, by end point.
    delivered: Vec<u64>,
    /// The instant of the last message, by end point.
    delivered_at: Vec<Duration>,
    seconds: Vec<Second>,
    /// The latency of all messages, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// The instant from which pauses count as recovery.
    events_from: Option<Duration>,
    pause_max: Duration,
}

/// The measurements of a second. Seconds are counted from the first message.
#[derive(Clone, Debug, Default)]
struct Second {
    due: u64,
    sent: u64,
    delivered: u64,
    latency: Option<Box<Histogram<u64>>>,
}

/// The due instants of messages, starting with the oldest that is not delivered to every end point.
#[derive(Debug, Default)]
struct Dues {
    base: u64,
    ns: VecDeque<u64>,
}

/// The progress of a load.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Progress {
    pub(crate) began: Option<Duration>,
    pub(crate) sent: u64,
    /// The sequence number of the next message at the slowest end point.
    pub(crate) delivered: u64,
    /// The instant at which the last message arrived at any end point.
    pub(crate) delivered_at: Option<Duration>,
    /// The longest time for which an end point received nothing although a message was due; since the first event, if there was
    /// one.
    pub(crate) pause_max: Duration,
}

/// Returns a histogram of microseconds up to 71 minutes. Longer times count as that.
fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 32, digits).expect("the bounds are valid")
}

fn second_of(began: Duration, at: Duration) -> usize {
    at.saturating_sub(began).as_secs() as usize
}

impl Measures {
    /// Starts measurements for so many end points.
    pub(crate) fn new(end_points: usize) -> Measures {
        Measures(Mutex::new(Measured {
            began: None,
            dues: Dues::default(),
            sent: 0,
            delivered: vec![0; end_points],
            delivered_at: vec![Duration::ZERO; end_points],
            seconds: Vec::new(),
            latency: histogram(3),
            events_from: None,
            pause_max: Duration::ZERO,
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// Records that messages of a block were released.
    pub(crate) fn released(&mut self, block: &Block, messages: &Range<usize>, now: Duration) {
        // a planted gap is never sent, so it has no latency
        let is_gap = |message| block.fault_at(message) == Some(LineFault::Missing);
        let due = messages.clone().map(|message| block.due(message).filter(|_| !is_gap(message)));
        self.due(due, now);
    }

    /// Records an event: only pauses from here on count as recovery.
    pub(crate) fn event(&mut self, at: Duration) {
        if self.events_from.is_none() {
            self.events_from = Some(at);
            self.pause_max = Duration::ZERO;
        }
    }

    /// Returns the number of seconds so far.
    pub(crate) fn seconds(&self) -> usize {
        self.seconds.len()
    }

    /// Returns the sample of a second, which is zero if nothing was measured in it; without the backlog and the memory.
    pub(crate) fn sample(&self, index: usize) -> Sample {
        let second = index as u64;
        let Some(Second { due, sent, delivered, latency }) = self.seconds.get(index) else {
            return Sample { second, ..Sample::default() };
        };
        let (due, sent, delivered) = (*due, *sent, *delivered);
        let latency = latency.as_ref().filter(|latency| !latency.is_empty());
        let at = |quantile| latency.map(|latency| latency.value_at_quantile(quantile) as f64 / 1e3);
        let max = latency.map(|latency| latency.max() as f64 / 1e3);
        Sample { second, due, sent, delivered, p50: at(0.5), p99: at(0.99), max, ..Sample::default() }
    }

    /// Drops the histograms of seconds before this one.
    pub(crate) fn forget_before(&mut self, second: usize) {
        let end = second.min(self.seconds.len());
        // a late delivery may have created one again
        for second in self.seconds[..end].iter_mut().rev().take_while(|second| second.latency.is_some()) {
            second.latency = None;
        }
    }

    fn due(&mut self, dues: impl Iterator<Item = Option<Duration>>, now: Duration) {
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

    /// Records that an end point received everything before `next_seq`.
    pub(crate) fn delivered(&mut self, end_point: usize, next_seq: u64, at: Duration) {
        let before = self.delivered[end_point];
        let Some(began) = self.began.filter(|_| next_seq > before) else { return };
        self.delivered[end_point] = next_seq;
        let index = second_of(began, at);
        self.second(index).delivered += next_seq - before;
        let first = before.max(self.dues.base).min(next_seq);
        if first == next_seq {
            self.delivered_at[end_point] = at;
            return;
        }
        let at_ns = at.as_nanos() as u64;
        let range = (first - self.dues.base) as usize..(next_seq - self.dues.base) as usize;
        let mut waiting_since = None;
        let Measured { dues, seconds, latency, .. } = self;
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

    /// Returns the current progress.
    pub(crate) fn progress(&mut self, now: Duration) -> Progress {
        for end_point in 0..self.delivered.len() {
            let next = self.delivered[end_point];
            let due = next.checked_sub(self.dues.base).and_then(|at| self.dues.ns.get(at as usize)).copied();
            if let Some(due) = due.filter(|due| *due != NO_SCHEDULE) {
                self.pause(end_point, Duration::from_nanos(due), now);
            }
        }
        Progress {
            began: self.began,
            sent: self.sent,
            delivered: self.delivered.iter().copied().min().unwrap_or(0),
            delivered_at: self.delivered_at.iter().copied().max().filter(|at| !at.is_zero()),
            pause_max: self.pause_max,
        }
    }

    fn second(&mut self, index: usize) -> &mut Second {
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, Second::default());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Releases messages when they are due: one every 10 ms, starting at 1 s.
    fn released(measures: &mut Measured, messages: Range<u64>) {
        for message in messages {
            let due = ms(1_000 + 10 * message);
            measures.due(std::iter::once(Some(due)), due);
        }
    }

    #[test]
    fn a_stall_counts_for_every_message_that_was_due_meanwhile() {
        let measures = Measures::new(1);
        let mut measures = measures.lock();
        released(&mut measures, 0..200);
        measures.delivered(0, 50, ms(1_500));
        // nothing for a second, then all at once
        measures.delivered(0, 150, ms(2_500));
        measures.delivered(0, 200, ms(3_000));
        let latency = &measures.latency;
        assert_eq!(latency.len(), 200);
        let longest = latency.max() as f64 / 1e3;
        assert!((999.0..=1_001.0).contains(&longest), "{longest}");
        assert!(latency.value_at_quantile(0.5) >= 300_000);
        let progress = measures.progress(ms(3_000));
        assert_eq!((progress.sent, progress.delivered, progress.pause_max), (200, 200, ms(1_000)));
        let seconds: Vec<_> = (0..measures.seconds()).map(|second| measures.sample(second)).collect();
        assert_eq!(seconds.iter().map(|second| second.delivered).collect::<Vec<_>>(), [50, 100, 50]);
        assert_eq!(seconds.iter().map(|second| second.due).collect::<Vec<_>>(), [100, 100, 0]);
    }

    #[test]
    fn progress_is_that_of_the_slowest_end_point() {
        let measures = Measures::new(2);
        let mut measures = measures.lock();
        released(&mut measures, 0..100);
        measures.delivered(0, 100, ms(2_000));
        measures.delivered(1, 10, ms(2_000));
        released(&mut measures, 100..110);
        let progress = measures.progress(ms(4_000));
        assert_eq!((progress.sent, progress.delivered), (110, 10));
        // the second end point still waits for messages that were due before its last one
        assert_eq!(progress.pause_max, ms(2_000));
        assert_eq!(measures.dues.base, 10);
        measures.delivered(1, 110, ms(4_000));
        assert_eq!(measures.latency.len(), 210);
    }

    #[test]
    fn pauses_before_an_event_do_not_count_as_recovery() {
        let measures = Measures::new(1);
        let mut measures = measures.lock();
        released(&mut measures, 0..500);
        measures.delivered(0, 300, ms(4_000));
        measures.event(ms(4_500));
        measures.delivered(0, 400, ms(5_200));
        assert_eq!(measures.progress(ms(5_200)).pause_max, ms(700));
    }

    #[test]
    fn without_a_schedule_there_is_no_latency() {
        let measures = Measures::new(1);
        let mut measures = measures.lock();
        measures.due([None, None].into_iter(), ms(5));
        measures.delivered(0, 2, ms(6));
        assert!(measures.latency.is_empty());
        assert_eq!(measures.progress(ms(7)).delivered, 2);
    }

    #[test]
    fn memory_is_bounded() {
        let mut dues = Dues { base: 0, ns: (0..DUES_MAX as u64 + 5).collect() };
        dues.forget(0);
        assert_eq!((dues.base, dues.ns.len(), dues.ns[0]), (5, DUES_MAX, 5));
    }
}
