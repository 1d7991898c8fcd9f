//! The report: values against ranges.

use serde::Serialize;

use crate::{
    measured::{Measured, Value},
    page,
    plots::Plots,
    pool::Pool,
    rows::{Basis, DENSE, Gate, MANY_SYMBOL_DAYS, MANY_SYMBOLS, ROWS, Row},
    statistics::{self, Prepared},
    text,
};

/// The number of standard errors by which a promise may be missed.
const ERRORS: f64 = 2.5;

/// The amount of data that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Input {
    /// The number of files.
    pub files: usize,
    /// The number of days; a day that is in two files counts twice.
    pub days: usize,
    /// The number of symbols.
    pub symbols: usize,
    /// The number of days of symbols.
    pub symbol_days: usize,
    /// The number of events.
    pub events: u64,
    /// Events of symbols beyond the first 512, and of days beyond 20,000 days of symbols, which are not measured.
    pub events_left_out: u64,
    /// The executions of the median symbol in a core session.
    pub executions_median: u64,
}

/// The verdict about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The value is in the range.
    Inside,
    /// The value is not in the range, or does not exist although there was data.
    Outside,
    /// The row is not judged; the reason says why.
    NotJudged,
}

/// A row of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowReport {
    /// The short name, such as `A1`.
    pub id: &'static str,
    /// The statistic.
    pub name: &'static str,
    /// The lower end of the range.
    pub low: f64,
    /// The upper end of the range.
    pub high: f64,
    /// The basis of the range.
    pub basis: Basis,
    /// The sources.
    pub source: &'static str,
    /// The value, if it exists.
    pub value: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason for which there is no value or no verdict.
    pub reason: Option<&'static str>,
    /// True if the row has a null.
    pub has_null: bool,
    /// The value of the null, if it has one and it exists.
    pub null: Option<f64>,
    /// True if the null is outside of the range, as it must be; `None` without a null.
    pub null_outside: Option<bool>,
}

/// The numbers of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows that are judged.
    pub judged: usize,
    /// Judged rows whose value is in the range.
    pub inside: usize,
    /// Judged rows whose value is not in the range.
    pub outside: usize,
    /// Judged rows with a null.
    pub nulls: usize,
    /// Judged rows whose null is outside, as it must be.
    pub nulls_outside: usize,
}

/// The report about a market.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The amount of data that was measured.
    pub input: Input,
    /// The numbers of verdicts.
    pub summary: Summary,
    /// The rows, in the order of [`ROWS`].
    pub rows: Vec<RowReport>,
    #[serde(skip)]
    plots: Plots,
}

impl Report {
    pub(crate) fn of(input: Input, pool: &Pool) -> Report {
        let prepared = Prepared::of(pool);
        let measured = statistics::all(pool, &prepared);
        let rows: Vec<RowReport> = ROWS
            .iter()
            .map(|row| {
                let measured = measured.iter().find(|measured| measured.row == row.id);
                judge(row, measured.expect("every row is measured"), &input)
            })
            .collect();
        let count = |condition: &dyn Fn(&RowReport) -> bool| {
            rows.iter().filter(|row| row.verdict != Verdict::NotJudged && condition(row)).count()
        };
        let summary = Summary {
            judged: count(&|_| true),
            inside: count(&|row| row.verdict == Verdict::Inside),
            outside: count(&|row| row.verdict == Verdict::Outside),
            nulls: count(&|row| row.has_null),
            nulls_outside: count(&|row| row.null_outside == Some(true)),
        };
        Report { input, summary, rows, plots: Plots::of(pool, &prepared) }
    }

    /// Returns true if no judged row is outside of its range.
    pub fn is_inside(&self) -> bool {
        self.summary.outside == 0
    }

    /// Returns the table as text, in lines.
    pub fn to_text(&self) -> String {
        text::table(self)
    }

    /// Returns the report as a self-contained web page. `title` names the input.
    pub fn to_html(&self, title: &str) -> String {
        page::page(self, &self.plots, title)
    }
}

