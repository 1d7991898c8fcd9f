use serde_json::{Value, json};
use ureq::Agent;

use super::DevRegistry;

/// A registry and an HTTP client.
struct Fixture {
    registry: DevRegistry,
    agent: Agent,
}

impl Fixture {
    fn new() -> Fixture {
        let agent = Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
        Fixture { registry: DevRegistry::start(0).unwrap(), agent }
    }

    /// Returns the status and the answer of a request.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.registry.url()))
            .body(body.to_owned())
            .unwrap();
        let mut answer = self.agent.run(request).unwrap();
        assert_eq!(answer.headers()["content-type"], "application/vnd.schemaregistry.v1+json");
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
    }

    #[track_caller]
    fn ok(&self, method: &str, path: &str, body: &str, expected: Value) {
        assert_eq!(self.ask(method, path, body), (200, expected), "{method} {path}");
    }

    #[track_caller]
    fn fails(&self, method: &str, path: &str, body: &str, status: u16, code: u32) -> String {
        let (found, answer) = self.ask(method, path, body);
        assert_eq!(
            (found, answer["error_code"].as_u64()),
            (status, Some(u64::from(code))),
            "{method} {path}: {answer}"
        );
        answer["message"].as_str().unwrap().to_owned()
    }
}

fn sent(schema: Value) -> String {
    json!({ "schema": schema.to_string() }).to_string()
}

fn record(fields: Value) -> Value {
    json!({"type": "record", "name": "R", "fields": fields})
}

fn one() -> String {
    sent(record(json!([{"name": "a", "type": "int"}])))
}

/// Compatible with [`one`].
fn two() -> String {
    sent(record(json!([{"name": "a", "type": "long"}, {"name": "b", "type": "int", "default": 0}])))
}

#[test]
fn versions_are_numbered_and_schemas_have_one_id_everywhere() {
    let fixture = Fixture::new();
    fixture.ok("GET", "/subjects", "", json!([]));
    fixture.ok("POST", "/subjects/s/versions", &one(), json!({"id": 1}));
    fixture.ok("POST", "/subjects/s/versions", &one(), json!({"id": 1}));
    fixture.ok("POST", "/subjects/s/versions", &two(), json!({"id": 2}));
    fixture.ok("POST", "/subjects/t/versions", &two(), json!({"id": 2}));
    fixture.ok("GET", "/subjects", "", json!(["s", "t"]));
    fixture.ok("GET", "/subjects?subjectPrefix=t", "", json!(["t"]));
    fixture.ok("GET", "/subjects/s/versions", "", json!([1, 2]));
    // white space and the order of keys do not make another schema
    let spaced = r#"{"schema":"{ \"name\": \"R\", \"type\": \"record\", \"fields\": [{\"type\":\"int\",\"name\":\"a\"}] }"}"#;
    fixture.ok("POST", "/subjects/s/versions", spaced, json!({"id": 1}));
    let text = record(json!([{"name": "a", "type": "int"}])).to_string();
    let whole = json!({"subject": "s", "version": 1, "id": 1, "schema": text});
    fixture.ok("POST", "/subjects/s", &one(), whole.clone());
    fixture.ok("GET", "/subjects/s/versions/1", "", whole);
    assert_eq!(fixture.ask("GET", "/subjects/s/versions/latest", "").1["version"], 2);
    assert_eq!(fixture.ask("GET", "/subjects/s/versions/-1", "").1["version"], 2);
    fixture.ok("GET", "/subjects/s/versions/1/schema", "", serde_json::from_str(&text).unwrap());
    fixture.ok("GET", "/schemas/ids/1", "", json!({"schema": text}));
    fixture.ok("GET", "/schemas/ids/1/schema", "", serde_json::from_str(&text).unwrap());
    fixture.ok("GET", "/schemas/ids/2/subjects", "", json!(["s", "t"]));
    let places = json!([{"subject": "s", "version": 2}, {"subject": "t", "version": 1}]);
    fixture.ok("GET", "/schemas/ids/2/versions", "", places);
    fixture.ok("GET", "/schemas/types", "", json!(["AVRO"]));
    fixture.ok("GET", "/mode", "", json!({"mode": "READWRITE"}));
}

