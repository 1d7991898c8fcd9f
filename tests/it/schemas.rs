//! `schemas` with a registry in memory.

use std::net::TcpListener;

use serde_json::{Value, json};
use tradesim_schemas::EventType;

use crate::{
    dev::Running,
    support::{Folder, Run},
};

struct Fixture {
    folder: Folder,
    registry: Running,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = Folder::new();
        let registry = Running::start(&folder, &["dev", "registry", "--port", "0"]);
        Fixture { folder, registry }
    }

    fn run(&self, args: &[&str]) -> Run {
        self.folder.run(&[&["schemas"], args, &["--schema-registry-url", &self.registry.line]].concat())
    }

    /// Registers a schema without the binary.
    fn register(&self, subject: &str, schema: &str) {
        let url = format!("{}/subjects/{subject}/versions", self.registry.line);
        ureq::post(url).send(json!({ "schema": schema }).to_string()).unwrap();
    }
}

/// Returns the schema of trades with a change.
fn trade(change: impl FnOnce(&mut Vec<Value>)) -> String {
    let mut schema: Value = serde_json::from_str(EventType::Trade.avro_schema()).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    schema.to_string()
}

fn subject<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["subjects"].as_array().unwrap().iter().find(|subject| subject["subject"] == name).unwrap()
}

#[test]
fn schemas_are_registered_once_and_then_exist() {
    let fixture = Fixture::new();
    let new = fixture.run(&["check"]);
    assert_eq!(new.code, 0, "{}", new.stderr);
    assert!(new.stdout.starts_with("new          raw.trades-value"), "{}", new.stdout);
    let registered = fixture.run(&["register", "--json"]);
    assert_eq!(registered.code, 0, "{}", registered.stderr);
    let report = registered.json();
    assert_eq!((&report["schema_version"], &report["compatible"]), (&json!(1), &json!(true)));
    for (number, name) in
        ["raw.trades-value", "raw.orderbook-value", "raw.marketdata-value"].iter().enumerate()
    {
        let found = subject(&report, name);
        assert_eq!(
            (&found["id"], &found["version"], &found["created"]),
            (&json!(number + 1), &json!(1), &json!(true))
        );
    }
    let again = fixture.run(&["register", "--json"]).json();
    assert_eq!(subject(&again, "raw.trades-value")["created"], false);
    assert_eq!(subject(&again, "raw.trades-value")["versions"], json!([1]));
    let other = fixture.run(&["register", "--topic-prefix", "test.", "--json"]).json();
    assert_eq!(subject(&other, "test.raw.trades-value")["id"], 1);
}

#[test]
fn a_breaking_change_is_refused_with_its_field() {
    let fixture = Fixture::new();
    // the registered schema differs only in the type of `quantity`
    let other = trade(|fields| {
        let quantity = fields.iter_mut().find(|field| field["name"] == "quantity").unwrap();
        quantity["type"] = json!("string");
    });
    fixture.register("raw.trades-value", &other);
    for command in ["check", "register"] {
        let run = fixture.run(&[command]);
        assert_eq!(run.code, 3, "{}", run.stderr);
        let line = "field quantity: the new schema has int, the old one string";
        assert!(run.stdout.contains(line), "{}", run.stdout);
        let report = fixture.run(&[command, "--json"]).json();
        assert_eq!(report["compatible"], false);
        let found = &subject(&report, "raw.trades-value")["incompatibilities"][0];
        assert_eq!((&found["field"], &found["kind"]), (&json!("quantity"), &json!("TYPE_MISMATCH")));
        // nothing was registered, not even the compatible schemas
        assert_eq!(subject(&report, "raw.orderbook-value")["registered"], false);
    }
}

