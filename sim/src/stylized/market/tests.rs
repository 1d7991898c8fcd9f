//! Draws of the market of one symbol.

use TradeType::{Buy, Sell};

use super::*;

#[test]
fn prices_behind_the_best_and_venues_have_known_answers() {
    let mut stream = Stream::new(42, Purpose::Flow, "AAPL");
    let words: Vec<u64> = (0..8).map(|_| stream.word()).collect();
    let prices = [Buy, Sell]
        .map(|side| -> Vec<i64> { words.iter().map(|&word| behind(side, 1_000, word >> 20)).collect() });
    assert_eq!(prices[0], [990, 995, 990, 996, 990, 995, 994, 990]);
    assert_eq!(prices[1], [1_010, 1_005, 1_010, 1_004, 1_010, 1_005, 1_006, 1_010]);
    let venues: Vec<&str> = words.iter().map(|&word| other_venue(word >> 32).as_str()).collect();
    assert_eq!(venues, ["ARCA", "ARCA", "NASDAQ", "NASDAQ", "NASDAQ", "BATS", "BATS", "ARCA"]);
}

#[test]
fn prices_behind_the_best_are_one_to_ten_ticks_away_or_round() {
    for bits in 0..1 << 10 {
        let (bid, ask) = (behind(Buy, 1_003, bits), behind(Sell, 1_003, bits));
        assert!((989..1_003).contains(&bid) && (1_004..1_018).contains(&ask), "{bid} {ask}");
    }
    assert_eq!(behind(Buy, 1, 0b1111_1111), 1, "no price below a tick");
}
