//! Compares the program with the tables of docs/CONTRACT.md. A missing or unparsable table is a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;
use tradesim_bridge::topics::{Cleanup, REPLICAS, TopicOptions, topics};
use tradesim_schemas::Reason;
use tradesim_sim::session::{Closed, TradingDay};

use crate::support::{
    Folder, Run, day_text, feed::plain_feed, listening::Listening, send_signal, stage::Stage,
};

/// The page. It is read at run time, so that editing it needs no build.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONTRACT.md");
/// The cell for "none".
const NONE: &str = "–";

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Returns the rows of every table whose first header is `first`.
#[track_caller]
fn tables(first: &str) -> Vec<Vec<Vec<String>>> {
    let page = fs::read_to_string(PAGE).unwrap();
    let lines: Vec<&str> = page.lines().collect();
    let blocks = lines.split(|line| !line.starts_with('|')).filter(|block| block.len() > 2);
    let found: Vec<_> = blocks
        .filter(|block| cells(block[0])[0] == first)
        .map(|block| block[2..].iter().map(|line| cells(line)).collect())
        .collect();
    assert!(!found.is_empty(), "docs/CONTRACT.md has no table that begins with {first:?}");
    found
}

/// Returns the rows of the only table whose first header is `first`.
#[track_caller]
fn table(first: &str) -> Vec<Vec<String>> {
    let mut tables = tables(first);
    assert_eq!(tables.len(), 1, "tables that begin with {first:?}");
    tables.remove(0)
}

/// Returns the first column of the only table whose first header is `first`.
#[track_caller]
fn names(first: &str) -> Vec<String> {
    table(first).into_iter().map(|mut row| row.swap_remove(0)).collect()
}

/// Returns the keys in a cell such as "`events` (`trade`, `total`), `bytes`": each with the keys in the parentheses after it.
fn keys(cell: &str) -> Vec<(&str, Vec<&str>)> {
    let mut keys: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut nested = false;
    for (index, part) in cell.split('`').enumerate() {
        if index % 2 == 0 {
            nested = (nested || part.contains('(')) && !part.contains(')');
        } else if nested {
            keys.last_mut().expect("parentheses follow a key").1.push(part);
        } else {
            keys.push((part, Vec::new()));
        }
    }
    keys
}

/// Checks that a report has all keys that the contract lists for `command`.
#[track_caller]
fn has_keys(report: &Value, command: &str) {
    let rows = table("report of");
    let row = rows.iter().find(|row| row[0].split(", ").any(|name| name == command)).expect(command);
    for (key, nested) in keys(&row[1]) {
        let value = report.get(key).unwrap_or_else(|| panic!("{command}: {key} is missing in {report}"));
        for inner in nested {
            assert!(value.get(inner).is_some(), "{command}: {key}.{inner} is missing in {report}");
        }
    }
}

#[test]
fn keys_are_read_with_what_belongs_to_them() {
    let cell = "`sent` (of the stream), `late_ms` (`p50`, `max`), `run`";
    assert_eq!(keys(cell), [("sent", vec![]), ("late_ms", vec!["p50", "max"]), ("run", vec![])]);
}

#[test]
fn settings_have_the_documented_names_and_defaults() {
    let report: Value = serde_json::from_str(&Folder::new().ok(&["config", "show", "--json"])).unwrap();
    let shown: Vec<(String, String)> = report["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| {
            let value = setting["value"].as_str().unwrap_or(NONE);
            (setting["name"].as_str().unwrap().to_owned(), value.to_owned())
        })
        .collect();
    let documented: Vec<(String, String)> = ["TRADE_GEN_", "KAFKA_BRIDGE_"]
        .iter()
        .flat_map(|prefix| {
            table(prefix).into_iter().map(move |row| (format!("{prefix}{}", row[0]), row[1].clone()))
        })
        .collect();
    assert_eq!(shown, documented);
}

