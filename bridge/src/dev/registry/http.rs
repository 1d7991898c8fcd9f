//! The API over HTTP: paths, parameters and answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    failure::{Failure, detail},
    store::{Found, Sent, Store, Which},
};
use crate::avro::compatibility::Level;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

type Shared = State<Arc<Mutex<Store>>>;
type Answer = Result<Json, Failure>;

/// A successful answer.
struct Json(Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, MEDIA_TYPE)], self.0.to_string()).into_response()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code) = self.codes();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "error_code": code, "message": self.to_string() }))).into_response()
    }
}

/// The parameters of all paths. Unknown ones are ignored, as in Confluent's registry.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Parameters {
    #[serde(deserialize_with = "flag")]
    deleted: bool,
    #[serde(deserialize_with = "flag")]
    permanent: bool,
    #[serde(deserialize_with = "flag")]
    verbose: bool,
    #[serde(deserialize_with = "flag")]
    default_to_global: bool,
    subject_prefix: String,
}

/// Accepts `true`, `True` and `false`, as the languages of clients write them.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(deserializer)?.eq_ignore_ascii_case("true"))
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/", get(async || Json(json!({}))))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(lookup).delete(delete_subject))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version).delete(delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(version_schema))
        .route("/schemas/types", get(async || Json(json!(["AVRO"]))))
        .route("/schemas/ids/{id}", get(schema))
        .route("/schemas/ids/{id}/schema", get(schema_alone))
        .route("/schemas/ids/{id}/subjects", get(schema_subjects))
        .route("/schemas/ids/{id}/versions", get(schema_versions))
        .route("/config", get(global_level).put(set_global_level))
        .route("/config/{subject}", get(level).put(set_level).delete(delete_level))
        .route("/mode", get(mode))
        .route("/mode/{subject}", get(mode))
        .route("/compatibility/subjects/{subject}/versions", post(check_all))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(check_one))
        .fallback(async |uri: Uri| Failure::NoSuchPath { what: uri.path().to_owned() })
        .with_state(Arc::new(Mutex::new(Store::new())))
}

/// Locks the store. A panic leaves it valid: every change is one push, insert or flag.
fn locked(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Parses the schema in the body of a request.
fn sent(body: &[u8]) -> Result<Sent, Failure> {
    let request = object(body)?;
    let invalid = |what: &str| Failure::InvalidSchema { what: what.to_owned() };
    match request.get("schemaType") {
        None | Some(Value::Null) => {}
        Some(kind) if kind == "AVRO" => {}
        Some(kind) => return Err(invalid(&format!("only AVRO is supported, not {kind}"))),
    }
    match request.get("references") {
        None | Some(Value::Null) => {}
        Some(Value::Array(references)) if references.is_empty() => {}
        Some(_) => return Err(invalid("references to other schemas are not supported")),
    }
    let text = request.get("schema").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    Sent::parse(text.ok_or_else(|| invalid("Empty schema"))?)
}

fn object(body: &[u8]) -> Result<Value, Failure> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Failure::NoJson { what: error.to_string() })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Failure::NoJson { what: "another kind of value".to_owned() })
    }
}

fn wanted_level(body: &[u8]) -> Result<Level, Failure> {
    let request = object(body)?;
    let text = request.get("compatibility").and_then(Value::as_str).ok_or(Failure::InvalidLevel)?;
    text.parse().map_err(|_| Failure::InvalidLevel)
}

fn whole(found: &Found) -> Json {
    Json(json!({
        "subject": found.subject,
        "version": found.version,
        "id": found.id,
        "schema": found.schema,
    }))
}

async fn subjects(State(store): Shared, Query(parameters): Query<Parameters>) -> Answer {
    let store = locked(&store);
    let mut names = store.subjects(parameters.deleted);
    names.retain(|name| name.starts_with(&parameters.subject_prefix));
    Ok(Json(json!(names)))
}

async fn lookup(
    State(store): Shared,
    Path(subject): Path<String>,
    Query(parameters): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let sent = sent(&body)?;
    Ok(whole(&locked(&store).lookup(&subject, &sent, parameters.deleted)?))
}

