//! `demo`: the whole pipeline in one process. Each step is a command, which is printed before it runs.

use std::{path::Path, sync::Arc};

use clap::Parser;
use serde::Serialize;
use tradesim_replay::{Background, OnSlow, Options, Speed};

use crate::{
    cli::{Cli, Command, Demo, FilterArgs, ReadingArgs},
    commands::{bridge, record, verify_topic},
    embedded::EmbeddedCluster,
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
    streams::{ArchiveSource, Timestamps},
};

/// The recorded hour: the first and busiest of a trading day.
const DATE: &str = "2026-02-18";
const FROM: &str = "09:30";
const TO: &str = "10:30";

#[derive(Serialize)]
struct DemoReport {
    schema_version: u32,
    ok: bool,
    messages: u64,
    digests: Digests,
    verified: verify_topic::VerifyTopicReport,
    seconds: f64,
}

/// The digest at three places.
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

    say(format_args!("1. record an hour of a simulated market"));
    let recording = recorded(args, &archive)?;
    stop.check()?;

    say(format_args!(
        "2. start three embedded brokers (librdkafka's mock cluster) and an embedded schema registry"
    ));
    let cluster = EmbeddedCluster::start()?;
    say(format_args!("brokers {}", cluster.bootstrap_servers()));
    say(format_args!("registry {}", cluster.registry_url()));

    say(format_args!("3. replay the recording over WebSocket at full speed, and bridge it to Kafka"));
    let replay = replaying(&archive)?;
    if let Err(error) = bridged(&replay, &cluster, &stop) {
        // the result of the replay does not matter
        let _ = replay.stop();
        return Err(error);
    }
    let replayed = replay.finish()?;
    let replayed = replayed.digest.filter(|_| replayed.complete).map(|digest| digest.to_string());
    stop.check()?;

    say(format_args!("4. read the topics back, and compare them with the recording message by message"));
    let verified = verified(&archive, &cluster)?;

    let digests =
        Digests { recorded: recording.archive.digest.clone(), replayed, topics: verified.digest.clone() };
    let ok = verified.ok
        && digests.replayed.as_ref() == Some(&digests.recorded)
        && digests.topics == digests.recorded;
    let messages = recording.archive.events.total;
    let report = DemoReport {
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
            "these were embedded brokers: only a real cluster shows what happens on a crash (compose/native/cluster up)"
        ));
    } else {
        say(format_args!("the digests differ"));
        if !args.json {
            report.verified.print()?;
        }
    }
    Ok(if ok { Outcome::Done } else { Outcome::Difference })
}

fn print(report: &DemoReport) -> anyhow::Result<()> {
    let Digests { recorded, replayed, topics } = &report.digests;
    let replayed = replayed.as_deref().unwrap_or("none");
    output::print_lines(&format!("recorded  {recorded}\nreplayed  {replayed}\ntopics    {topics}"))
}

/// Prints a command line and parses it.
fn command(arguments: &[&str]) -> anyhow::Result<Command> {
    say(format_args!("$ tradesim {}", arguments.join(" ")));
    let words = ["tradesim"].iter().chain(arguments);
    Ok(Cli::try_parse_from(words)
        .map_err(|error| anyhow::anyhow!("invalid command line of the demo: {error}"))?
        .command)
}

/// Returns the default settings: the demo ignores the environment, so that it is the same everywhere.
fn settings() -> Settings {
    Settings::from_sources(&Sources::none())
}

fn recorded(args: &Demo, archive: &Path) -> anyhow::Result<record::RecordReport> {
    let seed = args.seed.to_string();
    let file = archive.display().to_string();
    let threads = args.threads.threads.map(|threads| threads.to_string());
    let mut arguments =
        vec!["record", "--date", DATE, "--seed", &seed, "--from", FROM, "--to", TO, "-o", &file];
    if let Some(threads) = &threads {
        arguments.extend(["--threads", threads.as_str()]);
    }
    let Command::Record(args) = command(&arguments)? else { unreachable!("the command is record") };
    record::archive(&args, settings())
}

/// Serves the archive at full speed, starting with the first client.
fn replaying(path: &Path) -> anyhow::Result<Background> {
    let archive = source::open(path, ReadingArgs { no_mmap: false })?;
    let filter = Filter::of_archive(&FilterArgs::default(), archive.metadata())?;
    let source = Arc::new(ArchiveSource::new(archive, filter, Timestamps::Recorded));
    let options = Options { speed: Speed::Max, on_slow: OnSlow::Wait, ..Options::new(random::run_name()?) };
    Ok(Background::start(source, options)?)
}

fn bridged(replay: &Background, cluster: &EmbeddedCluster, stop: &Stop) -> anyhow::Result<()> {
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
    let Command::Bridge(args) = command(&arguments)? else { unreachable!("the command is bridge") };
    bridge::to_the_end(&args, settings(), stop)
}

fn verified(archive: &Path, cluster: &EmbeddedCluster) -> anyhow::Result<verify_topic::VerifyTopicReport> {
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
    let Command::VerifyTopic(args) = command(&arguments)? else {
        unreachable!("the command is verify-topic")
    };
    verify_topic::audit(&args, settings())
}
