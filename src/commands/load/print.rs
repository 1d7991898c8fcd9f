//! The progress and the result of a load test, on standard error.

use tradesim_load::{LatencyMs, LoadReport, Progress, Verdict, Verification};

use crate::{
    commands::bridge::{self, BridgeReport},
    output::{grouped, say},
};

/// Prints what happens during a load.
pub(super) fn progress(name: &str, progress: Progress<'_>) {
    match progress {
        Progress::Ready { messages, run } => {
            say(format_args!("{name}: {} messages, run {run}", grouped(messages)));
        }
        Progress::Watching(address) => say(format_args!("watch at http://{address}/")),
        Progress::Metrics(address) => bridge::say_metrics(address),
        Progress::Event { at, name } => say(format_args!("{:>7.1} s  {name}", at.as_secs_f64())),
        Progress::Sample { elapsed, sample } => {
            let latency = sample.p99.map_or_else(String::new, |p99| format!(", p99 {p99:.1} ms"));
            say(format_args!(
                "{:>7.1} s  {}/s due, {}/s arrived, backlog {}{latency}",
                elapsed.as_secs_f64(),
                grouped(sample.due),
                grouped(sample.delivered),
                grouped(sample.backlog)
            ));
        }
        Progress::GaveUp { timeout, missing } => say(format_args!(
            "gave up: nothing arrived for {} s, and {} messages are missing",
            timeout.as_secs(),
            grouped(missing)
        )),
        Progress::ClientFailed { cause } => say(format_args!("a client gave up: {cause}")),
        Progress::BridgeEnded { report, complete } => BridgeReport::new(report, complete).say(),
    }
}

/// Prints the report.
pub(super) fn report<V: Verification>(report: &LoadReport<V>) {
    say(format_args!("{}", report.headline()));
    if let Some(LatencyMs { p50, p90, p99, p999, p9999, max, .. }) = report.latency_ms {
        say(format_args!(
            "latency from when due: p50 {p50:.2} ms, p90 {p90:.2}, p99 {p99:.2}, p99.9 {p999:.2}, p99.99 {p9999:.2}, max {max:.2}"
        ));
    }
    if let Some(late) = report.late_ms {
        say(format_args!(
            "late at the sockets: p50 {:.2} ms, p99 {:.2}, max {:.2}",
            late.p50, late.p99, late.max
        ));
    }
    if let Some(throughput) = report.throughput {
        say(format_args!(
            "{} messages/s; backlog at most {}; longest pause {:.0} ms",
            grouped(throughput as u64),
            grouped(report.backlog_max),
            report.recovery_ms
        ));
    }
    if let Some(missing) = report.missing.filter(|missing| *missing > 0) {
        say(format_args!("{} messages were unavailable from the feed", grouped(missing)));
    }
    if let Some(digest) = report.digests.expected.as_ref().or(report.digests.sent.as_ref()) {
        say(format_args!("digest {digest}: {}", report.digests.verdict()));
    }
    let width = report.thresholds.iter().map(|verdict| verdict.threshold.chars().count()).max().unwrap_or(0);
    for Verdict { threshold, shown, ok, .. } in &report.thresholds {
        say(format_args!("  {} {threshold:width$}  {shown}", if *ok { '✓' } else { '✗' }));
    }
}
