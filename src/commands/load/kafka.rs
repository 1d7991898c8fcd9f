//! Kafka as the target of a load test.

use std::path::Path;

use tradesim_bridge::core::Guarantee;

use tradesim_load::{BridgeTarget, Findings, Verification};

use crate::{
    cli::{
        AnswerArgs, Bridge, BridgeTuning, CutArgs, DatasetAuditArgs, DeliveryMode, FilterArgs, KafkaArgs,
        LoadRun, PrefixArgs, ReadingArgs, RegistryArgs, VerifyTopic,
    },
    commands::{
        bridge,
        verify_topic::{self, VerifyTopicReport},
    },
    embedded::EmbeddedCluster,
    random,
    settings::Settings,
};

/// The connection to Kafka and the schema registry.
#[derive(Debug)]
pub(super) struct Kafka {
    brokers: KafkaArgs,
    registry: RegistryArgs,
    prefix: PrefixArgs,
    settings: Settings,
    register: bool,
    /// Dropped when the load is over.
    embedded: Option<EmbeddedCluster>,
}

impl Kafka {
    /// Uses the flags of the command line, or starts embedded brokers and an embedded registry.
    pub(super) fn new(args: &LoadRun, settings: Settings) -> anyhow::Result<Kafka> {
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

    /// Returns the bridge of the load.
    pub(super) fn target(&self, delivery: Guarantee, tuning: BridgeTuning) -> anyhow::Result<BridgeTarget> {
        let args = Bridge {
            // the load connects the bridge to its own server
            ws_uri: Some("ws://localhost".to_owned()),
            delivery: match delivery {
                Guarantee::ExactlyOnce => DeliveryMode::ExactlyOnce,
                Guarantee::AtLeastOnce => DeliveryMode::AtLeastOnce,
            },
            until_end: true,
            register_schemas: self.register,
            tuning,
            metrics_port: Some(0),
            kafka: self.brokers.clone(),
            prefix: self.prefix.clone(),
            registry: self.registry.clone(),
            ..Bridge::default()
        };
        let options = bridge::options(&args, self.settings.clone())?;
        Ok(BridgeTarget { options, embedded: self.embedded.is_some(), jitter: random::jitter })
    }

    /// Compares the topics with the first `sent` messages of the archive.
    pub(super) fn verify(&self, archive: &Path, run: &str, sent: u64) -> anyhow::Result<VerifyTopicReport> {
        let cut = CutArgs { limit: Some(sent), ..CutArgs::default() };
        let args = VerifyTopic {
            archive: Some(archive.to_owned()),
            dataset: DatasetAuditArgs::default(),
            run: Some(run.to_owned()),
            json: false,
            answer: AnswerArgs::default(),
            kafka: self.brokers.clone(),
            prefix: self.prefix.clone(),
            dlq_topic: None,
            registry: self.registry.clone(),
            filter: FilterArgs { cut, ..FilterArgs::default() },
            reading: ReadingArgs::default(),
        };
        verify_topic::audit(&args, self.settings.clone())
    }
}

impl Verification for VerifyTopicReport {
    fn findings(&self) -> Findings<'_> {
        Findings {
            present: self.present,
            lost: self.lost,
            duplicated: self.duplicated,
            reordered: self.reordered,
            altered: self.altered,
            digest: &self.digest,
        }
    }
}
