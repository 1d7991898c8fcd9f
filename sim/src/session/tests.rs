use std::fmt::Write as _;

use tradesim_schemas::Price;

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn day(text: &str) -> TradingDay {
    TradingDay::new(date(text), Closed::Refuse).unwrap()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

fn utc(text: &str) -> Timestamp {
    Timestamp::parse(text.as_bytes()).unwrap()
}

/// Closures by year, then early closes by year, as the operator's pages list them (written a second time on purpose).
const CLOSED: &str = "\
    2024 01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25\n\
    2025 01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25\n\
    2026 01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25\n\
    2027 01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24\n\
    2028 01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25";
const EARLY: &str = "\
    2024 07-03 11-29 12-24\n\
    2025 07-03 11-28 12-24\n\
    2026 11-27 12-24\n\
    2027 11-26\n\
    2028 07-03 11-24";

fn dates(lines: &'static str) -> Vec<NaiveDate> {
    let of_year = |line: &'static str| {
        let (year, days) = line.split_once(' ').unwrap();
        days.split(' ').map(move |day| date(&format!("{year}-{day}")))
    };
    lines.lines().flat_map(of_year).collect()
}

#[test]
fn every_weekday_of_five_years_opens_except_the_listed_closures() {
    let (closed, early) = (dates(CLOSED), dates(EARLY));
    assert_eq!((closed.len(), early.len()), (50, 11));
    let mut sessions = 0;
    for date in date("2024-01-01").iter_days().take_while(|date| date.year() <= 2028) {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        let open = TradingDay::new(date, Closed::Refuse);
        assert_eq!(open.is_ok(), !weekend && !closed.contains(&date), "{date}");
        if let Ok(day) = open {
            sessions += 1;
            assert_eq!(day.is_early_close(), early.contains(&date), "{date}");
            let close = if day.is_early_close() { "13:00:00" } else { "16:00:00" };
            let end = if day.is_early_close() { "17:00:00" } else { "20:00:00" };
            for (instant, clock) in [
                (day.start(), "04:00:00"),
                (day.core_open(), "09:30:00"),
                (day.core_close(), close),
                (day.end(), end),
            ] {
                assert_eq!(day.exchange_time(instant), time(clock), "{date}");
                assert_eq!(day.at(time(clock)), instant, "{date}");
            }
        }
    }
    assert_eq!(sessions, trading_days().count());
    let of_2026 = trading_days().filter(|day| day.date().year() == 2026);
    assert_eq!(of_2026.count(), 251);
}

#[test]
fn the_tables_are_in_ascending_order() {
    for table in [calendar::HOLIDAYS, calendar::AD_HOC, calendar::EARLY_CLOSES] {
        assert!(table.is_sorted_by_key(|&(year, month, day, _)| (year, month, day)));
    }
}

