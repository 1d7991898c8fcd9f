//! The reports of librdkafka: acknowledgements, failures, its log and its statistics. They are served on the
//! producer's own thread.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::Headers as _,
    producer::{DeliveryResult, ProducerContext},
};
use serde::Deserialize;
use tradesim_bridge_core::{Guarantee, Topic};
use tradesim_schemas::StreamSeq;

use super::{
    HEADER_SEQ, KafkaFailure,
    error::is_code_of_record,
    reason::{LastReason, short},
    ticket::Ticket,
};
use crate::{
    clock::Clock,
    health::{Health, Part},
    metrics::Metrics,
};

/// The part of librdkafka's statistics that is used. The type of its Rust wrapper has every field: reading all of them
/// takes longer, and so does compiling the readers.
#[derive(Deserialize)]
struct Statistics {
    brokers: BTreeMap<String, BrokerStatistics>,
    msg_cnt: u64,
    msg_size: u64,
    txmsgs: i64,
    txmsg_bytes: i64,
}

#[derive(Deserialize)]
struct BrokerStatistics {
    state: String,
}

/// The results of reports for the thread that owns the producer.
#[derive(Debug)]
pub(crate) struct Shared {
    guarantee: Guarantee,
    clock: Clock,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    /// True if there is a failure, so that the check costs nothing.
    has_failed: AtomicBool,
    failure: Mutex<Failure>,
    /// The lowest bits of the numbers of records, if they are wanted.
    acknowledged: Mutex<Vec<u32>>,
    /// True if brokers were unreachable, and no record was acknowledged since.
    away: AtomicBool,
    /// The reason for which the last connection failed.
    reason: LastReason,
}

/// The failures.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    /// The first cause.
    pub(crate) cause: Option<KafkaFailure>,
    /// The numbers of messages whose records were refused because of their content, in transactions.
    pub(crate) refused: Vec<StreamSeq>,
    /// The lowest bits of the numbers of such records, without transactions.
    pub(crate) refused_records: Vec<(u32, String)>,
}

impl Shared {
    pub(crate) fn new(
        guarantee: Guarantee,
        clock: Clock,
        metrics: Arc<Metrics>,
        health: Arc<Health>,
    ) -> Shared {
        Shared {
            guarantee,
            clock,
            metrics,
            health,
            has_failed: AtomicBool::new(false),
            failure: Mutex::default(),
            acknowledged: Mutex::default(),
            away: AtomicBool::new(false),
            reason: LastReason::default(),
        }
    }

    /// Returns true if anything failed.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Takes the failures.
    pub(crate) fn take_failure(&self) -> Failure {
        let mut failure = lock(&self.failure);
        self.has_failed.store(false, Ordering::Release);
        std::mem::take(&mut failure)
    }

    /// Moves the numbers of acknowledged records into `numbers`, which is empty.
    pub(crate) fn take_acknowledged(&self, numbers: &mut Vec<u32>) {
        std::mem::swap(numbers, &mut *lock(&self.acknowledged));
    }

    /// Clears everything for another producer.
    pub(crate) fn reset(&self) {
        let _ = self.take_failure();
        lock(&self.acknowledged).clear();
    }

    fn fail(&self, note: impl FnOnce(&mut Failure)) {
        let mut failure = lock(&self.failure);
        note(&mut failure);
        self.has_failed.store(true, Ordering::Release);
    }

    /// Returns the failure with librdkafka's own reason if brokers were not reached: the errors of its calls do not
    /// contain it.
    pub(crate) fn explain(&self, failure: &KafkaFailure) -> String {
        match failure {
            KafkaFailure::Call(_) | KafkaFailure::Report(_) => self.reason.explain(failure),
            failure => failure.to_string(),
        }
    }

    /// Records that the brokers have answered, and clears the reason.
    pub(crate) fn reached(&self) {
        self.reason.clear();
    }

