//! The throughput of a whole bridge, from a socket to acknowledgements of librdkafka's mock brokers: the burst of the opening,
//! repeated, with a new bridge for each sample.
//!
//! For comparison, librdkafka alone produces the same records with the same settings.
//!
//! Feed, bridge, producer and brokers share the cores of the machine in one process. The result is the cost of the bridge and the
//! producer, and not of Kafka.

mod audit;
mod bare;
#[path = "../common/burst.rs"]
mod burst;
mod feed;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tradesim_bridge::{
    Bridge, BridgeOptions, Ended, ProducerOptions,
    connection::KafkaConnection,
    core::{Backoff, Guarantee, Options, Topic, Topics},
    dev::{DevBroker, DevRegistry},
    registry::{Registry, RegistryOptions},
};
use tradesim_client::Dialogue;
use tradesim_schemas::ReadOptions;

use self::{bare::Records, feed::Frames};

/// The number of messages in the burst.
const MESSAGES: usize = 6_000;
/// The number of messages in one iteration.
const MESSAGES_AN_ITERATION: u64 = 500_000;
const PARTITIONS: u16 = 12;

/// The instants at which messages were delivered.
#[derive(Debug, Default)]
struct Course {
    first: Option<(Instant, u64)>,
    last: Option<Instant>,
}

impl Course {
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    fn delivered(&mut self, next_seq: u64) {
        let now = Instant::now();
        self.first.get_or_insert((now, next_seq));
        self.last = Some(now);
    }

    /// Returns the time for all messages, extrapolated from the pace after the first reported delivery.
    fn duration(&self, messages: u64) -> Duration {
        let (Some((first, seq)), Some(last)) = (self.first, self.last) else { return Duration::ZERO };
        (last - first).mul_f64(messages as f64 / (messages - seq).max(1) as f64)
    }
}

struct Stage {
    frames: Arc<Frames>,
    records: Records,
    registry: DevRegistry,
    runs: u64,
}

impl Stage {
    fn new() -> Stage {
        let texts: Vec<String> = burst::burst(MESSAGES).iter().map(|envelope| envelope.to_json()).collect();
        Stage {
            frames: Arc::new(Frames::new(texts.iter().map(String::as_str))),
            records: Records::new(texts.iter().map(String::as_str)),
            registry: DevRegistry::start(0).expect("a registry starts"),
            runs: 0,
        }
    }

    /// Starts new brokers for each sample, because earlier messages make brokers slower.
    fn brokers() -> DevBroker {
        let topics = topics();
        let partitions = |topic| if topic == Topic::Positions { 1 } else { PARTITIONS };
        let topics: Vec<(String, u16)> =
            Topic::ALL.iter().map(|&topic| (topics.name(topic).to_owned(), partitions(topic))).collect();
        DevBroker::start(3, &topics).expect("mock brokers start")
    }

    /// Bridges so many messages. Returns the time from when the bridge could deliver until all were acknowledged: the start of a
    /// bridge takes a second, independently of the number of messages.
    fn bridge(&mut self, guarantee: Guarantee, messages: u64) -> Duration {
        self.runs += 1;
        let run = format!("run-{}", self.runs);
        self.bridge_into(&Stage::brokers(), run, guarantee, messages)
    }

    /// Bridges so many messages as a run into these brokers.
    fn bridge_into(
        &mut self,
        brokers: &DevBroker,
        run: String,
        guarantee: Guarantee,
        messages: u64,
    ) -> Duration {
        let serving = feed::serve(Arc::clone(&self.frames), run.clone(), messages);
        let options = self.options(guarantee, serving.url(), brokers, run);
        let mut bridge = Bridge::new(options).expect("a bridge");
        let course = Arc::new(Mutex::new(Course::default()));
        let told = Arc::clone(&course);
        bridge.observe(Box::new(move |next_seq| told.lock().expect("no panic").delivered(next_seq.get())));
        let (report, result) = bridge.run(|| 0.5, &|| false);
        assert_eq!(result.expect("the bridge ends well"), Ended::Complete);
        assert_eq!(report.counts.produced, messages, "every message is acknowledged");
        serving.join();
        course.lock().expect("no panic").duration(messages)
    }

    fn options(
        &self,
        guarantee: Guarantee,
        feed_url: String,
        brokers: &DevBroker,
        run: String,
    ) -> BridgeOptions {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        BridgeOptions {
            feed_url,
            connect_timeout: Duration::from_secs(10),
            dialogue: Dialogue::default(),
            kafka: connection(brokers),
            producer: ProducerOptions::default(),
            registry: Registry::new(RegistryOptions::new(self.registry.url())).expect("a URL"),
            register_schemas: true,
            topics: Arc::new(topics()),
            delivery: Options {
                guarantee,
                until_end: true,
                run: None,
                bridge: "bench".to_owned(),
                batch_events: 50_000,
                batch_time: Duration::from_millis(100),
                feed_tries: 0,
                feed_backoff: backoff,
                kafka_tries: Some(0),
                kafka_backoff: backoff,
                refusals_max: 0,
            },
            read: ReadOptions::default(),
            run,
            metrics: None,
            stop_timeout: Duration::from_secs(10),
        }
    }
}

fn connection(brokers: &DevBroker) -> KafkaConnection {
    KafkaConnection::new(brokers.bootstrap_servers(), &[]).expect("no properties")
}

fn topics() -> Topics {
    Topics::new("", "dlq.raw.failed")
}

fn produce(criterion: &mut Criterion) {
    let mut stage = Stage::new();
    let mut group = criterion.benchmark_group("bridge/produce");
    group.throughput(Throughput::Elements(MESSAGES_AN_ITERATION)).sample_size(10);
    for (name, guarantee) in
        [("exactly-once", Guarantee::ExactlyOnce), ("at-least-once", Guarantee::AtLeastOnce)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| stage.bridge(guarantee, iterations * MESSAGES_AN_ITERATION));
        });
    }
    group.bench_function("bare-librdkafka", |bencher| {
        bencher.iter_custom(|iterations| {
            let messages = iterations * MESSAGES_AN_ITERATION;
            let brokers = Stage::brokers();
            stage.records.produce(&connection(&brokers), messages)
        });
    });
    group.finish();
}

criterion_group!(benches, produce, audit::audit);
criterion_main!(benches);
