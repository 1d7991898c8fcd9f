use std::fmt::Write as _;

use super::*;

fn universe() -> Universe {
    Universe::on("2026-02-18".parse().unwrap())
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

#[test]
fn fifty_symbols_stand_by_sector() {
    let universe = universe();
    assert_eq!(universe.symbols().len(), 50);
    assert_eq!(Universe::SYMBOLS_MAX, 50);
    let count = |sector| universe.symbols().iter().filter(|info| info.sector == sector).count();
    let counts: Vec<usize> = Sector::ALL.iter().map(|&sector| count(sector)).collect();
    assert_eq!(counts, [15, 10, 8, 7, 5, 5]);
    assert!(universe.symbols().is_sorted_by_key(|info| info.sector));
    assert_eq!(universe.symbols()[0].symbol, symbol("AAPL"));
    for (index, info) in universe.symbols().iter().enumerate() {
        assert_eq!(universe.index_of(info.symbol), Some(index), "{} occurs twice", info.symbol);
    }
}

#[test]
fn the_anchors_are_those_of_the_contract() {
    for (text, price, volatility, volume, weight) in [
        ("AAPL", "178.50", 0.02, 55_000_000, 0.08),
        ("GOOGL", "141.80", 0.025, 22_000_000, 0.06),
        ("MSFT", "415.30", 0.018, 20_000_000, 0.07),
    ] {
        let info = *universe().get(symbol(text)).unwrap();
        assert_eq!(info.base_price.to_string(), price);
        assert_eq!(info.tick_size.to_string(), "0.01");
        assert_eq!(
            (info.volatility, info.avg_daily_volume, info.weight, info.exchange),
            (volatility, volume, weight, Exchange::Nasdaq)
        );
    }
}

#[test]
fn the_values_are_plausible() {
    let total: u32 = table::TABLE.iter().map(|row| row.weight).sum();
    assert_eq!(total, table::WEIGHT_TOTAL);
    for info in universe().symbols() {
        assert!(info.base_price.units() > 150_000, "{}", info.symbol);
        assert!((0.010..=0.045).contains(&info.volatility), "{}", info.symbol);
        assert!((100_000..=400_000_000).contains(&info.avg_daily_volume), "{}", info.symbol);
        assert_eq!(info.base_price.units() % info.tick_size.units(), 0, "{}", info.symbol);
        assert!(info.weight > 0.0 && info.symbol.as_str().is_ascii() && !info.name.is_empty());
    }
    for &exchange in Exchange::ALL {
        assert!(universe().symbols().iter().any(|info| info.exchange == exchange), "{exchange}");
    }
}

#[test]
fn round_lots_follow_the_date() {
    let lot = |text, date: &str| Universe::on(date.parse().unwrap()).get(symbol(text)).unwrap().lot_size;
    for (text, before, since) in
        [("AAPL", 100, 100), ("MSFT", 100, 40), ("LLY", 100, 40), ("V", 100, 40), ("PLTR", 100, 100)]
    {
        assert_eq!((lot(text, "2025-10-31"), lot(text, "2025-11-03")), (before, since), "{text}");
    }
}

#[test]
fn the_heaviest_keep_table_order_and_share_all_orders() {
    let whole = universe();
    let ten = whole.heaviest(10);
    let names: Vec<&str> = ten.names().collect();
    assert_eq!(names, ["AAPL", "MSFT", "GOOGL", "NVDA", "META", "AMD", "INTC", "PLTR", "AMZN", "TSLA"]);
    for count in 1..=50 {
        let some = whole.heaviest(count);
        assert_eq!(some.symbols().len(), count);
        let total: f64 = some.symbols().iter().map(|info| info.weight).sum();
        assert!((total - 1.0).abs() < 1e-12, "{count}: {total}");
        assert_eq!(some.heaviest(count), some);
    }
    assert_eq!(whole.heaviest(50), whole);
    assert_eq!(whole.heaviest(1_000), whole);
    assert_eq!(ten.heaviest(3), whole.heaviest(3));
}

#[test]
fn equal_weights_are_taken_in_table_order() {
    let whole = universe();
    let last_two: Vec<&SymbolInfo> = whole.symbols()[48..].iter().collect();
    assert_eq!((last_two[0].symbol, last_two[1].symbol), (symbol("HON"), symbol("UPS")));
    assert_eq!(last_two[0].weight, last_two[1].weight);
    // the four lightest are IMO, CBOE, then the two of equal weight
    let names = |count| whole.heaviest(count).names().map(str::to_owned).collect::<Vec<_>>();
    assert!(names(47).contains(&"HON".to_owned()) && !names(47).contains(&"UPS".to_owned()));
}

#[test]
fn an_unknown_symbol_is_not_found() {
    assert_eq!(universe().index_of(symbol("AAPK")), None);
    assert_eq!(universe().get(symbol("aapl")), None);
}

#[test]
fn the_symbols_fixture_equals_the_table() {
    let mut text = String::from("[\n");
    let universe = universe();
    for (index, info) in universe.symbols().iter().enumerate() {
        let comma = if index + 1 < universe.symbols().len() { "," } else { "" };
        writeln!(
            text,
            concat!(
                r#"  {{"symbol": "{}", "name": "{}", "exchange": "{}", "sector": "{}", "base_price": "{}", "#,
                r#""volatility": {}, "avg_daily_volume": {}, "tick_size": "{}", "lot_size": {}, "weight": {}}}{}"#,
            ),
            info.symbol,
            info.name,
            info.exchange,
            info.sector,
            info.base_price,
            info.volatility,
            info.avg_daily_volume,
            info.tick_size,
            info.lot_size,
            info.weight,
            comma,
        )
        .unwrap();
    }
    text.push_str("]\n");
    crate::golden::check("symbols.json", &text);
}