    fn back(&self) {
        self.reached();
        if self.away.swap(false, Ordering::Relaxed) && self.health.recovers(Part::Kafka) {
            tracing::info!("brokers are reachable again");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // the value is consistent at every moment
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The context of a producer.
#[derive(Debug)]
pub(crate) struct Reports {
    shared: Arc<Shared>,
}

impl Reports {
    pub(super) fn new(shared: Arc<Shared>) -> Reports {
        Reports { shared }
    }

    #[cold]
    fn failed(&self, ticket: Ticket, error: &KafkaError, seq: Option<StreamSeq>) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        if matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            // purged by the bridge, together with the producer
            return;
        }
        self.shared.metrics.failed(ticket.topic());
        if !is_code_of_record(code) {
            return self.shared.fail(|failure| {
                failure.cause.get_or_insert(KafkaFailure::Report(code));
            });
        }
        self.shared.metrics.records_refused.inc();
        self.shared.fail(|failure| match self.shared.guarantee {
            Guarantee::ExactlyOnce => {
                failure.cause.get_or_insert(KafkaFailure::Refused(error.to_string()));
                failure.refused.extend(seq);
            }
            Guarantee::AtLeastOnce => failure.refused_records.push((ticket.number(), error.to_string())),
        });
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let ticket = Ticket::from_opaque(opaque);
        match result {
            Ok(_) => {
                let shared = &self.shared;
                shared.metrics.acknowledged(ticket.topic(), ticket.age_us(shared.clock.wrapped_us()));
                if shared.guarantee == Guarantee::AtLeastOnce && ticket.topic() != Topic::Positions {
                    lock(&shared.acknowledged).push(ticket.number());
                }
                if shared.away.load(Ordering::Relaxed) {
                    shared.back();
                }
            }
            Err((error, message)) => {
                let headers = message.headers();
                let seq = headers.and_then(|headers| {
                    let header = headers.iter().find(|header| header.key == HEADER_SEQ)?;
                    std::str::from_utf8(header.value?).ok()?.parse().ok()
                });
                self.failed(ticket, error, seq);
            }
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.shared.reason.log(facility, text);
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => tracing::warn!(facility, text, "librdkafka"),
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
                tracing::info!(facility, text, "librdkafka");
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, text, "librdkafka");
            }
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let statistics: Statistics = match serde_json::from_slice(statistics) {
            Ok(statistics) => statistics,
            Err(error) => return tracing::warn!(%error, "cannot read the statistics of librdkafka"),
        };
        let up = statistics.brokers.values().filter(|broker| broker.state == "UP").count();
        if up > 0 {
            // no record may be sent for long
            self.shared.back();
        }
        tracing::info!(
            brokers_up = up,
            queued = statistics.msg_cnt,
            queued_bytes = statistics.msg_size,
            records = statistics.txmsgs,
            bytes = statistics.txmsg_bytes,
            "producer"
        );
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        self.shared.reason.event(&error, reason);
        let is_away =
            matches!(code, Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Authentication));
        if is_away {
            self.shared.away.store(true, Ordering::Relaxed);
            let reason = self.shared.reason.explain(&short(reason));
            if self.shared.health.fails(Part::Kafka, reason.as_str()) {
                tracing::warn!(reason, "cannot reach any broker; waiting");
            }
        } else {
            tracing::debug!(%error, reason, "librdkafka");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_of_librdkafka_are_read() {
        let text = r#"{"name":"a","ts":1,"msg_cnt":2,"msg_size":3,"txmsgs":4,"txmsg_bytes":5,
            "brokers":{"b:9092/1":{"name":"b:9092/1","state":"UP","toppars":{}}},"topics":{}}"#;
        let statistics: Statistics = serde_json::from_str(text).unwrap();
        assert_eq!(statistics.brokers["b:9092/1"].state, "UP");
        let numbers = (statistics.msg_cnt, statistics.msg_size, statistics.txmsgs, statistics.txmsg_bytes);
        assert_eq!(numbers, (2, 3, 4, 5));
    }
}
