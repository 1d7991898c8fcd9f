//! Reports side by side.

use serde_json::{Value, json};

use super::{data_of, scenario};
use crate::support::Folder;

/// Runs a short load, and returns its report.
fn recorded(folder: &Folder) -> Value {
    let file = scenario(folder, "short", "stages = [\"1s:2000\"]", "kind = \"websocket\"", &["lost == 0"]);
    let run = folder.run(&["load", "run", &file, "--report", "a.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&folder.read("a.json")).unwrap()
}

/// Writes a report with other values.
fn write(folder: &Folder, name: &str, report: &Value, changes: &[(&str, Value)]) {
    let mut report = report.clone();
    for (pointer, value) in changes {
        *report.pointer_mut(pointer).unwrap() = value.clone();
    }
    folder.write(name, report.to_string());
}

#[test]
fn reports_are_compared_with_the_first_as_table_json_and_page() {
    let folder = Folder::new();
    let mut report = recorded(&folder);
    report["latency_ms"]["p99"] = json!(4.0);
    write(&folder, "a.json", &report, &[]);
    write(
        &folder,
        "b.json",
        &report,
        &[("/latency_ms/p99", json!(5.0)), ("/load/stages", json!(["1s:2001"]))],
    );
    assert_eq!(folder.run(&["load", "compare", "a.json", "a.json"]).code, 0);

    let run = folder
        .run(&["load", "compare", "a.json", "b.json", "a.json", "--report", "c.html", "--report", "c.json"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("A  a.json: short: 2,000 of 2,000 messages in "), "{}", run.stdout);
    let row = lines.iter().find(|line| line.starts_with("latency.p99 ")).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>().join(" "),
        "latency.p99 4.00 ms 5.00 ms +25.0 % WORSE 4.00 ms +0.0 %"
    );
    assert!(run.stdout.contains("worse than A:\n  B  latency.p99: 4.00 ms → 5.00 ms\n"), "{}", run.stdout);
    assert!(run.stdout.contains("the scenarios differ:\n  stages"), "{}", run.stdout);

    let written: Value = serde_json::from_slice(&folder.read("c.json")).unwrap();
    let printed = folder.run(&["load", "compare", "a.json", "b.json", "a.json", "--json"]);
    assert_eq!((printed.code, printed.json()), (3, written.clone()));
    assert_eq!((&written["schema_version"], &written["ok"]), (&1.into(), &false.into()));
    assert_eq!(
        written["regressions"],
        json!([{ "report": 1, "what": "latency.p99", "from": "4.00 ms", "to": "5.00 ms" }])
    );
    let data = data_of(&String::from_utf8(folder.read("c.html")).unwrap());
    assert_eq!((&data["kind"], &data["comparison"]), (&"comparison".into(), &written));
    assert_eq!(data["reports"][1]["latency_ms"]["p99"], 5.0);

    let code = |more: &[&str]| folder.run(&[&["load", "compare", "a.json", "b.json"], more].concat()).code;
    assert_eq!(code(&["--tolerance", "25%"]), 0);
    assert_eq!(
        folder.run(&["load", "compare", "a.json", "--tolerance", "latency.p99=off", "b.json"]).code,
        0
    );
    assert_eq!(code(&["--tolerance", "50%", "--tolerance", "latency.p99=20%"]), 3);
}

#[test]
fn hostile_reports_are_text_in_the_table_and_data_in_the_page() {
    let folder = Folder::new();
    let hostile = "</script><script>alert(1)</script>\u{1b}[31m\u{202e}{{data}}";
    let report = recorded(&folder);
    let threshold = json!({ "threshold": hostile, "value": null, "shown": hostile, "ok": false });
    write(&folder, "b.json", &report, &[("/name", json!(hostile)), ("/thresholds/0", threshold)]);
    let run = folder.run(&["load", "compare", "a.json", "b.json", "--report", "c.html"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\u{202e}'), "{}", run.stdout);
    let page = String::from_utf8(folder.read("c.html")).unwrap();
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
    assert_eq!(data_of(&page)["reports"][1]["name"], hostile);
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = Folder::new();
    let report = recorded(&folder);
    write(&folder, "other.json", &report, &[("/schema_version", json!(2))]);
    folder.write("list.json", folder.ok(&["load", "list", "--json"]));
    folder.write("text.json", "the report");
    let compare = |more: &[&str]| folder.run(&[&["load", "compare", "a.json"], more].concat());
    compare(&["other.json"]).fails(65, "other.json is a report with schema_version 2, expected 1");
    compare(&["list.json"]).fails(65, "list.json is not a report of a load test: missing field `name`");
    compare(&["text.json"]).fails(65, "text.json is not a report of a load test: expected ident at line 1");
    compare(&["missing.json"]).fails(1, "cannot read missing.json");
    compare(&[]).fails(2, "");
    compare(&["a.json"; 8]).fails(2, "8 reports for one baseline");
    compare(&["a.json", "--tolerance", "10"]).fails(2, "");
    compare(&["a.json", "--tolerance", "latency.p98=10%"]).fails(2, "");
    compare(&["a.json", "--report", "c.pdf"]).fails(2, "");
    compare(&["a.json", "--report", "missing/c.html"]).fails(73, "cannot create missing/c.html");
}
