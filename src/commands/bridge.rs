//! `bridge`: delivers a feed to Kafka.

mod report;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::anyhow;
use rand::{TryRng, rngs::SysRng};
use signal_hook::consts::SIGTERM;
use tradesim_bridge::{
    Bridge as Engine, BridgeError, BridgeOptions, Ended, ProducerOptions,
    core::{Backoff, Guarantee, Options as DeliveryOptions, Topics},
};
use tradesim_schemas::ReadOptions;

pub(crate) use self::report::BridgeReport;
use crate::{
    cli::{Bridge, DeliveryMode},
    exit::{Failure, Outcome},
    feed, kafka,
    output::{self, say},
    random,
    settings::{Group, Key, Settings},
    signals::Stop,
};

/// The timeout for a request to the registry. The bridge retries it.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);
/// The pauses before restarts after Kafka failures. The first is short, because most failures are brief, but long enough for a
/// bridge that has taken over to fence this one.
const KAFKA_BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
/// The default intervals between commits, and between writes of the position without transactions.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);
const POSITION_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Bridge, settings: Settings) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals()?;
    let (report, result) = deliver(args, settings, &|| stop.number().is_some())?;
    output::emit(args.json, &report, |_| Ok(()))?;
    match result.map_err(failure)? {
        Ended::Complete => Ok(if report.missing > 0 { Outcome::Difference } else { Outcome::Done }),
        Ended::Stopped if report.undelivered > 0 => {
            Err(anyhow!("{} messages were read but not acknowledged", output::grouped(report.undelivered)))
        }
        // without --until-end the bridge runs until it is stopped
        Ended::Stopped => match stop.number() {
            Some(SIGTERM) if !args.until_end => Ok(Outcome::Done),
            Some(signal) => Err(Failure::Interrupted { signal }.into()),
            None => Ok(Outcome::Done),
        },
    }
}

/// Runs the bridge until the feed ends. A signal is an error.
pub(crate) fn to_the_end(args: &Bridge, settings: Settings, stop: &Stop) -> anyhow::Result<()> {
    let (_, result) = deliver(args, settings, &|| stop.number().is_some())?;
    match result.map_err(failure)? {
        Ended::Complete => Ok(()),
        Ended::Stopped => Ok(stop.check()?),
    }
}

/// Runs the bridge until the feed ends or `is_stopping` returns true, and returns its report and its end.
///
/// # Errors
/// Fails on invalid options. An error of the delivery is in the result.
pub(crate) fn deliver(
    args: &Bridge,
    settings: Settings,
    is_stopping: &dyn Fn() -> bool,
) -> anyhow::Result<(BridgeReport, Result<Ended, BridgeError>)> {
    let engine = Engine::new(options(args, settings)?).map_err(failure)?;
    if let Some(address) = engine.metrics_address() {
        say_metrics(address);
    }
    let (report, result) = engine.run(random::jitter, is_stopping);
    let report = BridgeReport::new(&report, matches!(result, Ok(Ended::Complete)));
    report.say();
    Ok((report, result))
}

/// Prints where the metrics are served.
pub(crate) fn say_metrics(address: SocketAddr) {
    say(format_args!("metrics on http://{address}/metrics, health on /healthz and /readyz"));
    if !address.ip().is_loopback() {
        say(format_args!("warning: other machines can read them; there is no authentication"));
    }
}

fn apply_flags(args: &Bridge, settings: &mut Settings) {
    if let Some(uri) = &args.ws_uri {
        settings.set_from_command_line(Key::WsUri, uri);
    }
    if let Some(retries) = args.tuning.ws_retries {
        settings.set_from_command_line(Key::WsMaxRetries, retries);
    }
    if let Some(topic) = &args.dlq_topic {
        settings.set_from_command_line(Key::DlqTopic, topic);
    }
    if let Some(host) = &args.metrics_host {
        settings.set_from_command_line(Key::MetricsHost, host);
    }
    if let Some(port) = args.metrics_port {
        settings.set_from_command_line(Key::MetricsPort, port);
        settings.set_from_command_line(Key::MetricsEnabled, true);
    }
}

