//! The driver of [`Delivery`]: one thread that owns the producer, and blocks only where it must.
//!
//! In this order, repeatedly: reports, the request to stop, the record that found no room, the actions of the state
//! machine, its timeouts, records, events of the feed. The calls for transactions block; meanwhile the feed fills its
//! queue, and then waits.

mod at_least_once;
mod handover;
mod lag;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tradesim_bridge_core::{
    Action, Delivery, Finish, Flaw, Guarantee, Input, Note, Now, Position, Topic, Window,
};
use tradesim_schemas::StreamSeq;

use self::{handover::Work, lag::Lag};
use crate::{
    batch::Batch,
    clock::Clock,
    connection::ConnectionError,
    feed::{Event, Feed},
    health::{Health, Part},
    kafka::{self, KafkaFailure, Outgoing, Producer, SendError, Shared},
    metrics::{Metrics, Outcome},
    options::{BridgeError, BridgeOptions, Observer},
};

/// The longest wait before everything is checked again.
const TICK: Duration = Duration::from_millis(100);
/// The longest wait while nothing is wanted of the feed.
const IDLE_TICK: Duration = Duration::from_millis(20);
/// The time in which a new topic must become known everywhere.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout of a metadata request.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// The timeout of the last position that is written outside of a transaction. Without it the next bridge sends some
/// messages again.
const LAST_POSITION_TIMEOUT: Duration = Duration::from_secs(5);

/// The state that the parts of a bridge share.
pub(crate) struct Context<'a> {
    pub(crate) options: BridgeOptions,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) observer: Option<Observer>,
    pub(crate) is_stopping: &'a dyn Fn() -> bool,
}

impl Context<'_> {
    pub(crate) fn is_stopping(&self) -> bool {
        (self.is_stopping)()
    }
}

/// The driver while it works.
pub(crate) struct Driver<'a, R> {
    context: &'a Context<'a>,
    random: R,
    delivery: Delivery,
    feed: Feed,
    shared: Arc<Shared>,
    producer: Option<Producer>,
    /// The run in the headers.
    run: String,
    /// The batch whose messages are handed over.
    work: Option<Work>,
    /// Batches that are handed over again, before any other.
    backlog: VecDeque<Batch>,
    /// Without transactions: the records that are not acknowledged, and the batches that they are in.
    window: Window,
    kept: VecDeque<Batch>,
    acknowledged: Vec<u32>,
    /// Records that the broker refused, to be retried or to become dead letters.
    refused: VecDeque<(u64, String)>,
    retries: BTreeMap<u64, u32>,
    draining: bool,
    lag: Lag,
    /// The number that the observer was called with last.
    observed_seq: Option<StreamSeq>,
    stop_told: bool,
    stop_by: Option<Duration>,
    /// An error with more details than the state machine's.
    error: Option<BridgeError>,
}

/// The result of the driver.
pub(crate) struct Finished {
    pub(crate) delivery: Delivery,
    pub(crate) run: String,
    /// The number of messages that were taken and not acknowledged.
    pub(crate) undelivered: u64,
    /// The number of messages that were not taken, of a feed that cannot send them again.
    pub(crate) discarded: u64,
    /// An error with more details than the state machine's.
    pub(crate) error: Option<BridgeError>,
}

