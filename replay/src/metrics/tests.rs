use super::*;

#[test]
fn the_page_is_this_one() {
    let metrics = Metrics::new();
    metrics.clients.set(2);
    metrics.clients_joined.inc_by(14);
    metrics.messages_played.inc_by(1_000);
    metrics.messages_sent.inc_by(1_990);
    metrics.bytes_sent.inc_by(800_000);
    metrics.seq.set(1_000);
    metrics.set_state(State::Playing);
    metrics.set_speed_wanted("0.5x".parse().unwrap());
    metrics.set_speed_achieved(Some(0.499));
    metrics.closed(Closed::Slow);
    metrics.closed(Closed::Slow);
    metrics.closed(Closed::Failed);
    metrics.refused(Refused::Cap);
    metrics.observe_late(Duration::from_micros(80), 3);
    metrics.observe_late(Duration::from_secs(11), 1);
    let mut counts = LatenessCounts::default();
    counts.observe(Duration::from_millis(2));
    metrics.add_late(&mut counts);
    let expected = include_str!("tests/page.txt").replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(metrics.page(), expected);
    assert_eq!((metrics.closed_count(Closed::Slow), metrics.closed_count(Closed::Dead)), (2, 0));
}

#[test]
fn labels_are_in_the_order_of_their_enums() {
    for (why, label) in [
        (Closed::Delivered, "delivered"),
        (Closed::Stopped, "stopped"),
        (Closed::Protocol, "protocol"),
        (Closed::Refused, "refused"),
        (Closed::TooLarge, "too_large"),
        (Closed::Seek, "seek"),
        (Closed::Slow, "slow"),
        (Closed::Dead, "dead"),
        (Closed::Left, "left"),
        (Closed::Failed, "failed"),
        (Closed::Fault, "fault"),
    ] {
        assert_eq!(Closed::LABELS[why as usize], label);
    }
    for (why, label) in [
        (Refused::Origin, "origin"),
        (Refused::Host, "host"),
        (Refused::Cap, "cap"),
        (Refused::Timeout, "timeout"),
        (Refused::BadRequest, "bad_request"),
    ] {
        assert_eq!(Refused::LABELS[why as usize], label);
    }
}

#[test]
fn exactly_one_state_is_set() {
    let metrics = Metrics::new();
    for state in [State::Waiting, State::Playing, State::Paused, State::Ended] {
        metrics.set_state(state);
        let page = metrics.page();
        let set: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("tradesim_replay_state{") && line.ends_with(" 1"))
            .collect();
        assert_eq!(set, [format!("tradesim_replay_state{{state=\"{}\"}} 1", state.as_str())]);
    }
}

#[test]
fn no_speed_is_a_zero_and_never_infinite() {
    let metrics = Metrics::new();
    metrics.set_speed_wanted(Speed::Max);
    for achieved in [None, Some(f64::INFINITY), Some(f64::NAN)] {
        metrics.set_speed_achieved(achieved);
        let page = metrics.page();
        assert!(page.contains("\ntradesim_replay_speed_wanted 0.0\n"), "{page}");
        assert!(page.contains("\ntradesim_replay_speed_achieved 0.0\n"), "{page}");
    }
}

/// Checks the names as OpenMetrics requires and as parsers check them.
#[test]
fn every_family_is_there_once() {
    let page = Metrics::new().page();
    let mut families: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    families.sort_unstable();
    let all = families.len();
    families.dedup();
    assert_eq!(families.len(), all);
    assert!(page.ends_with("# EOF\n"));
}
