//! The handlers of all paths.

use std::{convert::Infallible, error::Error, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
        SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
    },
    http::request::Parts,
};
use serde_json::json;
use tokio::time::timeout;

use tradesim_dialects::{Dialect, Script, Transport};
use tradesim_protocol::SUBPROTOCOL;

use crate::{
    metrics::{self, Refused},
    outline::OutlineError,
    page::Page,
};

use super::{
    AdmittedClient, Asks, Backend, ClientRequest, DialectRequest, HttpState, command,
    connection::{Ends, Exchange},
    handshake,
    host::{self, BadHost},
    origin, page, permission,
    slots::Cap,
};

/// The size limit of the body of a `POST`. Commands are far smaller.
const BODY_BYTES: usize = 64 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

pub(super) type Answer = Response<Full<Bytes>>;

/// Answers a request.
pub(super) async fn answer<B: Backend>(
    http_state: &HttpState<B>,
    exchange: &Exchange<B::Client>,
    ends: Ends,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    exchange.state().begin();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let has_body = !body.is_end_stream();
    let answer = if let Err(bad) = host::check(&parts, ends.local.ip(), &http_state.limits.hosts) {
        bad_host(http_state, &parts, bad)
    } else if let Some(script) = script_of(http_state, &parts) {
        connect(http_state, exchange, ends, &parts, has_body, Path::AsCaptured(script)).await
    } else if let Some(action) = path.strip_prefix("/control/") {
        control(http_state, ends, &parts, action, body).await
    } else if let Some(dialect) = dialect_of(http_state, path) {
        match parts.method {
            Method::GET => {
                connect(http_state, exchange, ends, &parts, has_body, Path::Dialect(dialect)).await
            }
            _ => not_allowed("GET"),
        }
    } else if !["/", "/healthz", "/metrics", "/status", "/timeline"].contains(&path) {
        not_found(http_state)
    } else if ![Method::GET, Method::HEAD].contains(&parts.method) {
        not_allowed("GET, HEAD")
    } else {
        match path {
            "/healthz" => reply(StatusCode::OK, TEXT, "ok\n"),
            "/metrics" => reply(StatusCode::OK, metrics::CONTENT_TYPE, http_state.backend.metrics()),
            "/status" => reply(StatusCode::OK, JSON, to_json(&http_state.backend.status())),
            "/timeline" => timeline(http_state).await,
            _ if http_state.limits.page && page::is_wanted(&parts) => {
                page::answer(Page::get(), &parts.headers)
            }
            _ => connect(http_state, exchange, ends, &parts, has_body, Path::Own).await,
        }
    };
    exchange.state().answered();
    Ok(answer)
}

/// Handles `GET /timeline`.
async fn timeline<B: Backend>(http_state: &HttpState<B>) -> Answer {
    match http_state.backend.timeline().await {
        Ok(outline) => reply(StatusCode::OK, JSON, Bytes::from_owner(outline)),
        Err(error @ OutlineError::Stopping) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "stopping", &error.to_string())
        }
        Err(OutlineError::Source(text)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "source_failed", &text),
    }
}

/// Returns the dialect that is spoken on a path.
fn dialect_of<B>(http_state: &HttpState<B>, path: &str) -> Option<&'static Dialect> {
    let answers = |dialect: &Dialect| match dialect.transport {
        Transport::WebSocket { answers, .. } => answers(path),
        Transport::Tcp => false,
    };
    http_state.limits.dialects.iter().copied().find(|dialect| answers(dialect))
}

/// Returns the script of a handshake whose path does not matter.
fn script_of<'a, B>(http_state: &'a HttpState<B>, parts: &Parts) -> Option<&'a Arc<Script>> {
    let script = http_state.limits.pass_through.as_ref()?;
    let path = parts.uri.path();
    // our own clients know what is at `/`
    let is_own = path == "/" && handshake::offers(&parts.headers, SUBPROTOCOL);
    let is_answered = !is_own && dialect_of(http_state, path).is_none() && script.answers(path);
    (handshake::is_meant(&parts.headers) && is_answered).then_some(script)
}