#[test]
fn a_closed_date_is_refused_by_name() {
    for (text, expected) in [
        ("2026-04-03", "2026-04-03 is Good Friday: US markets are closed"),
        ("2026-02-21", "2026-02-21 is a Saturday"),
        ("2026-02-22", "2026-02-22 is a Sunday"),
        ("2026-07-03", "2026-07-03 is Independence Day (observed): US markets are closed"),
        ("2025-01-09", "2025-01-09 is the National Day of Mourning for Jimmy Carter: US markets are closed"),
        ("2024-06-19", "2024-06-19 is Juneteenth: US markets are closed"),
        ("2028-11-23", "2028-11-23 is Thanksgiving Day: US markets are closed"),
        ("2023-12-29", "2023-12-29 is outside the calendar, which covers 2024 to 2028"),
        ("2029-01-02", "2029-01-02 is outside the calendar, which covers 2024 to 2028"),
    ] {
        assert_eq!(TradingDay::new(date(text), Closed::Refuse).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_closed_date_can_be_simulated_as_a_regular_day() {
    for text in ["2026-04-03", "2026-02-21", "2026-03-08", "2026-11-01"] {
        let day = TradingDay::new(date(text), Closed::Allow).unwrap();
        assert!(day.closure().is_some());
        assert!(!day.is_early_close());
        assert_eq!(day.exchange_time(day.end()), time("20:00:00"));
    }
    assert!(TradingDay::new(date("2023-12-29"), Closed::Allow).is_err());
}

#[test]
fn early_closes_have_names() {
    assert_eq!(day("2025-07-03").early_close_name(), Some("day before Independence Day"));
    assert_eq!(day("2026-11-27").early_close_name(), Some("day after Thanksgiving"));
    assert_eq!(day("2026-12-24").early_close_name(), Some("Christmas Eve"));
    assert_eq!(day("2026-07-02").early_close_name(), None);
}

#[test]
fn days_follow_daylight_saving() {
    for (text, open) in [
        ("2026-02-18", "2026-02-18T14:30:00Z"),
        ("2026-03-06", "2026-03-06T14:30:00Z"),
        ("2026-03-09", "2026-03-09T13:30:00Z"),
        ("2026-10-30", "2026-10-30T13:30:00Z"),
        ("2026-11-02", "2026-11-02T14:30:00Z"),
        ("2024-03-08", "2024-03-08T14:30:00Z"),
        ("2024-03-11", "2024-03-11T13:30:00Z"),
        ("2028-11-03", "2028-11-03T13:30:00Z"),
        ("2028-11-06", "2028-11-06T14:30:00Z"),
    ] {
        assert_eq!(day(text).core_open(), utc(open));
    }
    // the days of the switches themselves, by the offset in force after 02:00
    let opens = |text| TradingDay::new(date(text), Closed::Allow).unwrap().core_open();
    assert_eq!(opens("2026-03-08"), utc("2026-03-08T13:30:00Z"));
    assert_eq!(opens("2026-11-01"), utc("2026-11-01T14:30:00Z"));
}

#[test]
fn a_winter_day_ends_on_the_next_utc_date() {
    let winter = day("2026-02-18");
    assert_eq!(winter.start(), utc("2026-02-18T09:00:00Z"));
    assert_eq!(winter.core_close(), utc("2026-02-18T21:00:00Z"));
    assert_eq!(winter.end(), utc("2026-02-19T01:00:00Z"));
    assert_eq!(day("2026-07-01").end(), utc("2026-07-02T00:00:00Z"));
}

#[test]
fn exchange_time_is_exact_to_the_microsecond() {
    let day = day("2026-02-18");
    let at = day.at(time("09:30:15.250001"));
    assert_eq!(at, utc("2026-02-18T14:30:15.250001Z"));
    assert_eq!(day.exchange_time(at), time("09:30:15.250001"));
    assert_eq!(day.exchange_time(utc("2026-02-19T04:59:59.999999Z")), time("23:59:59.999999"));
    assert_eq!(day.exchange_time(utc("2026-02-19T05:00:00Z")), time("00:00:00"));
}

#[track_caller]
fn check_periods(day: TradingDay, market_hours: bool, expected: &[(&str, &str, &str, f64)]) {
    let spans = day.periods(market_hours);
    let found: Vec<_> = spans
        .iter()
        .map(|span| {
            let clock = |at| day.exchange_time(at).format("%H:%M").to_string();
            (span.period.as_str().to_owned(), clock(span.from), clock(span.to), span.multiplier)
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|&(period, from, to, multiplier)| {
            (period.to_owned(), from.to_owned(), to.to_owned(), multiplier)
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(spans[0].from, day.start());
    assert_eq!(spans[spans.len() - 1].to, day.day_end(market_hours));
    for span in spans {
        let before = |at: Timestamp| Timestamp::from_micros(at.micros() - 1).unwrap();
        assert_eq!(day.period_at(span.from, market_hours), span.period);
        assert_eq!(day.period_at(before(span.to), market_hours), span.period);
        assert_ne!(day.period_at(before(span.from), market_hours), span.period);
        assert_ne!(day.period_at(span.to, market_hours), span.period);
    }
}

#[test]
fn the_periods_are_those_of_the_contract() {
    let regular = [
        ("pre_market", "04:00", "09:30", 0.1),
        ("opening_auction", "09:30", "09:45", 3.0),
        ("morning", "09:45", "11:30", 1.5),
        ("midday", "11:30", "13:00", 0.6),
        ("afternoon", "13:00", "15:30", 1.0),
        ("closing_auction", "15:30", "16:00", 2.5),
        ("after_hours", "16:00", "20:00", 0.1),
    ];
    let early = [
        ("pre_market", "04:00", "09:30", 0.1),
        ("opening_auction", "09:30", "09:45", 3.0),
        ("morning", "09:45", "11:30", 1.5),
        ("midday", "11:30", "12:30", 0.6),
        ("closing_auction", "12:30", "13:00", 2.5),
        ("after_hours", "13:00", "17:00", 0.1),
    ];
    let off = [("all_day", "04:00", "20:00", 1.0)];
    check_periods(day("2026-02-18"), true, &regular);
    check_periods(day("2026-11-27"), true, &early);
    check_periods(day("2026-02-18"), false, &off);
    check_periods(day("2026-11-27"), false, &off);
    assert_eq!(day("2026-02-18").period_at(day("2026-02-19").start(), true), Period::Closed);
}

#[test]
fn a_regular_day_has_538_and_a_half_weighted_minutes() {
    let minutes = |span: PeriodSpan| (span.to.micros() - span.from.micros()) as f64 / 6e7 * span.multiplier;
    let total: f64 = day("2026-02-18").periods(true).into_iter().map(minutes).sum();
    assert!((total - 538.5).abs() < 1e-9, "{total}");
}

#[test]
fn venues_keep_their_hours() {
    let check = |day: TradingDay, exchange, clock: &str, open: bool| {
        assert_eq!(day.venue_open(exchange, day.at(time(clock))), open, "{exchange} at {clock}");
    };
    let regular = day("2026-02-18");
    let early = day("2026-11-27");
    for (day, close, last) in
        [(regular, "16:00:00", "15:59:59.999999"), (early, "13:00:00", "12:59:59.999999")]
    {
        check(day, Exchange::Nyse, "09:29:59.999999", false);
        check(day, Exchange::Nyse, "09:30:00", true);
        check(day, Exchange::Nyse, last, true);
        check(day, Exchange::Nyse, close, false);
        check(day, Exchange::Amex, "06:59:59.999999", false);
        check(day, Exchange::Amex, "07:00:00", true);
        check(day, Exchange::Amex, "16:30:00", true);
        for exchange in [Exchange::Nasdaq, Exchange::Arca, Exchange::Bats] {
            check(day, exchange, "04:00:00", true);
            check(day, exchange, "16:59:59", true);
        }
    }
}

#[test]
fn time_outside_the_core_session_counts_a_tenth() {
    let regular = day("2026-02-18");
    assert_eq!(regular.effective_seconds(regular.core_open(), regular.core_close()), 23_400.0);
    assert_eq!(regular.effective_seconds(regular.start(), regular.core_open()), 1_980.0);
    assert_eq!(regular.effective_seconds(regular.core_close(), regular.end()), 1_440.0);
    assert_eq!(regular.weighted_micros(regular.start()), 0);
    assert_eq!(regular.weighted_micros(regular.end()), (23_400 + 1_980 + 1_440) * 10_000_000);
    let early = day("2026-11-27");
    assert_eq!(early.effective_seconds(early.core_open(), early.core_close()), 12_600.0);
    assert_eq!(early.effective_seconds(early.core_close(), early.day_end(false)), 2_520.0);
    // a microsecond on either side of the opening
    let open = regular.core_open().micros();
    let weighted = |micros| regular.weighted_micros(Timestamp::from_micros(micros).unwrap());
    assert_eq!((weighted(open) - weighted(open - 1), weighted(open + 1) - weighted(open)), (1, 10));
}

#[test]
fn ticks_follow_rule_612() {
    let tick = |units| tick_size(Price::from_units(units).unwrap(), date("2026-02-18")).units();
    assert_eq!((tick(9_999), tick(10_000), tick(1_785_000)), (1, 100, 100));
}

#[test]
fn round_lots_follow_price_since_november_2025() {
    let lot = |units, text| round_lot(Price::from_units(units).unwrap(), date(text));
    for (units, expected) in [
        (2_500_000, 100),
        (2_500_001, 40),
        (10_000_000, 40),
        (10_000_001, 10),
        (100_000_000, 10),
        (100_000_001, 1),
    ] {
        assert_eq!(lot(units, "2025-10-31"), 100);
        assert_eq!(lot(units, "2025-11-03"), expected);
    }
}

#[test]
fn the_calendar_fixture_equals_the_table() {
    let mut text = String::from("date,open_utc,close_utc\n");
    for day in trading_days() {
        writeln!(text, "{},{},{}", day.date(), day.core_open(), day.core_close()).unwrap();
    }
    crate::golden::check("calendar.csv", &text);
}

#[test]
fn trading_days_are_found_from_any_date() {
    let dates = |text: &str| {
        let found = |day: Result<TradingDay, CalendarError>| day.unwrap().date().to_string();
        (
            found(TradingDay::at_or_before(date(text), Closed::Refuse)),
            found(TradingDay::at_or_after(date(text), Closed::Refuse)),
        )
    };
    let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    assert_eq!(dates("2026-02-18"), pair("2026-02-18", "2026-02-18"));
    assert_eq!(dates("2026-02-14"), pair("2026-02-13", "2026-02-17"));
    assert_eq!(dates("2026-04-03"), pair("2026-04-02", "2026-04-06"));
    let following = |closed| day("2026-04-02").following(closed).unwrap().date();
    assert_eq!(following(Closed::Refuse), date("2026-04-06"));
    assert_eq!(following(Closed::Allow), date("2026-04-03"));
    let last = day("2028-12-29");
    assert!(matches!(last.following(Closed::Refuse), Err(CalendarError::Uncovered { .. })));
}

#[test]
fn the_date_is_new_york_s() {
    for (at, expected) in [
        ("2026-02-18T04:59:59Z", "2026-02-17"),
        ("2026-02-18T05:00:00Z", "2026-02-18"),
        ("2026-07-01T03:59:59Z", "2026-06-30"),
        ("2026-07-01T04:00:00Z", "2026-07-01"),
    ] {
        assert_eq!(date_at(utc(at)), date(expected), "{at}");
    }
}