fn judge(row: &Row, measured: &Measured, input: &Input) -> RowReport {
    let widened = ERRORS * measured.error.unwrap_or(0.0);
    let range = Row { low: row.low.min(1.0 - widened), high: row.high.max(1.0 + widened), ..*row };
    let range = if measured.error.is_some() { range } else { *row };
    let number = |value: Value| if let Value::Number(value) = value { Some(value) } else { None };
    let (verdict, reason) = match (measured.value, too_little(row.gate, input)) {
        (Value::Missing(reason), _) => (Verdict::NotJudged, Some(reason)),
        (_, Some(reason)) => (Verdict::NotJudged, Some(reason)),
        (Value::Undefined, None) => (Verdict::Outside, Some("the quantity does not exist for this data")),
        (Value::Number(value), None) if range.contains(value) => (Verdict::Inside, None),
        (Value::Number(_), None) => (Verdict::Outside, None),
    };
    RowReport {
        id: row.id,
        name: row.name,
        low: range.low,
        high: range.high,
        basis: row.basis,
        source: row.source,
        value: number(measured.value),
        verdict,
        reason,
        has_null: measured.null.is_some(),
        null: measured.null.and_then(number),
        null_outside: measured.null.map(|null| !number(null).is_some_and(|null| range.contains(null))),
    }
}

/// Returns why a gate does not allow a verdict.
fn too_little(gate: Gate, input: &Input) -> Option<&'static str> {
    let (missing, reason) = match gate {
        Gate::Always => (false, ""),
        Gate::Never => (true, "never judged: the literature gives no range that all markets have"),
        Gate::Dense => {
            (input.executions_median < DENSE, "the median symbol has fewer than 3,000 executions per day")
        }
        Gate::ManySymbols => (input.symbols < MANY_SYMBOLS, "fewer than 10 symbols"),
        Gate::ManySymbolDays => (input.symbol_days < MANY_SYMBOL_DAYS, "fewer than 150 days of symbols"),
        Gate::SeveralDays => (input.days < 2, "fewer than 2 days"),
    };
    missing.then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Row =
        Row { id: "A1", name: "", low: 2.0, high: 3.0, basis: Basis::Fact, source: "", gate: Gate::Dense };
    const DENSE_INPUT: Input = Input {
        files: 1,
        days: 1,
        symbols: 1,
        symbol_days: 1,
        events: 1,
        events_left_out: 0,
        executions_median: DENSE,
    };

    #[test]
    fn values_are_judged_by_range_and_gate() {
        let verdict = |measured: Measured, input: &Input| judge(&ROW, &measured, input).verdict;
        assert_eq!(verdict(Measured::new("A1", Some(2.5)), &DENSE_INPUT), Verdict::Inside);
        assert_eq!(verdict(Measured::new("A1", Some(1.9)), &DENSE_INPUT), Verdict::Outside);
        assert_eq!(verdict(Measured::new("A1", None), &DENSE_INPUT), Verdict::Outside);
        assert_eq!(verdict(Measured::missing("A1", "no"), &DENSE_INPUT), Verdict::NotJudged);
        let sparse = Input { executions_median: DENSE - 1, ..DENSE_INPUT };
        assert_eq!(verdict(Measured::new("A1", Some(2.5)), &sparse), Verdict::NotJudged);
    }

    #[test]
    fn a_null_in_the_range_is_reported() {
        let outside =
            |null| judge(&ROW, &Measured::new("A1", Some(2.5)).null(null), &DENSE_INPUT).null_outside;
        assert_eq!(
            (outside(Some(2.1)), outside(Some(0.0)), outside(None)),
            (Some(false), Some(true), Some(true))
        );
        assert_eq!(judge(&ROW, &Measured::new("A1", Some(2.5)), &DENSE_INPUT).null_outside, None);
    }

    #[test]
    fn a_promise_may_be_missed_by_its_error() {
        let row = Row { low: 0.85, high: 1.15, ..ROW };
        let verdict =
            |error| judge(&row, &Measured::new("A1", Some(1.2)).with_error(error), &DENSE_INPUT).verdict;
        assert_eq!(verdict(Some(0.1)), Verdict::Inside);
        assert_eq!(verdict(Some(0.01)), Verdict::Outside);
        assert_eq!(verdict(None), Verdict::Outside);
    }
}
