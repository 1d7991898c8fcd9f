//! Reads the position of a run, or that of dead letters.
//!
//! Several bridges share the topic of positions, each with its own transactions. A reader of committed records sees
//! nothing after the first record of an open transaction, whichever bridge it belongs to; so it first waits until the
//! last stable offset has reached the end that the topic had at the beginning. Otherwise it could read a position
//! that is older than the committed one, and messages would be sent twice.

use std::{ops::Range, time::Duration};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};
use tradesim_bridge_core::{Identity, Position};

use super::{
    KafkaFailure,
    consumer::{Isolation, Reader, reader},
};
use crate::{clock::Clock, connection::KafkaConnection};

/// The library requires the name of a group, though none is joined.
const GROUP: &str = "tradesim-positions";
/// The timeout of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The time in which other transactions must end: longer than any may be open.
const PENDING_TIMEOUT: Duration = Duration::from_secs(90);
/// The interval of checks for that.
const PENDING_TICK: Duration = Duration::from_millis(100);
/// The number of offsets at the end of the topic that are read first: they contain the positions of bridges that were
/// active a moment ago.
const TAIL_RECORDS: i64 = 5_000;
/// The factor by which the number grows while the position is not found. So the time to find the position of a bridge that was
/// active some time ago grows with that time, and not with the length of the topic.
const TAIL_GROWTH: i64 = 16;
/// The timeout for records that exist.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of a search in the topic of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newest<T> {
    /// The newest committed value of the key; `None` if there is none.
    pub(crate) value: Option<T>,
    /// The number of records that were read, of all keys: what the search costs.
    pub(crate) records: u64,
}

