//! Runs a load and reports the result.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use tradesim_replay::{Background, Observer, OnSlow, Options, Source};
use tradesim_sources::{FaultsReport, FaultySource, Planted};

use super::{
    end_points::{Arrived, EndPoints, Kafka},
    events::Events,
    expected,
    files::ReportFiles,
    measure::Measures,
    memory,
    profile::Peak,
    recording::{About, Recording},
    report::{Digests, LatencyMs, LoadReport, Memory, Pace, TargetSummary},
    sampler::Sampler,
    scenario::{Scenario, TargetKind},
    threshold::Verdict,
};
use crate::{
    cli::{AnswerArgs, CutArgs, DeliveryMode, FilterArgs, LoadRun, ReadingArgs, VerifyTopic},
    commands::verify_topic,
    output::{grouped, say},
    random,
    report::SCHEMA_VERSION,
    scratch::Folder,
    settings::Settings,
    signals::Stop,
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

/// A running load.
struct Load<'a> {
    scenario: &'a Scenario,
    /// A report with everything that is known before the start.
    blank: LoadReport,
    measures: Arc<Measures>,
    sampler: Sampler,
    events: Events,
    files: ReportFiles,
    peak: Option<Peak>,
    zero: Instant,
    /// The instant at which the load ended.
    ended: Option<Duration>,
}

/// Runs a scenario. A run that a signal stopped early has a report, too.
///
/// # Errors
/// Fails if the recording is unavailable, and if an end point or an event fails. The report files then contain the measurements
/// so far.
pub(crate) fn run(
    args: &LoadRun,
    scenario: &Scenario,
    settings: Settings,
    stop: &Stop,
) -> anyhow::Result<LoadReport> {
    let folder = Folder::new()?;
    let recording = Recording::find(&scenario.recording, &folder)?;
    let (path, about) = (recording.path.clone(), recording.about.clone());
    let (paced, speed) = recording.paced(&scenario.load)?;
    let messages = paced.info().messages.unwrap_or(0);
    let kafka = match scenario.target.kind {
        TargetKind::Kafka => Some(Kafka::new(args, settings)?),
        TargetKind::Websocket => None,
    };
    let peak = paced.peak();
    let pace = Pace {
        stages: scenario.load.stages.clone(),
        speed: scenario.load.speed.map(|speed| speed.to_string()),
        messages,
    };
    let target = target_summary(scenario, kafka.as_ref());
    let blank = blank(scenario, args.short, about, pace, target);
    let files = ReportFiles::new(&args.report)?;

    let measures = Arc::new(Measures::new(EndPoints::count(&scenario.target)));
    let observer = {
        let measures = Arc::clone(&measures);
        Observer::new(move |block, messages, now| measures.released(block, messages, now))
    };
    let run = random::run_name()?;
    let defaults = Options::new(run.clone());
    let options = Options {
        speed,
        buffer_bytes: scenario.target.buffer.unwrap_or(defaults.buffer_bytes),
        start_at: paced.start_at(),
        wait_clients: EndPoints::count(&scenario.target),
        start_paused: kafka.is_some(),
        on_slow: OnSlow::Disconnect,
        linger: LINGER,
        per_address_max: defaults.clients_max,
        observer: Some(observer),
        ..defaults
    };
    let planted = match &scenario.faults {
        Some(plan) => Some(Arc::new(plan.resolve(messages)?)),
        None => None,
    };
    let source: Arc<dyn Source> = match &planted {
        Some(planted) => Arc::new(FaultySource::new(Arc::new(paced), Arc::clone(planted))),
        None => Arc::new(paced),
    };
    let server = Background::start(Arc::clone(&source), options)?;
    let zero = server.clock_zero();
    say(format_args!("{}: {} messages, run {run}", scenario.name, grouped(messages)));
    let end_points = match &kafka {
        None => EndPoints::clients(&scenario.target, (server.address(), zero), &measures, stop)?,
        Some(kafka) => EndPoints::bridge(&scenario.target, kafka, &server.url(), zero, &measures)?,
    };
    let mut load = Load {
        scenario,
        blank,
        measures,
        sampler: Sampler::default(),
        events: Events::new(&scenario.events),
        files,
        peak,
        zero,
        ended: None,
    };
    let supervised = load.supervise(&server, &end_points, stop);
    end_points.stop();
    let arrived = end_points.finish();
    load.ended = Some(load.now());
    // before the topics are read, which needs memory that does not belong to the load
    load.sampler.finish(&load.measures);
    let served = if server.is_over() { server.finish() } else { server.stop() };
    supervised?;
    let (arrived, served) = (arrived?, served?);
    let released = load.measures.progress(load.now()).sent;
    let topics = match &kafka {
        Some(kafka) if scenario.target.verify && stop.number().is_none() && released > 0 => {
            Some(load.verified(kafka, &path, &run, released)?)
        }
        _ => None,
    };
    load.conclude(
        &served,
        arrived,
        topics,
        Stream { source: &*source, planted: planted.as_deref(), released },
    )
}

