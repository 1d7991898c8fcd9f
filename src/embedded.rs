//! Embedded brokers and an embedded schema registry, for `demo` and `load run --embedded`.

use anyhow::Context;
use tradesim_bridge::{
    dev::{DevBroker, DevRegistry},
    topics::{TopicOptions, topics},
};

/// The number of brokers: the replication factor of the topics.
const BROKERS: u16 = 3;

/// Embedded brokers and an embedded registry, which stop on drop.
#[derive(Debug)]
pub(crate) struct EmbeddedCluster {
    broker: DevBroker,
    registry: DevRegistry,
}

impl EmbeddedCluster {
    /// Starts both, and creates the topics of the bridge.
    pub(crate) fn start() -> anyhow::Result<EmbeddedCluster> {
        let options = TopicOptions {
            prefix: String::new(),
            dead_letters: "dlq.raw.failed".to_owned(),
            replicas: BROKERS,
        };
        let topics: Vec<_> =
            topics(&options).into_iter().map(|topic| (topic.name, topic.partitions)).collect();
        let broker = DevBroker::start(BROKERS, &topics).context("cannot start the embedded brokers")?;
        let registry = DevRegistry::start(0).context("cannot start the embedded registry")?;
        Ok(EmbeddedCluster { broker, registry })
    }

    pub(crate) fn bootstrap_servers(&self) -> &str {
        self.broker.bootstrap_servers()
    }

    pub(crate) fn registry_url(&self) -> String {
        self.registry.url()
    }
}
