//! From arguments and settings to brokers and a registry that can be spoken to; and from their errors to exit codes.

use std::time::Duration;

use anyhow::anyhow;
use tradesim_bridge::{
    admin::AdminError,
    connection::{ConnectionError, KafkaConnection},
    registry::{Credentials, Registry, RegistryError, RegistryOptions},
    secret::{SecretError, SecretSource},
    topics::{TopicOptions, topics},
};

use crate::{
    cli::{KafkaArgs, RegistryArgs, TopicNames},
    exit::Failure,
    settings::{Key, Settings},
};

const BROKERS_HINT: &str =
    "`compose/native/cluster up` starts a cluster on this machine; --bootstrap-servers names another one";
const REGISTRY_HINT: &str = "`tradesim dev registry` runs one in memory; --schema-registry-url names another one, with its path where it has one";

/// How brokers are reached, by flags and settings.
///
/// # Errors
/// A setting, or the place of a secret, that cannot be used.
pub(crate) fn connection(args: &KafkaArgs, settings: &mut Settings) -> Result<KafkaConnection, Failure> {
    if let Some(servers) = &args.bootstrap_servers {
        settings.set_from_command_line(Key::BootstrapServers, servers);
    }
    KafkaConnection::new(settings.bootstrap_servers()?, &args.kafka_property).map_err(configuration)
}

/// How the registry is reached, by flags and settings; `timeout` is for each answer, and again for the pauses that the registry
/// asks for.
///
/// # Errors
/// A setting, the place of a secret, or a file of certificates that cannot be used.
pub(crate) fn registry(
    args: &RegistryArgs,
    settings: &mut Settings,
    timeout: Duration,
) -> anyhow::Result<Registry> {
    registry_with(args, settings, timeout, timeout)
}

/// The same for whoever waits by itself where the registry is away.
///
/// # Errors
/// As of [`registry`].
pub(crate) fn impatient_registry(
    args: &RegistryArgs,
    settings: &mut Settings,
    timeout: Duration,
) -> anyhow::Result<Registry> {
    registry_with(args, settings, timeout, Duration::ZERO)
}

fn registry_with(
    args: &RegistryArgs,
    settings: &mut Settings,
    timeout: Duration,
    patience: Duration,
) -> anyhow::Result<Registry> {
    if let Some(url) = &args.schema_registry_url {
        settings.set_from_command_line(Key::SchemaRegistryUrl, url);
    }
    if let Some(credentials) = &args.schema_registry_auth {
        settings.set_from_command_line(Key::SchemaRegistryAuth, credentials);
    }
    let url = settings.schema_registry_url()?;
    let mut options = RegistryOptions::new(url);
    options.timeout = timeout;
    options.patience = patience;
    options.ca_file.clone_from(&args.schema_registry_ca);
    if let Some(text) = settings.schema_registry_auth()? {
        options.credentials = Some(credentials(&text)?);
    }
    Registry::new(options).map_err(registry_failure)
}

/// Credentials from where they are.
fn credentials(text: &str) -> Result<Credentials, Failure> {
    let what = "the credentials for the schema registry cannot be used";
    let secret = SecretSource::from(text).read().map_err(|error| Failure::Configuration {
        what: format!("{what}: {}", secret_words(&error)),
        hint: None,
    })?;
    secret
        .expose()
        .parse::<Credentials>()
        .map_err(|error| Failure::Configuration { what: format!("{what}: {error}"), hint: None })
}

/// The topics, by flags and settings.
///
/// # Errors
/// A setting that cannot be used.
pub(crate) fn topic_options(args: &TopicNames, settings: &mut Settings) -> Result<TopicOptions, Failure> {
    if let Some(topic) = &args.dlq_topic {
        settings.set_from_command_line(Key::DlqTopic, topic);
    }
    let options = TopicOptions {
        prefix: args.prefix.topic_prefix.clone(),
        dead_letters: settings.dlq_topic()?,
        replicas: args.replicas,
    };
    distinct(&options)?;
    Ok(options)
}

/// Dead letters need a topic of their own.
fn distinct(options: &TopicOptions) -> Result<(), Failure> {
    let topics = topics(options);
    let letters = format!("{}{}", options.prefix, options.dead_letters);
    if topics.iter().filter(|topic| topic.name == letters).count() > 1 {
        return Err(Failure::Configuration {
            what: format!("{letters} cannot be the topic of dead letters: it is another one's already"),
            hint: None,
        });
    }
    Ok(())
}

fn secret_words(error: &SecretError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn configuration(error: ConnectionError) -> Failure {
    Failure::Configuration { what: chain(&error), hint: None }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The exit of what a cluster did not do.
pub(crate) fn admin_failure(error: AdminError) -> anyhow::Error {
    match error {
        AdminError::Connection { source } => configuration(source).into(),
        error if error.is_unreachable() => {
            Failure::Unreachable { what: error.to_string(), hint: Some(BROKERS_HINT.to_owned()) }.into()
        }
        error => anyhow!(error),
    }
}

/// The exit of what a registry did not do.
pub(crate) fn registry_failure(error: RegistryError) -> anyhow::Error {
    let what = chain(&error);
    let hint = |hint: &str| Some(hint.to_owned());
    match error {
        error if error.is_unreachable() => Failure::Unreachable { what, hint: hint(REGISTRY_HINT) }.into(),
        RegistryError::NotRegistered { .. } => Failure::Configuration {
            what,
            hint: hint("`tradesim schemas register` registers our schemas, as does `tradesim bridge --register-schemas`"),
        }
        .into(),
        RegistryError::Unauthorized { .. } => {
            Failure::Configuration { what, hint: hint("--schema-registry-auth says who we are") }.into()
        }
        RegistryError::Credentials | RegistryError::Certificates { .. } => {
            Failure::Configuration { what, hint: None }.into()
        }
        RegistryError::Tls { .. } => Failure::Configuration {
            what,
            hint: hint("--schema-registry-ca names the certificates to trust"),
        }
        .into(),
        RegistryError::Redirected { .. } => {
            Failure::Configuration { what, hint: hint("--schema-registry-url names the registry") }.into()
        }
        RegistryError::Refused { status: 404, code: None, .. } => anyhow!(
            "{what}; a registry's API may stand under a path, as Apicurio's does under /apis/ccompat/v7"
        ),
        error => anyhow!(error),
    }
}