impl<'a, R: FnMut() -> f64> Driver<'a, R> {
    pub(crate) fn new(context: &'a Context<'a>, feed: Feed, random: R) -> Driver<'a, R> {
        let options = &context.options;
        let guarantee = options.delivery.guarantee;
        let shared =
            Shared::new(guarantee, context.clock, Arc::clone(&context.metrics), Arc::clone(&context.health));
        Driver {
            random,
            delivery: Delivery::new(options.delivery.clone()),
            feed,
            shared: Arc::new(shared),
            producer: None,
            run: options.run.clone(),
            work: None,
            backlog: VecDeque::new(),
            window: Window::new(),
            kept: VecDeque::new(),
            acknowledged: Vec::new(),
            refused: VecDeque::new(),
            retries: BTreeMap::new(),
            draining: false,
            lag: Lag::default(),
            observed_seq: None,
            stop_told: false,
            stop_by: None,
            error: None,
            context,
        }
    }

    fn exactly_once(&self) -> bool {
        self.context.options.delivery.guarantee == Guarantee::ExactlyOnce
    }

    fn now(&self) -> Duration {
        self.context.clock.now()
    }

    fn tell(&mut self, input: Input) {
        let moment = Now { at: self.now(), random: (self.random)() };
        self.delivery.handle(input, moment);
    }

    fn fails(&mut self, failure: &KafkaFailure) {
        self.fails_for(failure, Vec::new());
    }

    fn fails_for(&mut self, failure: &KafkaFailure, refused: Vec<StreamSeq>) {
        if let Some(work) = &mut self.work {
            work.drop_record();
        }
        let is_fatal = self.error.is_some();
        let cause = self.shared.explain(failure);
        self.tell(Input::Failed { cause, refused, is_fatal });
    }

    /// Works until the delivery has ended.
    pub(crate) fn run(&mut self) -> Finish {
        loop {
            self.check_reports();
            if let Some(finish) = self.check_stop() {
                return finish;
            }
            // a record that found no room precedes the actions that resulted from it
            if !self.work.as_ref().is_some_and(Work::holds_record)
                && let Some(finish) = self.act_all()
            {
                return finish;
            }
            self.show();
            let now = self.now();
            let timeout = self.delivery.poll_timeout();
            if timeout.is_some_and(|timeout| timeout <= now) {
                self.tell(Input::Timeout);
                continue;
            }
            if self.hand_over() {
                continue;
            }
            if self.draining && self.is_drained() {
                self.draining = false;
                self.tell(Input::Drained);
                continue;
            }
            let mut wait = timeout.map_or(TICK, |timeout| (timeout - now).min(TICK));
            if !self.kept.is_empty() {
                // the feed may wait for room that acknowledgements make
                wait = wait.min(IDLE_TICK);
            }
            if self.work.is_none() && self.backlog.is_empty() && self.delivery.wants_events() {
                if let Some(event) = self.feed.next(wait) {
                    self.take(event);
                }
            } else {
                std::thread::sleep(wait.min(IDLE_TICK));
            }
        }
    }

    /// Stops the feed, and returns the result.
    pub(crate) fn finish(self) -> Finished {
        let waiting: usize = self.backlog.iter().map(Batch::len).sum();
        let undelivered = if self.exactly_once() { 0 } else { self.window.open() + waiting as u64 };
        if let Some(producer) = self.producer.filter(|_| undelivered == 0) {
            // without transactions the last position may be in flight
            let until = self.context.clock.now() + LAST_POSITION_TIMEOUT;
            while producer.in_flight() > 0 && self.context.clock.now() < until {
                producer.wait_for_reports();
            }
        }
        // a feed that numbers its messages sends them again to the next bridge
        let is_numbered = self.delivery.identity().is_some();
        let left = self.feed.stop();
        let discarded = if is_numbered { 0 } else { left };
        Finished { delivery: self.delivery, run: self.run, undelivered, discarded, error: self.error }
    }

    fn check_reports(&mut self) {
        if !self.exactly_once() {
            self.take_acknowledgements();
        }
        if !self.shared.has_failed() {
            return;
        }
        let failure = self.shared.take_failure();
        for (lowest, error) in failure.refused_records {
            self.refused.push_back((kafka::whole_number(lowest, self.window.next_record()), error));
        }
        if let Some(cause) = failure.cause {
            self.fails_for(&cause, failure.refused);
        }
    }

    fn check_stop(&mut self) -> Option<Finish> {
        if !self.context.is_stopping() {
            return None;
        }
        let now = self.now();
        let until = *self.stop_by.get_or_insert(now + self.context.options.stop_timeout);
        if now >= until {
            tracing::warn!("stopped before all records were acknowledged");
            return Some(Finish::Stopped);
        }
        // a message that was taken is completed; with transactions the next bridge takes it again
        let is_between = self.exactly_once() || self.work.is_none() && self.backlog.is_empty();
        if is_between && !self.stop_told {
            if self.has_more_of_the_feed() {
                // messages received from such a feed cannot be received again
                self.feed.disconnect();
                return None;
            }
            self.stop_told = true;
            self.tell(Input::Stop);
        }
        None
    }

    /// Returns true if a feed that cannot send its messages again has delivered some that were not taken.
    fn has_more_of_the_feed(&self) -> bool {
        self.delivery.is_reading() && self.delivery.identity().is_none() && !self.feed.is_quiet()
    }

    /// Carries out the actions of the state machine, until there are none or it has ended.
    fn act_all(&mut self) -> Option<Finish> {
        while let Some(action) = self.delivery.poll_action() {
            match action {
                Action::Connect { connection, from_seq } => {
                    if connection > 1 {
                        self.context.metrics.ws_reconnects.inc();
                    }
                    tracing::debug!(
                        connection,
                        from_seq = from_seq.map(StreamSeq::get),
                        "connecting to the feed"
                    );
                    self.feed.connect(connection, from_seq);
                }
                Action::Disconnect => {
                    self.feed.disconnect();
                    self.lag.clear();
                    if self.exactly_once()
                        && let Some(work) = self.work.take()
                    {
                        self.feed.give_back(work.batch);
                    }
                }
                Action::Initialise { identity } => {
                    if let Some(identity) = &identity {
                        self.run.clone_from(&identity.run);
                    }
                    let stream = identity.as_ref().map(|identity| identity.stream.as_str());
                    match self.initialise(stream) {
                        Ok(()) => self.tell(Input::Initialised),
                        Err(failure) => self.fails(&failure),
                    }
                }
                Action::ReadPosition { identity } => {
                    let topic = self.context.options.topics.name(Topic::Positions);
                    let is_stopping = || self.context.is_stopping();
                    let (kafka, clock) = (&self.context.options.kafka, self.context.clock);
                    let began = clock.now();
                    match kafka::read_position(kafka, topic, &identity, clock, &is_stopping) {
                        Ok(kafka::Newest { value: position, records }) => {
                            let search_ms = clock.now().saturating_sub(began).as_millis();
                            tracing::info!(%identity, ?position, records, search_ms, "position read");
                            self.tell(Input::PositionRead(position));
                        }
                        Err(failure) => self.fails(&failure),
                    }
                }
                Action::Begin => {
                    if let Err(failure) = self.producer().begin() {
                        self.fails(&failure);
                    }
                }
                Action::Commit { position } => self.commit(&position),
                Action::Checkpoint { position } => {
                    // if there is no room now, the next position covers this one
                    let _ = self.send_position(&position);
                }
                Action::Drain => self.draining = true,
                Action::DropProducer => self.drop_producer(),
                Action::Note(note) => self.note(note),
                Action::Finish(finish) => return Some(finish),
            }
        }
        None
    }

    fn producer(&self) -> &Producer {
        self.producer.as_ref().expect("the state machine requests this only while there is a producer")
    }

    fn initialise(&mut self, stream: Option<&str>) -> Result<(), KafkaFailure> {
        let options = &self.context.options;
        let guarantee = options.delivery.guarantee;
        self.producer = None;
        self.shared.reset();
        let config = options.producer.config(&options.kafka, guarantee, &options.topics, stream);
        let shared = Arc::clone(&self.shared);
        let producer = Producer::new(&config, Arc::clone(&options.topics), shared, self.context.clock)
            .map_err(|error| {
                self.error = Some(ConnectionError::from_creation(error.clone()).into());
                KafkaFailure::Call(error)
            })?;
        self.check_topics(&producer)?;
        self.shared.reached();
        if guarantee == Guarantee::ExactlyOnce {
            producer.init_transactions(&|| self.context.is_stopping())?;
        }
        self.producer = Some(producer);
        Ok(())
    }

    /// Checks the topics: a missing topic is a configuration error, unless it was created a moment ago.
    fn check_topics(&mut self, producer: &Producer) -> Result<(), KafkaFailure> {
        let until = self.now() + TOPIC_TIMEOUT;
        while let Some(topic) = producer.missing_topic(METADATA_TIMEOUT)? {
            if self.context.is_stopping() {
                return Err(KafkaFailure::Stopped);
            }
            if self.now() >= until {
                self.error = Some(BridgeError::NoTopic { topic: topic.clone() });
                return Err(KafkaFailure::NoTopic(topic));
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    fn send_position(&self, position: &Position) -> Result<(), SendError> {
        let (key, value) = (position.key(), position.value());
        self.producer().send(Outgoing {
            topic: Topic::Positions,
            key: Some(key.as_bytes()),
            value: &value,
            headers: None,
            number: 0,
        })
    }

    fn commit(&mut self, position: &Position) {
        let begun = self.now();
        match self.try_commit(position) {
            Ok(()) => {
                let metrics = &self.context.metrics;
                metrics.transaction(Outcome::Committed);
                metrics.commit_latency.observe(self.now().saturating_sub(begun));
                self.context.health.recovers(Part::Kafka);
                self.tell(Input::Committed);
                self.lag.delivered(self.delivery.delivered_seq(), self.context);
            }
            Err((failure, refused)) => self.fails_for(&failure, refused),
        }
    }

    fn try_commit(&mut self, position: &Position) -> Result<(), (KafkaFailure, Vec<StreamSeq>)> {
        loop {
            match self.send_position(position) {
                Ok(()) => break,
                Err(SendError::Full) => self.wait_for_room()?,
                Err(SendError::Refused(error)) => return Err((KafkaFailure::Refused(error), Vec::new())),
                Err(SendError::Failed(failure)) => return Err((failure, Vec::new())),
            }
        }
        self.flush()?;
        self.producer().commit().map_err(|failure| (failure, Vec::new()))
    }

    /// Waits until every record that was handed over is acknowledged.
    fn flush(&mut self) -> Result<(), (KafkaFailure, Vec<StreamSeq>)> {
        while self.producer().in_flight() > 0 {
            self.check_while_waiting()?;
            self.producer().flush_for_a_moment();
        }
        self.failure()
    }

    fn wait_for_room(&mut self) -> Result<(), (KafkaFailure, Vec<StreamSeq>)> {
        self.check_while_waiting()?;
        self.producer().wait_for_reports();
        Ok(())
    }

    /// Checks if waiting is useless.
    fn check_while_waiting(&mut self) -> Result<(), (KafkaFailure, Vec<StreamSeq>)> {
        self.failure()?;
        let is_late = self.stop_by.is_some_and(|until| self.now() >= until);
        if is_late {
            return Err((KafkaFailure::Stopped, Vec::new()));
        }
        if self.context.is_stopping() && self.stop_by.is_none() {
            self.stop_by = Some(self.now() + self.context.options.stop_timeout);
        }
        Ok(())
    }

    fn failure(&self) -> Result<(), (KafkaFailure, Vec<StreamSeq>)> {
        if !self.shared.has_failed() {
            return Ok(());
        }
        let failure = self.shared.take_failure();
        match failure.cause {
            Some(cause) => Err((cause, failure.refused)),
            None => Ok(()),
        }
    }

    fn drop_producer(&mut self) {
        if self.exactly_once() && self.producer.is_some() {
            self.context.metrics.transaction(Outcome::Abandoned);
        }
        self.producer = None;
        self.shared.reset();
        self.context.metrics.producer_restarts.inc();
        if !self.exactly_once() {
            self.hand_over_again();
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Batch(batch) => self.begin(batch),
            Event::Connected { connection, handshake } => {
                self.context.health.recovers(Part::Feed);
                self.tell(Input::Connected { connection, handshake });
            }
            Event::Jumped { connection, seq } => self.tell(Input::Jumped { connection, seq }),
            Event::Sent { connection, seq, due_us } => {
                if connection == self.delivery.connection() && self.delivery.is_reading() {
                    self.lag.sent(seq, due_us);
                }
                self.tell(Input::Sent { connection, seq });
                self.lag.delivered(self.delivery.delivered_seq(), self.context);
            }
            Event::Ended { connection, seq } => self.tell(Input::Ended { connection, seq }),
            Event::Disconnected { connection, reason, cause } => {
                self.tell(Input::Disconnected { connection, reason, cause });
            }
        }
    }

    /// Updates the gauges and the health.
    fn show(&mut self) {
        let metrics = &self.context.metrics;
        let delivery = &self.delivery;
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        if let Some(observer) = &self.context.observer
            && delivery.is_ready()
            && self.observed_seq != Some(delivery.delivered_seq())
        {
            self.observed_seq = Some(delivery.delivered_seq());
            observer.delivered(delivery.delivered_seq());
        }
        metrics.next_seq.set(gauge(delivery.next_seq().get()));
        metrics.delivered_seq.set(gauge(delivery.delivered_seq().get()));
        metrics.lag_events.set(gauge(delivery.head_seq().since(delivery.delivered_seq())));
        let in_flight = self.producer.as_ref().map_or(0, Producer::in_flight);
        metrics.queue_records.set(i64::from(in_flight));
        self.context.health.set_ready(delivery.is_ready());
    }

    fn note(&mut self, note: Note) {
        let Context { metrics, health, .. } = self.context;
        match note {
            Note::Reading { identity, seq } => {
                let identity = identity.map(|identity| identity.to_string());
                tracing::info!(identity, seq = seq.get(), "reading the feed");
                health.recovers(Part::Feed);
                if !self.exactly_once() {
                    health.recovers(Part::Kafka);
                }
            }
            Note::Reconnecting { after, tries, cause } => {
                health.fails(Part::Feed, cause.as_str());
                tracing::warn!(delay_ms = after.as_millis() as u64, tries, cause, "reconnecting to the feed");
            }
            Note::Restarting { after, tries, cause } => {
                health.fails(Part::Kafka, cause.as_str());
                let delay_ms = after.as_millis() as u64;
                tracing::warn!(
                    delay_ms,
                    tries,
                    cause,
                    "the producer failed; starting again from the position"
                );
            }
            Note::Delivered { next_seq } => {
                tracing::info!(next_seq = next_seq.map(StreamSeq::get), "the feed has delivered everything")
            }
            Note::Flaw(Flaw::Gap { from, to }) => {
                metrics.gap_messages.inc_by(to - from);
                tracing::error!(
                    from = from.get(),
                    to = to.get(),
                    "the feed can no longer send these messages"
                );
            }
            Note::Flaw(Flaw::Repeated { from, to }) => {
                metrics.repeated_messages.inc_by(to - from);
                tracing::warn!(from = from.get(), to = to.get(), "skipped messages that were received again");
            }
            Note::Flaw(Flaw::Backwards { messages, from, to }) => {
                metrics.backwards_messages.inc_by(messages);
                tracing::warn!(messages, %from, %to, "the times of messages went back");
            }
            Note::Flaw(Flaw::Interruption { last, first }) => {
                metrics.interruptions.inc();
                tracing::error!(%last, %first, "messages between these times may be missing or duplicated");
            }
        }
    }
}
