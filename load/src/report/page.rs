//! A report as a single web page, without scripts and external resources, for light and dark mode.

use std::fmt::Write as _;

use tradesim_charts::{Axis, Chart, Line, document, escaped, round_step};
use tradesim_schemas::text::{bytes, grouped};

use crate::{
    report::{LoadReport, Verification},
    sampler::Sample,
    threshold::Verdict,
};

/// The maximum number of points of a line. Longer runs combine several seconds per point.
const POINTS_MAX: usize = 600;

/// Renders the page.
pub(crate) fn page<V: Verification>(report: &LoadReport<V>) -> String {
    let title = escaped(&report.name);
    let (word, class) = match (report.complete, report.ok) {
        (_, true) => ("passed", "ok"),
        (true, false) => ("failed", "bad"),
        (false, false) => ("not finished", "open"),
    };
    let mut out = format!(
        "<h1>{title} <span class=\"{class}\">{word}</span></h1><p>{}</p><p>{}</p>",
        escaped(&report.about),
        escaped(&report.headline())
    );
    if report.short {
        out += "<p class=\"open\">This is the short form of the scenario.</p>";
    }
    out += &thresholds(&report.thresholds);
    out += &charts(report);
    out += &facts(report);
    document(&format!("tradesim load: {}", report.name), &out)
}

fn thresholds(verdicts: &[Verdict]) -> String {
    let mut out = "<table><caption>Thresholds</caption>".to_owned();
    for Verdict { threshold, shown, ok, .. } in verdicts {
        let (sign, class) = if *ok { ('✓', "ok") } else { ('✗', "bad") };
        let _ = write!(
            out,
            "<tr><td class=\"{class}\">{sign}</td><td>{}</td><td class=\"number\">{}</td></tr>",
            escaped(threshold),
            escaped(shown)
        );
    }
    out + "</table>"
}

/// Groups the seconds that are drawn as one point.
fn groups(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    samples.chunks(samples.len().div_ceil(POINTS_MAX).max(1))
}

fn line<'a>(
    samples: &[Sample],
    name: &'a str,
    colour: usize,
    value: impl Fn(&[Sample]) -> Option<f64>,
) -> Line<'a> {
    let points = groups(samples).map(|group| (group[0].second as f64, value(group))).collect();
    Line::new(name, colour, points)
}

fn mean(group: &[Sample], count: impl Fn(&Sample) -> u64) -> Option<f64> {
    Some(group.iter().map(count).sum::<u64>() as f64 / group.len() as f64)
}

fn highest(group: &[Sample], value: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    group.iter().filter_map(value).reduce(f64::max)
}

fn charts<V>(report: &LoadReport<V>) -> String {
    let samples = report.samples.as_slice();
    if samples.len() < 2 {
        return String::new();
    }
    let end_points = report.target.clients.unwrap_or(1).max(1) as f64;
    let x_max = samples.len() as f64;
    let marks: Vec<_> = report.events.iter().map(|event| (event.at_seconds, event.what.clone())).collect();
    let chart = |title: &str, lines: Vec<Line<'_>>, logarithmic: bool, label: &dyn Fn(f64) -> String| {
        let x = Axis::linear(0.0, x_max, seconds_ticks(x_max));
        Chart { title, x, lines, logarithmic, label, marks: &marks }.svg()
    };
    let count = |value: f64| grouped(value.round() as u64);
    let mut out = chart(
        "Messages per second",
        vec![
            line(samples, "due", 0, |group| mean(group, |sample| sample.due)),
            line(samples, "arrived", 1, |group| {
                mean(group, |sample| sample.delivered).map(|count| count / end_points)
            }),
        ],
        false,
        &count,
    );
    if report.latency_ms.is_some() {
        out += &chart(
            "Latency of the messages that arrived in each second, from when they were due",
            vec![
                line(samples, "p50", 1, |group| highest(group, |sample| sample.p50)),
                line(samples, "p99", 2, |group| highest(group, |sample| sample.p99)),
                line(samples, "max", 3, |group| highest(group, |sample| sample.max)),
            ],
            true,
            &milliseconds,
        );
        out += &distribution(&report.distribution);
    }
    out += &chart(
        "Backlog: messages sent but not arrived",
        vec![line(samples, "messages", 2, |group| highest(group, |sample| Some(sample.backlog as f64)))],
        false,
        &count,
    );
    out + &chart(
        "Memory of the process",
        vec![line(samples, "anonymous resident memory", 1, |group| {
            highest(group, |sample| sample.rss.map(|rss| rss as f64))
        })],
        false,
        &|value| bytes(value as u64),
    )
}

