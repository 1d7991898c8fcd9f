//! `demo`: the whole pipeline in one process. Each step is a command, which is printed before it runs.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use tradesim_replay::{Background, OnSlow, Options, Speed};
use tradesim_sources::{ArchiveSource, Timestamps};

use crate::{
    cli::{
        AnswerArgs, Bridge, CutArgs, DatasetAuditArgs, Demo, FilterArgs, KafkaArgs, PrefixArgs, ReadingArgs,
        Record, RegistryArgs, VerifyTopic,
    },
    commands::{bridge, record, verify_topic},
    embedded::EmbeddedCluster,
    exit::Outcome,
    filter,
    output::{self, Stdout, grouped, say},
    parse,
    progress::Stopwatch,
    random,
    report::SCHEMA_VERSION,
    scratch::Folder,
    settings::{Settings, Sources},
    signals::Stop,
    source,
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
    let recording = record::archive(&announced(record_step(args, &archive)), settings())?;
    stop.check()?;

    say(format_args!(
        "2. start three embedded brokers (librdkafka's mock cluster) and an embedded schema registry"
    ));
    let embedded = EmbeddedCluster::start()?;
    let cluster = Cluster {
        bootstrap_servers: embedded.bootstrap_servers().to_owned(),
        registry_url: embedded.registry_url(),
    };
    say(format_args!("brokers {}", cluster.bootstrap_servers));
    say(format_args!("registry {}", cluster.registry_url));

    say(format_args!("3. replay the recording over WebSocket at full speed, and bridge it to Kafka"));
    let replay = replaying(&archive)?;
    let bridge = announced(bridge_step(&replay.url(), &cluster));
    if let Err(error) = bridge::to_the_end(&bridge, settings(), &stop) {
        // the result of the replay does not matter
        let _ = replay.stop();
        return Err(error);
    }
    let replayed = replay.finish()?;
    let replayed = replayed.digest.filter(|_| replayed.complete).map(|digest| digest.to_string());
    stop.check()?;

    say(format_args!("4. read the topics back, and compare them with the recording message by message"));
    let verified = verify_topic::audit(&announced(verify_step(&archive, &cluster)), settings())?;

    let digests =
        Digests { recorded: recording.archive.digest.clone(), replayed, topics: verified.digest.clone() };
    let ok = verified.ok
        && digests.replayed.as_ref() == Some(&digests.recorded)
        && digests.topics == digests.recorded;
    let messages = recording.archive.events.total();
    let report = DemoReport {
        schema_version: SCHEMA_VERSION,
        ok,
        messages,
        digests,
        verified,
        seconds: stopwatch.elapsed().as_secs_f64(),
    };
    output::emit(args.json, &report, |out| report.digests.write(out))?;
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
            output::emit(false, &report.verified, |out| report.verified.write(out))?;
        }
    }
    Ok(if ok { Outcome::Done } else { Outcome::Difference })
}

impl Digests {
    fn write(&self, out: &mut Stdout) -> anyhow::Result<()> {
        out.line(&format!("recorded  {}", self.recorded))?;
        out.line(&format!("replayed  {}", self.replayed.as_deref().unwrap_or("none")))?;
        out.line(&format!("topics    {}", self.topics))
    }
}

/// Returns the default settings: the demo ignores the environment, so that it is the same everywhere.
fn settings() -> Settings {
    Settings::from_sources(&Sources::none())
}

/// Returns the command that records, as a user would type it, and its arguments.
fn record_step(demo: &Demo, archive: &Path) -> (String, Record) {
    let Demo { seed, threads, .. } = demo;
    let mut shown =
        format!("record --date {DATE} --seed {seed} --from {FROM} --to {TO} -o {}", archive.display());
    if let Some(threads) = threads.threads {
        shown = format!("{shown} --threads {threads}");
    }
    let time = |text: &str| text.parse().expect("valid times");
    let args = Record {
        date: Some(parse::date(DATE).expect("a valid date")),
        seed: Some(*seed),
        output: Some(archive.to_owned()),
        threads: *threads,
        cut: CutArgs { from: Some(time(FROM)), to: Some(time(TO)), ..CutArgs::default() },
        ..Record::default()
    };
    (shown, args)
}