/// The stream that was played.
struct Stream<'a> {
    source: &'a dyn Source,
    planted: Option<&'a Planted>,
    /// The number of released messages by sequence number: including planted gaps, without duplicates.
    released: u64,
}

impl Load<'_> {
    /// Returns the time on the clock of the measurements, which stops when the load is over.
    fn now(&self) -> Duration {
        self.ended.unwrap_or_else(|| self.zero.elapsed())
    }

    /// Supervises the load until everything has arrived, or nothing more will.
    fn supervise(&mut self, server: &Background, end_points: &EndPoints, stop: &Stop) -> anyhow::Result<()> {
        let (mut next_partial, mut next_line) = (PARTIAL_EVERY, PROGRESS_EVERY);
        let mut last_arrival = (0, Duration::ZERO);
        let mut runs = false;
        loop {
            if !runs && end_points.are_ready() {
                runs = true;
                if matches!(end_points, EndPoints::Bridge { .. }) {
                    server.resume();
                }
            }
            let now = self.now();
            let progress = self.measures.progress(now);
            self.sampler.look(&self.measures, self.peak, &progress, now);
            if stop.number().is_some() || end_points.are_over() && self.events.are_over() {
                return Ok(());
            }
            if let Some(began) = progress.began {
                self.events.advance((began, now), &self.measures, end_points)?;
                let elapsed = now.saturating_sub(began);
                if elapsed >= next_line {
                    next_line += PROGRESS_EVERY;
                    self.say(elapsed);
                }
                if elapsed >= next_partial {
                    next_partial += PARTIAL_EVERY;
                    self.files.write(&self.partial(elapsed))?;
                }
            }
            if last_arrival.0 != progress.delivered || progress.sent < self.blank.load.messages {
                last_arrival = (progress.delivered, now);
            } else if now.saturating_sub(last_arrival.1) >= ARRIVAL_TIMEOUT {
                let missing = progress.sent - progress.delivered;
                say(format_args!(
                    "gave up: nothing arrived for {} s, and {} messages are missing",
                    ARRIVAL_TIMEOUT.as_secs(),
                    grouped(missing)
                ));
                return Ok(());
            }
            if server.is_over() && !end_points.are_over() && progress.sent < self.blank.load.messages {
                return Err(anyhow!("the server ended before everything was sent"));
            }
            thread::sleep(TICK);
        }
    }

    fn say(&self, elapsed: Duration) {
        let Some(sample) = self.sampler.samples().last() else { return };
        let latency = sample.p99.map_or_else(String::new, |p99| format!(", p99 {p99:.1} ms"));
        say(format_args!(
            "{:>7.1} s  {}/s due, {}/s arrived, backlog {}{latency}",
            elapsed.as_secs_f64(),
            grouped(sample.due),
            grouped(sample.delivered),
            grouped(sample.backlog)
        ));
    }

    /// Returns the report of the measurements so far.
    fn partial(&self, elapsed: Duration) -> LoadReport {
        let progress = self.measures.progress(self.now());
        let latency = self.measures.latency();
        let memory: Vec<u64> = self.sampler.samples().iter().filter_map(|sample| sample.rss).collect();
        let seconds = progress.began.zip(progress.delivered_at).map(|(began, at)| (at - began).as_secs_f64());
        let delivered = progress.delivered;
        let mut report = LoadReport {
            seconds: elapsed.as_secs_f64(),
            sent: progress.sent,
            delivered,
            lost: match self.scenario.target.kind {
                TargetKind::Websocket => Some(progress.sent.saturating_sub(delivered)),
                // the position of the bridge does not show gaps before it
                TargetKind::Kafka => None,
            },
            throughput: seconds.filter(|seconds| *seconds > 0.0).map(|seconds| delivered as f64 / seconds),
            latency_ms: LatencyMs::of(&latency),
            distribution: LatencyMs::distribution(&latency),
            backlog_max: self.sampler.backlog_max(),
            recovery_ms: progress.pause_max.as_secs_f64() * 1e3,
            drain_ms: self.sampler.drained().map(|drained| drained.as_secs_f64() * 1e3),
            memory: Memory { max_bytes: self.sampler.memory_max(), growth_percent: memory::growth(&memory) },
            events: self.events.happened().to_vec(),
            samples: self.sampler.samples().to_vec(),
            ..self.blank.clone()
        };
        report.measure();
        report.thresholds = self.verdicts(&report);
        report
    }

    fn verdicts(&self, report: &LoadReport) -> Vec<Verdict> {
        let thresholds = self.scenario.thresholds.iter();
        thresholds.map(|threshold| threshold.judge(report.values.get(&threshold.metric).copied())).collect()
    }

    /// Compares the topics with what was sent.
    fn verified(
        &self,
        kafka: &Kafka,
        path: &std::path::Path,
        run: &str,
        sent: u64,
    ) -> anyhow::Result<verify_topic::VerifyTopicReport> {
        let cut = CutArgs { limit: Some(sent), ..CutArgs::default() };
        let args = VerifyTopic {
            archive: path.to_owned(),
            run: Some(run.to_owned()),
            json: false,
            answer: AnswerArgs::default(),
            kafka: kafka.brokers.clone(),
            prefix: kafka.prefix.clone(),
            dlq_topic: None,
            registry: kafka.registry.clone(),
            filter: FilterArgs { cut, ..FilterArgs::default() },
            reading: ReadingArgs::default(),
        };
        verify_topic::audit(&args, kafka.settings.clone())
    }

    /// Writes and returns the final report.
    fn conclude(
        self,
        served: &tradesim_replay::Report,
        arrived: Arrived,
        topics: Option<verify_topic::VerifyTopicReport>,
        stream: Stream<'_>,
    ) -> anyhow::Result<LoadReport> {
        let elapsed = self.measures.began().map_or(Duration::ZERO, |began| self.now().saturating_sub(began));
        let mut report = self.partial(elapsed);
        let mut digests =
            Digests { sent: served.digest.map(|digest| digest.to_string()), ..Digests::default() };
        let mut is_whole = served.complete;
        match arrived {
            Arrived::Clients(clients) => {
                for client in clients {
                    report.disconnects += client.disconnects;
                    digests.arrived.push(client.digest.to_string());
                    is_whole &= client.messages == stream.released;
                    if let Some(failure) = client.failure {
                        say(format_args!("a client gave up: {failure}"));
                    }
                }
            }
            Arrived::Bridge(bridge) => {
                report.disconnects = bridge.reconnects;
                report.dead_lettered = Some(bridge.dead_lettered);
                report.missing = Some(bridge.missing);
                report.lost = topics.as_ref().map(|topics| topics.lost);
                // from the counts, because the position also advances over gaps
                let delivered = topics.as_ref().map_or(bridge.received, |topics| topics.present);
                report.throughput =
                    report.throughput.map(|rate| rate * delivered as f64 / report.delivered.max(1) as f64);
                report.delivered = delivered;
                is_whole &= bridge.complete;
                digests.arrived.extend(topics.as_ref().map(|topics| topics.digest.clone()));
            }
        }
        if !digests.arrived.is_empty() {
            let expected = expected::digest(stream.source, stream.planted, stream.released)?;
            digests.expected = Some(expected.to_string());
        }
        let faults = stream.planted.map(|planted| FaultsReport::new(planted, 0, stream.released));
        // messages on the wire: without planted gaps, with planted duplicates
        report.sent = served.status.sent;
        report.late_ms = served.status.late_ms;
        report.digests = digests;
        report.topics = topics;
        report.faults = faults;
        report.complete = is_whole;
        report.measure();
        report.thresholds = self.verdicts(&report);
        if !report.digests.arrived.is_empty() {
            let equal = report.digests.are_equal();
            report.thresholds.push(Verdict {
                threshold: match stream.planted {
                    Some(_) => "digest == the recording's under the fault plan",
                    None => "digest == the recording's",
                }
                .to_owned(),
                value: None,
                shown: if equal { "equal" } else { "different" }.to_owned(),
                ok: equal,
            });
        }
        report.ok = report.complete && report.thresholds.iter().all(|verdict| verdict.ok);
        self.files.write(&report)?;
        Ok(report)
    }
}

