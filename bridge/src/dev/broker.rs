//! librdkafka's mock cluster behind a handle that may be moved between threads.

use std::{
    sync::mpsc::{self, Sender},
    thread::JoinHandle,
};

use rdkafka::{error::KafkaError, mocking::MockCluster, producer::DefaultProducerContext};

/// Brokers in this process that every Kafka client can connect to, until the value is dropped.
///
/// They support producing, idempotence, transactions, consuming and groups, and little else: no topics are created or
/// described on request (unknown ones appear with 4 partitions), the newest 5 MiB of a partition are kept, or 100,000
/// messages, `read_committed` readers see aborted records, and producers are never fenced.
#[derive(Debug)]
pub struct DevBroker {
    bootstrap_servers: String,
    /// Dropped to end the thread that owns the cluster.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DevBroker {
    /// Starts so many brokers, each on a free port of this machine, with topics of so many partitions.
    ///
    /// # Errors
    /// librdkafka cannot start a cluster, or create a topic in it.
    pub fn start(brokers: u16, topics: &[(String, u16)]) -> Result<DevBroker, KafkaError> {
        let topics = topics.to_vec();
        let (started, answer) = mpsc::channel();
        let (alive, ended) = mpsc::channel();
        // the cluster cannot leave the thread that created it
        let thread = std::thread::spawn(move || match cluster(brokers, &topics) {
            Ok(cluster) => {
                if started.send(Ok(cluster.bootstrap_servers())).is_ok() {
                    // returns when the sender is dropped
                    let _ = ended.recv();
                }
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        });
        let bootstrap_servers = answer.recv().unwrap_or(Err(KafkaError::Canceled))?;
        Ok(DevBroker { bootstrap_servers, alive: Some(alive), thread: Some(thread) })
    }

    /// Returns the bootstrap servers, such as `127.0.0.1:41001,127.0.0.1:41002`.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }
}

fn cluster(
    brokers: u16,
    topics: &[(String, u16)],
) -> Result<MockCluster<'static, DefaultProducerContext>, KafkaError> {
    let cluster = MockCluster::new(i32::from(brokers))?;
    let replicas = i32::from(brokers.min(3));
    for (name, partitions) in topics {
        cluster.create_topic(name, i32::from(*partitions), replicas)?;
    }
    Ok(cluster)
}

impl Drop for DevBroker {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // a panic of the thread was reported when it happened
            let _ = thread.join();
        }
    }
}
