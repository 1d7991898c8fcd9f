//! The report as a web page.

use std::fmt::Write as _;

use tradesim_charts::{Axis, Chart, Line, Matrix, document, escaped};

use crate::{
    plots::{Plots, Points},
    report::{Report, RowReport, Verdict},
    rows::Basis,
    text::{headlines, number, short, verdict},
};

pub(crate) fn page(report: &Report, plots: &Plots, title: &str) -> String {
    let (what, verdicts) = headlines(report);
    let class = if report.is_inside() { "ok" } else { "bad" };
    let mut body = format!(
        "<h1>Realism <span class=\"{class}\">{} of {}</span></h1><p>{}</p><p>{}</p><p>{}</p>",
        report.summary.inside,
        report.summary.judged,
        escaped(title),
        escaped(&what),
        escaped(&verdicts)
    );
    body += &table(&report.rows);
    body += &charts(plots);
    document(&format!("tradesim realism: {title}"), &body)
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Read => "read",
        Basis::Remembered => "from memory",
        Basis::Fact => "our bounds",
        Basis::Promise => "promise",
        Basis::None => "none",
    }
}

fn table(rows: &[RowReport]) -> String {
    let mut out = "<table><caption>Statistics</caption><tr><th></th><th></th><th>statistic</th><th class=\"number\">range</th>\
                   <th class=\"number\">value</th><th class=\"number\">null</th><th>source of the range</th></tr>"
        .to_owned();
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    for row in rows {
        let class = match row.verdict {
            Verdict::Inside => "ok",
            Verdict::Outside => "bad",
            Verdict::NotJudged => "faint",
        };
        let (sign, word) = verdict(row);
        let reason = row.reason.map(|reason| format!("<br><span class=\"faint\">{}</span>", escaped(reason)));
        let null_class = if row.null_outside == Some(false) { "number bad" } else { "number faint" };
        let _ = write!(
            out,
            "<tr><td class=\"{class}\" title=\"{word}\">{sign}</td><td>{}</td><td>{}{}</td><td class=\"number\">{} to {}</td>\
             <td class=\"number\">{}</td><td class=\"{null_class}\">{}</td><td class=\"faint\">{} ({})</td></tr>",
            row.id,
            escaped(row.name),
            reason.unwrap_or_default(),
            short(row.low),
            short(row.high),
            shown(row.value),
            if row.has_null { shown(row.null) } else { String::new() },
            escaped(row.source),
            basis(row.basis)
        );
    }
    out + "</table>"
}

/// Returns the density of the standard normal distribution.
pub(crate) fn normal(x: f64) -> f64 {
    libm::exp(-x * x / 2.0) / std::f64::consts::TAU.sqrt()
}

fn points(points: &Points) -> Vec<(f64, Option<f64>)> {
    points.iter().map(|(x, y)| (*x, Some(*y))).collect()
}

/// Returns the chart of some lines over a logarithmic or a linear axis; nothing if there are no points.
fn chart(title: &str, x: Option<Axis>, logarithmic: bool, lines: Vec<Line<'_>>) -> String {
    let positions = || lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x);
    let (from, to) = (positions().fold(f64::INFINITY, f64::min), positions().fold(0.0, f64::max));
    if !from.is_finite() {
        return String::new();
    }
    let x = x.unwrap_or_else(|| Axis::logarithmic(from, to));
    let label = |value: f64| {
        if value.abs() >= 10_000.0 {
            format!("{value:e}")
        } else {
            format!("{}", (value * 1e9).round() / 1e9)
        }
    };
    Chart { title, x, lines, logarithmic, label: &label, marks: &[] }.svg()
}

fn charts(plots: &Plots) -> String {
    let curve: Points = (-32..=32)
        .map(|at| f64::from(at) / 4.0)
        .map(|at| (at, normal(at)))
        .filter(|(at, _)| at.abs() <= 4.5)
        .collect();
    let hour = |from: f64, to: f64| {
        let ticks = (10..=16).map(|hour| (f64::from(hour), format!("{hour}:00"))).collect();
        Axis::linear(from, to, ticks)
    };
    let mut out = chart(
        "Returns of a minute against the normal distribution: density by standard deviations",
        Some(Axis::round(-8.0, 8.0)),
        true,
        vec![Line::new("normal", 0, points(&curve)), Line::dots("returns", 1, points(&plots.returns))],
    );
    out += &chart(
        "Autocorrelation by lag in minutes",
        Some(Axis::round(0.0, 120.0)),
        false,
        vec![
            Line::new("absolute returns", 1, points(&plots.absolute)),
            Line::new("returns", 0, points(&plots.linear)),
        ],
    );
    out += &chart(
        "The same, in logarithms: a power law is a straight line",
        None,
        true,
        vec![Line::dots(
            "absolute returns",
            1,
            plots.absolute.iter().map(|(x, y)| (*x, (*y > 1e-4).then_some(*y))).collect(),
        )],
    );
    out += &chart(
        "Hill's tail exponent by share of the largest returns",
        None,
        false,
        vec![Line::new("1 min", 1, points(&plots.hill[0])), Line::new("5 min", 2, points(&plots.hill[1]))],
    );
    out += &chart(
        "Signature: realised variance by interval in seconds, over that of 300 s",
        None,
        false,
        vec![Line::new("variance", 1, points(&plots.signature))],
    );
    out += &chart(
        "Profile of the day, in units of the mean",
        Some(hour(9.5, 16.0)),
        false,
        vec![
            Line::new("volume", 1, points(&plots.volume)),
            Line::new("volatility", 2, points(&plots.volatility)),
        ],
    );
    out += &chart(
        "Allan factor of order counts by window in seconds: 1 for Poisson arrivals",
        None,
        true,
        vec![Line::new("orders", 1, points(&plots.allan))],
    );
    out += &chart(
        "Autocorrelation of trade signs by lag in trades",
        None,
        true,
        vec![Line::dots(
            "signs",
            1,
            plots.signs.iter().map(|(x, y)| (*x, (*y > 1e-4).then_some(*y))).collect(),
        )],
    );
    out += &chart(
        "Response of the price by number of later trades, over the half spread",
        None,
        false,
        vec![Line::new("response", 1, points(&plots.response))],
    );
    out += &chart(
        "Response after 10 trades by size in shares, in units of its mean",
        None,
        true,
        vec![Line::dots(
            "response",
            1,
            plots.impact.iter().map(|(x, y)| (*x, (*y > 1e-4).then_some(*y))).collect(),
        )],
    );
    if let Some((names, values)) = &plots.correlations {
        out += &Matrix { title: "Correlation of returns of five minutes", names, values, full: 1.0 }.svg();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_without_points_is_left_out() {
        assert_eq!(chart("t", None, false, vec![Line::new("", 0, vec![])]), "");
        let drawn =
            chart("t", None, true, vec![Line::dots("", 0, vec![(1.0, Some(1.0)), (100.0, Some(0.1))])]);
        assert_eq!(drawn.matches("<circle").count(), 2);
    }

    #[test]
    fn the_normal_density_has_known_values() {
        assert!((normal(0.0) - 0.398_942_28).abs() < 1e-8);
        assert!((normal(2.0) - 0.053_990_97).abs() < 1e-8);
    }
}
