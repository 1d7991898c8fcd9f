use std::{
    env, fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use tradesim_schemas::{ContentDigest, EventType, ReadOptions, StreamSeq, read};

use super::*;
use crate::{
    admin::Admin,
    audit::{
        Fault,
        record::{EMITTED, RUN, SEQ},
    },
    avro::write_confluent,
    dev::{DevBroker, DevRegistry},
    registry::{RegistryOptions, SchemaIds},
    topics::TopicOptions,
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Brokers and a registry, with topics for one test.
struct Bed {
    connection: KafkaConnection,
    registry: Registry,
    ids: SchemaIds,
    topics: Vec<(TopicKind, String)>,
    _registry: DevRegistry,
    _broker: Option<DevBroker>,
}

fn names(prefix: &str) -> Vec<(TopicKind, String)> {
    let mut names: Vec<_> = EventType::ALL
        .iter()
        .map(|kind| (TopicKind::Data(*kind), format!("{prefix}{}", kind.topic())))
        .collect();
    names.push((TopicKind::DeadLetters, format!("{prefix}dlq.raw.failed")));
    names
}

fn bed(bootstrap_servers: &str, prefix: &str, broker: Option<DevBroker>) -> Bed {
    let dev = DevRegistry::start(0).unwrap();
    let registry = Registry::new(RegistryOptions::new(dev.url())).unwrap();
    let ids = registry.register_schemas(prefix).unwrap();
    Bed {
        connection: KafkaConnection::new(bootstrap_servers, &[]).unwrap(),
        registry,
        ids,
        topics: names(prefix),
        _registry: dev,
        _broker: broker,
    }
}

/// Starts embedded brokers.
fn mock() -> Bed {
    let topics: Vec<(String, u16)> = names("").into_iter().map(|(_, name)| (name, 12)).collect();
    let broker = DevBroker::start(3, &topics).unwrap();
    let servers = broker.bootstrap_servers().to_owned();
    bed(&servers, "", Some(broker))
}

/// Returns the cluster that `TRADESIM_KAFKA` names, with topics under a prefix of their own. A test that needs one is ignored unless
/// it is requested; requested without a cluster, it fails.
#[track_caller]
fn real() -> Bed {
    static BEDS: AtomicU32 = AtomicU32::new(0);
    let brokers = env::var("TRADESIM_KAFKA").ok().filter(|brokers| !brokers.is_empty()).expect(
        "TRADESIM_KAFKA names the brokers of a cluster: `compose/native/cluster up` starts one, `env` prints the variables, and \
         `.ci/kafka PYTHON tests` does both",
    );
    let prefix = format!("audit-{}-{}.", std::process::id(), BEDS.fetch_add(1, Ordering::Relaxed));
    let bed = bed(&brokers, &prefix, None);
    let options = TopicOptions { prefix, dead_letters: "dlq.raw.failed".to_owned(), replicas: 3 };
    Admin::new(&bed.connection, TIMEOUT).unwrap().create(&crate::topics::topics(&options)).unwrap();
    bed
}

fn messages(count: usize) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/opening-hour.jsonl");
    let lines = fs::read(path).unwrap();
    lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .cycle()
        .take(count)
        .map(<[u8]>::to_vec)
        .collect()
}

/// The planted faults of a record.
#[derive(Clone, Debug, Default)]
struct Planted {
    without_run: bool,
    emitted: Option<i64>,
    produced_at_ms: Option<i64>,
}

impl Bed {
    fn producer(&self, transactional_id: Option<&str>) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("partitioner", "murmur2_random").set("enable.idempotence", "true").set("linger.ms", "5");
        if let Some(id) = transactional_id {
            config.set("transactional.id", id);
        }
        self.connection.apply(&mut config);
        config.create().unwrap()
    }

    fn produce(&self, producer: &BaseProducer, run: &str, seq: u64, text: &[u8], planted: &Planted) {
        let message = read(text, ReadOptions::default()).unwrap();
        let kind = message.event_type();
        let mut value = Vec::new();
        write_confluent(&message, self.ids.of(kind), &mut value);
        let emitted = planted.emitted.unwrap_or(message.timestamp.micros()).to_string();
        let seq = seq.to_string();
        let mut headers = OwnedHeaders::new()
            .insert(Header { key: SEQ, value: Some(&seq) })
            .insert(Header { key: EMITTED, value: Some(&emitted) });
        if !planted.without_run {
            headers = headers.insert(Header { key: RUN, value: Some(run) });
        }
        let topic = &self.topics[kind as usize].1;
        let mut record = BaseRecord::to(topic).key(message.symbol()).payload(&value).headers(headers);
        record.timestamp = planted.produced_at_ms;
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.poll(Duration::ZERO);
    }

    fn produce_all(&self, run: &str, messages: &[Vec<u8>], planted: &Planted) {
        let producer = self.producer(None);
        for (seq, text) in messages.iter().enumerate() {
            self.produce(&producer, run, seq as u64, text, planted);
        }
        producer.flush(TIMEOUT).unwrap();
    }

    fn audit(&self, run: Option<&str>, messages: &[Vec<u8>]) -> Result<Audited, AuditError> {
        let options = AuditOptions {
            topics: self.topics.clone(),
            run: run.map(str::to_owned),
            messages: messages.len() as u64,
            timeout: TIMEOUT,
        };
        let mut rest = messages.iter();
        let mut next = |message: &mut AuditMessage| {
            let Some(text) = rest.next() else { return Ok(false) };
            message.set_text().extend_from_slice(text);
            Ok(true)
        };
        verify(&self.connection, &self.registry, &options, &mut next, &mut |_| {})
    }
}

