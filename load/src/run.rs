//! Runs a load and reports the result.

use std::{
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tradesim_bridge::{Report, core::Guarantee};
use tradesim_replay::{Background, Lateness, Observer, OnSlow};
use tradesim_sources::FaultsReport;

use crate::{
    error::Error,
    events::Events,
    expected,
    measure::Measures,
    memory, page,
    progress::Progress,
    recording::Recording,
    report::{
        Digests, LatencyMs, LoadReport, Memory, NotVerified, ReportFiles, SCHEMA_VERSION, TargetSummary,
        Verification,
    },
    sampler::Sampler,
    scenario::{Scenario, Target, TargetKind},
    target::{Arrived, BridgeTarget, EndPoints},
    watch::{Phase, Watch},
};

/// The interval at which the state is checked.
const TICK: Duration = Duration::from_millis(50);
/// The intervals at which partial reports are written and progress is printed.
const PARTIAL_EVERY: Duration = Duration::from_secs(5);
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// The time for which the server waits, at the end, for disconnected end points to resume.
const LINGER: Duration = Duration::from_secs(120);
/// The timeout for further arrivals after everything was sent.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(120);

/// The options of a run.
#[derive(Debug)]
pub struct Options {
    /// The run.
    pub run: String,
    /// The files of the report, HTML or JSON by their extension. They are replaced every few seconds.
    pub reports: Vec<PathBuf>,
    /// True to serve the page of the load until its report is final ([`Progress::Watching`]).
    pub watch: bool,
    /// The bridge, for a target of kind `kafka`.
    pub bridge: Option<BridgeTarget>,
}

/// A load that has ended.
#[derive(Debug)]
pub struct Played<'a> {
    load: Load<'a>,
    served: tradesim_replay::Report,
    arrived: Vec<Arrived>,
    /// The number of released messages by sequence number: including planted gaps, without duplicates.
    released: u64,
    stopped: bool,
}

/// A running load.
#[derive(Debug)]
struct Load<'a> {
    scenario: &'a Scenario,
    recording: Recording,
    target: TargetSummary,
    measures: Arc<Measures>,
    sampler: Sampler,
    events: Events,
    files: ReportFiles,
    watch: Option<Watch>,
    zero: Instant,
    /// The instant at which the load ended.
    ended: Option<Duration>,
}

/// Plays the recording to the target of the scenario, until everything has arrived or `is_stopping`, which is called several times
/// per second, returns true. A load that was stopped early can be reported, too.
///
/// # Errors
/// Fails if the report files cannot be written, and if an endpoint or an event fails. The report files then contain the
/// measurements so far.
///
/// # Panics
/// Panics without a bridge for a target of kind `kafka`, and with one for another target.
pub fn play<'a>(
    scenario: &'a Scenario,
    recording: Recording,
    options: Options,
    is_stopping: &dyn Fn() -> bool,
    observer: &mut dyn FnMut(Progress<'_>),
) -> Result<Played<'a>, Error> {
    let Options { run, reports, watch, bridge } = options;
    assert_eq!(
        scenario.target.kind == TargetKind::Kafka,
        bridge.is_some(),
        "the bridge is the target `kafka`"
    );
    let files = ReportFiles::new(reports)?;
    let watch = watch.then(|| Watch::start(&run)).transpose()?;
    let target = target_summary(&scenario.target, bridge.as_ref());
    let measures = Arc::new(Measures::new(scenario.target.end_points()));
    let server = serve(scenario, &recording, &run, &measures)?;
    let zero = server.clock_zero();
    watch.iter().for_each(|watch| observer(Progress::Watching(watch.address())));
    observer(Progress::Ready { messages: recording.pace.messages, run: &run });
    let end_points = match bridge {
        None => EndPoints::clients(scenario.target.clients, (server.address(), zero), &measures)?,
        Some(bridge) => {
            let (end_points, metrics) = EndPoints::bridge(bridge, server.url(), zero, &measures)?;
            metrics.into_iter().for_each(|address| observer(Progress::Metrics(address)));
            end_points
        }
    };
    let mut load = Load {
        scenario,
        recording,
        target,
        measures,
        sampler: Sampler::default(),
        events: Events::new(&scenario.events, zero),
        files,
        watch,
        zero,
        ended: None,
    };
    let supervised = load.supervise(&server, &end_points, is_stopping, observer);
    end_points.stop();
    let arrived = end_points.finish(observer);
    load.ended = Some(load.now());
    // before the topics are read, which needs memory that does not belong to the load
    load.sampler.finish(&load.measures);
    let served = if server.is_over() { server.finish() } else { server.stop() };
    supervised?;
    let (arrived, served) = (arrived?, served?);
    load.show(Phase::Verifying, served.status.late_ms)?;
    let released = load.measures.lock().progress(load.now()).sent;
    Ok(Played { load, served, arrived, released, stopped: is_stopping() })
}

