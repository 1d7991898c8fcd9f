//! The consumer against a replay of a fixture, in this process.

use consumer::{Volume, volume};
use tradesim_replay::testing::Replay;

const MINUTE: &str = include_str!("../../../fixtures/minute.jsonl");

#[test]
fn the_average_price_is_that_of_the_fixture() {
    let replay = Replay::of_lines(MINUTE).unwrap().start().unwrap();
    let aapl = volume(replay.url(), "AAPL").unwrap();
    let report = replay.finish().unwrap();
    assert!(report.complete);
    assert_eq!(aapl, Volume { shares: 1_222, turnover: 2_182_832_100 });
    assert_eq!(aapl.vwap(), Some(1_786_278));
}
