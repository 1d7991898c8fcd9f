//! The page of a load: live during a run, as a report with its data inside, and for several reports side by side.
//!
//! One page draws all three (docs/adr/0036-one-page-for-a-load.md). What differs is where the data comes from: the element
//! `data` contains it, or `null`, and then the page asks its server.

use std::sync::OnceLock;

use serde::Serialize;
use tradesim_replay::page::{Bundle, Module, Page, SHARED, STYLE};

use crate::{
    compare::{Comparison, StoredReport},
    report::{LoadReport, Verification},
};

/// The modules, each after those that it imports.
const MODULES: [Module; 8] = [
    ("values.js", include_str!("page/values.js")),
    ("schedule.js", include_str!("page/schedule.js")),
    ("samples.js", include_str!("page/samples.js")),
    ("scale.js", include_str!("page/scale.js")),
    ("chart.js", include_str!("page/chart.js")),
    ("run.js", include_str!("page/run.js")),
    ("comparison.js", include_str!("page/comparison.js")),
    ("main.js", include_str!("page/main.js")),
];

/// The data of a page that is a file.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Data<'a, V> {
    Report { report: &'a LoadReport<V> },
    Comparison { comparison: &'a Comparison, reports: Vec<&'a LoadReport<V>> },
}

fn bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let style = [STYLE, include_str!("page/style.css")].concat();
        Bundle::new(include_str!("page/index.html"), style, SHARED.into_iter().chain(MODULES))
    })
}

/// Returns the page that asks its server.
pub(crate) fn live() -> &'static Page {
    static PAGE: OnceLock<Page> = OnceLock::new();
    PAGE.get_or_init(|| {
        let summary = "This page needs scripts.";
        bundle().page(&[("policy", ""), ("title", "tradesim load"), ("summary", summary), ("data", "null")])
    })
}

/// Returns the page of a report.
pub(crate) fn of_report<V: Verification>(report: &LoadReport<V>) -> Result<String, serde_json::Error> {
    file(&report.name, &report.headline(), &Data::Report { report })
}

/// Returns the page of several reports.
pub(crate) fn of_comparison(
    comparison: &Comparison,
    reports: &[StoredReport],
) -> Result<String, serde_json::Error> {
    let reports: Vec<_> = reports.iter().map(|stored| &stored.report).collect();
    let title = format!("{} compared", reports.first().map_or("reports", |first| first.name.as_str()));
    file(&title, &comparison.headline(), &Data::Comparison { comparison, reports })
}

fn file<V: Verification>(name: &str, summary: &str, data: &Data<'_, V>) -> Result<String, serde_json::Error> {
    let title = escaped(&format!("tradesim load: {name}"));
    let summary = escaped(&format!("{summary}. The charts of this page need scripts."));
    // within an element, `<` could end it
    let data = serde_json::to_string(data)?.replace('<', "\\u003c");
    Ok(bundle().file(&[("title", title.as_str()), ("summary", summary.as_str()), ("data", data.as_str())]))
}

/// Escapes a text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::report;

    #[test]
    fn a_report_is_one_file_that_names_no_other() {
        let mut report = report("a </script><script>alert(1)</script> {{data}}");
        report.about = "<img src=x onerror=alert(1)>\u{2028}".to_owned();
        let html = of_report(&report).unwrap();
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
        assert_eq!((html.matches("<script").count(), html.matches("</script").count()), (2, 2));
        for other in
            ["http://", "https://", "src=x on", " src=\"", "url(", "@import", "import {", "\nexport "]
        {
            assert_eq!(html.contains(other), other == "src=x on", "{other}");
        }
        // the one name with markup is data
        assert!(html.contains("\\u003cimg src=x") && !html.contains("<img"));
        let data = html.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!((&data["kind"], &data["report"]["about"]), (&"report".into(), &report.about.into()));
        assert!(html.contains("content=\"default-src 'none'; script-src 'sha256-"));
    }

    #[test]
    fn texts_of_others_never_become_markup() {
        let html = String::from_utf8(live().html().to_vec()).unwrap();
        for sink in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!html.contains(sink), "{sink}");
        }
        for inline in ["style=\"", "onclick", "onload", "javascript:"] {
            assert!(!html.contains(inline), "{inline}");
        }
        assert!(html.contains("id=\"data\">null</script>") && html.len() < 90_000, "{}", html.len());
    }
}