/// A path at which clients connect.
#[derive(Clone, Copy, Debug)]
enum Path<'a> {
    /// That of our own protocol.
    Own,
    /// That of a dialect.
    Dialect(&'static Dialect),
    /// Any other, of clients that receive the messages as they were captured.
    AsCaptured(&'a Arc<Script>),
}

impl Path<'_> {
    /// Returns the subprotocol that is confirmed there.
    fn subprotocol(&self) -> Option<&str> {
        match self {
            Path::Own => Some(SUBPROTOCOL),
            Path::Dialect(_) => None,
            Path::AsCaptured(script) => script.subprotocol.as_deref(),
        }
    }
}

/// Handles a handshake at a path of clients.
async fn connect<B: Backend>(
    http_state: &HttpState<B>,
    exchange: &Exchange<B::Client>,
    Ends { peer, .. }: Ends,
    parts: &Parts,
    has_body: bool,
    path: Path<'_>,
) -> Answer {
    let handshake = match handshake::read(parts, has_body, path.subprotocol()) {
        Ok(handshake) => handshake,
        Err(no) => {
            if handshake::is_meant(&parts.headers) {
                http_state.metrics.refused(Refused::BadRequest);
                tracing::debug!(reason = no.text, "handshake refused");
            }
            return no_handshake(no);
        }
    };
    if !origin::is_accepted(&parts.headers, &http_state.limits.origins) {
        http_state.metrics.refused(Refused::Origin);
        tracing::info!(origin = ?parts.headers.get(hyper::header::ORIGIN), "handshake refused");
        return closing(reply(
            StatusCode::FORBIDDEN,
            TEXT,
            "this Origin is not allowed (see --allow-origin)\n",
        ));
    }
    match http_state.slots.take_client(peer.ip()) {
        Ok(slot) => exchange.admit(slot),
        Err(cap) => return too_many(http_state, cap),
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let (asks, wants_v1) = match path {
        Path::Own => (Asks::Own, handshake.has_subprotocol),
        Path::Dialect(dialect) => {
            let headers = headers_of(dialect, &parts.headers);
            (Asks::Dialect(DialectRequest { dialect, headers }), false)
        }
        Path::AsCaptured(script) => (Asks::AsCaptured(Arc::clone(script)), false),
    };
    let request = ClientRequest { query, wants_v1, peer, asks };
    let Ok(admission) = timeout(http_state.limits.admission_timeout, http_state.backend.admit(request)).await
    else {
        http_state.metrics.refused(Refused::Timeout);
        tracing::warn!(
            "handshake refused: timed out while finding the requested position or reading the state there"
        );
        let text = "timed out while finding the requested position or reading the state there: retry later (a search resumes where it stopped)\n";
        return try_again(text);
    };
    let AdmittedClient { headers, client } = admission;
    exchange.state().admitted(client);

    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = handshake.headers;
    for (name, value) in headers {
        // as bytes: a run may be named in any script
        match HeaderValue::from_bytes(value.as_bytes()) {
            Ok(value) => _ = answer.headers_mut().insert(HeaderName::from_static(name), value),
            Err(_) => tracing::warn!(name, value, "header left out: invalid value"),
        }
    }
    answer
}

/// Returns the headers that a dialect reads. One that is not text is left out.
fn headers_of(dialect: &Dialect, headers: &HeaderMap) -> Vec<(String, String)> {
    let value = |name: &&str| Some(headers.get(*name)?.to_str().ok()?.to_owned());
    dialect.headers.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect()
}

/// Answers a request that names another host.
fn bad_host<B: Backend>(http_state: &HttpState<B>, parts: &Parts, bad: BadHost) -> Answer {
    if handshake::is_meant(&parts.headers) {
        http_state.metrics.refused(if bad == BadHost::Foreign { Refused::Host } else { Refused::BadRequest });
        tracing::info!(host = ?parts.headers.get(hyper::header::HOST), "handshake refused");
    }
    let (status, text) = match bad {
        BadHost::Several => (StatusCode::BAD_REQUEST, "a request requires exactly one Host header"),
        BadHost::Foreign => (StatusCode::FORBIDDEN, "this Host is not allowed (see --allow-host)"),
    };
    closing(match parts.uri.path().starts_with("/control/") {
        true => refuse(status, "foreign_host", text),
        false => reply(status, TEXT, format!("{text}\n")),
    })
}

/// Answers a client that exceeds a limit.
fn too_many<B: Backend>(http_state: &HttpState<B>, cap: Cap) -> Answer {
    http_state.metrics.refused(Refused::Cap);
    tracing::info!(?cap, "handshake refused");
    try_again(match cap {
        Cap::Clients => "too many clients (see --max-clients)\n",
        Cap::Address => "too many clients from this address (see --max-connections-per-address)\n",
    })
}

fn try_again(text: &'static str) -> Answer {
    let mut answer = reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, text);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    closing(answer)
}

