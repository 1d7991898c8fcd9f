//! Dead letters on librdkafka's mock cluster: what is sent, and what is counted. That each is sent again once is
//! tested on real brokers (`tests/it/kafka`).

use rdkafka::{
    ClientConfig, Message as _,
    message::{Header, OwnedHeaders},
    mocking::MockCluster,
    producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _},
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tradesim_bridge_core::{DeadLetter, Verdict};
use tradesim_schemas::{Timestamp, read};

use super::*;
use crate::kafka::{HEADER_RETRY, HEADER_RUN, HEADER_SEQ, header_texts};

const MESSAGE: &str = r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"trade_id":"97ece17a-80a4-467a-9cf4-b892bafabcb3","symbol":"AAPL","trade_type":"BUY","order_type":"MARKET","price":"179.14","quantity":200,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00157","account_id":"ACC-0031","status":"NEW","correlation_id":null}}"#;
const TOPIC: &str = "dlq.raw.failed";

struct Stage {
    cluster: MockCluster<'static, DefaultProducerContext>,
    options: DlqOptions,
    retry: Retry,
}

impl Stage {
    fn new(properties: &[&str]) -> Stage {
        let cluster = MockCluster::new(3).unwrap();
        for topic in ["raw.trades", "raw.orderbook", "raw.marketdata", TOPIC] {
            cluster.create_topic(topic, 3, 3).unwrap();
        }
        cluster.create_topic("tradesim.positions", 1, 3).unwrap();
        let properties: Vec<_> = properties.iter().map(|text| text.parse().unwrap()).collect();
        let kafka = KafkaConnection::new(cluster.bootstrap_servers(), &properties).unwrap();
        let options = DlqOptions { kafka, topics: Arc::new(Topics::new("", TOPIC)) };
        let retry = Retry {
            producer: ProducerOptions { linger_ms: 1, ..ProducerOptions::default() },
            schema_ids: SchemaIds::new([1, 2, 3]),
            rules: ReadOptions::default(),
            max_tries: 3,
            from_beginning: false,
        };
        Stage { cluster, options, retry }
    }

