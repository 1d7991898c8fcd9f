//! Connects to brokers and the schema registry according to flags and settings, and maps their errors to exit codes.

use std::time::Duration;

use anyhow::anyhow;
use tradesim_bridge::{
    admin::AdminError,
    connection::{ConnectionError, KafkaConnection},
    registry::{Credentials, Registry, RegistryError, RegistryOptions},
    topics::{TopicOptions, topics},
};
use tradesim_client::secret::{SecretError, SecretSource};

use crate::{
    cli::{KafkaArgs, RegistryArgs, TopicNames},
    exit::Failure,
    settings::{Key, Settings},
};

const BROKERS_HINT: &str =
    "`compose/native/cluster up` starts a cluster on this machine; --bootstrap-servers selects another one";
const TLS_HINT: &str = "`cargo install --locked --path . --features kafka-tls` in a checkout; released packages and images have TLS";
const REGISTRY_HINT: &str = "`tradesim dev registry` runs one in memory; --schema-registry-url selects another one (including its path, if it has one)";

/// Returns the connection to the brokers according to flags and settings.
///
/// # Errors
/// Fails on an invalid setting, and on a secret that cannot be read.
pub(crate) fn connection(args: &KafkaArgs, settings: &mut Settings) -> Result<KafkaConnection, Failure> {
    if let Some(servers) = &args.bootstrap_servers {
        settings.set_from_command_line(Key::BootstrapServers, servers);
    }
    KafkaConnection::new(settings.bootstrap_servers()?, &args.kafka_property).map_err(configuration)
}

/// Returns the client of the registry according to flags and settings. `timeout` limits each request, and separately the pauses
/// that the registry asks for.
///
/// # Errors
/// Fails on an invalid setting, and on a secret or certificates that cannot be read.
pub(crate) fn registry(
    args: &RegistryArgs,
    settings: &mut Settings,
    timeout: Duration,
) -> anyhow::Result<Registry> {
    registry_with(args, settings, timeout, timeout)
}

/// Like [`registry`], but without retries, for callers that retry themselves.
///
/// # Errors
/// Fails like [`registry`].
pub(crate) fn registry_without_retries(
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
    options.retry_timeout = patience;
    options.ca_file.clone_from(&args.schema_registry_ca);
    if let Some(text) = settings.schema_registry_auth()? {
        options.credentials = Some(credentials(&text)?);
    }
    Registry::new(options).map_err(registry_failure)
}

/// Reads credentials, directly or from their file or variable.
fn credentials(text: &str) -> Result<Credentials, Failure> {
    let what = "cannot use the credentials for the schema registry";
    let secret = SecretSource::from(text).read().map_err(|error| Failure::Configuration {
        what: format!("{what}: {}", describe_secret_error(&error)),
        hint: None,
    })?;
    secret
        .expose()
        .parse::<Credentials>()
        .map_err(|error| Failure::Configuration { what: format!("{what}: {error}"), hint: None })
}

/// Returns the options of the topics according to flags and settings.
///
/// # Errors
/// Fails on an invalid setting, and if the dead-letter topic is one of the other topics.
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

/// Refuses a dead-letter topic that is also another topic.
fn distinct(options: &TopicOptions) -> Result<(), Failure> {
    let topics = topics(options);
    let letters = format!("{}{}", options.prefix, options.dead_letters);
    if topics.iter().filter(|topic| topic.name == letters).count() > 1 {
        return Err(Failure::Configuration {
            what: format!("{letters} cannot be the dead-letter topic: it is already used for other records"),
            hint: None,
        });
    }
    Ok(())
}

fn describe_secret_error(error: &SecretError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn configuration(error: ConnectionError) -> Failure {
    let hint = matches!(error, ConnectionError::NoTls { .. }).then(|| TLS_HINT.to_owned());
    Failure::Configuration { what: chain(&error), hint }
}

/// Returns an error and its causes as one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Maps an error of the cluster to its exit code.
pub(crate) fn admin_failure(error: AdminError) -> anyhow::Error {
    match error {
        AdminError::Connection { source } => configuration(source).into(),
        error if error.is_unreachable() => {
            Failure::Unreachable { what: error.to_string(), hint: Some(BROKERS_HINT.to_owned()) }.into()
        }
        error => anyhow!(error),
    }
}

/// Maps an error of the registry to its exit code.
pub(crate) fn registry_failure(error: RegistryError) -> anyhow::Error {
    let what = chain(&error);
    let hint = |hint: &str| Some(hint.to_owned());
    match error {
        error if error.is_unreachable() => Failure::Unreachable { what, hint: hint(REGISTRY_HINT) }.into(),
        RegistryError::NotRegistered { .. } => Failure::Configuration {
            what,
            hint: hint("`tradesim schemas register` or `tradesim bridge --register-schemas` registers them"),
        }
        .into(),
        RegistryError::Unauthorized { .. } => {
            Failure::Configuration { what, hint: hint("--schema-registry-auth sets the credentials") }.into()
        }
        RegistryError::Credentials | RegistryError::Certificates { .. } => {
            Failure::Configuration { what, hint: None }.into()
        }
        RegistryError::Tls { .. } => {
            Failure::Configuration { what, hint: hint("--schema-registry-ca sets the certificates to trust") }
                .into()
        }
        RegistryError::Redirected { .. } => {
            Failure::Configuration { what, hint: hint("--schema-registry-url sets the URL of the registry") }
                .into()
        }
        RegistryError::Refused { status: 404, code: None, .. } => {
            anyhow!("{what}; the API may have a path: in Apicurio it is /apis/ccompat/v7")
        }
        error => anyhow!(error),
    }
}
