//! Speed changes the duration of a recording, not its shape.

use std::time::Duration;

use super::{fake_source::FakeSource, stage::Stage};
use crate::{Options, playback::TICK};

/// Microseconds between the messages of half a minute around a burst of five seconds at fifty times the usual rate:
/// `tradesim cat fixtures/opening-hour.parquet --from 09:44:50 --to 09:45:20`.
const BURST: &str = include_str!("burst.txt");

/// Counts the instants in each unit of time from the first on.
fn counts(instants: impl Iterator<Item = u128>, unit: u128) -> Vec<u64> {
    let mut counts = Vec::new();
    for instant in instants {
        let index = (instant / unit) as usize;
        counts.resize(counts.len().max(index + 1), 0);
        counts[index] += 1;
    }
    counts
}

#[test]
fn a_burst_keeps_its_shape_at_every_speed() {
    let fake_source = FakeSource::recorded(BURST);
    let first_us = fake_source.message(0).at.micros();
    let recorded_us = |seq: u64| (fake_source.message(seq).at.micros() - first_us) as u128;
    let archive = counts((0..fake_source.len()).map(recorded_us), 1_000_000);
    let calm = archive[0].max(1);
    assert!(archive.iter().any(|&count| count > 15 * calm), "there is a burst: {archive:?}");
    // as a fraction, so that seconds of the recording are distinguished exactly
    for (speed, times, per) in [("0.5x", 1, 2), ("1x", 1, 1), ("7x", 7, 1), ("50x", 50, 1)] {
        let mut stage = Stage::new(
            fake_source.clone(),
            Options { speed: speed.parse().unwrap(), ..Options::new("shape") },
        );
        stage.join(None, false, None, None);
        // it is connected before the first message is played
        stage.publish();
        stage.read(0, 0);
        stage.run_to_the_end();
        let came = stage.readers[0].came();
        assert_eq!(came.len() as u64, fake_source.len());
        for message in came {
            let due = message.due.expect("there is a schedule");
            // 0 means that there is no schedule, so an instant of 0 is written as 1 ns
            let (at, early) = (message.at, Duration::from_nanos(1));
            assert!(at + early >= due && at <= due + TICK, "message {} at {speed}: {at:?}", message.seq);
        }
        let rescaled_us = |at: Duration| at.as_nanos() * times / per / 1_000;
        let received = counts(came.iter().map(|message| rescaled_us(message.due.unwrap())), 1_000_000);
        assert_eq!(received, archive, "{speed}");
        // by time of arrival, which may be a tick later, a message counts with the next second at most
        let until = |second: u128, slack: Duration| {
            came.iter()
                .filter(|message| rescaled_us(message.at.saturating_sub(slack)) < second * 1_000_000)
                .count()
        };
        let mut sum = 0;
        for (second, count) in (1..).zip(&archive) {
            sum += *count as usize;
            assert!(
                until(second, Duration::ZERO) <= sum && sum <= until(second, TICK),
                "{speed}, second {second}"
            );
        }
    }
}
