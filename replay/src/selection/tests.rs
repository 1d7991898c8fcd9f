use proptest::prelude::*;

use super::*;

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

fn symbols(text: &str) -> Vec<Symbol> {
    text.split_whitespace().map(symbol).collect()
}

fn known() -> KnownSymbols {
    KnownSymbols::new(&symbols("MSFT AAPL GOOGL"))
}

use EventType::{MarketData, OrderBook, Trade};

/// Lists which of three symbols and three types pass, such as `AAPL:to GOOGL:m`, and `raw` for a frame without a
/// kind.
fn passing(selection: &Selection) -> String {
    let mut words = Vec::new();
    for name in ["AAPL", "GOOGL", "MSFT"] {
        let types: String = [(Trade, 't'), (OrderBook, 'o'), (MarketData, 'm')]
            .into_iter()
            .filter(|(event, _)| selection.passes(Some((symbol(name), *event))))
            .map(|(_, letter)| letter)
            .collect();
        if !types.is_empty() {
            words.push(format!("{name}:{types}"));
        }
    }
    if selection.passes(None) {
        words.push("raw".to_owned());
    }
    words.join(" ")
}

const EVERYTHING: &str = "AAPL:tom GOOGL:tom MSFT:tom raw";

#[test]
fn a_client_begins_with_everything() {
    let selection = Selection::all();
    assert_eq!(passing(&selection), EVERYTHING);
    assert!(selection.is_all() && selection.is_whole_stream());
    assert_eq!(selection.identity(), "");
    assert_eq!((selection.symbols(&known()), selection.events()), (SelectedSymbols::All, None));
}

#[test]
fn subscribe_narrows_all_to_its_list_and_then_adds() {
    let mut selection = Selection::all();
    selection.subscribe(Some(&symbols("MSFT")), None).unwrap();
    assert_eq!(passing(&selection), "MSFT:tom");
    assert!(!selection.is_all() && selection.is_whole_stream());
    selection.subscribe(Some(&symbols("AAPL")), Some(&[Trade])).unwrap();
    assert_eq!(passing(&selection), "AAPL:t MSFT:t");
    selection.subscribe(None, Some(&[OrderBook])).unwrap();
    assert_eq!(passing(&selection), "AAPL:to MSFT:to");
    assert_eq!(selection.symbols(&known()), SelectedSymbols::Only(symbols("AAPL MSFT")));
    assert_eq!(selection.events(), Some(vec![Trade, OrderBook]));
}

#[test]
fn unsubscribe_takes_away_from_lists_and_from_all() {
    let mut selection = Selection::all();
    selection.unsubscribe(Some(&symbols("MSFT")), None).unwrap();
    assert_eq!(passing(&selection), "AAPL:tom GOOGL:tom");
    assert_eq!(selection.symbols(&known()), SelectedSymbols::Only(symbols("AAPL GOOGL")));
    assert_eq!(selection.symbols(&KnownSymbols::new(&[])), SelectedSymbols::Except(symbols("MSFT")));
    selection.unsubscribe(Some(&symbols("AAPL")), Some(&[MarketData])).unwrap();
    assert_eq!(passing(&selection), "GOOGL:to");
    assert_eq!(selection.events(), Some(vec![Trade, OrderBook]));
    selection.subscribe(Some(&symbols("MSFT AAPL")), Some(&[MarketData])).unwrap();
    assert_eq!(passing(&selection), EVERYTHING);
    assert!(selection.is_all());
}

#[test]
fn a_list_that_is_emptied_lets_nothing_through() {
    let mut selection = Selection::all();
    selection.subscribe(Some(&symbols("MSFT")), None).unwrap();
    selection.unsubscribe(Some(&symbols("MSFT")), None).unwrap();
    assert_eq!(passing(&selection), "");
    assert_eq!(selection.symbols(&known()), SelectedSymbols::Only(vec![]));
    selection.subscribe(Some(&symbols("AAPL")), None).unwrap();
    assert_eq!(passing(&selection), "AAPL:tom");
}

#[test]
fn without_lists_subscribe_is_everything_and_unsubscribe_nothing() {
    let mut selection = Selection::all();
    selection.subscribe(Some(&symbols("MSFT")), Some(&[Trade])).unwrap();
    selection.unsubscribe(None, None).unwrap();
    assert_eq!(passing(&selection), "");
    assert_eq!(
        (selection.symbols(&known()), selection.events()),
        (SelectedSymbols::Only(vec![]), Some(vec![]))
    );
    selection.subscribe(None, None).unwrap();
    assert_eq!(passing(&selection), EVERYTHING);
}

