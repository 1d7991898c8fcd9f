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

use super::{
    client::{self, Control, Received},
    measure::Measures,
    scenario::{Target, TargetKind},
};
use crate::{
    cli::{Bridge, KafkaArgs, LoadRun, PrefixArgs, RegistryArgs},
    commands::bridge::{self, BridgeReport},
    embedded::EmbeddedCluster,
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
    pub(crate) brokers: KafkaArgs,
    pub(crate) registry: RegistryArgs,
    pub(crate) prefix: PrefixArgs,
    pub(crate) settings: Settings,
    register: bool,
    /// Dropped when the load is over.
    embedded: Option<EmbeddedCluster>,
}

impl Kafka {
    /// Uses the flags of the command line, or starts embedded brokers and an embedded registry.
    pub(crate) fn new(args: &LoadRun, settings: Settings) -> anyhow::Result<Kafka> {
        let mut kafka = Kafka {
            brokers: args.kafka.clone(),
            registry: args.registry.clone(),
            prefix: args.prefix.clone(),
            settings,
            register: args.register_schemas,
            embedded: None,
        };
        if args.embedded {
            let embedded = EmbeddedCluster::start()?;
            kafka.brokers.bootstrap_servers = Some(embedded.bootstrap_servers().to_owned());
            kafka.registry = RegistryArgs {
                schema_registry_url: Some(embedded.registry_url()),
                ..RegistryArgs::default()
            };
            kafka.prefix = PrefixArgs::default();
            kafka.register = true;
            kafka.embedded = Some(embedded);
        }
        Ok(kafka)
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Returns the arguments of a bridge from the server at `url`.
    fn bridge(&self, target: &Target, url: &str) -> Bridge {
        Bridge {
            ws_uri: Some(url.to_owned()),
            delivery: target.delivery,
            until_end: true,
            register_schemas: self.register,
            tuning: target.bridge.clone().unwrap_or_default(),
            metrics_port: Some(0),
            kafka: self.brokers.clone(),
            prefix: self.prefix.clone(),
            registry: self.registry.clone(),
            ..Bridge::default()
        }
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
        kafka: &Kafka,
        url: &str,
        zero: Instant,
        measures: &Arc<Measures>,
    ) -> anyhow::Result<EndPoints> {
        let bridge = kafka.bridge(target, url);
        let stopping = Arc::new(AtomicBool::new(false));
        let (stop, measures, settings) =
            (Arc::clone(&stopping), Arc::clone(measures), kafka.settings.clone());
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
