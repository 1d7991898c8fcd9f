use tradesim_schemas::Symbol;

use super::*;

#[test]
fn dates_have_one_form() {
    assert_eq!(date("2026-02-18").unwrap().to_string(), "2026-02-18");
    for text in ["", "2026-2-18", "2026-02-30", "18.02.2026", "2026-02-18 ", "+026-02-18", "2026-02-18T00:00"]
    {
        assert!(date(text).is_err(), "{text}");
    }
}

#[test]
fn numbers_stay_within_their_range() {
    assert_eq!(rate("10000"), Ok(10_000));
    for text in ["0", "10001", "ten", "", "-1", "+5", "1.5", "1e3"] {
        assert!(rate(text).is_err(), "{text}");
    }
    assert_eq!(burst_multiplier("2.5x"), Ok(2.5));
    for text in ["1.9", "101", "NaN", "inf", "x"] {
        assert!(burst_multiplier(text).is_err(), "{text}");
    }
    assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
    assert!(seed("18446744073709551616").is_err());
    assert_eq!(boolean("True"), Ok(true));
    assert_eq!(boolean("off"), Ok(false));
    assert!(boolean("maybe").is_err());
}

#[test]
fn a_run_has_a_plain_name() {
    assert_eq!(run_name("load-test_2.1:a").as_deref(), Ok("load-test_2.1:a"));
    for text in ["", "a b", "a\n", "é", "a/b", &"a".repeat(65)] {
        assert!(run_name(text).is_err(), "{text}");
    }
}

#[test]
fn a_number_of_symbols_and_names_are_told_apart() {
    let symbol = |text| Symbol::new(text).unwrap();
    assert_eq!(symbol_choice("10"), Ok(SymbolChoice::Heaviest(10)));
    assert_eq!(symbol_choice("AAPL,MSFT,AAPL"), Ok(SymbolChoice::Only(vec![symbol("AAPL"), symbol("MSFT")])));
    for text in ["0", "51", "", ",", "AAPL,", "ABCDEFGHIJKLMNOP"] {
        assert!(symbol_choice(text).is_err(), "{text}");
    }
}
