//! Brokers and a registry of the demo's own.

use anyhow::Context;
use tradesim_bridge::{
    dev::{DevBroker, DevRegistry},
    topics::{TopicOptions, topics},
};

/// How many brokers there are: as many as topics have replicas.
const BROKERS: u16 = 3;

/// Stand-ins that go with the value.
#[derive(Debug)]
pub(super) struct Cluster {
    broker: DevBroker,
    registry: DevRegistry,
}

impl Cluster {
    /// Starts them, with the topics that the bridge needs.
    pub(super) fn start() -> anyhow::Result<Cluster> {
        let options = TopicOptions {
            prefix: String::new(),
            dead_letters: "dlq.raw.failed".to_owned(),
            replicas: BROKERS,
        };
        let topics: Vec<_> =
            topics(&options).into_iter().map(|topic| (topic.name, topic.partitions)).collect();
        let broker = DevBroker::start(BROKERS, &topics).context("the brokers cannot be started")?;
        let registry = DevRegistry::start(0).context("the registry cannot be started")?;
        Ok(Cluster { broker, registry })
    }

    pub(super) fn bootstrap_servers(&self) -> &str {
        self.broker.bootstrap_servers()
    }

    pub(super) fn registry_url(&self) -> String {
        self.registry.url()
    }
}