/// Returns the command that bridges, as a user would type it, and its arguments.
fn bridge_step(url: &str, cluster: &Cluster) -> (String, Bridge) {
    let shown =
        format!("bridge --until-end --register-schemas --ws-uri {url} {} --metrics-port 0", cluster.shown());
    let args = Bridge {
        ws_uri: Some(url.to_owned()),
        until_end: true,
        register_schemas: true,
        metrics_port: Some(0),
        kafka: cluster.kafka(),
        registry: cluster.registry(),
        ..Bridge::default()
    };
    (shown, args)
}

/// Returns the command that verifies, as a user would type it, and its arguments.
fn verify_step(archive: &Path, cluster: &Cluster) -> (String, VerifyTopic) {
    let shown = format!("verify-topic --archive {} {}", archive.display(), cluster.shown());
    let args = VerifyTopic {
        archive: Some(archive.to_owned()),
        dataset: DatasetAuditArgs::default(),
        run: None,
        json: false,
        answer: AnswerArgs::default(),
        kafka: cluster.kafka(),
        prefix: PrefixArgs::default(),
        dlq_topic: None,
        registry: cluster.registry(),
        filter: FilterArgs::default(),
        reading: ReadingArgs::default(),
    };
    (shown, args)
}

/// The addresses of the brokers and the registry.
struct Cluster {
    bootstrap_servers: String,
    registry_url: String,
}

impl Cluster {
    fn shown(&self) -> String {
        format!("--bootstrap-servers {} --schema-registry-url {}", self.bootstrap_servers, self.registry_url)
    }

    fn kafka(&self) -> KafkaArgs {
        KafkaArgs { bootstrap_servers: Some(self.bootstrap_servers.clone()), ..KafkaArgs::default() }
    }

    fn registry(&self) -> RegistryArgs {
        RegistryArgs { schema_registry_url: Some(self.registry_url.clone()), ..RegistryArgs::default() }
    }
}

/// Prints a command as a user would type it, and returns its arguments.
fn announced<T>((shown, args): (String, T)) -> T {
    say(format_args!("$ tradesim {shown}"));
    args
}

/// Serves the archive at full speed, starting with the first client.
fn replaying(path: &Path) -> anyhow::Result<Background> {
    let archive = source::open(path, ReadingArgs::default())?;
    let filter = filter::of_archive(&FilterArgs::default(), archive.metadata())?;
    let source = Arc::new(ArchiveSource::new(archive, filter, Timestamps::Recorded));
    let options = Options { speed: Speed::Max, on_slow: OnSlow::Wait, ..Options::new(random::run_name()?) };
    Ok(Background::start(source, options)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command, ThreadArgs};

    /// Parses what the demo shows as a user would type it.
    fn typed(shown: &str) -> Command {
        Cli::try_parse_from(["tradesim"].into_iter().chain(shown.split(' '))).unwrap().command
    }

    #[test]
    fn each_step_does_what_it_shows() {
        let threads = ThreadArgs { threads: std::num::NonZeroUsize::new(2) };
        let demo = Demo { seed: 7, json: false, threads };
        let archive = Path::new("/tmp/hour.parquet");
        let cluster = Cluster {
            bootstrap_servers: "127.0.0.1:1,127.0.0.1:2".to_owned(),
            registry_url: "http://127.0.0.1:3".to_owned(),
        };
        let (shown, args) = record_step(&demo, archive);
        assert_eq!(format!("{:?}", typed(&shown)), format!("{:?}", Command::Record(args)));
        let (shown, args) = bridge_step("ws://127.0.0.1:4", &cluster);
        assert_eq!(format!("{:?}", typed(&shown)), format!("{:?}", Command::Bridge(args)));
        let (shown, args) = verify_step(archive, &cluster);
        assert_eq!(format!("{:?}", typed(&shown)), format!("{:?}", Command::VerifyTopic(args)));
    }
}