#[test]
fn commands_are_the_documented_ones() {
    let help = Folder::new().ok(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed: Vec<&str> = listed
        .take_while(|line| !line.is_empty())
        // a description that is wrapped is indented further
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, names("command"));
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let help = Folder::new().ok(&["--help"]);
    let (_, codes) = help.split_once("Exit codes:").expect("the help lists exit codes");
    let listed: BTreeSet<&str> =
        codes.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).collect();
    let documented: Vec<String> = table("code").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(listed, documented.iter().map(String::as_str).collect());
}

#[test]
fn topics_have_the_documented_properties() {
    let options =
        TopicOptions { prefix: String::new(), dead_letters: "dlq.raw.failed".to_owned(), replicas: REPLICAS };
    let made: Vec<Vec<String>> = topics(&options)
        .iter()
        .map(|topic| {
            let (retention, cleanup) = match topic.cleanup {
                Cleanup::Delete { retention } => (format!("{} days", retention.as_secs() / 86_400), "delete"),
                Cleanup::Compact => (NONE.to_owned(), "compact"),
            };
            vec![
                topic.name.clone(),
                topic.partitions.to_string(),
                topic.replicas.to_string(),
                retention,
                topic.min_isr().to_string(),
                cleanup.to_owned(),
            ]
        })
        .collect();
    let documented: Vec<Vec<String>> = table("event type").into_iter().map(|row| row[1..].to_vec()).collect();
    assert_eq!(made, documented);
}

#[test]
fn periods_have_the_documented_hours_and_multipliers() {
    let tables = tables("from (ET)");
    assert_eq!(tables.len(), 2);
    // a regular day in winter and one with an early close: five hours behind UTC
    for (rows, date) in tables.iter().zip(["2026-02-18", "2026-11-27"]) {
        let day = TradingDay::new(date.parse().unwrap(), Closed::Refuse).unwrap();
        let minutes = |time: &str| -> i64 {
            let (hours, minutes) = time.split_once(':').unwrap();
            hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap()
        };
        let documented: Vec<_> = rows
            .iter()
            .map(|row| (minutes(&row[0]), minutes(&row[1]), row[2].clone(), row[3].parse::<f64>().unwrap()))
            .collect();
        let of_day = |micros: i64| (micros / 60_000_000 - 5 * 60).rem_euclid(24 * 60);
        let simulated: Vec<_> = day
            .periods(true)
            .into_iter()
            .map(|span| {
                let (from, to) = (of_day(span.from.micros()), of_day(span.to.micros()));
                (from, to, span.period.to_string(), span.multiplier)
            })
            .collect();
        assert_eq!(simulated, documented, "{date}");
    }
}

#[test]
fn anchor_symbols_are_as_documented() {
    let symbols: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/symbols.json")).unwrap();
    assert_eq!(symbols.len(), 50);
    let columns = ["exchange", "base_price", "volatility", "avg_daily_volume", "tick_size", "weight"];
    for row in table("symbol") {
        let symbol = symbols.iter().find(|symbol| symbol["symbol"] == row[0].as_str()).expect(&row[0]);
        for (name, documented) in columns.iter().zip(&row[1..]) {
            let value = symbol[name].as_str().map_or_else(|| symbol[name].to_string(), str::to_owned);
            assert_eq!(&value, documented, "{}.{name}", row[0]);
        }
    }
}

#[test]
fn reasons_of_refusals_are_the_documented_ones() {
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes, names("reason"));
}

