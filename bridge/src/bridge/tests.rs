//! Whole bridges against librdkafka's mock cluster, a registry in memory, and scripted feeds. The mock proves nothing
//! about exactly-once delivery: that is tested on real brokers.

mod feed;
mod foreign;
mod health;
mod topics;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tradesim_bridge_core::{Backoff, Guarantee, Options, Original, Topics};
use tradesim_client::Dialogue;
use tradesim_schemas::ReadOptions;

use self::{
    feed::{Feed, message},
    topics::{Contents, contents},
};
use super::*;
use crate::{
    connection::KafkaConnection,
    dev::DevRegistry,
    kafka::ProducerOptions,
    registry::{Registry, RegistryOptions},
};

type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A cluster with the topics of the bridge, and a registry.
struct Stage {
    cluster: Cluster,
    registry: DevRegistry,
}

impl Stage {
    fn new() -> Stage {
        let cluster = Cluster::new(3).unwrap();
        for topic in ["raw.trades", "raw.orderbook", "raw.marketdata", "dlq.raw.failed"] {
            cluster.create_topic(topic, 3, 3).unwrap();
        }
        cluster.create_topic("tradesim.positions", 1, 3).unwrap();
        Stage { cluster, registry: DevRegistry::start(0).unwrap() }
    }

    fn options(&self, feed: &Feed, guarantee: Guarantee) -> BridgeOptions {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        BridgeOptions {
            feed_url: feed.url(),
            connect_timeout: Duration::from_secs(10),
            dialogue: Dialogue::default(),
            kafka: KafkaConnection::new(self.cluster.bootstrap_servers(), &[]).unwrap(),
            producer: ProducerOptions { linger_ms: 1, ..ProducerOptions::default() },
            registry: Registry::new(RegistryOptions::new(self.registry.url())).unwrap(),
            register_schemas: true,
            topics: Arc::new(Topics::new("", "dlq.raw.failed")),
            delivery: Options {
                guarantee,
                until_end: true,
                run: None,
                bridge: "me".to_owned(),
                batch_events: 1_000,
                batch_time: Duration::from_millis(50),
                feed_tries: 10,
                feed_backoff: backoff,
                kafka_tries: None,
                kafka_backoff: backoff,
                refusals_max: 2,
            },
            read: ReadOptions::default(),
            run: "unnamed".to_owned(),
            metrics: None,
            stop_timeout: Duration::from_secs(30),
        }
    }

    fn contents(&self) -> Contents {
        contents(&self.cluster.bootstrap_servers())
    }
}

fn run(options: BridgeOptions) -> (Report, Result<Ended, BridgeError>) {
    Bridge::new(options).unwrap().run(|| 0.5, &|| false)
}

#[track_caller]
fn complete(options: BridgeOptions) -> Report {
    let (report, result) = run(options);
    assert_eq!(result.unwrap(), Ended::Complete);
    report
}

/// Runs a bridge until it has delivered the messages before this one, and stops it.
#[track_caller]
fn stopped_behind(seq: i64, mut options: BridgeOptions) -> Report {
    options.delivery.until_end = false;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let bridge = Bridge::new(options).unwrap();
    let metrics = Arc::clone(&bridge.metrics);
    let thread = std::thread::spawn(move || bridge.run(|| 0.5, &|| asked.load(Ordering::Relaxed)));
    while metrics.delivered_seq.get() < seq {
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Relaxed);
    let (report, result) = thread.join().unwrap();
    assert_eq!(result.unwrap(), Ended::Stopped);
    report
}

