use super::*;

const PLAIN: Wanted = Wanted { date: None, clock: None, market_hours: true, closed: Closed::Refuse };
const NO_HOURS: Wanted = Wanted { market_hours: false, ..PLAIN };
const ALL_OPEN: Wanted = Wanted { closed: Closed::Allow, ..PLAIN };

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text.as_bytes()).unwrap()
}

fn wanted(date: &str, clock: &str) -> Wanted {
    Wanted { date: date.parse().ok(), clock: clock.parse().ok(), ..PLAIN }
}

/// Returns the day, and `now`, `opening` or an instant.
fn begins(now: &str, wanted: &Wanted) -> (String, String) {
    let Beginning { day, start } = live(at(now), wanted).unwrap();
    let start = match start {
        Start::At(instant) => instant.to_string(),
        Start::Now => "now".to_owned(),
        Start::Opening { .. } => "opening".to_owned(),
    };
    (day.date().to_string(), start)
}

#[track_caller]
fn check(now: &str, wanted: &Wanted, day: &str, start: &str) {
    assert_eq!(begins(now, wanted), (day.to_owned(), start.to_owned()));
}

#[test]
fn the_day_of_the_wall_clock_is_that_of_new_york() {
    // 09:00Z is 04:00 in February and 05:00 in July
    check("2026-02-18T09:00:00Z", &PLAIN, "2026-02-18", "now");
    check("2026-02-18T08:59:59.999999Z", &PLAIN, "2026-02-18", "opening");
    check("2026-07-01T08:00:00Z", &PLAIN, "2026-07-01", "now");
    // the evening in New York is the next day in UTC
    check("2026-02-19T00:59:59Z", &PLAIN, "2026-02-18", "now");
    check("2026-02-19T01:00:00Z", &PLAIN, "2026-02-19", "opening");
}

#[test]
fn a_closed_market_opens_with_the_next_trading_day() {
    // a Saturday before a holiday, Good Friday, and an early close that ends at 17:00
    check("2026-02-14T16:00:00Z", &PLAIN, "2026-02-17", "opening");
    check("2026-04-03T16:00:00Z", &PLAIN, "2026-04-06", "opening");
    check("2026-11-27T21:59:59Z", &PLAIN, "2026-11-27", "now");
    check("2026-11-27T22:00:00Z", &PLAIN, "2026-11-30", "opening");
    check("2026-04-03T16:00:00Z", &ALL_OPEN, "2026-04-03", "now");
    check("2026-04-04T01:00:00Z", &ALL_OPEN, "2026-04-04", "opening");
}

#[test]
fn without_hours_there_is_always_a_market() {
    check("2026-02-18T16:00:00.5Z", &NO_HOURS, "2026-02-18", "2026-02-18T16:00:00.500000Z");
    check("2026-02-18T08:00:00Z", &NO_HOURS, "2026-02-18", "2026-02-18T09:00:00.000000Z");
    check("2026-02-19T01:00:00Z", &NO_HOURS, "2026-02-19", "2026-02-19T09:00:00.000000Z");
    check("2026-02-14T16:00:00Z", &NO_HOURS, "2026-02-17", "2026-02-17T09:00:00.000000Z");
    // an early close has the whole day, too
    check("2026-11-27T22:00:00Z", &NO_HOURS, "2026-11-27", "2026-11-27T22:00:00.000000Z");
    let all = Wanted { closed: Closed::Allow, ..NO_HOURS };
    check("2026-02-14T16:00:00Z", &all, "2026-02-14", "2026-02-14T16:00:00.000000Z");
}

#[test]
fn a_clock_that_is_set_starts_at_once() {
    let night = "2026-07-04T03:00:00Z";
    check(night, &wanted("2026-02-18", "09:29:00"), "2026-02-18", "2026-02-18T14:29:00.000000Z");
    check(night, &wanted("2026-02-18", ""), "2026-02-18", "2026-02-18T09:00:00.000000Z");
    check("2026-07-02T23:00:00Z", &wanted("", "09:30:00"), "2026-07-02", "2026-07-02T13:30:00.000000Z");
    // today is a holiday
    check("2026-07-03T12:00:00Z", &wanted("", "09:30:00"), "2026-07-06", "2026-07-06T13:30:00.000000Z");
}

#[test]
fn a_day_or_a_clock_that_does_not_exist_is_refused() {
    let refused = |wanted: &Wanted| live(at("2026-02-18T16:00:00Z"), wanted).unwrap_err().to_string();
    assert_eq!(refused(&wanted("2026-02-14", "09:30:00")), "2026-02-14 is a Saturday");
    for clock in ["03:59:59.999999", "20:00:00"] {
        assert_eq!(
            refused(&wanted("2026-02-18", clock)),
            format!("{clock} is outside the day, which lasts from 04:00:00 to 20:00:00 exchange time")
        );
    }
    assert!(refused(&wanted("2026-11-27", "17:00:00")).ends_with("from 04:00:00 to 17:00:00 exchange time"));
    let whole = Wanted { market_hours: false, ..wanted("2026-11-27", "17:00:00") };
    check("2026-02-18T16:00:00Z", &whole, "2026-11-27", "2026-11-27T22:00:00.000000Z");
    let beyond = live(at("2031-02-18T16:00:00Z"), &PLAIN).unwrap_err().to_string();
    assert!(beyond.contains("outside the calendar"), "{beyond}");
}

#[test]
fn a_historical_stream_is_of_the_last_day_that_has_started() {
    let date = |now: &str, wanted: &Wanted| historical(at(now), wanted).unwrap().date().to_string();
    assert_eq!(date("2026-02-18T16:00:00Z", &PLAIN), "2026-02-18");
    assert_eq!(date("2026-02-16T16:00:00Z", &PLAIN), "2026-02-13");
    assert_eq!(date("2026-02-16T16:00:00Z", &ALL_OPEN), "2026-02-16");
    assert_eq!(date("2026-02-16T16:00:00Z", &wanted("2024-12-24", "")), "2024-12-24");
    assert!(historical(at("2026-02-16T16:00:00Z"), &wanted("2026-02-14", "")).is_err());
}

#[test]
fn a_closed_market_is_reported_with_an_alternative() {
    let message = |now: &str| {
        let now = at(now);
        let Beginning { day, start: Start::Opening { reason } } = live(now, &PLAIN).unwrap() else {
            panic!("the market is open");
        };
        closed_sentence(now, &day, &reason)
    };
    assert_eq!(
        message("2026-02-14T16:00:00Z"),
        "the market is closed: 2026-02-14 is a Saturday; it opens on 2026-02-17 at 04:00 in New York, in 2 d 17 h; waiting"
    );
    assert!(message("2026-04-03T16:00:00Z").starts_with("the market is closed: 2026-04-03 is Good Friday; "));
    assert_eq!(
        message("2026-02-19T01:13:30Z"),
        "the market is closed: it is 20:13 in New York, and the session of 2026-02-18 ended at 20:00; it opens on \
         2026-02-19 at 04:00 in New York, in 7 h 47 min; waiting"
    );
    assert_eq!(
        message("2026-02-18T08:59:30Z"),
        "the market is closed: it is 03:59 in New York on 2026-02-18; it opens on 2026-02-18 at 04:00 in New York, in \
         1 min; waiting"
    );
    assert!(
        message("2026-11-27T23:00:00Z")
            .contains("the session of 2026-11-27, day after Thanksgiving, ended at 17:00")
    );
}
