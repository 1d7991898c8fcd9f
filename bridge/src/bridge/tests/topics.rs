//! The contents of the topics of a mock cluster.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::Headers as _,
};
use tradesim_bridge_core::Position;

/// A record of a data topic or of the dead-letter topic.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) partition: i32,
    pub(super) key: Option<String>,
    pub(super) value: Vec<u8>,
    pub(super) run: String,
    pub(super) seq: u64,
    pub(super) emitted: Option<i64>,
}

/// All records, ordered by sequence number.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) records: Vec<Found>,
    pub(super) dead_letters: Vec<Found>,
    positions: Vec<Position>,
}

impl Contents {
    /// Returns the numbers of all messages of a run, ascending.
    pub(super) fn seqs(&self, run: &str) -> Vec<u64> {
        let all = self.records.iter().chain(&self.dead_letters);
        let mut seqs: Vec<u64> = all.filter(|found| found.run == run).map(|found| found.seq).collect();
        seqs.sort_unstable();
        seqs
    }

    /// Returns the newest position of a key, and its writer.
    pub(super) fn position(&self, key: &str) -> Option<(u64, String)> {
        let newest = self.positions.iter().rev().find(|position| position.key() == key)?;
        Some((newest.next_seq.get(), newest.bridge.clone()))
    }
}

pub(super) fn contents(servers: &str) -> Contents {
    let mut contents = Contents::default();
    for topic in ["raw.trades", "raw.orderbook", "raw.marketdata"] {
        read(servers, topic, 3, |record| contents.records.push(record));
    }
    read(servers, "dlq.raw.failed", 3, |record| contents.dead_letters.push(record));
    read_all(servers, "tradesim.positions", 1, |message| {
        contents.positions.push(Position::parse(message.payload().unwrap()).unwrap());
    });
    contents.records.sort_by_key(|found| found.seq);
    contents.dead_letters.sort_by_key(|found| found.seq);
    contents
}

fn read(servers: &str, topic: &str, partitions: i32, mut take: impl FnMut(Found)) {
    read_all(servers, topic, partitions, |message| {
        let header = |name: &str| {
            let header = message.headers()?.iter().find(|header| header.key == name)?;
            Some(std::str::from_utf8(header.value?).unwrap().to_owned())
        };
        take(Found {
            partition: message.partition(),
            key: message.key().map(|key| String::from_utf8(key.to_vec()).unwrap()),
            value: message.payload().unwrap().to_vec(),
            run: header("tradesim-run").unwrap(),
            seq: header("tradesim-seq").unwrap().parse().unwrap(),
            emitted: header("tradesim-emitted").map(|text| text.parse().unwrap()),
        });
    });
}

fn read_all(
    servers: &str,
    topic: &str,
    partitions: i32,
    mut take: impl FnMut(&rdkafka::message::BorrowedMessage<'_>),
) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", "test").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut ended = 0;
    while ended < partitions {
        match consumer.poll(Duration::from_secs(30)).expect("the mock answers") {
            Ok(message) => take(&message),
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the partition that JVM clients choose for a key: murmur2 with the seed 0x9747b28c, without its sign
/// (`org.apache.kafka.common.utils.Utils`).
pub(super) fn partition_of(key: &str, partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let bytes = key.as_bytes();
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    for (index, byte) in rest.iter().enumerate().rev() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    ((hash & 0x7fff_ffff) % partitions as u32) as i32
}