/// Starts the server of a load.
fn serve(
    scenario: &Scenario,
    recording: &Recording,
    run: &str,
    measures: &Arc<Measures>,
) -> Result<Background, Error> {
    let measures = Arc::clone(measures);
    let observer = Observer::new(move |block, messages, now| measures.lock().released(block, messages, now));
    let defaults = tradesim_replay::Options::new(run);
    let options = tradesim_replay::Options {
        speed: recording.speed,
        buffer_bytes: scenario.target.buffer.unwrap_or(defaults.buffer_bytes),
        start_at: recording.start_at,
        wait_clients: scenario.target.end_points(),
        // a bridge has more to prepare than its connection
        start_paused: scenario.target.kind == TargetKind::Kafka,
        on_slow: OnSlow::Disconnect,
        linger: LINGER,
        per_address_max: defaults.clients_max,
        observer: Some(observer),
        ..defaults
    };
    Ok(Background::start(Arc::clone(&recording.source), options)?)
}

impl Load<'_> {
    /// Returns the time on the clock of the measurements, which stops when the load is over.
    fn now(&self) -> Duration {
        self.ended.unwrap_or_else(|| self.zero.elapsed())
    }

    /// Supervises the load until everything has arrived, or nothing more will.
    fn supervise(
        &mut self,
        server: &Background,
        end_points: &EndPoints,
        is_stopping: &dyn Fn() -> bool,
        observer: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let (mut next_partial, mut next_line) = (PARTIAL_EVERY, PROGRESS_EVERY);
        let mut last_arrival = (0, Duration::ZERO);
        let mut runs = false;
        loop {
            if !runs && end_points.are_ready() {
                runs = true;
                if self.scenario.target.kind == TargetKind::Kafka {
                    server.resume();
                }
            }
            let now = self.now();
            let progress = self.measures.lock().progress(now);
            self.sampler.look(&self.measures, self.recording.peak, &progress, now);
            if is_stopping() || end_points.are_over() && self.events.are_over() {
                return Ok(());
            }
            if self.watch.as_ref().is_some_and(Watch::wants_update) {
                let phase = if progress.began.is_some() { Phase::Running } else { Phase::Waiting };
                self.show(phase, server.status().late_ms)?;
            }
            if let Some(began) = progress.began {
                self.events.advance((began, now), &self.measures, end_points, observer)?;
                let elapsed = now.saturating_sub(began);
                if elapsed >= next_line {
                    next_line += PROGRESS_EVERY;
                    if let Some(sample) = self.sampler.samples.last() {
                        observer(Progress::Sample { elapsed, sample });
                    }
                }
                if elapsed >= next_partial {
                    next_partial += PARTIAL_EVERY;
                    let report = self.report::<NotVerified>(elapsed);
                    self.files.write(&report, || page::of_report(&report))?;
                }
            }
            if last_arrival.0 != progress.delivered || progress.sent < self.recording.pace.messages {
                last_arrival = (progress.delivered, now);
            } else if now.saturating_sub(last_arrival.1) >= ARRIVAL_TIMEOUT {
                let missing = progress.sent - progress.delivered;
                observer(Progress::GaveUp { timeout: ARRIVAL_TIMEOUT, missing });
                return Ok(());
            }
            if server.is_over() && !end_points.are_over() && progress.sent < self.recording.pace.messages {
                return Err(Error::ServerEnded);
            }
            thread::sleep(TICK);
        }
    }

    /// Shows the measurements so far on the page, if there is one.
    fn show(&mut self, phase: Phase, late_ms: Option<Lateness>) -> Result<(), Error> {
        let Some(mut watch) = self.watch.take() else { return Ok(()) };
        let mut report = self.summary::<NotVerified>(self.elapsed());
        report.late_ms = late_ms;
        report.judge(&self.scenario.thresholds);
        watch.update(phase, &report, &self.sampler.samples)?;
        self.watch = Some(watch);
        Ok(())
    }

    /// Returns the time since the first message was due.
    fn elapsed(&self) -> Duration {
        self.measures.lock().began.map_or(Duration::ZERO, |began| self.now().saturating_sub(began))
    }

    /// Returns the report of the measurements so far.
    fn report<V: Verification>(&self, elapsed: Duration) -> LoadReport<V> {
        LoadReport { samples: self.sampler.samples.clone(), ..self.summary(elapsed) }
    }

    /// Returns the report of the measurements so far without the samples.
    fn summary<V: Verification>(&self, elapsed: Duration) -> LoadReport<V> {
        let Scenario { name, about, .. } = self.scenario;
        let progress = self.measures.lock().progress(self.now());
        let latency = self.measures.lock().latency.clone();
        let samples = &self.sampler.samples;
        let memory: Vec<u64> = samples.iter().filter_map(|sample| sample.rss).collect();
        let seconds = progress.began.zip(progress.delivered_at).map(|(began, at)| (at - began).as_secs_f64());
        let delivered = progress.delivered;
        let mut report = LoadReport {
            schema_version: SCHEMA_VERSION,
            name: name.clone(),
            about: about.clone(),
            short: self.scenario.is_short,
            complete: false,
            ok: false,
            version: env!("CARGO_PKG_VERSION").into(),
            recording: self.recording.about.clone(),
            load: self.recording.pace.clone(),
            target: self.target.clone(),
            seconds: elapsed.as_secs_f64(),
            sent: progress.sent,
            delivered,
            lost: match self.scenario.target.kind {
                TargetKind::Websocket => Some(progress.sent.saturating_sub(delivered)),
                // the position of the bridge does not show gaps before it
                TargetKind::Kafka => None,
            },
            missing: None,
            throughput: seconds.filter(|seconds| *seconds > 0.0).map(|seconds| delivered as f64 / seconds),
            latency_ms: LatencyMs::of(&latency),
            late_ms: None,
            backlog_max: self.sampler.backlog_max,
            recovery_ms: progress.pause_max.as_secs_f64() * 1e3,
            drain_ms: self.sampler.drained.map(|drained| drained.as_secs_f64() * 1e3),
            memory: Memory { max_bytes: self.sampler.memory_max, growth_percent: memory::growth(&memory) },
            disconnects: 0,
            digests: Digests::default(),
            dead_lettered: None,
            topics: None,
            faults: None,
            thresholds: Vec::new(),
            events: self.events.happened().to_vec(),
            samples: Vec::new(),
            distribution: LatencyMs::distribution(&latency),
        };
        report.judge(&self.scenario.thresholds);
        report
    }
}