/// Returns the newest committed position of a run.
pub(crate) fn read_position(
    connection: &KafkaConnection,
    topic: &str,
    identity: &Identity,
    clock: Clock,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Newest<Position>, KafkaFailure> {
    let key = identity.to_string();
    // only this key: records of others are not validated
    let Newest { value, records } = read_newest(connection, topic, &key, clock, is_stopping)?;
    let value = value
        .map(|value| Position::parse(&value))
        .transpose()
        .map_err(|error| KafkaFailure::Position { key, what: error.to_string() })?;
    Ok(Newest { value, records })
}

/// Returns the newest committed value of a key in a topic of one partition.
pub(crate) fn read_newest(
    connection: &KafkaConnection,
    topic: &str,
    key: &str,
    clock: Clock,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Newest<Vec<u8>>, KafkaFailure> {
    let uncommitted = reader(connection, GROUP, Isolation::Uncommitted)?;
    let committed = reader(connection, GROUP, Isolation::Committed)?;
    let (low, end) = match uncommitted.fetch_watermarks(topic, 0, CALL_TIMEOUT) {
        Err(error) if is_unknown_topic(&error) => return Err(KafkaFailure::NoTopic(topic.to_owned())),
        watermarks => watermarks?,
    };
    drop(uncommitted);
    let until = clock.now() + PENDING_TIMEOUT;
    while committed.fetch_watermarks(topic, 0, CALL_TIMEOUT)?.1 < end {
        if is_stopping() {
            return Err(KafkaFailure::Stopped);
        }
        if clock.now() >= until {
            return Err(KafkaFailure::Pending { topic: topic.to_owned() });
        }
        std::thread::sleep(PENDING_TICK);
    }
    let mut records = 0;
    for (from, to) in windows(low, end) {
        let newest = newest_from(&committed, topic, from..to, key, clock, is_stopping, &mut records)?;
        if let Some(value) = newest {
            return Ok(Newest { value, records });
        }
    }
    Ok(Newest { value: None, records })
}

/// Returns the ranges of offsets that are read one after the other until the key is found: from the end backwards, each longer
/// than the one before, and together the whole topic.
fn windows(low: i64, end: i64) -> impl Iterator<Item = (i64, i64)> {
    let (mut to, mut length) = (end, TAIL_RECORDS);
    std::iter::from_fn(move || {
        if to <= low {
            return None;
        }
        let from = low.max(to.saturating_sub(length));
        let window = (from, to);
        (to, length) = (from, length.saturating_mul(TAIL_GROWTH));
        Some(window)
    })
}

fn is_unknown_topic(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
    matches!(error.rdkafka_error_code(), Some(UnknownTopic | UnknownTopicOrPartition | UnknownPartition))
}

/// Reads a range of offsets, and returns the value of the last record of a key in it; `None` if the key has no record there.
/// Adds the number of its records to `records`.
fn newest_from(
    consumer: &Reader,
    topic: &str,
    offsets: Range<i64>,
    key: &str,
    clock: Clock,
    is_stopping: &dyn Fn() -> bool,
    records: &mut u64,
) -> Result<Option<Option<Vec<u8>>>, KafkaFailure> {
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Offset(offsets.start))?;
    consumer.assign(&assignment)?;
    let mut newest = None;
    let mut last_received = clock.now();
    loop {
        if is_stopping() {
            return Err(KafkaFailure::Stopped);
        }
        let Some(result) = consumer.poll(Duration::from_millis(100)) else {
            if clock.now().saturating_sub(last_received) >= READ_TIMEOUT {
                let what = format!("no record from {topic} for {} s", READ_TIMEOUT.as_secs());
                return Err(KafkaFailure::Position { key: key.to_owned(), what });
            }
            continue;
        };
        last_received = clock.now();
        match result {
            // compaction and markers of transactions leave gaps, so the range may end at any later offset
            Ok(record) if record.offset() >= offsets.end => break,
            Ok(record) => {
                *records += 1;
                if record.key() == Some(key.as_bytes()) {
                    newest = Some(record.payload().map(<[u8]>::to_vec));
                }
            }
            Err(KafkaError::PartitionEOF(_)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    consumer.unassign()?;
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        ClientConfig,
        producer::{BaseProducer, BaseRecord, Producer as _},
    };
    use tradesim_schemas::StreamSeq;

    use super::*;
    use crate::dev::DevBroker;

    #[test]
    fn windows_cover_the_topic_once_from_its_end() {
        for (low, end) in [(0, 0), (7, 7), (0, 1), (3, 5_003), (3, 5_004), (10, 3_000_000)] {
            let windows: Vec<_> = windows(low, end).collect();
            let mut to = end;
            for (index, window) in windows.iter().enumerate() {
                assert_eq!(window.1, to);
                assert!(window.0 >= low && window.0 < window.1, "{window:?}");
                assert!(window.1 - window.0 <= TAIL_RECORDS * TAIL_GROWTH.pow(index as u32));
                to = window.0;
            }
            assert_eq!(to, low);
            assert!(windows.len() <= 4, "{windows:?}");
        }
    }

    /// The topic of positions of some bridges that commit in turn.
    struct Filled {
        connection: KafkaConnection,
        _broker: DevBroker,
    }

    const TOPIC: &str = "tradesim.positions";

    fn position(bridge: u64, commit: u64) -> Position {
        Position {
            identity: Identity { stream: format!("{bridge:064x}"), run: "nightly".to_owned() },
            next_seq: StreamSeq(commit * 1_000),
            bridge: format!("{bridge:016x}"),
        }
    }

    impl Filled {
        /// Fills a topic with these positions, (bridge, commit), in their order.
        fn with(positions: impl Iterator<Item = (u64, u64)>) -> Filled {
            let broker = DevBroker::start(1, &[(TOPIC.to_owned(), 1)]).unwrap();
            let connection = KafkaConnection::new(broker.bootstrap_servers(), &[]).unwrap();
            let mut config = ClientConfig::new();
            connection.apply(&mut config);
            let producer: BaseProducer = config.set("compression.type", "snappy").create().unwrap();
            for (bridge, commit) in positions {
                let position = position(bridge, commit);
                let (key, value) = (position.key(), position.value());
                while let Err((_, _)) = producer.send(BaseRecord::to(TOPIC).key(&key).payload(&value)) {
                    producer.poll(Duration::from_millis(10));
                }
            }
            producer.flush(Duration::from_secs(30)).unwrap();
            Filled { connection, _broker: broker }
        }

        fn search(&self, bridge: u64) -> Newest<Position> {
            let identity = position(bridge, 0).identity;
            read_position(&self.connection, TOPIC, &identity, Clock::start(), &|| false).unwrap()
        }
    }

    /// Fifty bridges that commit ten times per second, for 30 seconds. Two of them stopped, after one second and after 20.
    #[test]
    fn the_search_reads_as_much_as_was_written_since_the_bridge_stopped() {
        let stopped = |bridge: u64| match bridge {
            7 => 10,
            8 => 200,
            _ => 300,
        };
        let commits = (0..300).flat_map(|commit| (0..50).map(move |bridge| (bridge, commit)));
        let commits: Vec<_> = commits.filter(|(bridge, commit)| *commit < stopped(*bridge)).collect();
        let all = commits.len() as u64;
        let filled = Filled::with(commits.into_iter());
        let window = TAIL_RECORDS.unsigned_abs();
        assert_eq!(filled.search(0), Newest { value: Some(position(0, 299)), records: window });
        // its last position is 4,842 records before the end
        assert_eq!(filled.search(8), Newest { value: Some(position(8, 199)), records: window });
        // the next window reaches to the beginning; no record is read twice
        assert_eq!(filled.search(7), Newest { value: Some(position(7, 9)), records: all });
        assert_eq!(filled.search(50), Newest { value: None, records: all });
    }

    /// A topic that was compacted a moment ago: a record for each of a thousand runs of the past, and the segment that fifty bridges
    /// write to.
    #[test]
    fn a_new_run_reads_a_record_of_each_old_one_and_the_last_segment() {
        let (old, segment) = (1_000, 10_000);
        let before = (0..old).map(|run| (1_000 + run, 3));
        let filled = Filled::with(before.chain((0..segment).map(|record| (record % 50, record / 50))));
        assert_eq!(filled.search(99), Newest { value: None, records: old + segment });
        assert_eq!(filled.search(1_000), Newest { value: Some(position(1_000, 3)), records: old + segment });
        assert_eq!(filled.search(49), Newest { value: Some(position(49, 199)), records: 5_000 });
    }
}