/// Renders latency by quantile; each further nine has the same width.
fn distribution(quantiles: &[(f64, f64)]) -> String {
    const NINES: [(f64, &str); 6] =
        [(0.0, "0 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"), (1.0, "100 %")];
    let place = |quantile: f64| {
        let next = NINES.iter().position(|(nine, _)| quantile <= *nine).unwrap_or(NINES.len() - 1).max(1);
        let (low, high) = (NINES[next - 1].0, NINES[next].0);
        (next - 1) as f64 + (quantile - low) / (high - low)
    };
    let x_max = (NINES.len() - 1) as f64;
    let points = quantiles.iter().map(|(quantile, ms)| (place(*quantile), Some(*ms))).collect();
    Chart {
        title: "Latency of all messages, by quantile",
        x: Axis::linear(
            0.0,
            x_max,
            NINES.iter().enumerate().map(|(at, (_, label))| (at as f64, (*label).to_owned())).collect(),
        ),
        lines: vec![Line::new("latency", 1, points)],
        logarithmic: true,
        label: &milliseconds,
        marks: &[],
    }
    .svg()
}

fn milliseconds(value: f64) -> String {
    match value {
        1000.0.. => format!("{} s", value / 1000.0),
        1.0.. => format!("{value:.0} ms"),
        _ => format!("{:.0} µs", value * 1000.0),
    }
}

fn seconds_ticks(x_max: f64) -> Vec<(f64, String)> {
    let step =
        if x_max > 300.0 { 60.0 * round_step(x_max / 60.0 / 8.0) } else { round_step(x_max / 8.0).max(1.0) };
    let label = |at: f64| if step >= 60.0 { format!("{:.0} min", at / 60.0) } else { format!("{at:.0} s") };
    std::iter::successors(Some(0.0), |at| Some(at + step))
        .take_while(|at| *at <= x_max)
        .map(|at| (at, label(at)))
        .collect()
}

fn facts<V>(report: &LoadReport<V>) -> String {
    let mut rows: Vec<(&str, String)> = vec![
        ("sent", grouped(report.sent)),
        ("arrived", grouped(report.delivered)),
        ("lost", report.lost.map_or_else(|| "not measured".to_owned(), grouped)),
        ("disconnects", grouped(report.disconnects)),
    ];
    if let Some(latency) = report.latency_ms {
        let values = [
            ("latency p50", latency.p50),
            ("latency p90", latency.p90),
            ("latency p99", latency.p99),
            ("latency p99.9", latency.p999),
            ("latency p99.99", latency.p9999),
            ("latency max", latency.max),
        ];
        rows.extend(values.map(|(name, ms)| (name, format!("{ms:.2} ms"))));
    }
    if let Some(late) = report.late_ms {
        rows.push(("late at the sockets, p99", format!("{:.2} ms", late.p99)));
    }
    rows.push(("longest pause", format!("{:.0} ms", report.recovery_ms)));
    rows.extend(
        report.events.iter().map(|event| ("event", format!("{:.1} s: {}", event.at_seconds, event.what))),
    );
    if let Some(record) = &report.recording.record {
        rows.push(("recording", format!("tradesim record {record}")));
    }
    rows.push(("digest of the recording", report.recording.digest.clone()));
    rows.extend(report.digests.sent.iter().map(|digest| ("digest of the sent messages", digest.clone())));
    rows.extend(
        report.digests.expected.iter().map(|digest| ("digest of the expected messages", digest.clone())),
    );
    rows.extend(
        report.digests.arrived.iter().map(|digest| ("digest of the received messages", digest.clone())),
    );
    rows.push(("tradesim", report.version.to_owned()));
    let mut out = "<table><caption>Figures</caption>".to_owned();
    for (name, value) in rows {
        let _ = write!(out, "<tr><td>{name}</td><td class=\"number\">{}</td></tr>", escaped(&value));
    }
    out + "</table>"
}
