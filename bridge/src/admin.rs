//! Administration of a cluster: its brokers, topics and properties, and the creation of topics.

mod cluster;
mod error;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication},
    config::FromClientConfigAndContext,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};
use tokio::runtime::Runtime;

use crate::{
    connection::{ConnectionError, KafkaConnection},
    kafka::{Isolation, Quiet, TopicReader, explain, reader},
    topics::{FoundTopic, Topic},
};

pub use cluster::{Broker, BrokerPlan, broker_deviations};
pub use error::AdminError;

/// The time in which the cluster must show a change everywhere.
const SETTLING: Duration = Duration::from_secs(20);
/// The interval of checks for a change.
const SETTLING_STEP: Duration = Duration::from_millis(100);

/// The result of creating a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It was created.
    Created,
    /// It existed already.
    Existed,
}

/// A client for administration.
pub struct Admin {
    client: AdminClient<Quiet>,
    /// Requests metadata. The admin client's log is never polled, and only there would it state why no broker is
    /// reachable.
    reader: TopicReader,
    runtime: Runtime,
    bootstrap_servers: String,
    timeout: Duration,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("bootstrap_servers", &self.bootstrap_servers).finish_non_exhaustive()
    }
}

impl Admin {
    /// Returns a client whose requests may take `timeout` each. Nothing is requested yet.
    ///
    /// # Errors
    /// Properties that librdkafka rejects.
    pub fn new(connection: &KafkaConnection, timeout: Duration) -> Result<Admin, AdminError> {
        let mut config = ClientConfig::new();
        config.set("client.id", "tradesim-admin");
        connection.apply(&mut config);
        let failed = |error| AdminError::Connection { source: ConnectionError::from_creation(error) };
        let client = AdminClient::from_config_and_context(&config, Quiet::default()).map_err(failed)?;
        let reader = reader(connection, "tradesim-admin", Isolation::Committed).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|source| AdminError::Runtime { source })?;
        let bootstrap_servers = connection.bootstrap_servers().to_owned();
        Ok(Admin { client, reader, runtime, bootstrap_servers, timeout })
    }

    /// Returns the brokers that the cluster knows of, by id.
    ///
    /// # Errors
    /// No broker answers.
    pub fn brokers(&self) -> Result<Vec<Broker>, AdminError> {
        let metadata = self.metadata()?;
        let mut brokers: Vec<Broker> = metadata
            .brokers()
            .iter()
            .map(|broker| Broker { id: broker.id(), address: format!("{}:{}", broker.host(), broker.port()) })
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(brokers)
    }

    /// Returns the properties of a broker, as it states them itself. Properties without a value are omitted.
    ///
    /// # Errors
    /// The broker does not answer, or denies access.
    pub fn broker_properties(&self, id: i32) -> Result<BTreeMap<String, String>, AdminError> {
        let what = format!("the properties of broker {id}");
        // librdkafka sends such a request to the broker itself, and accepts one of them at a time
        let mut found = self.describe(&[ResourceSpecifier::Broker(id)], &what)?;
        Ok(found.pop().map(|resource| values(&resource)).unwrap_or_default())
    }

    /// Returns the number of partitions of those topics that exist. Every broker supports this request, including
    /// embedded ones.
    ///
    /// # Errors
    /// No broker answers.
    pub fn partitions(&self, names: &[&str]) -> Result<BTreeMap<String, usize>, AdminError> {
        let metadata = self.metadata()?;
        let wanted =
            metadata.topics().iter().filter(|topic| topic.error().is_none() && names.contains(&topic.name()));
        Ok(wanted.map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect())
    }

    /// Returns the topics that exist, by name.
    ///
    /// # Errors
    /// No broker answers, or it denies access.
    pub fn topics(&self, names: &[&str]) -> Result<BTreeMap<String, FoundTopic>, AdminError> {
        let metadata = self.metadata()?;
        let mut found = BTreeMap::new();
        for topic in metadata.topics() {
            if topic.error().is_none() && names.contains(&topic.name()) {
                let replicas =
                    topic.partitions().iter().map(|partition| partition.replicas().to_vec()).collect();
                found.insert(topic.name().to_owned(), FoundTopic { replicas, properties: BTreeMap::new() });
            }
        }
        let asked: Vec<&str> = names.iter().copied().filter(|name| found.contains_key(*name)).collect();
        if asked.is_empty() {
            return Ok(found);
        }
        let specifiers: Vec<_> = asked.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        // the answers are in the order of the requests
        for (name, resource) in asked.iter().zip(self.describe(&specifiers, "the properties of topics")?) {
            if let Some(topic) = found.get_mut(*name) {
                topic.properties = values(&resource);
            }
        }
        Ok(found)
    }

    /// Creates the topics that do not exist, waits until the cluster shows all of them, and returns what it shows:
    /// the next broker that receives a request may not know of them yet.
    ///
    /// # Errors
    /// The cluster refuses a topic, with its reason, or does not show it in time.
    pub fn create(
        &self,
        topics: &[Topic],
    ) -> Result<(Vec<Creation>, BTreeMap<String, FoundTopic>), AdminError> {
        // an unknown address would be reported as a failure of the request
        self.metadata()?;
        let properties: Vec<_> = topics.iter().map(Topic::properties).collect();
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .zip(&properties)
            .map(|(topic, properties)| {
                let replication = TopicReplication::Fixed(i32::from(topic.replicas));
                let mut new = NewTopic::new(&topic.name, i32::from(topic.partitions), replication);
                for (name, value) in properties {
                    new = new.set(name, value);
                }
                new
            })
            .collect();
        let options =
            AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout));
        let results = self.runtime.block_on(self.client.create_topics(&new, &options));
        let results = results.map_err(|error| self.failure("the creation of topics", error))?;
        let mut creations = Vec::new();
        for (topic, result) in topics.iter().zip(results) {
            creations.push(match result {
                Ok(_) => Creation::Created,
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Creation::Existed,
                Err((_, code)) => return Err(self.refused(format!("topic {}", topic.name), code)),
            });
        }
        Ok((creations, self.wait_for(topics)?))
    }

    /// Waits until every topic is described, with its properties: right after its creation it may be unknown.
    fn wait_for(&self, topics: &[Topic]) -> Result<BTreeMap<String, FoundTopic>, AdminError> {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let mut waited = Duration::ZERO;
        loop {
            let missing = match self.topics(&names) {
                Ok(found) => match names.iter().find(|name| !is_whole(found.get(**name))) {
                    None => return Ok(found),
                    Some(missing) => (*missing).to_owned(),
                },
                Err(AdminError::Refused { code: RDKafkaErrorCode::UnknownTopicOrPartition, .. }) => {
                    names.join(", ")
                }
                Err(error) => return Err(error),
            };
            if waited >= SETTLING {
                return Err(AdminError::Unsettled { topic: missing, waited });
            }
            std::thread::sleep(SETTLING_STEP);
            waited += SETTLING_STEP;
        }
    }

    fn metadata(&self) -> Result<Metadata, AdminError> {
        let result = self.reader.fetch_metadata(None, self.timeout);
        result.map_err(|error| self.failure("the metadata of the cluster", error))
    }

    fn describe(
        &self,
        resources: &[ResourceSpecifier<'_>],
        what: &str,
    ) -> Result<Vec<ConfigResource>, AdminError> {
        let options = AdminOptions::new().request_timeout(Some(self.timeout));
        let results = self.runtime.block_on(self.client.describe_configs(resources, &options));
        let results = results.map_err(|error| self.failure(what, error))?;
        results.into_iter().map(|result| result.map_err(|code| self.refused(what.to_owned(), code))).collect()
    }

    fn failure(&self, what: &str, error: KafkaError) -> AdminError {
        let code = match &error {
            KafkaError::AdminOp(code) => Some(*code),
            error => error.rdkafka_error_code(),
        };
        match code {
            Some(code) => self.refused(what.to_owned(), code),
            None => AdminError::Client { what: what.to_owned(), source: error },
        }
    }

    fn refused(&self, what: String, code: RDKafkaErrorCode) -> AdminError {
        if error::is_unreachable(code) {
            let reason = explain(&self.reader, &self.reader.context().reason, &code);
            AdminError::Unreachable { servers: self.bootstrap_servers.clone(), reason }
        } else {
            AdminError::Refused { what, code }
        }
    }
}

fn is_whole(topic: Option<&FoundTopic>) -> bool {
    topic.is_some_and(|topic| !topic.replicas.is_empty() && !topic.properties.is_empty())
}

fn values(resource: &ConfigResource) -> BTreeMap<String, String> {
    let value = |entry: &rdkafka::admin::ConfigEntry| Some((entry.name.clone(), entry.value.clone()?));
    resource.entries.iter().filter_map(value).collect()
}