    /// Writes dead letters with these texts to the topic, with the numbers from `seq` on.
    fn put_dead_letters(&self, seq: u64, texts: &[&str]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers());
        let producer: BaseProducer = config.create().unwrap();
        let refusal = read(b"{", ReadOptions::default()).unwrap_err();
        for (number, text) in (seq..).zip(texts) {
            let failed_at = Timestamp::from_micros(1).unwrap();
            let letter = DeadLetter {
                original: text.as_bytes(),
                whole: None,
                topic: None,
                key: Some("AAPL"),
                failed_at,
            };
            let value = letter.to_json(&Verdict::of_refusal(&refusal));
            let number = number.to_string();
            let headers = OwnedHeaders::new()
                .insert(Header { key: HEADER_RUN, value: Some("r") })
                .insert(Header { key: HEADER_SEQ, value: Some(&number) });
            let record = BaseRecord::to(TOPIC).key("AAPL").payload(&value).headers(headers);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    fn retry(&self) -> Result<Retried, DlqError> {
        self.options.retry(&self.retry, &|| false)
    }

    #[track_caller]
    fn retries(&self, expected: Retried) {
        assert_eq!(self.retry().unwrap(), expected);
    }

    fn letters(&self) -> Vec<DeadLetterRecord> {
        let mut letters = Vec::new();
        self.options
            .show(&|| false, |letter| {
                letters.push(letter);
                true
            })
            .unwrap();
        letters.sort_by_key(|letter| (letter.seq, letter.retry));
        letters
    }

    /// Returns the sequence number and retry of every record of trades, in order.
    fn records(&self) -> Vec<(String, String)> {
        let reader = crate::kafka::reader(&self.options.kafka, "test", crate::kafka::Isolation::Committed);
        let reader = reader.unwrap();
        use rdkafka::consumer::Consumer as _;
        let mut all = rdkafka::TopicPartitionList::new();
        for partition in 0..3 {
            all.add_partition_offset("raw.trades", partition, rdkafka::Offset::Beginning).unwrap();
        }
        reader.assign(&all).unwrap();
        let (mut ended, mut found) = (0, Vec::new());
        while ended < 3 {
            match reader.poll(Duration::from_secs(30)).expect("the mock answers") {
                Ok(record) => {
                    assert_eq!(record.key(), Some(&b"AAPL"[..]));
                    let [seq, retry] = header_texts(&record, [HEADER_SEQ, HEADER_RETRY]);
                    found.push((seq.unwrap(), retry.unwrap()));
                }
                Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
                Err(error) => panic!("{error}"),
            }
        }
        found.sort();
        found
    }
}

fn numbers(seqs: std::ops::Range<u64>) -> Vec<(String, String)> {
    let mut all: Vec<_> = seqs.map(|seq| (seq.to_string(), "1".to_owned())).collect();
    all.sort();
    all
}

#[test]
fn each_letter_is_sent_again_once_and_the_first_call_has_to_be_told_where_to_begin() {
    let mut stage = Stage::new(&[]);
    stage.put_dead_letters(0, &[MESSAGE, MESSAGE, "{"]);
    let error = stage.retry().unwrap_err();
    assert!(matches!(&error, DlqError::NoPosition { topic, .. } if topic == TOPIC), "{error:?}");
    assert!(stage.records().is_empty());
    stage.retry.from_beginning = true;
    stage.retries(Retried { read: 3, produced: 2, invalid: 1, ..Retried::default() });
    stage.retry.from_beginning = false;
    // its own dead letter, and those that were added since
    stage.put_dead_letters(10, &[MESSAGE]);
    stage.retries(Retried { read: 2, produced: 1, invalid: 1, ..Retried::default() });
    let mut expected = numbers(0..2);
    expected.extend(numbers(10..11));
    expected.sort();
    assert_eq!(stage.records(), expected);
    // with this option it sends all of them again
    stage.retry.from_beginning = true;
    assert_eq!(stage.retry().unwrap().produced, 3);
}

#[test]
fn where_there_are_no_letters_yet_the_position_is_written_all_the_same() {
    let stage = Stage::new(&[]);
    stage.retries(Retried::default());
    stage.put_dead_letters(0, &[MESSAGE; 2]);
    stage.retries(Retried { read: 2, produced: 2, ..Retried::default() });
    stage.retries(Retried::default());
    assert_eq!(stage.records(), numbers(0..2));
}

#[test]
fn a_letter_that_stays_invalid_is_left_alone_after_so_many_tries() {
    let mut stage = Stage::new(&[]);
    stage.retries(Retried::default());
    stage.put_dead_letters(0, &["{"]);
    for _ in 0..3 {
        let retried = Retried { read: 1, invalid: 1, ..Retried::default() };
        assert_eq!(retried.remaining(), 1);
        stage.retries(retried);
    }
    stage.retries(Retried { read: 1, exhausted: 1, ..Retried::default() });
    stage.retries(Retried::default());
    let letters = stage.letters();
    assert_eq!(letters.iter().map(|letter| letter.retry).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let last = letters[3].original().unwrap();
    assert_eq!((&*last.verdict.reason, last.verdict.retry_count, &*last.value), ("not_json", 3, &b"{"[..]));
    stage.retry.max_tries = 4;
    stage.retry.from_beginning = true;
    stage.retries(Retried { read: 4, invalid: 4, ..Retried::default() });
}

#[test]
fn a_letter_that_is_refused_blocks_no_other() {
    // refused by the library, before any broker
    let mut stage = Stage::new(&["message.max.bytes=1000"]);
    let long =
        MESSAGE.replace("\"correlation_id\":null", &format!("\"correlation_id\":{:?}", "x".repeat(2_000)));
    stage.put_dead_letters(0, &[MESSAGE, &long, MESSAGE]);
    stage.retry.from_beginning = true;
    stage.retries(Retried { read: 3, produced: 2, invalid: 1, ..Retried::default() });
    stage.retry.from_beginning = false;
    stage.retries(Retried::default());

    // refused by the broker, but accepted when retried: the first request is the position's
    let ok = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    let stage = Stage { retry: Retry { from_beginning: true, ..stage.retry }, ..Stage::new(&[]) };
    stage.put_dead_letters(0, &[MESSAGE, MESSAGE]);
    stage.cluster.request_errors(RDKafkaApiKey::Produce, &[ok, refused]);
    stage.retries(Retried { read: 2, produced: 2, ..Retried::default() });

    // refused by the broker, alone: it becomes a dead letter again, with the reason
    let stage = Stage { retry: stage.retry, ..Stage::new(&[]) };
    stage.put_dead_letters(0, &[MESSAGE]);
    stage.cluster.request_errors(RDKafkaApiKey::Produce, &[ok, refused]);
    stage.retries(Retried { read: 1, invalid: 1, ..Retried::default() });
    let letters = stage.letters();
    let again = letters.last().unwrap().original().unwrap();
    assert_eq!((&*again.verdict.reason, again.verdict.retry_count), ("refused_by_broker", 1));
    assert_eq!(again.value, MESSAGE.as_bytes());
}

#[test]
fn a_position_behind_the_end_is_of_another_topic() {
    let stage = Stage::new(&[]);
    let position = RetryPosition {
        topic: TOPIC.to_owned(),
        next_offsets: [(0, 5), (1, 0), (7, 0)].into_iter().collect(),
    };
    let spans = |end| BTreeMap::from([(0, Span { low: 0, end }), (1, Span { low: 0, end: 0 })]);
    assert!(stage.options.other_topic(&position, &spans(5)).is_none());
    let error = stage.options.other_topic(&position, &spans(4)).unwrap();
    assert!(matches!(&error, DlqError::OtherTopic { partition: 0, end: 4, position: 5, .. }), "{error:?}");
}

#[test]
fn brokers_that_are_away_are_named_with_the_reason() {
    let kafka = KafkaConnection::new("no-such-host.invalid:9092", &[]).unwrap();
    let options = DlqOptions { kafka, topics: Arc::new(Topics::new("", TOPIC)) };
    let error = options.show(&|| false, |_| true).unwrap_err().to_string();
    assert!(error.contains("Failed to resolve 'no-such-host.invalid:9092'"), "{error}");
}
