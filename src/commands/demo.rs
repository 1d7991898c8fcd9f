//! `demo`: the whole loop in one process. Every step is a command of its own, given its arguments as they would be typed.

use std::{path::Path, sync::Arc};

use clap::Parser;
use serde::Serialize;
use tradesim_replay::{Background, OnSlow, Options, Speed};

use crate::{
    cli::{Cli, Command, Demo, FilterArgs, ReadingArgs},
    commands::{bridge, record, verify_topic},
    exit::Outcome,
    filter::Filter,
    output::{self, grouped, say},
    progress::Stopwatch,
    random,
    report::SCHEMA_VERSION,
    scratch::Folder,
    settings::{Settings, Sources},
    signals::Stop,
    source,
    stand_ins::StandIns,
    streams::{ArchiveSource, Timestamps},
};

/// The hour that is recorded: the first one of a trading day, and the busiest.
const DATE: &str = "2026-02-18";
const FROM: &str = "09:30";
const TO: &str = "10:30";

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    ok: bool,
    messages: u64,
    digests: Digests,
    verified: verify_topic::Report,
    seconds: f64,
}

/// The same digest, taken three times.
#[derive(Serialize)]
struct Digests {
    recorded: String,
    replayed: Option<String>,
    topics: String,
}

pub(crate) fn run(args: &Demo) -> anyhow::Result<Outcome> {
    let stopwatch = Stopwatch::start();
    let stop = Stop::on_signals()?;
    let folder = Folder::new()?;
    let archive = folder.path("hour.parquet");

    say(format_args!("1. an hour of a simulated market"));
    let recording = recorded(args, &archive)?;
    stop.check()?;

    say(format_args!("2. three brokers (librdkafka's mock cluster) and a schema registry, in this process"));
    let cluster = StandIns::start()?;
    say(format_args!("brokers {}", cluster.bootstrap_servers()));
    say(format_args!("registry {}", cluster.registry_url()));

    say(format_args!(
        "3. the recording at full speed over WebSocket, and the bridge that brings it into Kafka"
    ));
    let replay = replaying(&archive)?;
    if let Err(error) = bridged(&replay, &cluster, &stop) {
        // what it came to does not matter any more
        let _ = replay.stop();
        return Err(error);
    }
    let replayed = replay.finish()?;
    let replayed = replayed.digest.filter(|_| replayed.complete).map(|digest| digest.to_string());
    stop.check()?;

    say(format_args!("4. the topics, read back and compared with the recording message by message"));
    let verified = verified(&archive, &cluster)?;

    let digests =
        Digests { recorded: recording.archive.digest.clone(), replayed, topics: verified.digest.clone() };
    let ok = verified.ok
        && digests.replayed.as_ref() == Some(&digests.recorded)
        && digests.topics == digests.recorded;
    let messages = recording.archive.events.total;
    let report = Report {
        schema_version: SCHEMA_VERSION,
        ok,
        messages,
        digests,
        verified,
        seconds: stopwatch.elapsed().as_secs_f64(),
    };
    if args.json {
        output::print_json(&report)?;
    } else {
        print(&report)?;
    }
    if ok {
        say(format_args!(
            "{} messages, the same in the recording, on the wire and in Kafka, in {:.1} s",
            grouped(messages),
            report.seconds
        ));
        say(format_args!(
            "the brokers were stand-ins: what a crash does, only a real cluster shows (compose/native/cluster up)"
        ));
    } else {
        say(format_args!("the digests differ"));
        if !args.json {
            report.verified.print()?;
        }
    }
    Ok(if ok { Outcome::Done } else { Outcome::Difference })
}

fn print(report: &Report) -> anyhow::Result<()> {
    let Digests { recorded, replayed, topics } = &report.digests;
    let replayed = replayed.as_deref().unwrap_or("none");
    output::print_lines(&format!("recorded  {recorded}\nreplayed  {replayed}\ntopics    {topics}"))
}

/// What a command line asks for; it is shown before it is done.
fn command(arguments: &[&str]) -> anyhow::Result<Command> {
    say(format_args!("$ tradesim {}", arguments.join(" ")));
    let words = ["tradesim"].iter().chain(arguments);
    Ok(Cli::try_parse_from(words).map_err(|error| anyhow::anyhow!("the demo mistypes: {error}"))?.command)
}

/// The environment has no say, so that the demo is the same everywhere.
fn settings() -> Settings {
    Settings::from_sources(&Sources::none())
}

fn recorded(args: &Demo, archive: &Path) -> anyhow::Result<record::Report> {
    let seed = args.seed.to_string();
    let file = archive.display().to_string();
    let threads = args.threads.threads.map(|threads| threads.to_string());
    let mut arguments =
        vec!["record", "--date", DATE, "--seed", &seed, "--from", FROM, "--to", TO, "-o", &file];
    if let Some(threads) = &threads {
        arguments.extend(["--threads", threads.as_str()]);
    }
    let Command::Record(args) = command(&arguments)? else { unreachable!("it says record") };
    record::archive(&args, settings())
}

/// Serves the archive at full speed; time starts with the first client.
fn replaying(path: &Path) -> anyhow::Result<Background> {
    let archive = source::open(path, ReadingArgs { no_mmap: false })?;
    let filter = Filter::of_archive(&FilterArgs::default(), archive.metadata())?;
    let source = Arc::new(ArchiveSource::new(archive, filter, Timestamps::Recorded));
    let options = Options { speed: Speed::Max, on_slow: OnSlow::Wait, ..Options::new(random::run_name()?) };
    Ok(Background::start(source, options)?)
}

fn bridged(replay: &Background, cluster: &StandIns, stop: &Stop) -> anyhow::Result<()> {
    let (url, registry) = (replay.url(), cluster.registry_url());
    let arguments = [
        "bridge",
        "--until-end",
        "--register-schemas",
        "--ws-uri",
        &url,
        "--bootstrap-servers",
        cluster.bootstrap_servers(),
        "--schema-registry-url",
        &registry,
        "--metrics-port",
        "0",
    ];
    let Command::Bridge(args) = command(&arguments)? else { unreachable!("it says bridge") };
    bridge::to_the_end(&args, settings(), stop)
}

fn verified(archive: &Path, cluster: &StandIns) -> anyhow::Result<verify_topic::Report> {
    let file = archive.display().to_string();
    let url = cluster.registry_url();
    let arguments = [
        "verify-topic",
        "--archive",
        &file,
        "--bootstrap-servers",
        cluster.bootstrap_servers(),
        "--schema-registry-url",
        &url,
    ];
    let Command::VerifyTopic(args) = command(&arguments)? else { unreachable!("it says verify-topic") };
    verify_topic::audit(&args, settings())
}
