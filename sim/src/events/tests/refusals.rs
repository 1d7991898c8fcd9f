//! What cannot be planned, and the advice of its error.

use super::*;

#[test]
fn refusals_name_the_nearest_valid_form() {
    let refusal = |texts: &[&str]| planned(&stylized(1), texts).unwrap_err().to_string();
    for (texts, expected) in [
        (&["lulld"][..], r#"unknown planned event "lulld": expected luld"#),
        (&["xyzzyxyz"], "expected one of luld, circuit-breaker, news, fat-finger, flash-crash, rebalance"),
        (&["luld:APPL"], r#"unknown symbol "APPL" of luld: expected AAPL"#),
        (&["luld:QQQQQQ"], "expected one of the 8 simulated symbols"),
        (&["rebalance:AAPL"], "rebalance does not happen to one symbol: leave the symbol out"),
        (&["venue-outage:AAPL"], "venue-outage does not happen to one symbol: leave the symbol out"),
        (&["venue-outage,venue=nyse"], "invalid venue=nyse of venue-outage: expected NYSE"),
        (&["venue-outage,venue=moon"], "expected NYSE or NASDAQ or AMEX or ARCA or BATS"),
        (&["luld,direction=dwn"], "invalid direction=dwn of luld: expected down"),
        (&["luld,runn=3"], r#"unknown parameter "runn" of luld: expected run"#),
        (&["luld,run=99"], "invalid run=99 of luld: expected a number from 5 to 30"),
        (&["luld,run=10,run=11"], "run of luld is given twice"),
        (&["luld,direction=left"], "invalid direction=left of luld: expected up or down"),
        (&["luld:AAPL@17:00"], "the nearest valid form is luld:AAPL@15:44:25"),
        (&["luld:AAPL@09:30"], "luld:AAPL@09:30:00 begins outside 09:35:00 to 15:44:25 exchange time"),
        (
            &["luld:AAPL@2026-02-17T15:31:12Z"],
            "luld:AAPL@2026-02-17T15:31:12.000000Z begins outside 09:35:00",
        ),
        (&["luld:AAPL@15:34:50"], "the bands are doubled from 15:35:00"),
        (&["luld:AAPL@10:00", "luld:AAPL@10:05"], "the nearest valid form is luld:AAPL@10:10:35"),
        (&["luld:AAPL@10:00", "circuit-breaker@09:50"], "overlaps luld:AAPL@10:00:00"),
        (&["circuit-breaker@10:00", "circuit-breaker@12:00"], "each level halts once a day"),
        (&["news:AAPL@11:00,move=0.1"], "use luld, or move=0.045"),
        (&["flash-crash@11:00,fall=240,depth=0.065", "luld:AAPL@11:03"], "overlaps luld:AAPL@11:03:00"),
        (&["split:AAPL@10:00"], "the nearest valid form is split:AAPL@04:00:00"),
        (&["split:AAPL,ratio=50"], "use a ratio that leaves a price of $5 to $10000"),
        (&["split:AAPL", "split:AAPL,ratio=2"], "AAPL has at most one split or first trade a day"),
        (&["split:AAPL", "ipo:AAPL"], "AAPL has at most one split or first trade a day"),
        (&["ipo:AAPL@09:30"], "the nearest valid form is ipo:AAPL@09:40:00"),
        (
            &["ipo:AAPL@11:00", "news:AAPL@10:00"],
            "AAPL has no other event from 04:00 until two hours after its first trade: begin news:AAPL at 13:00:00 or later",
        ),
        (&["flash-crash@11:00", "ipo:AAPL@11:00"], "begin flash-crash at 13:00:00 or later"),
        (&["venue-outage,venue=BATS"], "no simulated symbol is listed on BATS: use venue=NASDAQ"),
        (&["venue-outage@15:30,length=1800"], "the nearest valid form is venue-outage@15:29:00"),
        (
            &["venue-outage@11:00,venue=NASDAQ,length=600", "luld:AAPL@11:05"],
            "venue-outage@11:00:00 overlaps luld:AAPL@11:05:00, which ends at",
        ),
        (&["short-sale:AAPL@15:30"], "the nearest valid form is short-sale:AAPL@15:19:00"),
    ] {
        let found = refusal(texts);
        assert!(found.contains(expected), "{texts:?}: {found}");
    }
    let many: Vec<&str> = vec!["luld"; 101];
    assert!(refusal(&many).contains("at most 100"));
    let error = planned(&stylized(1), &["luld", "luld:APPL"]).unwrap_err();
    assert_eq!((error.request, error.part), (1, Part::Symbol));
    // options that did not come from `plan` are checked as well
    let whole = planned(&stylized(1), &["luld:AAPL@10:00"]).unwrap();
    let twice = [whole.planned_events.clone(), whole.planned_events.clone()].concat();
    assert!(Simulation::new(SimulationOptions { planned_events: twice, ..whole.clone() }).is_err());
    assert!(Simulation::new(SimulationOptions { model: Model::Gbm, ..whole }).is_err());
}

#[test]
fn plans_whose_labels_cannot_be_true_are_refused() {
    let refusal = |texts: &[&str]| planned(&stylized(1), texts).unwrap_err().to_string();
    let lowers = |earlier: &str, sale: &str| {
        format!("{earlier} lowers the price before {sale}, whose trigger it may reach")
    };
    for (texts, expected) in [
        // Rule 201: the trigger is reached at its instant and not before
        (
            &["short-sale:AAPL@10:00", "short-sale:AAPL@13:00"][..],
            "AAPL has at most one short-sale a day".to_owned(),
        ),
        (&["short-sale:AAPL", "short-sale:AAPL"], "AAPL has at most one short-sale a day".to_owned()),
        (
            &["news:AAPL@08:00,direction=down,move=0.15", "short-sale:AAPL@11:00"],
            lowers("news:AAPL@08:00:00", "short-sale:AAPL@11:00:00"),
        ),
        (
            &["short-sale:AAPL@11:00", "news:AAPL@08:00,direction=down,move=0.15"],
            lowers("news:AAPL@08:00:00", "short-sale:AAPL@11:00:00"),
        ),
        (
            &["news:AAPL@08:00,direction=down,move=0.15", "short-sale:AAPL"],
            lowers("news:AAPL@08:00:00", "short-sale:AAPL"),
        ),
        (
            &["circuit-breaker@10:00,level=2", "short-sale:AAPL@14:00"],
            lowers("circuit-breaker@10:00:00", "short-sale:AAPL@14:00:00"),
        ),
        (
            &["flash-crash@10:00", "short-sale:AAPL@14:00"],
            lowers("flash-crash@10:00:00", "short-sale:AAPL@14:00:00"),
        ),
        (
            &["luld:AAPL@10:00,direction=down", "luld:AAPL@11:00,direction=down", "short-sale:AAPL@14:00"],
            lowers("luld:AAPL@10:00:00", "short-sale:AAPL@14:00:00"),
        ),
        // the circuit breaker: a level is reached with its halt
        (
            &["flash-crash@11:00,depth=0.06,recovery=0", "flash-crash@13:00,depth=0.06,recovery=0"],
            "after flash-crash@11:00:00, flash-crash@13:00:00 would take the index 11.64 % below the previous close: level 1"
                .to_owned(),
        ),
        (
            &["circuit-breaker@10:00,rebound=0", "flash-crash@13:00"],
            "after circuit-breaker@10:00:00, flash-crash@13:00:00 would take the index".to_owned(),
        ),
        (
            &["circuit-breaker@10:00,rebound=0", "flash-crash@13:00,depth=0.06"],
            "12.58 % below the previous close: level 2 of the circuit breaker, which would not halt then, is at 13 %, and 1.5 % \
             are for the market's own moves; give flash-crash a smaller depth, or leave a fall out"
                .to_owned(),
        ),
        // each pair is possible, all of them are not
        (
            &[
                "flash-crash@10:00,depth=0.025,recovery=0,fall=240,back=300",
                "flash-crash@11:00,depth=0.025,recovery=0,fall=240,back=300",
                "flash-crash@12:00,depth=0.025,recovery=0,fall=240,back=300",
            ],
            "after flash-crash@10:00:00 and flash-crash@11:00:00, flash-crash@12:00:00 would take the index 7.31 %".to_owned(),
        ),
        (
            &["flash-crash@13:00,depth=0.03,recovery=0", "flash-crash@10:00,depth=0.03,recovery=0"],
            "after flash-crash@10:00:00, flash-crash@13:00:00 would take".to_owned(),
        ),
        (
            &["flash-crash@10:00,depth=0.06,recovery=0", "circuit-breaker@12:30"],
            "flash-crash@10:00:00 would leave the index 6 % below the previous close before circuit-breaker@12:30:00: level 1 of \
             the circuit breaker, which would not halt then, is at 7 %, and 4 % are for the market's own moves"
                .to_owned(),
        ),
        (
            &["circuit-breaker@12:30", "flash-crash@10:00,depth=0.05,recovery=0.3"],
            "flash-crash@10:00:00 would leave the index 3.5 % below".to_owned(),
        ),
        // a share has no previous close before its first trade
        (&["ipo:AAPL@09:40", "short-sale:AAPL@13:00"], "short-sale needs the previous close of AAPL, which has none on the day of its first trade".to_owned()),
        (&["ipo:AAPL@09:40", "luld:AAPL@13:00"], "luld needs the previous close of AAPL".to_owned()),
        (&["fat-finger:AAPL@13:00", "ipo:AAPL@09:40"], "fat-finger needs the previous close of AAPL".to_owned()),
        (&["ipo:AAPL@09:40", "circuit-breaker@13:00"], "circuit-breaker needs the previous close of AAPL".to_owned()),
        (&["ipo:AAPL@12:00", "circuit-breaker"], "circuit-breaker needs the previous close of AAPL".to_owned()),
    ] {
        let found = refusal(texts);
        assert!(found.contains(&expected), "{texts:?}: {found}");
    }
    // what cannot reach a trigger, and other symbols, are possible
    for texts in [
        &["news:AAPL@10:00,direction=up", "short-sale:AAPL@13:00"][..],
        &["short-sale:AAPL@10:00", "luld:AAPL@13:00,direction=down"],
        &["luld:MSFT@10:00,direction=down", "short-sale:AAPL@13:00"],
        &["split:AAPL", "short-sale:AAPL@11:00", "rebalance"],
        &["ipo:AAPL@09:40", "news:AAPL@13:00", "luld:MSFT@13:00"],
        &["flash-crash", "circuit-breaker"],
        &["circuit-breaker@10:00,level=2", "flash-crash@13:00"],
        &["flash-crash@10:00", "circuit-breaker@12:30"],
        // level 1 has halted already
        &["circuit-breaker@10:00", "flash-crash@12:00,depth=0.03", "flash-crash@14:00,depth=0.03"],
        &["circuit-breaker@10:00", "flash-crash@13:00,depth=0.065"],
        // what happens to one symbol is a small part of the index
        &["news:AAPL@08:00,direction=down,move=0.15", "circuit-breaker@10:00"],
        &["luld:AAPL@10:00,direction=down", "luld:AAPL@11:00,direction=down", "circuit-breaker@12:30"],
        &["short-sale:AAPL@10:00", "fat-finger:MSFT@10:10,direction=down", "circuit-breaker@12:30"],
    ] {
        check_rules(&planned(&stylized(4), texts).unwrap());
    }
}

#[test]
fn what_is_drawn_avoids_the_other_events_and_errors_show_only_what_was_given() {
    for seed in 0..20 {
        let symbol = |texts: &[&str], kind| {
            let options = planned(&stylized(seed), texts).unwrap();
            let event = options.planned_events.iter().find(|event| event.kind() == kind).unwrap().clone();
            event.symbol().unwrap().to_string()
        };
        let texts = ["news:AAPL@08:00,direction=down", "short-sale"];
        assert_ne!(symbol(&texts, EventKind::ShortSale), "AAPL");
        assert_ne!(symbol(&["ipo:AAPL@09:40", "luld"], EventKind::Luld), "AAPL");
        // a usual start is before the end of the first trade, a possible one is not
        let options = planned(&stylized(seed), &["ipo:AAPL@13:30", "flash-crash"]).unwrap();
        let crash =
            options.planned_events.iter().find(|event| event.kind() == EventKind::FlashCrash).unwrap();
        assert!(crash.at().micros() >= options.day.core_open().micros() + 6 * HOUR);
    }
    let refusal = |texts: &[&str]| planned(&stylized(1), texts).unwrap_err().to_string();
    let found = refusal(&["luld@17:00"]);
    let expected = "luld@17:00:00 begins outside 09:35:00 to 15:44:25 exchange time: the nearest valid form is luld@15:44:25";
    assert_eq!(found, expected);
    let full = "no room for flash-crash beside the other planned events (AAPL has no other event until 15:45:00, two hours after \
                its first trade): give it a start, or leave an event out";
    assert_eq!(refusal(&["ipo:AAPL@13:45", "flash-crash,fall=900,back=3600"]), full);
    let every = ["ipo:AAPL", "ipo:MSFT", "ipo:NVDA"];
    let found = planned(&SimulationOptions { symbols: 3, ..stylized(1) }, &[&every[..], &["ipo"]].concat());
    assert_eq!(
        found.unwrap_err().to_string(),
        "no room for ipo beside the other planned events (AAPL has at most one split or first trade a day): give it a symbol \
         and a start, or leave an event out"
    );
    // the advice is about what was drawn, and errors of the index name the symbols that are most of it
    let alone = SimulationOptions { symbols: 1, ..stylized(1) };
    let refusal = |texts: &[&str]| planned(&alone, texts).unwrap_err().to_string();
    let found = refusal(&["news:AAPL@08:00,direction=down,move=0.15", "circuit-breaker@10:00"]);
    let expected =
        "circuit-breaker@10:00:00: news:AAPL@08:00:00 would leave the index 15 % below the previous close";
    assert!(found.starts_with(expected), "{found}");
    let found = refusal(&["circuit-breaker@09:31,level=3,fall=400", "luld@13:00"]);
    let expected = "no room for luld beside the other planned events (circuit-breaker@09:31:00 ends at 20:00:00): give it a symbol, \
                    or leave an event out";
    assert_eq!(found, expected);
    let lulds: Vec<String> = (0..34)
        .map(|number| format!("luld:AAPL@{:02}:{:02}", 9 + (35 + 11 * number) / 60, (35 + 11 * number) % 60))
        .collect();
    let lulds: Vec<&str> = lulds.iter().map(String::as_str).chain(["luld:AAPL"]).collect();
    let found = refusal(&lulds);
    assert!(found.ends_with("give it a start, or leave an event out"), "{found}");
}
