//! Where a load arrives: clients in this process, or the bridge and Kafka.

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
    exit::Failure,
    settings::Settings,
    signals::Stop,
    stand_ins::StandIns,
};

/// The end points of a load while it runs.
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

/// What the end points came to.
#[derive(Debug)]
pub(crate) enum Arrived {
    Clients(Vec<Received>),
    Bridge(Box<BridgeReport>),
}

/// How Kafka is reached.
#[derive(Debug)]
pub(crate) struct Kafka {
    flags: Vec<String>,
    register: bool,
    settings: Settings,
    /// Goes when the load is over.
    _stand_ins: Option<StandIns>,
}

impl Kafka {
    /// What the command line says, or stand-ins.
    pub(crate) fn new(args: &LoadRun, settings: Settings) -> anyhow::Result<Kafka> {
        let mut flags = Vec::new();
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                flags.extend([name.to_owned(), value]);
            }
        };
        let stand_ins = if args.embedded { Some(StandIns::start()?) } else { None };
        match &stand_ins {
            Some(stand_ins) => {
                flag("--bootstrap-servers", Some(stand_ins.bootstrap_servers().to_owned()));
                flag("--schema-registry-url", Some(stand_ins.registry_url()));
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
        Ok(Kafka { flags, register, settings, _stand_ins: stand_ins })
    }

    /// A command with the flags that say how Kafka is reached.
    pub(crate) fn command(&self, args: &LoadRun, words: &[&str]) -> anyhow::Result<Command> {
        let words = ["tradesim"].iter().chain(words).map(|word| (*word).to_owned()).chain(self.flags.clone());
        let mut command = Cli::try_parse_from(words)
            .map_err(|error| Failure::usage(error.to_string().trim_end().to_owned()))?
            .command;
        // parsed already, and a secret is not to be spelled out again
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
        self._stand_ins.is_some()
    }
}

impl EndPoints {
    /// How many of them measure.
    pub(crate) fn count(target: &Target) -> usize {
        match target.kind {
            TargetKind::Websocket => target.clients,
            TargetKind::Kafka => 1,
        }
    }

    /// Starts clients of the server at `address`, on the clock that began at `zero`.
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

    /// Starts a bridge from the server at `url`.
    pub(crate) fn bridge(
        target: &Target,
        (args, kafka): (&LoadRun, &Kafka),
        url: &str,
        zero: Instant,
        measures: &Arc<Measures>,
    ) -> anyhow::Result<EndPoints> {
        let mut words = target.bridge_words(url);
        if kafka.register {
            words.push("--register-schemas");
        }
        let Command::Bridge(bridge) = kafka.command(args, &words)? else {
            return Err(anyhow!("it says bridge"));
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let (stop, measures, settings) = (Arc::clone(&stopping), Arc::clone(measures), kafka.settings());
        let ready = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ready);
        let observer = Box::new(move |next_seq| {
            told.store(true, Ordering::Relaxed);
            measures.delivered(0, next_seq, zero.elapsed());
        });
        let thread = thread::Builder::new()
            .name("bridge".to_owned())
            .spawn(move || bridge::observed(&bridge, settings, &|| stop.load(Ordering::Relaxed), observer))?;
        Ok(EndPoints::Bridge { stopping, ready, thread })
    }

    /// Whether time can begin. The server waits for clients by itself; a bridge has more to do than to connect.
    pub(crate) fn are_ready(&self) -> bool {
        match self {
            EndPoints::Clients { .. } => true,
            EndPoints::Bridge { ready, .. } => ready.load(Ordering::Relaxed),
        }
    }

    /// Whether nothing more arrives.
    pub(crate) fn are_over(&self) -> bool {
        match self {
            EndPoints::Clients { threads, .. } => threads.iter().all(JoinHandle::is_finished),
            EndPoints::Bridge { thread, .. } => thread.is_finished(),
        }
    }

    /// Ends them before their end.
    pub(crate) fn stop(&self) {
        match self {
            EndPoints::Clients { control, .. } => control.stop(),
            EndPoints::Bridge { stopping, .. } => stopping.store(true, Ordering::Relaxed),
        }
    }

    /// Waits for their end.
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
