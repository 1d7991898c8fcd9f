//! How brokers are reached: where they are, and the properties that every client of ours gets, secrets among them.

use std::str::FromStr;

use rdkafka::{ClientConfig, error::KafkaError};

use crate::secret::{Secret, SecretError, SecretSource};

/// Properties that have a flag of their own.
const FLAGS: [(&str, &str); 2] =
    [("bootstrap.servers", "--bootstrap-servers"), ("metadata.broker.list", "--bootstrap-servers")];

/// A property of librdkafka as it is typed: `name=value`, where the value may be `@FILE` or `env:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    name: String,
    value: SecretSource,
}

/// The text is no property.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePropertyError {
    /// There is no equals sign, or nothing before it.
    #[error("expected name=value, as security.protocol=SASL_SSL; the value may be @FILE or env:NAME")]
    Form,
    /// The property is set another way.
    #[error("{name} has a flag of its own: expected it as {flag}")]
    Flag {
        /// The property.
        name: String,
        /// The flag.
        flag: &'static str,
    },
}

impl FromStr for Property {
    type Err = ParsePropertyError;

    fn from_str(text: &str) -> Result<Property, ParsePropertyError> {
        let (name, value) = text.split_once('=').ok_or(ParsePropertyError::Form)?;
        let name = name.trim();
        if name.is_empty() || name.contains('\0') || value.contains('\0') {
            return Err(ParsePropertyError::Form);
        }
        if let Some((_, flag)) = FLAGS.into_iter().find(|(reserved, _)| *reserved == name) {
            return Err(ParsePropertyError::Flag { name: name.to_owned(), flag });
        }
        Ok(Property { name: name.to_owned(), value: value.into() })
    }
}

/// Brokers cannot be spoken to as things are configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The value of a property is not where it should be.
    #[error("the value of {name} cannot be read")]
    Secret {
        /// The property.
        name: String,
        /// What is wrong.
        source: SecretError,
    },
    /// librdkafka does not know the property, or not this value of it.
    #[error("the Kafka property {name} cannot be used: {what}")]
    Property {
        /// The property.
        name: String,
        /// librdkafka's words.
        what: String,
    },
    /// Every property is right by itself, and there is no client all the same.
    #[error("no Kafka client can be made")]
    Client {
        /// librdkafka's words.
        source: KafkaError,
    },
}

impl ConnectionError {
    /// Why librdkafka made no client. The value of a property is left out: it may be a secret.
    pub fn from_creation(error: KafkaError) -> ConnectionError {
        match error {
            KafkaError::ClientConfig(_, what, name, _) => ConnectionError::Property { name, what },
            source => ConnectionError::Client { source },
        }
    }
}

/// Where brokers are and how they are spoken to.
#[derive(Clone, Debug)]
pub struct KafkaConnection {
    bootstrap_servers: String,
    properties: Vec<(String, Secret)>,
}

impl KafkaConnection {
    /// Brokers to begin with, as `localhost:9092,localhost:9093`, and properties; of two with one name the later counts.
    ///
    /// # Errors
    /// A value that is in a file or variable and cannot be read from there.
    pub fn new(
        bootstrap_servers: impl Into<String>,
        properties: &[Property],
    ) -> Result<KafkaConnection, ConnectionError> {
        let read = |property: &Property| match property.value.read() {
            Ok(value) => Ok((property.name.clone(), value)),
            Err(source) => Err(ConnectionError::Secret { name: property.name.clone(), source }),
        };
        let properties = properties.iter().map(read).collect::<Result<_, _>>()?;
        Ok(KafkaConnection { bootstrap_servers: bootstrap_servers.into(), properties })
    }

    /// Brokers to begin with.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The value of a property that was given.
    pub fn property(&self, name: &str) -> Option<&Secret> {
        self.properties.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// Names of the properties that were given, in their order, for logs. The values are nobody's business.
    pub fn property_names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|(name, _)| name.as_str())
    }

    /// The configuration of a client that is told nothing else.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        self.apply(&mut config);
        config
    }

    /// Puts brokers and properties over what a configuration says so far.
    pub fn apply(&self, config: &mut ClientConfig) {
        config.set("bootstrap.servers", &self.bootstrap_servers);
        for (name, value) in &self.properties {
            config.set(name, value.expose());
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::{BaseProducer, Producer};

    use super::*;

    fn property(text: &str) -> Property {
        text.parse().unwrap()
    }

    #[test]
    fn a_property_is_a_name_and_a_value() {
        assert_eq!(property("a.b=c=d"), property(" a.b =c=d"));
        assert_eq!(property("a="), Property { name: "a".to_owned(), value: "".into() });
        for text in ["", "a", "=b", " =b", "a\0=b", "a=b\0"] {
            assert_eq!(text.parse::<Property>(), Err(ParsePropertyError::Form), "{text:?}");
        }
        let flag = "bootstrap.servers=x:1".parse::<Property>().unwrap_err();
        assert_eq!(
            flag.to_string(),
            "bootstrap.servers has a flag of its own: expected it as --bootstrap-servers"
        );
    }

    #[test]
    fn properties_go_over_what_is_there_and_the_last_of_a_name_counts() {
        let properties = ["linger.ms=1", "client.id=a", "linger.ms=2"].map(property);
        let connection = KafkaConnection::new("127.0.0.1:1", &properties).unwrap();
        let mut config = ClientConfig::new();
        config.set("client.id", "b").set("acks", "all");
        connection.apply(&mut config);
        let get = |name| config.get(name);
        assert_eq!(get("bootstrap.servers"), Some("127.0.0.1:1"));
        assert_eq!((get("client.id"), get("linger.ms"), get("acks")), (Some("a"), Some("2"), Some("all")));
        assert_eq!(connection.property("linger.ms").map(Secret::expose), Some("2"));
    }

    #[test]
    fn no_secret_is_in_what_is_printed_of_a_connection_or_its_errors() {
        let properties = ["sasl.password=hush", "no.such.property=hush"].map(property);
        let connection = KafkaConnection::new("127.0.0.1:1", &properties).unwrap();
        assert!(!format!("{properties:?} {connection:?}").contains("hush"));
        let error = match connection.config().create::<BaseProducer>() {
            Ok(producer) => panic!("a client: {:?}", producer.in_flight_count()),
            Err(error) => ConnectionError::from_creation(error),
        };
        assert!(matches!(&error, ConnectionError::Property { name, .. } if name == "no.such.property"));
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }

    #[test]
    fn a_value_that_cannot_be_read_names_its_property() {
        let error = KafkaConnection::new("127.0.0.1:1", &[property("sasl.password=@/nowhere")]).unwrap_err();
        assert_eq!(error.to_string(), "the value of sasl.password cannot be read");
    }
}