fn digest(messages: &[Vec<u8>]) -> ContentDigest {
    ContentDigest::of(messages)
}

fn counts(audited: &Audited) -> [u64; 5] {
    Fault::ALL.map(|fault| audited.report.finding(fault).count)
}

/// Plants one lost, one duplicated, one swapped, one altered and one foreign record, and checks that each is found,
/// and nothing else.
fn planted_faults_are_named(bed: &Bed) {
    let messages = messages(2_000);
    let producer = bed.producer(None);
    let key = |text: &[u8]| {
        let message = read(text, ReadOptions::default()).unwrap();
        (message.event_type(), message.symbol().to_owned())
    };
    // of one key, and with no record of that key between them
    let first = 1_500;
    let second = (first + 1..2_000).find(|&at| key(&messages[at]) == key(&messages[first])).unwrap();
    let plain = Planted::default();
    for (seq, text) in messages.iter().enumerate() {
        let put =
            |seq: usize, planted: &Planted| bed.produce(&producer, "r1", seq as u64, &messages[seq], planted);
        match seq {
            100 => {}
            200 => {
                put(seq, &plain);
                put(seq, &plain);
            }
            300 => put(seq, &Planted { emitted: Some(1), ..plain.clone() }),
            400 => {
                put(seq, &plain);
                put(seq, &Planted { without_run: true, ..plain.clone() });
            }
            _ if seq == first => {}
            _ if seq == second => {
                put(second, &plain);
                put(first, &plain);
            }
            _ => bed.produce(&producer, "r1", seq as u64, text, &plain),
        }
    }
    producer.flush(TIMEOUT).unwrap();
    let audited = bed.audit(None, &messages).unwrap();
    assert_eq!(counts(&audited), [1, 1, 1, 1, 1], "{audited:?}");
    assert_eq!(audited.run.as_deref(), Some("r1"));
    assert_eq!(audited.report.finding(Fault::Lost).examples[0].seq, Some(StreamSeq(100)));
    assert_eq!(audited.report.finding(Fault::Duplicated).examples[0].seq, Some(StreamSeq(200)));
    assert_eq!(audited.report.finding(Fault::Altered).examples[0].seq, Some(StreamSeq(300)));
    assert_eq!(audited.report.finding(Fault::Reordered).examples[0].seq, Some(StreamSeq(first as u64)));
}

#[test]
fn faults_planted_in_the_mock_cluster_are_named() {
    planted_faults_are_named(&mock());
}

#[test]
#[ignore = "needs a Kafka cluster: .ci/kafka PYTHON tests"]
fn faults_planted_in_a_real_cluster_are_named() {
    planted_faults_are_named(&real());
}

#[test]
fn the_newest_run_is_audited_unless_one_is_named() {
    let bed = mock();
    let (old, new) = (messages(500), messages(700));
    let at = |produced_at_ms| Planted { produced_at_ms: Some(produced_at_ms), ..Planted::default() };
    // what is written last is not what was produced last
    bed.produce_all("new", &new, &at(1_800_000_000_000));
    bed.produce_all("old", &old, &at(1_700_000_000_000));
    let audited = bed.audit(None, &new).unwrap();
    assert_eq!((audited.run.as_deref(), audited.report.is_clean()), (Some("new"), true), "{audited:?}");
    assert_eq!((audited.report.digest, audited.report.other_runs), (digest(&new), 500));
    let audited = bed.audit(Some("old"), &old).unwrap();
    assert_eq!((audited.report.digest, audited.report.is_clean()), (digest(&old), true));
}

