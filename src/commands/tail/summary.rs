//! The report of `tail --digest`.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tradesim_client::ResumeState;
use tradesim_schemas::StreamSeq;

use super::output::Output;
use crate::{
    output::{self, grouped, say},
    progress::Stopwatch,
    report::SCHEMA_VERSION,
};

/// The maximum latency in microseconds, one hour. Longer ones count as this one.
const LATENCY_MAX_US: u64 = 3_600_000_000;

/// Measurements while receiving.
#[derive(Debug)]
pub(super) struct Measures {
    clock: Stopwatch,
    first: Option<Duration>,
    last: Duration,
    latency_us: Histogram<u64>,
}

impl Measures {
    pub(super) fn new() -> Measures {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("the bounds are valid");
        Measures { clock: Stopwatch::start(), first: None, last: Duration::ZERO, latency_us }
    }

    /// Records that messages were received.
    pub(super) fn messages_received(&mut self) {
        let now = self.clock.elapsed();
        self.first.get_or_insert(now);
        self.last = now;
    }

    /// Records the latency of something that was due at one instant and arrived at another, both in microseconds since the epoch.
    pub(super) fn latency(&mut self, due: u64, now: u64) {
        self.latency_us.saturating_record(now.saturating_sub(due));
    }

    /// Returns the time from the first message to the last.
    fn duration(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| self.last.saturating_sub(first))
    }

    fn latency_ms(&self) -> Option<Latency> {
        let ms = |micros: u64| micros as f64 / 1_000.0;
        (!self.latency_us.is_empty()).then(|| Latency {
            p50: ms(self.latency_us.value_at_quantile(0.5)),
            p99: ms(self.latency_us.value_at_quantile(0.99)),
            max: ms(self.latency_us.max()),
            pings: self.latency_us.len(),
        })
    }
}

/// The report. `count`, `digest` and `seconds` are part of the contract (section 9).
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    schema_version: u32,
    /// The number of messages.
    count: u64,
    /// The number of bytes in the messages.
    bytes: u64,
    digest: String,
    /// Time from the first message to the last.
    seconds: f64,
    /// Messages per second; null if they arrived at one instant.
    rate: Option<f64>,
    /// Latency by the send times in pings; null if there were none.
    latency_ms: Option<Latency>,
    /// The sequence number of the first message; null if the server does not number its messages.
    first_seq: Option<StreamSeq>,
    /// The sequence number after the last message.
    next_seq: Option<StreamSeq>,
    stream: Option<String>,
    run: Option<String>,
    connections: u64,
    /// True if the server ended the stream.
    complete: bool,
    /// Differences from what the server announced.
    differences: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
    pings: u64,
}

impl Summary {
    pub(super) fn new(
        resume: &ResumeState,
        output: &Output,
        measures: &Measures,
        differences: Vec<String>,
    ) -> Summary {
        let seconds = measures.duration().as_secs_f64();
        let identity = resume.identity();
        Summary {
            schema_version: SCHEMA_VERSION,
            count: resume.received(),
            bytes: output.bytes(),
            digest: output.digest().to_string(),
            seconds,
            rate: (seconds > 0.0).then(|| resume.received() as f64 / seconds),
            latency_ms: measures.latency_ms(),
            first_seq: resume.first_seq(),
            next_seq: resume.next_seq(),
            stream: identity.and_then(|identity| identity.stream.clone()),
            run: identity.and_then(|identity| identity.run.clone()),
            connections: resume.connections(),
            complete: resume.is_complete(),
            differences,
        }
    }

    /// Prints one JSON object, or the digest on standard output and the rest on standard error.
    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        output::emit(json, self, |out| out.line(&self.digest))?;
        if json {
            return Ok(());
        }
        let rate = self.rate.map_or_else(String::new, |rate| format!(", {}/s", grouped(rate as u64)));
        say(format_args!(
            "{} messages ({}) in {:.3} s{rate}, {} connection{}",
            grouped(self.count),
            output::bytes(self.bytes),
            self.seconds,
            self.connections,
            if self.connections == 1 { "" } else { "s" },
        ));
        if let Some(latency) = &self.latency_ms {
            say(format_args!(
                "latency p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms, by {} pings",
                latency.p50,
                latency.p99,
                latency.max,
                grouped(latency.pings),
            ));
        }
        Ok(())
    }
}
