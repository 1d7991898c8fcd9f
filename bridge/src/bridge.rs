//! A bridge, from its parts to its report.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tradesim_bridge_core::{Backoff, Finish};

use tradesim_schemas::StreamSeq;

use crate::{
    batch::Rules,
    clock::Clock,
    connection::ConnectionError,
    driver::{Context, Driver, Finished},
    feed::{Feed, FeedOptions},
    health::{Health, Part},
    http::{HttpServer, HttpState},
    metrics::Metrics,
    options::{BridgeError, BridgeOptions, DeliveryObserver, Ended, Observer, Report},
    registry::{RegistryError, SchemaIds},
};

/// The delays between two attempts to reach the registry.
const REGISTRY_BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
/// The interval at which a delay checks whether to stop.
const STOP_TICK: Duration = Duration::from_millis(50);

/// A bridge that is ready to run.
#[derive(Debug)]
pub struct Bridge {
    options: BridgeOptions,
    clock: Clock,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    feed: FeedOptions,
    http: Option<HttpServer>,
    observer: Option<Observer>,
}

impl Bridge {
    /// Checks the options, and listens on the port of the metrics.
    ///
    /// # Errors
    /// An invalid feed URL, properties that librdkafka does not know, and a port that cannot be listened on.
    pub fn new(options: BridgeOptions) -> Result<Bridge, BridgeError> {
        let feed = FeedOptions::new(&options.feed_url, options.connect_timeout, options.dialogue.clone())?;
        let guarantee = options.delivery.guarantee;
        let config = options.producer.config(&options.kafka, guarantee, &options.topics, None);
        config.create_native_config().map_err(ConnectionError::from_creation)?;
        let metrics = Arc::new(Metrics::new(&options.topics));
        let health = Arc::new(Health::default());
        let http = match &options.metrics {
            Some((host, port)) => {
                let http_state = HttpState { metrics: Arc::clone(&metrics), health: Arc::clone(&health) };
                let server = HttpServer::start(host, *port, http_state);
                let failed = |source| BridgeError::Metrics { host: host.clone(), port: *port, source };
                Some(server.map_err(failed)?)
            }
            None => None,
        };
        Ok(Bridge { options, clock: Clock::start(), metrics, health, feed, http, observer: None })
    }

    /// Calls `observer` for what is delivered: acknowledged and, with transactions, committed.
    pub fn observe(&mut self, observer: DeliveryObserver) {
        self.observer = Some(Observer(observer));
    }

    /// Returns the address of the metrics, if they are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(HttpServer::address)
    }

    /// Runs on this thread until the feed has announced its end, `is_stopping` returns true, or a failure ends the
    /// bridge. `random` returns numbers from 0 to 1 for the jitter of delays; `is_stopping` is called several times
    /// per second.
    pub fn run(
        self,
        mut random: impl FnMut() -> f64,
        is_stopping: &dyn Fn() -> bool,
    ) -> (Report, Result<Ended, BridgeError>) {
        let Bridge { options, clock, metrics, health, feed, http, observer } = self;
        let context = Context { options, clock, metrics, health, observer, is_stopping };
        let nothing = |context: &Context<'_>| Report {
            counts: Default::default(),
            identity: None,
            run: context.options.run.clone(),
            next_seq: StreamSeq(0),
            undelivered: 0,
            discarded: 0,
            heartbeats: 0,
            seconds: context.clock.now().as_secs_f64(),
        };
        let schema_ids = match schema_ids(&context, &mut random) {
            Ok(Some(ids)) => ids,
            Ok(None) => return (nothing(&context), Ok(Ended::Stopped)),
            Err(error) => return (nothing(&context), Err(error.into())),
        };
        let rules = Rules { schema_ids, read: context.options.read };
        let feed = match Feed::start(feed, rules, context.clock, Arc::clone(&context.metrics)) {
            Ok(feed) => feed,
            Err(source) => return (nothing(&context), Err(BridgeError::Thread { source })),
        };
        let mut driver = Driver::new(&context, feed, random);
        let finish = driver.run();
        let Finished { delivery, run, undelivered, discarded, error } = driver.finish();
        let report = Report {
            counts: delivery.counts(),
            identity: delivery.identity().cloned(),
            run,
            next_seq: delivery.delivered_seq(),
            undelivered,
            discarded,
            heartbeats: context.metrics.ws_heartbeats.get(),
            seconds: context.clock.now().as_secs_f64(),
        };
        if let Some(observer) = &context.observer {
            observer.delivered(report.next_seq);
        }
        drop(http);
        (report, ended(finish, error))
    }
}

fn ended(finish: Finish, error: Option<BridgeError>) -> Result<Ended, BridgeError> {
    if let Some(error) = error {
        return Err(error);
    }
    match finish {
        Finish::Complete => Ok(Ended::Complete),
        Finish::Stopped => Ok(Ended::Stopped),
        Finish::FeedUnreachable { tries, cause } => Err(BridgeError::FeedUnreachable { tries, cause }),
        Finish::FeedRefused { cause } => Err(BridgeError::FeedRefused { cause }),
        Finish::FeedBroken { cause } => Err(BridgeError::FeedBroken { cause }),
        Finish::CannotResume => Err(BridgeError::CannotResume),
        Finish::OtherRun { wanted, found } => Err(BridgeError::OtherRun { wanted, found }),
        Finish::TakenOver { bridge } => Err(BridgeError::TakenOver { bridge }),
        Finish::KafkaFailed { cause } => Err(BridgeError::Kafka { cause }),
    }
}

/// Requests the ids from the registry, without a limit of time; `None` if the bridge was requested to stop.
fn schema_ids(
    context: &Context<'_>,
    random: &mut impl FnMut() -> f64,
) -> Result<Option<SchemaIds>, RegistryError> {
    let BridgeOptions { registry, topics, .. } = &context.options;
    let prefix = topics.prefix();
    let mut backoff = REGISTRY_BACKOFF;
    loop {
        let result = if context.options.register_schemas {
            registry.register_schemas(prefix)
        } else {
            registry.schema_ids(prefix)
        };
        let error = match result {
            Ok(ids) => {
                context.health.recovers(Part::Registry);
                return Ok(Some(ids));
            }
            Err(error) if error.is_unreachable() => error,
            Err(error) => return Err(error),
        };
        let pause = backoff.pause(random()).max(error.retry_after().unwrap_or_default());
        let cause = error.in_full();
        tracing::warn!(delay_ms = pause.as_millis() as u64, cause, "waiting for the schema registry");
        context.health.fails(Part::Registry, cause);
        let until = context.clock.now() + pause;
        while context.clock.now() < until {
            if context.is_stopping() {
                return Ok(None);
            }
            std::thread::sleep(STOP_TICK);
        }
    }
}

#[cfg(test)]
mod tests;