#[test]
fn after_nothing_a_list_begins_anew() {
    let mut selection = Selection::all();
    selection.unsubscribe(None, None).unwrap();
    selection.unsubscribe(Some(&symbols("MSFT")), None).unwrap();
    assert_eq!(passing(&selection), "");
    selection.subscribe(Some(&symbols("AAPL")), None).unwrap();
    assert_eq!(passing(&selection), "AAPL:tom");
    selection.subscribe(Some(&symbols("MSFT")), None).unwrap();
    assert_eq!(passing(&selection), "AAPL:tom MSFT:tom");
}

#[test]
fn a_subscription_never_widens_beyond_the_url() {
    let mut selection = Selection::of_url(Some(&symbols("MSFT AAPL")), Some(&[Trade, OrderBook]));
    assert_eq!(passing(&selection), "AAPL:to MSFT:to");
    assert!(!selection.is_all() && !selection.is_whole_stream());
    selection.subscribe(Some(&symbols("GOOGL AAPL")), Some(&[MarketData, Trade])).unwrap();
    assert_eq!(passing(&selection), "AAPL:t");
    assert_eq!(selection.symbols(&known()), SelectedSymbols::Only(symbols("AAPL")));
    // a skipped message keeps its sequence number in the stream
    assert!(selection.in_stream(Some((symbol("MSFT"), OrderBook))));
    assert!(!selection.in_stream(Some((symbol("GOOGL"), Trade))));
    assert!(!selection.in_stream(None));
    selection.subscribe(None, None).unwrap();
    assert_eq!(passing(&selection), "AAPL:to MSFT:to");
    selection.unsubscribe(Some(&symbols("AAPL")), None).unwrap();
    assert_eq!(passing(&selection), "MSFT:to");
}

#[test]
fn frames_without_a_kind_need_all() {
    let types = Selection::of_url(None, Some(EventType::ALL));
    assert_eq!(passing(&types), "AAPL:tom GOOGL:tom MSFT:tom");
    assert!(!types.is_all());
}

#[test]
fn the_identity_is_the_same_however_filters_are_written() {
    let one = Selection::of_url(Some(&symbols("MSFT AAPL MSFT")), Some(&[OrderBook, Trade]));
    let other = Selection::of_url(Some(&symbols("AAPL MSFT")), Some(&[Trade, OrderBook, Trade]));
    assert_eq!(one.identity(), r#"symbols=["AAPL", "MSFT"]events=["trade", "orderbook"]"#);
    assert_eq!(one.identity(), other.identity());
    let odd = Selection::of_url(Some(&symbols(r#"A","B"#)), None);
    assert_ne!(odd.identity(), Selection::of_url(Some(&symbols("A B")), None).identity());
}

#[test]
fn the_identity_is_that_of_the_url_alone() {
    let mut selection = Selection::all();
    selection.subscribe(Some(&symbols("MSFT")), None).unwrap();
    assert_eq!(selection.identity(), "");
}

#[test]
fn what_a_client_may_name_is_bounded() {
    let mut selection = Selection::all();
    let many: Vec<Symbol> = (0..=SYMBOLS_MAX).map(|n| symbol(&n.to_string())).collect();
    selection.subscribe(Some(&many[1..]), None).unwrap();
    let refusal = selection.subscribe(Some(&many), None).unwrap_err();
    assert_eq!(refusal.code, "bad_value");
    assert!(!selection.passes(Some((many[0], Trade))) && selection.passes(Some((many[1], Trade))));
}

proptest! {
    #[test]
    fn symbols_match_as_their_texts_do(
        listed in proptest::collection::btree_set("[A-C.é~]{1,4}", 1..20),
        asked in proptest::collection::vec("[A-C.é~]{1,4}", 20),
    ) {
        let chosen: Vec<Symbol> = listed.iter().map(|text| symbol(text)).collect();
        let mut selection = Selection::of_url(Some(&chosen), None);
        let is_passing = |selection: &Selection, text: &str| selection.passes(Some((symbol(text), Trade)));
        for text in listed.iter().chain(&asked) {
            prop_assert_eq!(is_passing(&selection, text), listed.contains(text));
        }
        selection = Selection::all();
        selection.unsubscribe(Some(&chosen), None).unwrap();
        for text in listed.iter().chain(&asked) {
            prop_assert_eq!(is_passing(&selection, text), !listed.contains(text));
        }
    }
}
