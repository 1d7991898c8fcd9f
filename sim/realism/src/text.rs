//! The report as a table for terminals.

use std::fmt::Write as _;

use tradesim_schemas::text::grouped;

use crate::report::{Report, RowReport, Verdict};

/// Returns a number with three digits that matter.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        grouped(size.round() as u64)
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// Returns the sign and the word of a verdict.
pub(crate) const fn verdict(row: &RowReport) -> (char, &'static str) {
    match row.verdict {
        Verdict::Inside => ('✓', "inside"),
        Verdict::Outside => ('✗', "outside"),
        Verdict::NotJudged => ('·', "not judged"),
    }
}

/// Returns one line about the input, and one about the verdicts.
pub(crate) fn headlines(report: &Report) -> (String, String) {
    let input = &report.input;
    let plural = |count: usize, one: &str| {
        format!("{} {one}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
    };
    let what = format!(
        "{}, {}, {}, {} events; the median symbol has {} executions per core session",
        plural(input.files, "file"),
        plural(input.days, "day"),
        plural(input.symbols, "symbol"),
        grouped(input.events),
        grouped(input.executions_median)
    );
    let summary = &report.summary;
    let verdicts = format!(
        "{} of {} judged rows inside; {} of {} nulls outside, as they must be",
        summary.inside, summary.judged, summary.nulls_outside, summary.nulls
    );
    (what, verdicts)
}

pub(crate) fn table(report: &Report) -> String {
    let (what, verdicts) = headlines(report);
    let mut out = format!("{what}\n\n");
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    let width = report.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(out, "  {:4} {:width$} {:>15} {:>9} {:>9}", "", "", "range", "value", "null");
    for row in &report.rows {
        let mut line = String::new();
        let range = format!("{} to {}", short(row.low), short(row.high));
        let _ = write!(
            line,
            "{} {:4} {:width$} {range:>15} {:>9} {:>9}",
            verdict(row).0,
            row.id,
            row.name,
            shown(row.value),
            if row.has_null { shown(row.null) } else { String::new() }
        );
        if row.null_outside == Some(false) && row.verdict != Verdict::NotJudged {
            line.push_str("  the null is inside");
        }
        if let Some(reason) = row.reason {
            let _ = write!(line, "  {reason}");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if report.input.events_left_out > 0 {
        let _ = write!(
            out,
            "\n{} events are left out: of symbols beyond the first 512, or after 20,000 days of symbols\n",
            grouped(report.input.events_left_out)
        );
    }
    out + "\n" + &verdicts
}

/// Returns the end of a range without zeros at its end.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let shown = [0.1234, -0.05, 12.34, 123.4, 3661.1].map(number);
        assert_eq!(shown, ["0.123", "-0.050", "12.3", "123", "3,661"]);
        assert_eq!([0.85, 40.0, -0.3, 0.125].map(short), ["0.85", "40", "-0.3", "0.125"]);
    }
}