#[test]
fn every_message_is_a_record_or_a_dead_letter_with_its_number() {
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let stage = Stage::new();
        let mut messages: Vec<String> = (0..2_000).map(message).collect();
        messages[7] = "{".to_owned();
        messages[9] = messages[9].replace("\"trade\"", "\"gossip\"");
        messages[1_999] = messages[1_999].replace("\"quantity\":", "\"quantity\":-");
        let feed = Feed::numbered("s", "r", messages.clone());
        let report = complete(stage.options(&feed, guarantee));
        let counts = report.counts;
        assert_eq!((counts.received, counts.produced, counts.dead_lettered), (2_000, 1_997, 3));
        assert_eq!((report.run.as_str(), report.next_seq), ("r", StreamSeq(2_000)));
        let contents = stage.contents();
        let seqs: Vec<u64> = contents.seqs("r");
        assert!(seqs.iter().copied().eq(0..2_000), "{guarantee:?}: {} records", seqs.len());
        let letters = &contents.dead_letters;
        assert_eq!(letters.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [7, 9, 1_999]);
        let originals: Vec<Original> =
            letters.iter().map(|letter| Original::parse(&letter.value).unwrap()).collect();
        let reasons: Vec<&str> = originals.iter().map(|original| &*original.verdict.reason).collect();
        assert_eq!(reasons, ["not_json", "unknown_event_type", "bad_value"]);
        assert_eq!(originals[2].value, messages[1_999].as_bytes());
        assert_eq!(originals[2].topic.as_deref(), Some("raw.trades"));
        assert_eq!(originals[2].key, letters[2].key);
        for record in &contents.records {
            assert_eq!(record.emitted, Some(feed::emitted(record.seq)));
            assert_eq!(record.key.as_deref(), Some(feed::symbol(record.seq)));
            assert_eq!(record.partition, topics::partition_of(record.key.as_deref().unwrap(), 3));
        }
        assert_eq!(contents.position("s/r"), Some((2_000, "me".to_owned())));
    }
}

#[test]
fn the_next_bridge_goes_on_where_the_last_one_was() {
    let stage = Stage::new();
    let messages: Vec<String> = (0..500).map(message).collect();
    let half = Feed::numbered("s", "r", messages[..200].to_vec());
    complete(stage.options(&half, Guarantee::ExactlyOnce));
    let whole = Feed::numbered("s", "r", messages);
    let report = complete(stage.options(&whole, Guarantee::ExactlyOnce));
    assert_eq!((report.counts.received, report.next_seq), (300, StreamSeq(500)));
    assert!(stage.contents().seqs("r").iter().copied().eq(0..500));
    assert_eq!(whole.asked(), ["from_seq=0", "from_seq=200"]);
}

#[test]
fn a_feed_that_breaks_is_taken_up_where_it_broke() {
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let stage = Stage::new();
        let feed = Feed::numbered("s", "r", (0..300).map(message).collect()).breaking_after(&[10, 0, 100]);
        let report = complete(stage.options(&feed, guarantee));
        assert!(stage.contents().seqs("r").iter().copied().eq(0..300), "{guarantee:?}");
        assert_eq!((report.counts.received, report.counts.reconnects), (300, 3));
        assert_eq!(feed.asked()[1..], ["from_seq=10", "from_seq=10", "from_seq=110"]);
    }
}

#[test]
fn a_feed_that_numbers_nothing_is_taken_at_least_once_only() {
    let stage = Stage::new();
    let messages: Vec<String> = (0..100).map(message).collect();
    let feed = Feed::plain(messages.clone());
    let (_, result) = run(stage.options(&feed, Guarantee::ExactlyOnce));
    assert!(matches!(result, Err(BridgeError::CannotResume)), "{result:?}");
    assert!(stage.contents().records.is_empty());
    let report = complete(stage.options(&feed, Guarantee::AtLeastOnce));
    assert_eq!((report.counts.received, report.run.as_str()), (100, "unnamed"));
    assert!(stage.contents().seqs("unnamed").iter().copied().eq(0..100));
    assert_eq!(feed.asked().last().map(String::as_str), Some(""), "a plain feed receives no query");
}

#[test]
fn a_failed_commit_begins_anew_from_the_position() {
    let stage = Stage::new();
    let feed = Feed::numbered("s", "r", (0..100).map(message).collect());
    // the claim succeeds, and the first commit of messages fails
    let errors =
        [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR, RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE];
    stage.cluster.request_errors(RDKafkaApiKey::EndTxn, &errors);
    let report = complete(stage.options(&feed, Guarantee::ExactlyOnce));
    assert_eq!((report.next_seq, report.counts.restarts), (StreamSeq(100), 1));
    // the mock shows aborted records as well, including positions
    let mut seqs = stage.contents().seqs("r");
    seqs.dedup();
    assert!(seqs.into_iter().eq(0..100));
}

