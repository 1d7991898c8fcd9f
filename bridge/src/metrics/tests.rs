use std::time::Duration;

use super::*;

fn metrics() -> Metrics {
    Metrics::new(&Topics::new("", "dlq.raw.failed"))
}

#[test]
fn the_page_is_this_one() {
    let metrics = metrics();
    metrics.received([10, 5, 1, 2]);
    metrics.ws_connected.set(1);
    metrics.ws_reconnects.inc();
    for us in [800, 1_000, 7_000, 2_000_000] {
        metrics.acknowledged(Topic::Data(EventType::Trade), us);
    }
    metrics.failed(Topic::Data(EventType::OrderBook));
    metrics.dead_lettered(None);
    metrics.dead_lettered(Some(EventType::Trade));
    metrics.invalid(None, Reason::NotJson);
    metrics.invalid(Some(EventType::Trade), Reason::BadValue);
    metrics.lag_seconds.set(0.25);
    metrics.transaction(Outcome::Committed);
    metrics.commit_latency.observe(Duration::from_millis(12));
    metrics.healthy.set(1);
    let expected = include_str!("tests/page.txt").replace("VERSION", env!("CARGO_PKG_VERSION"));
    let page = metrics.page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/metrics/tests/page.txt");
        std::fs::write(path, page.replace(env!("CARGO_PKG_VERSION"), "VERSION")).unwrap();
        return;
    }
    assert_eq!(page, expected);
}

/// The names, types, labels and buckets that the contract fixes.
#[test]
fn the_metrics_of_the_contract_are_there() {
    let page = metrics().page();
    for line in [
        "# TYPE bridge_ws_messages_received counter",
        "bridge_ws_messages_received_total{event_type=\"orderbook\"} 0",
        "# TYPE bridge_ws_connected gauge",
        "bridge_ws_reconnects_total 0",
        "bridge_kafka_messages_produced_total{topic=\"raw.trades\"} 0",
        "bridge_kafka_messages_failed_total{topic=\"raw.marketdata\"} 0",
        "# TYPE bridge_kafka_produce_latency_seconds histogram",
        "bridge_dlq_messages_total{original_topic=\"raw.trades\"} 0",
        "bridge_validation_failures_total{event_type=\"trade\",reason=\"missing_field\"} 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}");
    }
    let prefix = "bridge_kafka_produce_latency_seconds_bucket{le=\"";
    let bounds: Vec<&str> = page
        .lines()
        .filter(|line| line.contains("topic=\"raw.trades\""))
        .filter_map(|line| line.strip_prefix(prefix)?.split('"').next())
        .collect();
    assert_eq!(bounds, ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "+Inf"]);
}

/// Checks the names as OpenMetrics requires and as parsers check them.
#[test]
fn every_family_is_there_once() {
    let page = metrics().page();
    let mut families: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    families.sort_unstable();
    let all = families.len();
    families.dedup();
    assert_eq!(families.len(), all);
    assert!(page.ends_with("# EOF\n"));
}
