//! The end points of a load: WebSocket clients in this process, or the bridge and Kafka.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::anyhow;
use clap::Parser;

use super::{
    client::{self, Control, Received},
    measure::Measures,
    scenario::{Target, TargetKind},
};
use crate::{
    cli::{Cli, Command, LoadRun},
    commands::bridge::{self, BridgeReport},
    embedded::EmbeddedCluster,
    exit::Failure,
    settings::Settings,
    signals::Stop,
};

/// The running end points.
#[derive(Debug)]
pub(crate) enum EndPoints {
    Clients {
        control: Arc<Control>,
        threads: Vec<JoinHandle<Received>>,
    },
    Bridge {
        stopping: Arc<AtomicBool>,
        ready: Arc<AtomicBool>,
        thread: JoinHandle<anyhow::Result<BridgeReport>>,
    },
}

/// The results of the end points.
#[derive(Debug)]
pub(crate) enum Arrived {
    Clients(Vec<Received>),
    Bridge(Box<BridgeReport>),
}

/// The connection to Kafka and the schema registry.
#[derive(Debug)]
pub(crate) struct Kafka {
    flags: Vec<String>,
    register: bool,
    settings: Settings,
    /// Dropped when the load is over.
    _embedded: Option<EmbeddedCluster>,
}

impl Kafka {
    /// Uses the flags of the command line, or starts embedded brokers and an embedded registry.
    pub(crate) fn new(args: &LoadRun, settings: Settings) -> anyhow::Result<Kafka> {
        let mut flags = Vec::new();
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                flags.extend([name.to_owned(), value]);
            }
        };
        let embedded = if args.embedded { Some(EmbeddedCluster::start()?) } else { None };
        match &embedded {
            Some(embedded) => {
                flag("--bootstrap-servers", Some(embedded.bootstrap_servers().to_owned()));
                flag("--schema-registry-url", Some(embedded.registry_url()));
            }
            None => {
                flag("--bootstrap-servers", args.kafka.bootstrap_servers.clone());
                flag("--schema-registry-url", args.registry.schema_registry_url.clone());
                flag("--schema-registry-auth", args.registry.schema_registry_auth.clone());
                let file = args.registry.schema_registry_ca.as_ref();
                flag("--schema-registry-ca", file.map(|file| file.display().to_string()));
                let prefix = &args.prefix.topic_prefix;
                flag("--topic-prefix", Some(prefix.clone()).filter(|prefix| !prefix.is_empty()));
            }
        }
        let register = args.embedded || args.register_schemas;
        Ok(Kafka { flags, register, settings, _embedded: embedded })
    }

    /// Parses a command, with the flags for the connection added.
    pub(crate) fn command(&self, args: &LoadRun, words: &[&str]) -> anyhow::Result<Command> {
        let words = ["tradesim"].iter().chain(words).map(|word| (*word).to_owned()).chain(self.flags.clone());
        let mut command = Cli::try_parse_from(words)
            .map_err(|error| Failure::usage(error.to_string().trim_end().to_owned()))?
            .command;
        // already parsed, and may contain secrets
        match &mut command {
            Command::Bridge(bridge) => {
                bridge.kafka.kafka_property.extend(args.kafka.kafka_property.iter().cloned());
            }
            Command::VerifyTopic(verify) => {
                verify.kafka.kafka_property.clone_from(&args.kafka.kafka_property)
            }
            _ => {}
        }
        Ok(command)
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.clone()
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self._embedded.is_some()
    }
}

impl EndPoints {
    /// Returns the number of end points.
    pub(crate) fn count(target: &Target) -> usize {
        match target.kind {
            TargetKind::Websocket => target.clients,
            TargetKind::Kafka => 1,
        }
    }

    /// Starts clients of a server, on its clock.
    pub(crate) fn clients(
        target: &Target,
        (address, zero): (SocketAddr, Instant),
        measures: &Arc<Measures>,
        stop: &Stop,
    ) -> anyhow::Result<EndPoints> {
        let control = Arc::new(Control::new(zero));
        let start =
            |number| client::start(number, address, Arc::clone(measures), Arc::clone(&control), stop.clone());
        let threads = (0..target.clients).map(start).collect::<Result<_, _>>()?;
        Ok(EndPoints::Clients { control, threads })
    }

    /// Starts a bridge from the server at `url`, on the clock with this zero.
    pub(crate) fn bridge(
        target: &Target,
        (args, kafka): (&LoadRun, &Kafka),
        url: &str,
        zero: Instant,
        measures: &Arc<Measures>,
    ) -> anyhow::Result<EndPoints> {
        let mut words = target.bridge_args(url);
        if kafka.register {
            words.push("--register-schemas");
        }
        let Command::Bridge(bridge) = kafka.command(args, &words)? else {
            return Err(anyhow!("the command is not bridge"));
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let (stop, measures, settings) = (Arc::clone(&stopping), Arc::clone(measures), kafka.settings());
        let ready = Arc::new(AtomicBool::new(false));
        let is_ready = Arc::clone(&ready);
        let observer = Box::new(move |next_seq| {
            is_ready.store(true, Ordering::Relaxed);
            measures.delivered(0, next_seq, zero.elapsed());
        });
        let thread = thread::Builder::new()
            .name("bridge".to_owned())
            .spawn(move || bridge::observed(&bridge, settings, &|| stop.load(Ordering::Relaxed), observer))?;
        Ok(EndPoints::Bridge { stopping, ready, thread })
    }

    /// Returns whether playback can start. The server itself waits for clients, but a bridge has more to prepare than its
    /// connection.
    pub(crate) fn are_ready(&self) -> bool {
        match self {
            EndPoints::Clients { .. } => true,
            EndPoints::Bridge { ready, .. } => ready.load(Ordering::Relaxed),
        }
    }

    /// Returns whether all end points have finished.
    pub(crate) fn are_over(&self) -> bool {
        match self {
            EndPoints::Clients { threads, .. } => threads.iter().all(JoinHandle::is_finished),
            EndPoints::Bridge { thread, .. } => thread.is_finished(),
        }
    }

    /// Stops the end points early.
    pub(crate) fn stop(&self) {
        match self {
            EndPoints::Clients { control, .. } => control.stop(),
            EndPoints::Bridge { stopping, .. } => stopping.store(true, Ordering::Relaxed),
        }
    }

    /// Waits for the end points to finish.
    pub(crate) fn finish(self) -> anyhow::Result<Arrived> {
        let panicked = |_| anyhow!("an end point panicked");
        match self {
            EndPoints::Clients { threads, .. } => {
                let received = threads.into_iter().map(|thread| thread.join().map_err(panicked));
                Ok(Arrived::Clients(received.collect::<Result<_, _>>()?))
            }
            EndPoints::Bridge { thread, .. } => {
                Ok(Arrived::Bridge(Box::new(thread.join().map_err(panicked)??)))
            }
        }
    }
}
