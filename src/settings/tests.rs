use super::*;

fn settings(environment: &[(&str, &str)], env_file: &[(&str, &str)]) -> Settings {
    Settings::from_sources(&Sources::of_lists(environment, env_file))
}

#[test]
fn keys_index_their_definitions() {
    assert_eq!(Key::WsHost.definition().name, "WS_HOST");
    assert_eq!(Key::Rate.definition().name, "RATE");
    assert_eq!(Key::MarketTimezone.definition().name, "MARKET_TIMEZONE");
    assert_eq!(Key::LogFormat.definition().full_name(), "TRADE_GEN_LOG_FORMAT");
    assert_eq!(Key::BridgeLogFormat.definition().full_name(), "KAFKA_BRIDGE_LOG_FORMAT");
}

#[test]
fn every_default_is_valid() {
    for group in Group::ALL {
        settings(&[], &[]).check(group).unwrap();
    }
}

#[test]
fn the_highest_source_wins() {
    let file = [("TRADE_GEN_RATE", "20"), ("TRADE_GEN_SEED", "7"), ("TRADE_GEN_NUM_SYMBOLS", "5")];
    let environment = [("trade_gen_rate", "30"), ("Trade_Gen_Num_Symbols", "6")];
    let mut settings = settings(&environment, &file);
    settings.set_from_command_line(Key::NumSymbols, 7);
    let found = |key| settings.text(key).map(|text| (text.value.as_str(), text.origin.clone()));
    assert_eq!(found(Key::NumSymbols), Some(("7", Origin::CommandLine)));
    assert_eq!(found(Key::Rate), Some(("30", Origin::Environment)));
    assert_eq!(found(Key::Seed), Some(("7", Origin::EnvFile(".env".into()))));
    assert_eq!(found(Key::BurstMultiplier), Some(("20", Origin::Default)));
    assert_eq!(found(Key::StartDate), None);
}

#[test]
fn a_bad_value_is_named_with_its_origin_and_the_valid_range() {
    #[track_caller]
    fn check(name: &str, value: &str, expected: &str) {
        let settings = settings(&[(name, value)], &[]);
        let errors = Group::ALL.map(|group| settings.check(group).err());
        let error = errors.into_iter().flatten().next().unwrap();
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error, Failure::Configuration { .. }));
    }
    check(
        "TRADE_GEN_RATE",
        "10001",
        "TRADE_GEN_RATE is \"10001\" in environment: expected a whole number of orders per second, 1 to 10000",
    );
    check(
        "TRADE_GEN_NUM_SYMBOLS",
        "51",
        "TRADE_GEN_NUM_SYMBOLS is \"51\" in environment: expected a number of symbols, 1 to 50",
    );
    check(
        "TRADE_GEN_MARKET_TIMEZONE",
        "Europe/Berlin",
        "TRADE_GEN_MARKET_TIMEZONE is \"Europe/Berlin\" in environment: expected US/Eastern, the only market simulated",
    );
    check(
        "KAFKA_BRIDGE_KAFKA_ACKS",
        "2",
        "KAFKA_BRIDGE_KAFKA_ACKS is \"2\" in environment: expected 0, 1 or all",
    );
    check(
        "TRADE_GEN_BURST_MULTIPLIER",
        "1",
        "TRADE_GEN_BURST_MULTIPLIER is \"1\" in environment: expected a number from 2 to 100",
    );
}

#[test]
fn an_unknown_name_is_reported_with_a_suggestion() {
    let sources = Sources::of_lists(
        &[("TRADE_GEN_RAT", "1"), ("TRADE_GEN_RATE", "1")],
        &[("KAFKA_X", "1"), ("KAFKA_BRIDGE_WS_URL", "1")],
    );
    assert_eq!(
        sources.unknown_names(),
        [
            "TRADE_GEN_RAT (environment) is not a setting and is ignored; did you mean TRADE_GEN_RATE?",
            "KAFKA_BRIDGE_WS_URL (.env) is not a setting and is ignored; did you mean KAFKA_BRIDGE_WS_URI?"
        ]
    );
}