#[test]
fn refusals_have_the_codes_that_confluent_documents() {
    let fixture = Fixture::new();
    fixture.ok("POST", "/subjects/s/versions", &one(), json!({"id": 1}));
    for path in ["/subjects/x/versions", "/subjects/x/versions/1", "/subjects/x/versions/latest"] {
        fixture.fails("GET", path, "", 404, 40_401);
    }
    fixture.fails("POST", "/subjects/x", &one(), 404, 40_401);
    fixture.fails("DELETE", "/subjects/x", "", 404, 40_401);
    fixture.fails("GET", "/subjects/s/versions/2", "", 404, 40_402);
    fixture.fails("DELETE", "/subjects/s/versions/2", "", 404, 40_402);
    fixture.fails("GET", "/schemas/ids/2", "", 404, 40_403);
    fixture.fails("GET", "/schemas/ids/0", "", 404, 40_403);
    fixture.fails("GET", "/schemas/ids/x", "", 404, 40_403);
    fixture.fails("POST", "/subjects/s", &two(), 404, 40_403);
    fixture.fails("GET", "/config/s", "", 404, 40_408);
    for version in ["0", "x", "-2", "2147483648"] {
        fixture.fails("GET", &format!("/subjects/s/versions/{version}"), "", 422, 42_202);
    }
    for body in [
        r#"{"schema":""}"#,
        r#"{"schema":"nothing"}"#,
        r#"{"schema":"{\"type\":\"record\",\"name\":\"R\"}"}"#,
        "{}",
        r#"{"schema":"\"int\"","schemaType":"PROTOBUF"}"#,
        r#"{"schema":"\"int\"","references":[{"name":"a","subject":"s","version":1}]}"#,
    ] {
        fixture.fails("POST", "/subjects/s/versions", body, 422, 42_201);
        fixture.fails("POST", "/compatibility/subjects/s/versions/latest", body, 422, 42_201);
    }
    for body in [r#"{"compatibility":"SOMETIMES"}"#, "{}"] {
        fixture.fails("PUT", "/config", body, 422, 42_203);
        fixture.fails("PUT", "/config/s", body, 422, 42_203);
    }
    fixture.fails("POST", "/subjects/s/versions", "{", 400, 400);
    fixture.fails("POST", "/subjects/s/versions", "[]", 400, 400);
    fixture.fails("GET", "/nothing/here", "", 404, 404);
}

#[test]
fn a_rule_is_global_or_of_a_subject() {
    let fixture = Fixture::new();
    fixture.ok("POST", "/subjects/s/versions", &two(), json!({"id": 1}));
    fixture.ok("GET", "/config", "", json!({"compatibilityLevel": "BACKWARD"}));
    let message = fixture.fails("POST", "/subjects/s/versions", &one(), 409, 409);
    assert!(message.contains("field a: the new schema has int, the old one long"), "{message}");
    let verdict = "/compatibility/subjects/s/versions/latest";
    fixture.ok("POST", verdict, &one(), json!({"is_compatible": false}));
    let (_, verbose) = fixture.ask("POST", &format!("{verdict}?verbose=true"), &one());
    assert!(verbose["messages"][0].as_str().unwrap().contains("TYPE_MISMATCH"), "{verbose}");
    fixture.ok("POST", "/compatibility/subjects/s/versions", &one(), json!({"is_compatible": false}));
    fixture.ok("POST", "/compatibility/subjects/new/versions", &one(), json!({"is_compatible": true}));
    fixture.fails("POST", "/compatibility/subjects/new/versions/latest", &one(), 404, 40_401);
    fixture.ok("PUT", "/config/s", r#"{"compatibility":"NONE"}"#, json!({"compatibility": "NONE"}));
    fixture.ok("GET", "/config/s", "", json!({"compatibilityLevel": "NONE"}));
    fixture.ok("POST", "/subjects/s/versions", &one(), json!({"id": 2}));
    fixture.ok("DELETE", "/config/s", "", json!({"compatibilityLevel": "NONE"}));
    fixture.ok("GET", "/config/s?defaultToGlobal=true", "", json!({"compatibilityLevel": "BACKWARD"}));
    fixture.ok("PUT", "/config", r#"{"compatibility":"FULL"}"#, json!({"compatibility": "FULL"}));
    fixture.ok("GET", "/config", "", json!({"compatibilityLevel": "FULL"}));
}

#[test]
fn deletion_is_soft_first_and_numbers_are_not_given_out_again() {
    let fixture = Fixture::new();
    fixture.ok("POST", "/subjects/s/versions", &one(), json!({"id": 1}));
    fixture.ok("POST", "/subjects/s/versions", &two(), json!({"id": 2}));
    fixture.fails("DELETE", "/subjects/s/versions/2?permanent=true", "", 404, 40_407);
    fixture.ok("DELETE", "/subjects/s/versions/2", "", json!(2));
    fixture.fails("DELETE", "/subjects/s/versions/2", "", 404, 40_406);
    fixture.ok("GET", "/subjects/s/versions", "", json!([1]));
    fixture.ok("GET", "/subjects/s/versions?deleted=true", "", json!([1, 2]));
    fixture.ok("DELETE", "/subjects/s/versions/2?permanent=true", "", json!(2));
    fixture.ok("POST", "/subjects/s/versions", &two(), json!({"id": 2}));
    fixture.ok("GET", "/subjects/s/versions", "", json!([1, 3]));
    fixture.fails("DELETE", "/subjects/s?permanent=true", "", 404, 40_405);
    fixture.ok("DELETE", "/subjects/s", "", json!([1, 3]));
    fixture.fails("DELETE", "/subjects/s", "", 404, 40_404);
    fixture.fails("GET", "/subjects/s/versions", "", 404, 40_401);
    fixture.ok("GET", "/subjects", "", json!([]));
    fixture.ok("GET", "/subjects?deleted=true", "", json!(["s"]));
    // a softly deleted version can still be read by its id
    assert_eq!(fixture.ask("GET", "/schemas/ids/1", "").0, 200);
    fixture.ok("DELETE", "/subjects/s?permanent=true", "", json!([1, 3]));
    fixture.fails("DELETE", "/subjects/s?permanent=true", "", 404, 40_401);
    fixture.ok("POST", "/subjects/s/versions", &one(), json!({"id": 1}));
}