/// Returns the options of a bridge according to flags and settings.
///
/// # Errors
/// Fails on invalid settings, and on a secret or certificates that cannot be read.
pub(crate) fn options(args: &Bridge, mut settings: Settings) -> anyhow::Result<BridgeOptions> {
    let settings = &mut settings;
    apply_flags(args, settings);
    settings.check(Group::Bridge)?;
    let connection = kafka::connection(&args.kafka, settings)?;
    let registry = kafka::registry_without_retries(&args.registry, settings, REGISTRY_TIMEOUT)?;
    let delivery = delivery(args, settings)?;
    let producer = producer(args, settings)?;
    if delivery.guarantee == Guarantee::ExactlyOnce && (!producer.idempotence || producer.acks != "all") {
        return Err(Failure::Configuration {
            what: format!(
                "exactly-once delivery needs KAFKA_ACKS=all and KAFKA_ENABLE_IDEMPOTENCE=true, but they are {} and {}",
                producer.acks, producer.idempotence
            ),
            hint: Some("--delivery at-least-once does not need them".to_owned()),
        }
        .into());
    }
    let metrics = if settings.metrics_enabled()? {
        let host = settings.metrics_host()?;
        Some((host, settings.metrics_port()?))
    } else {
        None
    };
    Ok(BridgeOptions {
        feed_url: settings.ws_uri()?,
        connect_timeout: args.tuning.connect_timeout,
        dialogue: feed::dialogue(&args.feed)?,
        kafka: connection,
        producer,
        registry,
        register_schemas: args.register_schemas,
        topics: Arc::new(topics(args, settings)?),
        delivery,
        read: ReadOptions { strict: args.tuning.strict, ..ReadOptions::default() },
        run: args.run.clone().map_or_else(random::run_name, Ok)?,
        metrics,
        stop_timeout: args.tuning.shutdown_timeout,
    })
}

/// Returns the names of the topics. Refuses a dead-letter topic that is also another topic.
fn topics(args: &Bridge, settings: &Settings) -> Result<Topics, Failure> {
    let topics = Topics::new(&args.prefix.topic_prefix, &settings.dlq_topic()?);
    match topics.shared_name() {
        None => Ok(topics),
        Some(name) => Err(Failure::Configuration {
            what: format!("{name} cannot be the dead-letter topic: it is already used for other records"),
            hint: None,
        }),
    }
}

fn delivery(args: &Bridge, settings: &Settings) -> Result<DeliveryOptions, Failure> {
    let (guarantee, interval) = match args.delivery {
        DeliveryMode::ExactlyOnce => (Guarantee::ExactlyOnce, COMMIT_INTERVAL),
        DeliveryMode::AtLeastOnce => (Guarantee::AtLeastOnce, POSITION_INTERVAL),
    };
    Ok(DeliveryOptions {
        guarantee,
        until_end: args.until_end,
        run: args.run.clone(),
        bridge: random_name(),
        batch_events: args.tuning.commit_events,
        batch_time: args.tuning.commit_interval.unwrap_or(interval),
        feed_tries: settings.ws_max_retries()?,
        feed_backoff: Backoff::new(settings.ws_base_backoff()?, settings.ws_max_backoff()?),
        kafka_tries: args.tuning.kafka_retries,
        kafka_backoff: KAFKA_BACKOFF,
        refusals_max: settings.dlq_max_retries()?,
    })
}

fn producer(args: &Bridge, settings: &Settings) -> Result<ProducerOptions, Failure> {
    Ok(ProducerOptions {
        client_id: settings.client_id()?,
        acks: settings.acks()?.to_owned(),
        batch_size: settings.batch_size()?,
        linger_ms: settings.linger_ms()?,
        compression: settings.compression()?.to_owned(),
        idempotence: settings.idempotence()?,
        transactional_id: args.tuning.transactional_id.clone(),
    })
}

/// Returns a name for this process in the positions that it writes.
fn random_name() -> String {
    format!("{:016x}", SysRng.try_next_u64().unwrap_or_else(|_| u64::from(std::process::id())))
}

/// Maps an error of the bridge to its exit code.
pub(crate) fn failure(error: BridgeError) -> anyhow::Error {
    let what = format!("{:#}", anyhow!(error.to_string()));
    let hint = |hint: &str| Some(hint.to_owned());
    match error {
        BridgeError::Registry(error) => kafka::registry_failure(error),
        BridgeError::FeedUrl(_) | BridgeError::Connection(_) => Failure::Configuration { what, hint: None }.into(),
        BridgeError::NoTopic { .. } => {
            Failure::Configuration { what, hint: hint("`tradesim topics create` creates the topics") }.into()
        }
        BridgeError::CannotResume => Failure::Configuration {
            what,
            hint: hint("--delivery at-least-once accepts any feed; `tradesim replay` and `tradesim serve` number their messages"),
        }
        .into(),
        BridgeError::FeedBroken { .. } => Failure::Data { what, hint: None }.into(),
        BridgeError::OtherRun { .. } => Failure::Configuration { what, hint: None }.into(),
        BridgeError::FeedUnreachable { .. } => Failure::Unreachable {
            what,
            hint: hint("`tradesim replay FILE` and `tradesim serve` print the URL that they listen on; --ws-uri sets it"),
        }
        .into(),
        BridgeError::Kafka { .. } => Failure::Unreachable { what, hint: None }.into(),
        error => anyhow!(error),
    }
}
