//! The table of results.

/// The results, one per row.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

/// One figure.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    reached: String,
    aim: String,
    /// The rate of the bare copy in the same run, and the ratio to it.
    bare: Option<(String, f64)>,
    met: bool,
}

/// Formats a rate or a count.
pub(crate) fn millions(count: f64) -> String {
    format!("{:.2} M", count / 1e6)
}

impl Row {
    /// Adds a row with messages per second.
    pub(crate) fn rate(what: &str, reached: f64, aim: f64, bare: f64) -> Row {
        Row {
            what: what.to_owned(),
            reached: format!("{}/s", millions(reached)),
            aim: format!("{}/s", millions(aim)),
            bare: Some((format!("{}/s", millions(bare)), reached / bare)),
            met: reached >= aim,
        }
    }

    /// Adds a row with a value that must stay below a limit.
    pub(crate) fn bound(what: &str, reached: String, aim: &str, met: bool) -> Row {
        Row { what: what.to_owned(), reached, aim: format!("< {aim}"), bare: None, met }
    }
}

impl Table {
    pub(crate) fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(crate) fn print(&self) {
        println!("{:<44} {:>12} {:>12} {:>12} {:>6}", "what", "reached", "aim", "bare copy", "ratio");
        for row in &self.0 {
            let (bare, ratio) = match &row.bare {
                Some((bare, ratio)) => (bare.as_str(), format!("{ratio:.2}")),
                None => ("", String::new()),
            };
            let missed = if row.met { "" } else { "  missed" };
            println!("{:<44} {:>12} {:>12} {bare:>12} {ratio:>6}{missed}", row.what, row.reached, row.aim);
        }
    }
}