/// Describes an Avro field as the tables do, and notes the symbols of its enum.
fn described(field: &Value, enums: &mut BTreeMap<String, Vec<String>>) -> String {
    let kind = &field["type"];
    let mut text = match (kind["type"].as_str(), kind["logicalType"].as_str()) {
        (Some("bytes"), Some("decimal")) => {
            format!("bytes, decimal({},{})", kind["precision"], kind["scale"])
        }
        (Some(physical), Some(logical)) => format!("{physical}, {logical}"),
        (Some("enum"), None) => {
            let name = kind["name"].as_str().unwrap().to_owned();
            let symbols = kind["symbols"].as_array().unwrap().iter();
            enums.insert(name.clone(), symbols.map(|s| s.as_str().unwrap().to_owned()).collect());
            format!("enum {name}")
        }
        _ => match kind.as_array() {
            Some(branches) => {
                let names: Vec<&str> = branches.iter().map(|branch| branch.as_str().unwrap()).collect();
                format!("union of {}", names.join(" and "))
            }
            None => kind.as_str().unwrap().to_owned(),
        },
    };
    match field.get("default") {
        Some(Value::String(default)) => text += &format!(", default `{default}`"),
        Some(default) => text += &format!(", default {default}"),
        None => {}
    }
    text
}

#[test]
fn registered_schemas_and_written_messages_have_the_documented_fields() {
    let stage = Stage::new();
    let registry = stage.registry.line.as_str();
    stage.folder.ok(&["schemas", "register", "--schema-registry-url", registry]);
    let mut enums = BTreeMap::new();
    let events = [("raw.trades", "trade"), ("raw.orderbook", "orderbook"), ("raw.marketdata", "marketdata")];
    let fields = tables("field");
    // the fourth such table is that of dead letters
    for ((topic, event), rows) in events.iter().zip(&fields[..3]) {
        let url = format!("{registry}/subjects/{topic}-value/versions/latest");
        let answer = ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let schema: Value = serde_json::from_str(answer["schema"].as_str().unwrap()).unwrap();
        let registered: Vec<(String, String)> = schema["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| (field["name"].as_str().unwrap().to_owned(), described(field, &mut enums)))
            .collect();
        let documented: Vec<(String, String)> =
            rows.iter().map(|row| (row[0].clone(), row[2].clone())).collect();
        assert_eq!(registered, documented, "{event}");

        let line = stage.folder.ok(&["cat", day_text(), "--events", event, "--limit", "1"]);
        let payload = &line[line.find("\"payload\"").unwrap()..];
        let message: Value = serde_json::from_str(&line).unwrap();
        let mut place = 0;
        let in_json: Vec<&Vec<String>> = rows.iter().filter(|row| row[1] != NONE).collect();
        assert_eq!(message["payload"].as_object().unwrap().len(), in_json.len(), "{event}");
        for row in in_json {
            let found = payload.find(&format!("\"{}\":", row[0])).unwrap_or_else(|| panic!("{}", row[0]));
            assert!(found > place, "{event}: {} is out of order", row[0]);
            place = found;
            let value = &message["payload"][&row[0]];
            assert_eq!(value.is_string(), row[1].starts_with("string"), "{event}: {}", row[0]);
        }
    }
    for row in table("enum").iter().filter(|row| row[0] != "interval") {
        assert_eq!(enums[&row[0]], row[1].split(", ").collect::<Vec<_>>(), "{}", row[0]);
    }
}

#[test]
fn candles_have_the_documented_intervals() {
    let candles = Folder::new().ok(&["cat", day_text(), "--events", "marketdata"]);
    let intervals: BTreeSet<String> = candles
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["payload"]["interval"].as_str().unwrap().to_owned()
        })
        .collect();
    let enums = table("enum");
    let row = enums.iter().find(|row| row[0] == "interval").unwrap();
    assert_eq!(intervals, row[1].split(", ").map(str::to_owned).collect());
}

#[test]
fn handshakes_are_answered_with_the_documented_headers() {
    // a whole recording, since only its digest is known in advance
    let mut replay = Listening::replay(&Folder::new(), &[day_text()]);
    let (_, response) = tungstenite::connect(format!("{}/?state=books", replay.url)).unwrap();
    let names = response.headers().keys().map(|name| name.as_str());
    let found: BTreeSet<&str> = names.filter(|name| name.starts_with("tradesim-")).collect();
    let rows = table("");
    let row = rows.iter().find(|row| row[0].starts_with("response headers")).unwrap();
    assert_eq!(found, keys(&row[1]).into_iter().map(|(name, _)| name).collect());
    replay.child.kill().unwrap();
    replay.child.wait().unwrap();
}

