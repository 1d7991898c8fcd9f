//! Values of the settings of the bridge (contract, section 8).

use std::time::Duration;

use tradesim_bridge::registry::Credentials;
use tradesim_client::secret::SecretSource;

use super::{Invalid, number::within};

/// Parses the URL of a feed. Only the scheme and the character set are checked here; connecting checks the rest.
pub(crate) fn ws_uri(text: &str) -> Result<String, Invalid> {
    let rest = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://"));
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(text.to_owned())
        }
        _ => Err(Invalid::expected("a URL such as ws://localhost:8765")),
    }
}

/// Parses the number of attempts to re-establish a lost connection.
pub(crate) fn retries(text: &str) -> Result<u32, Invalid> {
    within(text, 0, 1_000_000, "a number of attempts, 0 to 1000000")
}

/// Parses the first pause before a reconnect attempt, in seconds.
pub(crate) fn base_backoff(text: &str) -> Result<Duration, Invalid> {
    within(text, 0.1, 5.0, "a number of seconds, 0.1 to 5").map(Duration::from_secs_f64)
}

/// Parses the longest pause before a reconnect attempt, in seconds.
pub(crate) fn max_backoff(text: &str) -> Result<Duration, Invalid> {
    within(text, 0.1, 3_600.0, "a number of seconds, 0.1 to 3600").map(Duration::from_secs_f64)
}

/// Checks the list of bootstrap servers, and returns it as librdkafka expects it.
pub(crate) fn servers(text: &str) -> Result<String, Invalid> {
    let server = |server: &str| {
        server.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains(char::is_whitespace)
                && super::port(port).is_ok_and(|port| port > 0)
        })
    };
    if text.split(',').map(str::trim).all(server) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::expected("brokers such as localhost:9092,localhost:9093"))
    }
}

/// Checks a client id.
pub(crate) fn client_id(text: &str) -> Result<String, Invalid> {
    let fits = (1..=249).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or(Invalid::expected("1 to 249 characters without spaces"))
}

/// Parses the number of replicas that must have a record before it is acknowledged.
pub(crate) fn acks(text: &str) -> Result<&'static str, Invalid> {
    match text {
        "0" => Ok("0"),
        "1" => Ok("1"),
        "all" | "-1" => Ok("all"),
        _ => Err(Invalid::expected("0, 1 or all")),
    }
}

/// Parses the size of a batch in bytes.
pub(crate) fn batch_size(text: &str) -> Result<u32, Invalid> {
    within(text, 16_384, 1_048_576, "a number of bytes, 16384 to 1048576")
}

/// Parses the time for which a batch waits to fill, in milliseconds.
pub(crate) fn linger_ms(text: &str) -> Result<u32, Invalid> {
    within(text, 0, 100, "a number of milliseconds, 0 to 100")
}

/// Parses the compression of batches.
pub(crate) fn compression(text: &str) -> Result<&'static str, Invalid> {
    const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
    let found = CODECS.into_iter().find(|codec| codec.eq_ignore_ascii_case(text));
    found.ok_or(Invalid::expected("none, gzip, snappy, lz4 or zstd"))
}

/// Checks the URL of a schema registry.
pub(crate) fn registry_url(text: &str) -> Result<String, Invalid> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Invalid::expected("a URL such as http://localhost:8081")),
    }
}

/// Checks the credentials for a schema registry, or the reference to a file or variable that contains them. The reference is
/// resolved when the credentials are used.
pub(crate) fn registry_auth(text: &str) -> Result<String, Invalid> {
    let known = match SecretSource::from(text) {
        SecretSource::Text(secret) => secret.expose().parse::<Credentials>().is_ok(),
        _ => true,
    };
    known.then(|| text.to_owned()).ok_or(Invalid::expected(
        "`basic USER:PASSWORD`, `bearer TOKEN`, @FILE or env:NAME with one of these",
    ))
}

/// Checks a prefix of topic names, which may be empty.
pub(crate) fn topic_prefix(text: &str) -> Result<String, Invalid> {
    // a topic name has at most 249 characters, including the prefix
    let fits =
        text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    fits.then(|| text.to_owned()).ok_or(Invalid::expected("at most 200 letters, digits, dots, _ and -"))
}

/// Checks a topic name by the rules of Kafka.
pub(crate) fn topic(text: &str) -> Result<String, Invalid> {
    let fits = (1..=249).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !matches!(text, "." | "..");
    fits.then(|| text.to_owned()).ok_or(Invalid::expected("a topic name of letters, digits, dots, _ and -"))
}

/// Parses the number of attempts for a record that the broker rejects for its own sake.
pub(crate) fn dlq_retries(text: &str) -> Result<u32, Invalid> {
    within(text, 0, 100, "a number of attempts, 0 to 100")
}
