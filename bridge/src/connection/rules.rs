//! The properties of librdkafka by their canonical names, and the values that would break tradesim's guarantees.
//!
//! librdkafka has two names for some properties. Of two names of one property the last one that is set counts, and
//! the binding sets them in the order of a hash table: so an alias is replaced before anything is merged.

use rdkafka::{ClientConfig, error::KafkaError};

use super::ConnectionError;

/// The aliases of librdkafka 2.12.1, each with the property that it stands for (`_RK_C_ALIAS` in `rdkafka_conf.c`).
/// The alias `enable.auto.commit` of topics is omitted: the client's own property of that name takes precedence.
const ALIASES: [(&str, &str); 11] = [
    ("acks", "request.required.acks"),
    ("bootstrap.servers", "metadata.broker.list"),
    ("compression.type", "compression.codec"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("linger.ms", "queue.buffering.max.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("retries", "message.send.max.retries"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
];

/// Returns the canonical name of a property.
pub(super) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}

/// A property that a guarantee depends on, the values that keep it, and the consequence of all others.
struct Rule {
    name: &'static str,
    keeps: fn(&str) -> bool,
    reason: &'static str,
}

const RULES: [Rule; 14] = [
    Rule {
        name: "request.required.acks",
        keeps: |value| value == "-1" || value == "all",
        reason: "a record could be lost with one broker (with --delivery at-least-once, KAFKA_BRIDGE_KAFKA_ACKS sets it)",
    },
    Rule {
        name: "enable.idempotence",
        keeps: |value| value == "true",
        reason: "a record that is sent again could be stored twice (with --delivery at-least-once, KAFKA_BRIDGE_KAFKA_ENABLE_IDEMPOTENCE sets it)",
    },
    Rule {
        name: "max.in.flight.requests.per.connection",
        keeps: |value| value.parse::<u32>().is_ok_and(|requests| (1..=5).contains(&requests)),
        reason: "more than 5 requests in flight could be stored in another order",
    },
    Rule {
        name: "message.send.max.retries",
        keeps: |value| value != "0",
        reason: "a temporary failure would end the producer",
    },
    Rule {
        name: "partitioner",
        keeps: |value| value == "murmur2_random" || value == "murmur2",
        reason: "the records of a symbol would be in another partition than JVM clients and verify-topic expect",
    },
    Rule {
        name: "enable.gapless.guarantee",
        keeps: |value| value == "false",
        reason: "a record that the broker refuses would end the producer instead of becoming a dead letter",
    },
    Rule {
        name: "queuing.strategy",
        keeps: |value| value == "fifo",
        reason: "records would be sent in another order",
    },
    Rule {
        name: "delivery.report.only.error",
        keeps: |value| value == "false",
        reason: "no record would count as delivered",
    },
    Rule {
        name: "isolation.level",
        keeps: |value| value == "read_committed",
        reason: "records of aborted transactions would be read",
    },
    Rule {
        name: "enable.auto.commit",
        keeps: |value| value == "false",
        reason: "tradesim keeps its positions in the topic tradesim.positions",
    },
    Rule {
        name: "enable.partition.eof",
        keeps: |value| value == "true",
        reason: "the end of a topic would not be noticed",
    },
    Rule {
        name: "allow.auto.create.topics",
        keeps: |value| value == "false",
        reason: "a missing topic would be created with the wrong settings",
    },
    Rule {
        name: "check.crcs",
        keeps: |value| value == "true",
        reason: "records corrupted in transit would not be noticed",
    },
    Rule {
        name: "test.mock.num.brokers",
        keeps: |value| value == "0",
        reason: "records would be sent to embedded brokers",
    },
];

/// Returns true for a SASL mechanism that librdkafka implements with OpenSSL. It does not check this before it creates a client.
fn needs_openssl(mechanism: &str) -> bool {
    mechanism.starts_with("SCRAM-") || mechanism == "OAUTHBEARER"
}

/// Returns true if the librdkafka that is linked has OpenSSL.
fn has_openssl() -> bool {
    ClientConfig::new()
        .create_native_config()
        .and_then(|native| native.get("builtin.features"))
        .is_ok_and(|features| features.split(',').any(|feature| feature == "ssl"))
}

/// Checks one property by its canonical name: librdkafka must know it and its value, and the value must keep every
/// guarantee. librdkafka itself interprets the value, so that `1`, `t` and `True` are the same.
pub(super) fn check(name: &str, value: &str) -> Result<(), ConnectionError> {
    let mut config = ClientConfig::new();
    let native = config.set(name, value).create_native_config().map_err(ConnectionError::from_creation)?;
    if name == "sasl.mechanisms" && needs_openssl(value) && !has_openssl() {
        return Err(ConnectionError::NoTls { name: name.to_owned() });
    }
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else { return Ok(()) };
    let meant = native.get(name).map_err(|error: KafkaError| ConnectionError::Property {
        name: name.to_owned(),
        what: error.to_string(),
    })?;
    if (rule.keeps)(&meant) {
        return Ok(());
    }
    Err(ConnectionError::Guarantee { name: name.to_owned(), value: meant, reason: rule.reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aliases_are_those_of_the_library_that_is_linked() {
        // another version may have other aliases: read its rdkafka_conf.c again
        assert_eq!(rdkafka::util::get_rdkafka_version().1, "2.12.1");
        for (alias, name) in ALIASES {
            let value = match name {
                "compression.codec" => "zstd",
                "request.required.acks" => "1",
                _ => "3",
            };
            assert_eq!((canonical(alias), canonical(name)), (name, name));
            match ClientConfig::new().set(alias, value).create_native_config() {
                Ok(native) => {
                    let found = native.get(name).unwrap();
                    assert_eq!(found.trim_end_matches(".0"), value, "{alias} stands for {name}");
                }
                // a property that was not built in is reported under its own name
                Err(KafkaError::ClientConfig(_, what, ..)) => {
                    assert!(what.contains(&format!("\"{name}\" not supported in this build")), "{what}");
                }
                Err(error) => panic!("{alias}: {error}"),
            }
        }
    }

    #[test]
    fn what_would_break_a_promise_is_refused_with_its_reason() {
        for (name, value, meant) in [
            ("request.required.acks", "1", "1"),
            ("request.required.acks", "0", "0"),
            ("enable.idempotence", "F", "false"),
            ("enable.idempotence", "0", "false"),
            ("max.in.flight.requests.per.connection", "6", "6"),
            ("message.send.max.retries", "0", "0"),
            ("partitioner", "consistent_random", "consistent_random"),
            ("enable.gapless.guarantee", "t", "true"),
            ("queuing.strategy", "LIFO", "lifo"),
            ("delivery.report.only.error", "1", "true"),
            ("isolation.level", "read_uncommitted", "read_uncommitted"),
            ("enable.auto.commit", "true", "true"),
            ("enable.partition.eof", "false", "false"),
            ("allow.auto.create.topics", "true", "true"),
            ("check.crcs", "false", "false"),
            ("test.mock.num.brokers", "3", "3"),
        ] {
            let error = check(name, value).unwrap_err();
            let rule = RULES.iter().find(|rule| rule.name == name).unwrap();
            let expected = format!("the Kafka property {name} cannot be {meant}: {}", rule.reason);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn values_that_keep_every_promise_are_taken_in_every_spelling() {
        for (name, value) in [
            ("request.required.acks", "all"),
            ("request.required.acks", "ALL"),
            ("request.required.acks", "-1"),
            ("enable.idempotence", "True"),
            ("enable.idempotence", "1"),
            ("max.in.flight.requests.per.connection", "5"),
            ("message.send.max.retries", "10"),
            ("partitioner", "murmur2"),
            ("isolation.level", "read_committed"),
            ("sasl.mechanisms", "PLAIN"),
            ("security.protocol", "PLAINTEXT"),
            ("security.protocol", "SASL_PLAINTEXT"),
            ("queue.buffering.max.ms", "0.5"),
        ] {
            check(name, value).unwrap_or_else(|error| panic!("{name}={value}: {error}"));
        }
    }

    /// Properties that need OpenSSL.
    const TLS: [(&str, &str); 9] = [
        ("security.protocol", "SSL"),
        ("security.protocol", "ssl"),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanisms", "SCRAM-SHA-256"),
        ("sasl.mechanisms", "SCRAM-SHA-512"),
        ("sasl.mechanisms", "OAUTHBEARER"),
        ("ssl.ca.location", "/nowhere/ca.pem"),
        ("ssl.key.password", "hush"),
        ("enable.ssl.certificate.verification", "true"),
    ];

    #[cfg(any(feature = "kafka-tls", feature = "kafka-tls-system"))]
    #[test]
    fn a_build_with_tls_takes_properties_that_need_it() {
        assert!(has_openssl());
        for (name, value) in TLS {
            check(name, value).unwrap_or_else(|error| panic!("{name}={value}: {error}"));
        }
    }

    #[cfg(not(any(feature = "kafka-tls", feature = "kafka-tls-system")))]
    #[test]
    fn a_build_without_tls_names_the_feature_for_each_property_that_needs_it() {
        assert!(!has_openssl());
        for (name, value) in TLS {
            let error = check(name, value).unwrap_err();
            let expected = format!(
                "the Kafka property {name} needs OpenSSL, and this build has no TLS for Kafka: build with --features kafka-tls"
            );
            assert_eq!(error.to_string(), expected, "{name}={value}");
        }
    }
}