#[test]
fn a_record_that_is_too_large_is_a_dead_letter_and_holds_up_nobody() {
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let stage = Stage::new();
        let mut messages: Vec<String> = (0..20).map(message).collect();
        let huge = "x".repeat(2_000_000);
        messages[5] =
            messages[5].replace("\"correlation_id\":null", &format!("\"correlation_id\":\"{huge}\""));
        let length = messages[5].len() as u64;
        let feed = Feed::numbered("s", "r", messages);
        let report = complete(stage.options(&feed, guarantee));
        assert_eq!((report.counts.produced, report.counts.dead_lettered), (19, 1), "{guarantee:?}");
        let contents = stage.contents();
        assert!(contents.seqs("r").iter().copied().eq(0..20));
        let original = Original::parse(&contents.dead_letters[0].value).unwrap();
        assert_eq!((&*original.verdict.reason, original.cut_from), ("refused_by_broker", Some(length)));
        assert_eq!(original.verdict.retry_count, 2);
    }
}

#[test]
fn a_record_that_the_broker_refuses_is_tried_again_and_then_a_dead_letter() {
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let stage = Stage::new();
        let feed = Feed::numbered("s", "r", vec![message(0)]).staying();
        let ok = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        let errors: &[RDKafkaRespErr] = match guarantee {
            // the claim of the position is a produce request as well; the next position is written when the record is
            // refused
            Guarantee::ExactlyOnce => &[ok, refused, refused, refused],
            Guarantee::AtLeastOnce => &[refused, refused, refused],
        };
        stage.cluster.request_errors(RDKafkaApiKey::Produce, errors);
        let mut options = stage.options(&feed, guarantee);
        options.delivery.batch_time = Duration::from_secs(2);
        let report = stopped_behind(1, options);
        assert_eq!((report.counts.produced, report.counts.dead_lettered), (0, 1), "{guarantee:?}");
        let letters = stage.contents().dead_letters;
        assert_eq!(letters.len(), 1);
        let original = Original::parse(&letters[0].value).unwrap();
        assert_eq!((&*original.verdict.reason, original.verdict.retry_count), ("refused_by_broker", 2));
        assert_eq!(original.value, message(0).as_bytes());
    }
}

#[test]
fn brokers_that_are_away_are_waited_for_and_health_says_so() {
    let stage = Stage::new();
    let feed = Feed::numbered("s", "r", (0..5_000).map(message).collect());
    stage.cluster.broker_down(-1).unwrap();
    let options = BridgeOptions {
        metrics: Some(("127.0.0.1".to_owned(), 0)),
        ..stage.options(&feed, Guarantee::AtLeastOnce)
    };
    let bridge = Bridge::new(options).unwrap();
    let address = bridge.metrics_address().unwrap();
    let thread = std::thread::spawn(move || bridge.run(|| 0.5, &|| false));
    let get = |path: &str| {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let mut response = agent.get(format!("http://{address}{path}")).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    };
    let red = || {
        let (status, body) = get("/healthz");
        status == 503 && body.contains("kafka: ")
    };
    while !red() {
        std::thread::yield_now();
    }
    assert_eq!(get("/readyz").0, 503);
    assert!(get("/metrics").1.contains("\nbridge_healthy 0\n"));
    stage.cluster.broker_up(-1).unwrap();
    let (report, result) = thread.join().unwrap();
    assert_eq!(result.unwrap(), Ended::Complete);
    assert_eq!(report.counts.received, 5_000);
    let mut seqs = stage.contents().seqs("r");
    seqs.dedup();
    assert!(seqs.into_iter().eq(0..5_000));
}

#[test]
fn a_stop_delivers_what_was_taken() {
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let stage = Stage::new();
        let feed = Feed::numbered("s", "r", (0..100).map(message).collect()).staying();
        let report = stopped_behind(100, stage.options(&feed, guarantee));
        assert_eq!((report.next_seq, report.undelivered), (StreamSeq(100), 0));
        assert_eq!(stage.contents().position("s/r"), Some((100, "me".to_owned())));
    }
}