fn target_summary(scenario: &Scenario, kafka: Option<&Kafka>) -> TargetSummary {
    let target = &scenario.target;
    match kafka {
        None => TargetSummary {
            kind: "websocket",
            clients: Some(target.clients),
            delivery: None,
            embedded: false,
        },
        Some(kafka) => TargetSummary {
            kind: "kafka",
            clients: None,
            delivery: Some(match target.delivery {
                DeliveryMode::ExactlyOnce => "exactly-once",
                DeliveryMode::AtLeastOnce => "at-least-once",
            }),
            embedded: kafka.is_embedded(),
        },
    }
}

/// Returns a report without any measurements.
fn blank(
    scenario: &Scenario,
    short: bool,
    recording: About,
    load: Pace,
    target: TargetSummary,
) -> LoadReport {
    LoadReport {
        schema_version: SCHEMA_VERSION,
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        short,
        complete: false,
        ok: false,
        version: env!("CARGO_PKG_VERSION"),
        recording,
        load,
        target,
        seconds: 0.0,
        sent: 0,
        delivered: 0,
        lost: None,
        missing: None,
        throughput: None,
        latency_ms: None,
        late_ms: None,
        backlog_max: 0,
        recovery_ms: 0.0,
        drain_ms: None,
        memory: Memory::default(),
        disconnects: 0,
        digests: Digests::default(),
        dead_lettered: None,
        topics: None,
        faults: None,
        thresholds: Vec::new(),
        events: Vec::new(),
        samples: Vec::new(),
        distribution: Vec::new(),
        values: Default::default(),
    }
}