#[test]
fn registration_makes_every_subject_backward_whatever_the_default_is() {
    let fixture = Fixture::new();
    let config = |subject: &str| format!("{}/config{subject}", fixture.registry.line);
    ureq::put(config("")).send(r#"{"compatibility":"NONE"}"#).unwrap();
    let report = fixture.run(&["register", "--json"]).json();
    for name in ["raw.trades-value", "raw.orderbook-value", "raw.marketdata-value"] {
        assert_eq!(subject(&report, name)["level"], "BACKWARD");
        let own = ureq::get(config(&format!("/{name}"))).call().unwrap().body_mut().read_to_string().unwrap();
        assert_eq!(own, r#"{"compatibilityLevel":"BACKWARD"}"#);
    }
    let breaking = trade(|fields| fields.push(json!({"name": "fee", "type": "int"})));
    let url = format!("{}/subjects/raw.trades-value/versions", fixture.registry.line);
    let refused = ureq::post(url).send(json!({ "schema": breaking }).to_string());
    assert!(matches!(refused, Err(ureq::Error::StatusCode(409))), "{refused:?}");
}

#[test]
fn a_schema_file_is_checked_against_the_subject_of_its_record() {
    let fixture = Fixture::new();
    fixture.run(&["register"]);
    let optional = json!({"name": "fee", "type": ["null", "string"], "default": null});
    fixture.folder.write("optional.avsc", trade(|fields| fields.push(optional)));
    let fits = fixture.run(&["check", "optional.avsc"]);
    assert_eq!(fits.code, 0, "{}", fits.stdout);
    assert!(fits.stdout.starts_with("compatible   raw.trades-value (not registered"), "{}", fits.stdout);
    fixture.folder.write("required.avsc", trade(|fields| fields.push(json!({"name": "fee", "type": "int"}))));
    let breaks = fixture.run(&["check", "required.avsc"]);
    assert_eq!(breaks.code, 3);
    assert!(breaks.stdout.contains("field fee: the new schema has no default for it"), "{}", breaks.stdout);
    // the registry would accept this
    let scale = |fields: &mut Vec<Value>| {
        let price = fields.iter_mut().find(|field| field["name"] == "price").unwrap();
        price["type"]["scale"] = json!(2);
    };
    fixture.folder.write("scale.avsc", trade(scale));
    let breaks = fixture.run(&["check", "scale.avsc"]);
    assert_eq!(breaks.code, 3);
    assert!(breaks.stdout.contains("field price: the new schema has decimal(12,2)"), "{}", breaks.stdout);
    for (content, text) in [
        ("{", "invalid JSON"),
        (r#"{"type":"record","name":"Quote","fields":[]}"#, "expected the schema of a record Trade"),
        (r#"{"type":"record","name":"Trade"}"#, "not an Avro schema"),
    ] {
        fixture.folder.write("bad.avsc", content);
        fixture.run(&["check", "bad.avsc"]).fails(65, text);
    }
    fixture.run(&["check", "missing.avsc"]).fails(1, "cannot read missing.avsc");
}

#[test]
fn an_unreachable_registry_exits_with_69_and_a_hint() {
    let folder = Folder::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    for command in ["check", "register"] {
        let run = folder.run(&["schemas", command, "--schema-registry-url", &url]);
        run.fails(69, &format!("cannot reach the schema registry at {url}"));
        assert!(run.stderr.contains("hint: `tradesim dev registry`"), "{}", run.stderr);
    }
}

#[test]
fn credentials_that_cannot_be_used_exit_with_78_and_are_not_repeated() {
    let folder = Folder::new();
    folder.write("token", "hush");
    let with = |credentials: &str| {
        folder.run(&[
            "schemas",
            "check",
            "--schema-registry-url",
            "http://127.0.0.1:1",
            "--schema-registry-auth",
            credentials,
        ])
    };
    for (credentials, text) in [
        ("hush", "expected `basic USER:PASSWORD`"),
        ("@token", "expected `basic USER:PASSWORD`"),
        ("@missing", "cannot read the file missing"),
        ("env:NO_SUCH_VARIABLE", "\"NO_SUCH_VARIABLE\" is not set"),
    ] {
        let run = with(credentials);
        run.fails(78, text);
        assert!(!run.stderr.contains("hush"), "{}", run.stderr);
    }
    let variables = [("KAFKA_BRIDGE_SCHEMA_REGISTRY_AUTH", "basic alice:hush")];
    let shown = Run::of(folder.command(&["config", "show"]).envs(variables).output().unwrap());
    assert!(shown.stdout.contains("KAFKA_BRIDGE_SCHEMA_REGISTRY_AUTH"), "{}", shown.stdout);
    assert!(shown.stdout.contains("***") && !shown.stdout.contains("hush"), "{}", shown.stdout);
}

#[test]
fn definitions_for_engines_are_as_reviewed() {
    let folder = Folder::new();
    for engine in ["flink", "spark", "clickhouse", "duckdb"] {
        insta::assert_snapshot!(
            format!("ddl-{engine}"),
            folder.ok(&["schemas", "ddl", "--engine", engine, "--no-env"])
        );
    }
    // one event type is a part of all
    let all = folder.ok(&["schemas", "ddl", "--engine", "flink", "--no-env"]);
    let books = folder.ok(&["schemas", "ddl", "--engine", "flink", "orderbook", "--no-env"]);
    assert!(all.contains(&books) && books.starts_with("CREATE TABLE `orderbook` ("), "{books}");
}

#[test]
fn definitions_name_the_places_of_flags_and_settings() {
    let folder = Folder::new();
    folder.write(".env", "KAFKA_BRIDGE_SCHEMA_REGISTRY_URL=http://registry:1234/api\n");
    let text = folder.ok(&[
        "schemas",
        "ddl",
        "--engine",
        "flink",
        "trade",
        "--bootstrap-servers",
        "broker:9999",
        "--topic-prefix",
        "test.",
    ]);
    for expected in [
        "'topic' = 'test.raw.trades'",
        "'properties.bootstrap.servers' = 'broker:9999'",
        "'avro-confluent.url' = 'http://registry:1234/api'",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let url = "http://alice:hush@registry:1234/api";
    let run = folder.run(&["schemas", "ddl", "--engine", "flink", "--schema-registry-url", url]);
    assert!(run.stdout.contains("'avro-confluent.url' = 'http://registry:1234/api'"), "{}", run.stdout);
    assert!(
        run.stderr.contains("the definitions omit the user, password and query of the registry URL"),
        "{}",
        run.stderr
    );
    let text = folder.ok(&["schemas", "ddl", "--engine", "duckdb", "trade", "--archive", "a'b/*.parquet"]);
    assert!(text.contains("read_parquet('a''b/*.parquet')"), "{text}");
}

#[test]
fn definitions_of_unknown_things_are_usage_errors() {
    let folder = Folder::new();
    for (args, expected) in [
        (&["--engine", "oracle"][..], "expected one of flink, spark, clickhouse, duckdb"),
        (&["--engine", "flink", "quotes"], "expected one of trade, orderbook, marketdata"),
        (&[], "--engine <ENGINE>"),
        (
            &["--engine", "flink", "--archive", "day.parquet"],
            "--archive cannot be used: the definitions for flink read topics",
        ),
        (
            &["--engine", "duckdb", "--topic-prefix", "a."],
            "--topic-prefix cannot be used: the definitions for duckdb read archives",
        ),
    ] {
        let run = folder.run(&[&["schemas", "ddl"], args].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
    }
}