/// Handles `POST /control/…`.
async fn control<B: Backend>(
    http_state: &HttpState<B>,
    Ends { peer, .. }: Ends,
    parts: &Parts,
    action: &str,
    body: Incoming,
) -> Answer {
    if !command::ACTIONS.contains(&action) {
        return not_found(http_state);
    }
    if parts.method != Method::POST {
        return not_allowed("POST");
    }
    if let Err(denied) = permission::check(&http_state.limits.steering, peer, &parts.headers) {
        let (status, code, text) = denied.answer();
        tracing::info!(code, "command refused");
        let mut answer = refuse(status, code, &text);
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        return closing(answer);
    }
    if !origin::is_accepted(&parts.headers, &http_state.limits.origins) {
        return closing(refuse(StatusCode::FORBIDDEN, "foreign_origin", "this Origin is not allowed"));
    }
    let body = match read(body, http_state).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let command = match command::parse(action, &body) {
        Ok(command) => command,
        Err(bad) => return refuse(StatusCode::BAD_REQUEST, bad.code, &bad.text),
    };
    tracing::info!(?command, "command");
    match http_state.backend.command(command).await {
        Ok(status) => reply(StatusCode::OK, JSON, to_json(&status)),
        Err(error) => {
            let status = if error.is_conflict() { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
            refuse(status, error.code(), &chain(&error))
        }
    }
}

/// Reads a whole body, if it is not too large and arrives in time.
async fn read<B>(body: Incoming, http_state: &HttpState<B>) -> Result<Bytes, Box<Answer>> {
    let too_large = || {
        let text = format!("a body is limited to {BODY_BYTES} bytes");
        Box::new(closing(refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &text)))
    };
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(too_large());
    }
    let collected =
        timeout(http_state.limits.request_timeout, Limited::new(body, BODY_BYTES).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            Err(Box::new(closing(refuse(StatusCode::BAD_REQUEST, "bad_body", &error.to_string()))))
        }
        Err(_) => {
            Err(Box::new(closing(refuse(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long"))))
        }
    }
}

fn no_handshake(no: handshake::NoHandshake) -> Answer {
    let mut answer = reply(no.status, TEXT, format!("{}\n", no.text));
    if no.status == StatusCode::UPGRADE_REQUIRED {
        let headers = answer.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    answer
}

fn not_found<B>(http_state: &HttpState<B>) -> Answer {
    let controls = command::ACTIONS.map(|action| format!("POST /control/{action}\n")).concat();
    let dialects: String = http_state
        .limits
        .dialects
        .iter()
        .filter_map(|dialect| match dialect.transport {
            Transport::WebSocket { path, .. } => {
                Some(format!("GET {path} (WebSocket, {})\n", dialect.vendor))
            }
            Transport::Tcp => None,
        })
        .collect();
    let captured = match &http_state.limits.pass_through {
        Some(_) => {
            "GET the paths of the client script, by default all (WebSocket, the messages as captured)\n"
        }
        None => "",
    };
    let paths = format!(
        "there is:\nGET / (WebSocket, or the page)\n{dialects}{captured}GET /healthz\nGET /metrics\nGET /status\nGET /timeline\n{controls}"
    );
    reply(StatusCode::NOT_FOUND, TEXT, paths)
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, format!("allowed: {methods}\n"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

/// Returns an answer in JSON with the error.
fn refuse(status: StatusCode, code: &str, text: &str) -> Answer {
    reply(status, JSON, to_json(&json!({ "error": { "code": code, "text": text } })))
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // the status changes all the time
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Marks an answer as the last one of its connection.
fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("all keys are texts");
    text.push(b'\n');
    text
}

/// Formats an error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
