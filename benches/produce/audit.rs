//! The throughput of an audit: topics that a bridge has filled, read back and compared with their messages. The reader, librdkafka's
//! fetchers and the mock brokers share the cores of the machine.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use tradesim_bridge::{
    audit::{
        AuditMessage, AuditOptions, ExpectedMessage, RunMessages, ShardKeys, ShardOptions, ShardRun,
        TopicKind, verify, verify_shard,
    },
    core::{Guarantee, Topic},
    registry::{Registry, RegistryOptions},
};
use tradesim_schemas::{Envelope, EventType};

use super::{MESSAGES, Stage, burst, connection, topics};

/// The number of messages: as many as the mock brokers keep of each partition.
const AUDITED: u64 = 90_000;
const TIMEOUT: Duration = Duration::from_secs(30);
const RUN: &str = "run-audit";

/// The messages of a run, from memory.
struct Expected {
    messages: Vec<Envelope>,
    next: u64,
    keys: ShardKeys,
}

impl RunMessages for Expected {
    fn next_message(&mut self) -> Result<Option<ExpectedMessage>, Box<dyn std::error::Error + Send + Sync>> {
        while self.next < AUDITED {
            let seq = self.next;
            self.next += 1;
            let envelope = self.messages[seq as usize % self.messages.len()];
            if self.keys.has(envelope.event.symbol().as_bytes()) {
                return Ok(Some(ExpectedMessage { seq, envelope }));
            }
        }
        Ok(None)
    }
}

fn topic_names() -> Vec<(TopicKind, String)> {
    let names = topics();
    let data =
        EventType::ALL.iter().map(|&kind| (TopicKind::Data(kind), names.name(Topic::Data(kind)).to_owned()));
    data.chain([(TopicKind::DeadLetters, names.name(Topic::DeadLetters).to_owned())]).collect()
}

/// Audits what one bridge has delivered, as one run of an archive and as the share of the only worker.
pub(crate) fn audit(criterion: &mut Criterion) {
    let mut stage = Stage::new();
    let brokers = Stage::brokers();
    stage.bridge_into(&brokers, RUN.to_owned(), Guarantee::ExactlyOnce, AUDITED);
    let messages: Vec<Envelope> = burst::burst(MESSAGES);
    let connection = connection(&brokers);
    let registry = Registry::new(RegistryOptions::new(stage.registry.url())).expect("a URL");
    let options = AuditOptions {
        topics: topic_names(),
        run: Some(RUN.to_owned()),
        messages: AUDITED,
        timeout: TIMEOUT,
    };
    let one_run = || {
        let mut envelopes = messages.iter().cycle();
        let mut next = |message: &mut AuditMessage| {
            message.set_envelope(*envelopes.next().expect("it repeats"));
            Ok(true)
        };
        let audited = verify(&connection, &registry, &options, &mut next, &mut |_| {}).expect("an audit");
        assert!(audited.report.is_clean() && audited.report.present == AUDITED, "{:?}", audited.report);
    };
    let shard_options = ShardOptions {
        topics: topic_names(),
        runs: vec![ShardRun { run: RUN.to_owned(), messages: AUDITED }],
        index: 0,
        of: 1,
        timeout: TIMEOUT,
    };
    let shard = || {
        let mut open = |_: usize, keys: ShardKeys| {
            let messages = messages.clone();
            Ok(Box::new(Expected { messages, next: 0, keys }) as Box<dyn RunMessages>)
        };
        let audited =
            verify_shard(&connection, &registry, &shard_options, &mut open, &mut |_| {}).expect("an audit");
        assert!(audited.report.is_clean() && audited.report.present == AUDITED, "{:?}", audited.report);
    };
    let mut group = criterion.benchmark_group("bridge/audit");
    group.throughput(Throughput::Elements(AUDITED)).sample_size(10);
    group.bench_function("one-run", |bencher| bencher.iter(one_run));
    group.bench_function("shard", |bencher| bencher.iter(shard));
    group.finish();
}
