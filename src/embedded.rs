//! Brokers and a registry in this process, where no others are wanted.

use anyhow::Context;
use tradesim_bridge::{
    dev::{DevBroker, DevRegistry},
    topics::{TopicOptions, topics},
};

/// How many brokers there are: as many as topics have replicas.
const BROKERS: u16 = 3;

/// Stand-ins that go with the value.
#[derive(Debug)]
pub(crate) struct StandIns {
    broker: DevBroker,
    registry: DevRegistry,
}

impl StandIns {
    /// Starts them, with the topics that the bridge needs.
    pub(crate) fn start() -> anyhow::Result<StandIns> {
        let options = TopicOptions {
            prefix: String::new(),
            dead_letters: "dlq.raw.failed".to_owned(),
            replicas: BROKERS,
        };
        let topics: Vec<_> =
            topics(&options).into_iter().map(|topic| (topic.name, topic.partitions)).collect();
        let broker = DevBroker::start(BROKERS, &topics).context("the brokers cannot be started")?;
        let registry = DevRegistry::start(0).context("the registry cannot be started")?;
        Ok(StandIns { broker, registry })
    }

    pub(crate) fn bootstrap_servers(&self) -> &str {
        self.broker.bootstrap_servers()
    }

    pub(crate) fn registry_url(&self) -> String {
        self.registry.url()
    }
}