async fn delete_subject(
    State(store): Shared,
    Path(subject): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    Ok(Json(json!(locked(&store).delete_subject(&subject, parameters.permanent)?)))
}

async fn versions(
    State(store): Shared,
    Path(subject): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    Ok(Json(json!(locked(&store).versions(&subject, parameters.deleted)?)))
}

async fn register(State(store): Shared, Path(subject): Path<String>, body: Bytes) -> Answer {
    let sent = sent(&body)?;
    let id = locked(&store).register(&subject, sent)?;
    Ok(Json(json!({ "id": id })))
}

async fn version(
    State(store): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let which = Which::parse(&version)?;
    Ok(whole(&locked(&store).version(&subject, which, parameters.deleted)?))
}

async fn version_schema(
    State(store): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Failure> {
    let which = Which::parse(&version)?;
    let found = locked(&store).version(&subject, which, parameters.deleted)?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], found.schema).into_response())
}

async fn delete_version(
    State(store): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let which = Which::parse(&version)?;
    Ok(Json(json!(locked(&store).delete_version(&subject, which, parameters.permanent)?)))
}

async fn schema(State(store): Shared, Path(id): Path<String>) -> Answer {
    Ok(Json(json!({ "schema": locked(&store).schema(&id)? })))
}

async fn schema_alone(State(store): Shared, Path(id): Path<String>) -> Result<Response, Failure> {
    let text = locked(&store).schema(&id)?.to_owned();
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

async fn schema_subjects(
    State(store): Shared,
    Path(id): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let store = locked(&store);
    let mut names: Vec<&str> =
        store.places(&id, parameters.deleted)?.into_iter().map(|(subject, _)| subject).collect();
    names.dedup();
    Ok(Json(json!(names)))
}

async fn schema_versions(
    State(store): Shared,
    Path(id): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let store = locked(&store);
    let places = store.places(&id, parameters.deleted)?;
    let place = |(subject, version): &(&str, u32)| json!({ "subject": subject, "version": version });
    Ok(Json(places.iter().map(place).collect()))
}

async fn global_level(State(store): Shared) -> Json {
    Json(json!({ "compatibilityLevel": locked(&store).global_level().as_str() }))
}

async fn set_global_level(State(store): Shared, body: Bytes) -> Answer {
    let level = wanted_level(&body)?;
    locked(&store).set_global_level(level);
    Ok(Json(json!({ "compatibility": level.as_str() })))
}

async fn level(
    State(store): Shared,
    Path(subject): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let store = locked(&store);
    let level =
        if parameters.default_to_global { store.level(&subject) } else { store.own_level(&subject)? };
    Ok(Json(json!({ "compatibilityLevel": level.as_str() })))
}

async fn set_level(State(store): Shared, Path(subject): Path<String>, body: Bytes) -> Answer {
    let level = wanted_level(&body)?;
    locked(&store).set_level(&subject, level);
    Ok(Json(json!({ "compatibility": level.as_str() })))
}

async fn delete_level(State(store): Shared, Path(subject): Path<String>) -> Answer {
    let level = locked(&store).delete_level(&subject)?;
    Ok(Json(json!({ "compatibilityLevel": level.as_str() })))
}

async fn mode() -> Json {
    Json(json!({ "mode": "READWRITE" }))
}

async fn check_all(
    State(store): Shared,
    Path(subject): Path<String>,
    Query(parameters): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let sent = sent(&body)?;
    let found = locked(&store).check(&subject, &sent, None)?;
    Ok(verdict(&found, parameters.verbose))
}

async fn check_one(
    State(store): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let which = Which::parse(&version)?;
    let sent = sent(&body)?;
    let found = locked(&store).check(&subject, &sent, Some(which))?;
    Ok(verdict(&found, parameters.verbose))
}

fn verdict(found: &[crate::avro::compatibility::Incompatibility], verbose: bool) -> Json {
    let mut answer = json!({ "is_compatible": found.is_empty() });
    if verbose {
        answer["messages"] = found.iter().map(detail).collect();
    }
    Json(answer)
}