impl Played<'_> {
    /// Returns how many messages should be in the topics, if the scenario wants them to be compared.
    pub fn to_verify(&self) -> Option<u64> {
        let target = &self.load.scenario.target;
        let wanted = target.kind == TargetKind::Kafka && target.verify && !self.stopped;
        Some(self.released).filter(|released| wanted && *released > 0)
    }

    /// Writes and returns the report. `topics` is the comparison of the topics, if there was one.
    ///
    /// # Errors
    /// Fails if the recording cannot be read, and if a report file cannot be written.
    pub fn conclude<V: Verification>(self, topics: Option<V>) -> Result<LoadReport<V>, Error> {
        let Played { mut load, served, arrived, released, .. } = self;
        let Recording { source, planted, .. } = &load.recording;
        let mut report = load.report(load.elapsed());
        let mut digests =
            Digests { sent: served.digest.map(|digest| digest.to_string()), ..Digests::default() };
        let mut is_whole = served.complete;
        for arrived in arrived {
            match arrived {
                Arrived::Client(client) => {
                    report.disconnects += client.disconnects;
                    digests.arrived.push(client.digest.to_string());
                    is_whole &= client.messages == released;
                }
                Arrived::Bridge { report: Report { counts, .. }, complete } => {
                    is_whole &= complete;
                    let found = topics.as_ref().map(V::findings);
                    report.disconnects = counts.reconnects;
                    report.dead_lettered = Some(counts.dead_lettered);
                    report.missing = Some(counts.missing);
                    report.lost = found.map(|found| found.lost);
                    // from the counts, because the position also advances over gaps
                    let delivered = found.map_or(counts.received, |found| found.present);
                    let factor = delivered as f64 / report.delivered.max(1) as f64;
                    report.throughput = report.throughput.map(|rate| rate * factor);
                    report.delivered = delivered;
                    digests.arrived.extend(found.map(|found| found.digest.to_owned()));
                }
            }
        }
        if !digests.arrived.is_empty() {
            let expected = expected::digest(source.as_ref(), planted.as_deref(), released)?;
            digests.expected = Some(expected.to_string());
        }
        // messages on the wire: without planted gaps, with planted duplicates
        report.sent = served.status.sent;
        report.late_ms = served.status.late_ms;
        report.digests = digests;
        report.topics = topics;
        report.faults = planted.as_deref().map(|planted| FaultsReport::new(planted, 0, released));
        report.complete = is_whole;
        report.judge(&load.scenario.thresholds);
        report.thresholds.extend(report.digests.judge(planted.is_some()));
        report.ok = report.complete && report.thresholds.iter().all(|verdict| verdict.ok);
        load.files.write(&report, || page::of_report(&report))?;
        if let Some(mut watch) = load.watch.take() {
            let samples = std::mem::take(&mut report.samples);
            watch.update(Phase::Over, &report, &samples)?;
            report.samples = samples;
            watch.finish();
        }
        Ok(report)
    }
}

fn target_summary(target: &Target, bridge: Option<&BridgeTarget>) -> TargetSummary {
    TargetSummary {
        kind: if bridge.is_some() { "kafka" } else { "websocket" }.into(),
        clients: bridge.is_none().then_some(target.clients),
        delivery: bridge.map(|_| match target.delivery {
            Guarantee::ExactlyOnce => "exactly-once".into(),
            Guarantee::AtLeastOnce => "at-least-once".into(),
        }),
        embedded: bridge.is_some_and(|bridge| bridge.embedded),
    }
}
