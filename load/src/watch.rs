//! The page of a running load, on a free port of this machine.
//!
//! The page asks for what it does not have yet. Nothing is computed for it while no one looks, so a load that no one
//! watches costs what it costs without a page.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderValue, Method, Response, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
};
use tradesim_bridge::serving::{Limits, Server};
use tradesim_replay::page;

use crate::{
    error::Error,
    page::live,
    report::{LoadReport, Verification},
    sampler::Sample,
};

/// The maximum number of samples in an answer. A page asks again for more.
const SAMPLES_MAX: usize = 2_000;
/// A page that has not asked for this long is gone.
const GONE_AFTER: Duration = Duration::from_secs(4);
/// The interval at which the measurements are updated for a page.
const UPDATE_EVERY: Duration = Duration::from_millis(500);
/// The time for which a page may fetch the final report before the program ends.
const FINAL_WAIT: Duration = Duration::from_secs(3);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The state of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The end points are being prepared.
    Waiting,
    /// Messages are sent.
    Running,
    /// Everything was sent, and what arrived is checked.
    Verifying,
    /// The report is final.
    Over,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Verifying => "verifying",
            Phase::Over => "over",
        }
    }
}

/// The page of a load. It is served until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    server: Server,
    shown: Arc<Shown>,
    updated: Option<Instant>,
}

/// The content of the page.
#[derive(Debug)]
struct Shown {
    run: String,
    state: Mutex<ShownState>,
    /// Notified when a page has received the final report.
    told: Condvar,
}

#[derive(Debug)]
struct ShownState {
    phase: Phase,
    /// The report in JSON, without samples. Empty until a page asks for the first time.
    report: String,
    samples: Vec<Sample>,
    /// The instant at which a page has last asked.
    asked: Option<Instant>,
    /// True if a page has received the final report with all samples.
    is_told: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the pages that watch, which the load does not use"
)]
fn now() -> Instant {
    Instant::now()
}

impl Watch {
    /// Starts to serve the page of a run.
    ///
    /// # Errors
    /// Fails with [`Error::Watch`].
    pub(crate) fn start(run: &str) -> Result<Watch, Error> {
        let start = || -> io::Result<Watch> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let state = Mutex::new(ShownState {
                phase: Phase::Waiting,
                report: String::new(),
                samples: Vec::new(),
                asked: None,
                is_told: false,
            });
            let shown = Arc::new(Shown { run: run.to_owned(), state, told: Condvar::new() });
            let router = Router::new().fallback(answer).with_state(Arc::clone(&shown));
            let server = Server::start("load-watch", listener, router, Limits::DEFAULT)?;
            Ok(Watch { server, shown, updated: None })
        };
        start().map_err(Error::Watch)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns true if the measurements should be updated: a page looks, and the last update was some time ago.
    pub(crate) fn wants_update(&self) -> bool {
        let is_old = self.updated.is_none_or(|updated| updated.elapsed() >= UPDATE_EVERY);
        is_old && self.shown.lock().is_watched()
    }

    /// Updates what the page shows. `report` has no samples, `samples` are all of them.
    ///
    /// # Errors
    /// Fails if the report cannot be written as JSON.
    pub(crate) fn update<V: Verification>(
        &mut self,
        phase: Phase,
        report: &LoadReport<V>,
        samples: &[Sample],
    ) -> Result<(), Error> {
        let report = serde_json::to_string(report)?;
        self.updated = Some(now());
        let mut state = self.shown.lock();
        let known = state.samples.len();
        state.samples.extend_from_slice(samples.get(known..).unwrap_or_default());
        (state.phase, state.report) = (phase, report);
        Ok(())
    }

    /// Waits a moment for a page that looks to receive the final report.
    pub(crate) fn finish(self) {
        let state = self.shown.lock();
        if !state.is_watched() {
            return;
        }
        let waited = self.shown.told.wait_timeout_while(state, FINAL_WAIT, |state| !state.is_told);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, ShownState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the report with the samples from this second on.
    fn answer(&self, from: usize) -> String {
        let mut state = self.lock();
        state.asked = Some(now());
        let from = from.min(state.samples.len());
        let to = state.samples.len().min(from + SAMPLES_MAX);
        let more = to < state.samples.len();
        let samples = serde_json::to_string(&state.samples[from..to]).expect("samples are JSON");
        let report = if state.report.is_empty() { "null" } else { &state.report };
        let run = serde_json::to_string(&self.run).expect("a text is JSON");
        let text = format!(
            "{{\"phase\":\"{}\",\"run\":{run},\"report\":{report},\"from\":{from},\"samples\":{samples},\"more\":{more}}}\n",
            state.phase.name()
        );
        if state.phase == Phase::Over && !more {
            state.is_told = true;
            self.told.notify_all();
        }
        text
    }
}

impl ShownState {
    fn is_watched(&self) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < GONE_AFTER)
    }
}

/// Answers a request.
async fn answer(State(shown): State<Arc<Shown>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    if !page::is_for_this_machine(&parts, IpAddr::V4(Ipv4Addr::LOCALHOST)) {
        return reply(StatusCode::FORBIDDEN, TEXT, "this Host is not allowed\n");
    }
    let path = parts.uri.path();
    if !["/", "/report"].contains(&path) {
        return reply(StatusCode::NOT_FOUND, TEXT, "there is:\nGET /\nGET /report?from=SECOND\n");
    }
    if ![Method::GET, Method::HEAD].contains(&parts.method) {
        let mut answer = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "allowed: GET, HEAD\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    if path == "/" {
        return page::answer(live(), &parts.headers).map(Body::new);
    }
    let from = parts.uri.query().unwrap_or_default().strip_prefix("from=").map_or(Ok(0), str::parse);
    match from {
        Ok(from) => reply(StatusCode::OK, JSON, shown.answer(from)),
        Err(_) => reply(StatusCode::BAD_REQUEST, TEXT, "from: expected a second\n"),
    }
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests;