#[test]
fn the_newest_run_is_found_while_a_partition_ends_again_and_again() {
    let bed = mock();
    let messages = messages(200);
    let planted = Planted { produced_at_ms: Some(1_900_000_000_000), ..Planted::default() };
    bed.produce_all("new", &messages, &planted);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // each record that another bridge delivers makes its partition end once more
        scope.spawn(|| {
            let producer = bed.producer(None);
            let mut seq = 0;
            while !stop.load(Ordering::Relaxed) {
                bed.produce(&producer, "live", seq, &messages[0], &Planted::default());
                producer.flush(TIMEOUT).unwrap();
                seq += 1;
            }
        });
        let audits: Vec<_> = (0..5).map(|_| bed.audit(None, &messages)).collect();
        stop.store(true, Ordering::Relaxed);
        for audited in audits {
            let audited = audited.unwrap();
            assert_eq!(
                (audited.run.as_deref(), audited.report.is_clean()),
                (Some("new"), true),
                "{audited:?}"
            );
        }
    });
}

#[test]
fn without_any_record_there_is_no_run_and_everything_is_lost() {
    let audited = mock().audit(None, &messages(10)).unwrap();
    assert_eq!((audited.run.as_deref(), counts(&audited)), (None, [10, 0, 0, 0, 0]));
}

#[test]
fn topics_that_do_not_exist_are_named() {
    let mut bed = mock();
    bed.topics[1].1 = "no.such.topic".to_owned();
    let error = bed.audit(None, &messages(10)).unwrap_err();
    assert_eq!(error.to_string(), "these topics do not exist: no.such.topic");
}

#[test]
fn brokers_that_are_not_there_are_unreachable() {
    let mut bed = mock();
    // the port of a socket that is closed again
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    bed.connection = KafkaConnection::new(format!("127.0.0.1:{port}"), &[]).unwrap();
    let options = AuditOptions {
        topics: bed.topics.clone(),
        run: None,
        messages: 0,
        timeout: Duration::from_millis(300),
    };
    let error =
        verify(&bed.connection, &bed.registry, &options, &mut |_| Ok(false), &mut |_| {}).unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[test]
fn a_registry_that_is_away_is_unreachable_and_one_that_lacks_the_schema_makes_records_altered() {
    let mut bed = mock();
    let messages = messages(10);
    bed.produce_all("r", &messages, &Planted::default());
    let empty = DevRegistry::start(0).unwrap();
    bed.registry = Registry::new(RegistryOptions::new(empty.url())).unwrap();
    assert_eq!(counts(&bed.audit(None, &messages).unwrap()), [0, 0, 0, 10, 0]);
    drop(empty);
    let error = bed.audit(None, &messages).unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[test]
fn fewer_messages_than_announced_are_an_error() {
    let bed = mock();
    let options = AuditOptions { topics: bed.topics.clone(), run: None, messages: 3, timeout: TIMEOUT };
    let error =
        verify(&bed.connection, &bed.registry, &options, &mut |_| Ok(false), &mut |_| {}).unwrap_err();
    assert!(matches!(error, AuditError::MessageCount { expected: 3, found: 0 }));
}

#[test]
#[ignore = "needs a Kafka cluster: .ci/kafka PYTHON tests"]
fn aborted_records_in_a_real_cluster_are_not_there_and_open_transactions_are_waited_for() {
    let bed = real();
    let messages = messages(3_000);
    let plain = Planted::default();
    let producer = bed.producer(Some(&bed.topics[0].1));
    producer.init_transactions(TIMEOUT).unwrap();
    let put = |from: usize, to: usize| {
        producer.begin_transaction().unwrap();
        (from..to).for_each(|seq| bed.produce(&producer, "r", seq as u64, &messages[seq], &plain));
        producer.flush(TIMEOUT).unwrap();
    };
    put(0, 1_000);
    producer.commit_transaction(TIMEOUT).unwrap();
    put(1_000, 2_000);
    producer.abort_transaction(TIMEOUT).unwrap();
    put(1_000, 3_000);
    // decided while the audit waits for it
    let audited = std::thread::scope(|scope| {
        let audit = scope.spawn(|| bed.audit(None, &messages).unwrap());
        producer.commit_transaction(TIMEOUT).unwrap();
        audit.join().unwrap()
    });
    assert!(audited.report.is_clean(), "{audited:?}");
    assert_eq!((audited.report.records, audited.undecided_partitions), (3_000, 0));
    assert_eq!(audited.report.digest, digest(&messages));
}