#[test]
fn reports_have_the_documented_keys() {
    let stage = Stage::new();
    let recorded = stage.folder.run(&[
        "record",
        "--date",
        "2026-02-18",
        "--seed",
        "7",
        "--rate",
        "1",
        "--limit",
        "200",
        "-o",
        "day.parquet",
        "--json",
    ]);
    has_keys(&recorded.json(), "record");
    has_keys(&stage.folder.run(&["info", "day.parquet", "--json"]).json(), "info");

    let replay = Listening::replay(&stage.folder, &["day.parquet", "--json"]);
    let url = replay.url.clone();
    has_keys(&stage.folder.run(&["tail", &url, "--digest", "--json"]).json(), "tail --digest");
    has_keys(&replay.end().json(), "replay");

    let replay = Listening::replay(&stage.folder, &["day.parquet"]);
    let url = replay.url.clone();
    let bridge = ["bridge", "--ws-uri", &url, "--until-end", "--json", "--register-schemas"];
    has_keys(&stage.run(&[&bridge[..], &["--metrics-port", "0"]].concat()).json(), "bridge");
    replay.end();
    let verified = stage.run(&["verify-topic", "--archive", "day.parquet", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    has_keys(&verified.json(), "verify-topic");
}

#[test]
fn dead_letters_have_the_documented_fields() {
    let stage = Stage::new();
    let feed = plain_feed(vec![b"not JSON".to_vec()]);
    let url = feed.url();
    let bridge = ["bridge", "--ws-uri", &url, "--until-end", "--delivery", "at-least-once"];
    let run = stage.run(&[&bridge[..], &["--register-schemas", "--metrics-port", "0"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = stage.folder.ok(&["dlq", "show", "--json", "--bootstrap-servers", &stage.brokers.line]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let found: BTreeSet<&str> = shown["letter"].as_object().unwrap().keys().map(String::as_str).collect();
    let rows = tables("field").swap_remove(3);
    assert_eq!(found, rows.iter().map(|row| row[0].as_str()).collect());
}

#[test]
fn metrics_have_the_documented_types_and_labels() {
    let stage = Stage::new();
    let replay = Listening::replay(&stage.folder, &[day_text(), "--start-paused"]);
    let args = ["bridge", "--ws-uri", &replay.url, "--register-schemas", "--metrics-port", "0"];
    let peers = ["--bootstrap-servers", &stage.brokers.line, "--schema-registry-url", &stage.registry.line];
    let mut command = stage.folder.command(&[&args[..], &peers].concat());
    let mut bridge = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(bridge.stderr.take().unwrap()).lines();
    let line =
        stderr.find_map(|line| Some(line.unwrap()).filter(|line| line.starts_with("metrics on "))).unwrap();
    let address = line.split(['/', ',']).nth(2).unwrap();
    let page =
        ureq::get(format!("http://{address}/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    for row in table("metric") {
        // OpenMetrics names the family of a counter without its suffix
        let family = row[0].trim_end_matches("_total");
        let declared = format!("# TYPE {family} {}", row[1]);
        assert!(page.lines().any(|line| line == declared), "{declared} is missing in {page}");
        let sample = if row[1] == "histogram" { format!("{family}_bucket") } else { row[0].clone() };
        let line = page
            .lines()
            .find(|line| line.strip_prefix(&sample).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let line = line.unwrap_or_else(|| panic!("{sample} has no sample in {page}"));
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let mut labels: Vec<&str> = labels.split(',').filter_map(|label| label.split('=').next()).collect();
        labels.retain(|label| !label.is_empty() && *label != "le");
        assert_eq!(labels.join(", "), row[2], "{}", row[0]);
    }
    send_signal("TERM", &bridge);
    let ended = Run::of(bridge.wait_with_output().unwrap());
    assert_eq!(ended.code, 0);
    send_signal("TERM", &replay.child);
    replay.end();
}
