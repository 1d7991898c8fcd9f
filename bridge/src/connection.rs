//! The connection to the brokers: their addresses, and the properties that every client gets, including secrets.

mod rules;

use std::str::FromStr;

use rdkafka::{ClientConfig, error::KafkaError};

use tradesim_client::secret::{Secret, SecretError, SecretSource};

/// Properties that have a flag of their own.
const FLAGS: [(&str, &str); 2] =
    [("metadata.broker.list", "--bootstrap-servers"), ("transactional.id", "--transactional-id of `bridge`")];

/// A property of librdkafka on the command line: `name=value`, where the value may be `@FILE` or `env:NAME`. An alias
/// counts as the property that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    name: String,
    value: SecretSource,
}

/// The text is not a property.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePropertyError {
    /// There is no equals sign, or no name before it.
    #[error(
        "expected name=value, for example security.protocol=SASL_SSL; the value may be @FILE or env:NAME"
    )]
    Form,
    /// The property is set with a flag.
    #[error("{name} cannot be set as a property: use {flag}")]
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
        let canonical = rules::canonical(name);
        if let Some((_, flag)) = FLAGS.into_iter().find(|(reserved, _)| *reserved == canonical) {
            return Err(ParsePropertyError::Flag { name: name.to_owned(), flag });
        }
        Ok(Property { name: canonical.to_owned(), value: value.into() })
    }
}

/// The configuration of Kafka is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The value of a property cannot be read.
    #[error("cannot read the value of {name}")]
    Secret {
        /// The property.
        name: String,
        /// The cause.
        source: SecretError,
    },
    /// librdkafka does not know the property, or rejects its value.
    #[error("invalid Kafka property {name}: {what}")]
    Property {
        /// The property.
        name: String,
        /// The message of librdkafka.
        what: String,
    },
    /// The property, or this value of it, needs OpenSSL, and librdkafka was built without it.
    #[error(
        "the Kafka property {name} needs OpenSSL, and this build has no TLS for Kafka: build with --features kafka-tls"
    )]
    NoTls {
        /// The property, by its canonical name.
        name: String,
    },
    /// The value of a property would break a guarantee.
    #[error("the Kafka property {name} cannot be {value}: {reason}")]
    Guarantee {
        /// The property, by its canonical name.
        name: String,
        /// The value, as librdkafka interprets it.
        value: String,
        /// The consequence.
        reason: &'static str,
    },
    /// Every property is valid, but no client can be created with all of them.
    #[error("cannot create a Kafka client: {reason}")]
    Client {
        /// The message of librdkafka.
        reason: String,
    },
}

impl ConnectionError {
    /// Converts librdkafka's error of creating a client. The value of a property is left out: it may be a secret.
    pub fn from_creation(error: KafkaError) -> ConnectionError {
        match error {
            // what librdkafka reports for properties and values that were left out of the build
            KafkaError::ClientConfig(_, what, name, _)
                if what.contains("OpenSSL") && what.contains("not available at build time") =>
            {
                ConnectionError::NoTls { name }
            }
            KafkaError::ClientConfig(_, what, name, _) => {
                ConnectionError::Property { name, what: what.trim_end().to_owned() }
            }
            KafkaError::ClientCreation(reason) => ConnectionError::Client { reason },
            error => ConnectionError::Client { reason: error.to_string() },
        }
    }
}

/// The addresses of the brokers, and the properties of the connection.
#[derive(Clone, Debug)]
pub struct KafkaConnection {
    bootstrap_servers: String,
    properties: Vec<(String, Secret)>,
}

impl KafkaConnection {
    /// Returns a connection to bootstrap servers, such as `localhost:9092,localhost:9093`, with properties; of two
    /// with one name the later one counts.
    ///
    /// # Errors
    /// A value in a file or environment variable that cannot be read, a property or value that librdkafka does not
    /// know, and a value that would break a guarantee.
    pub fn new(
        bootstrap_servers: impl Into<String>,
        properties: &[Property],
    ) -> Result<KafkaConnection, ConnectionError> {
        let read = |property: &Property| match property.value.read() {
            Ok(value) => {
                rules::check(&property.name, value.expose())?;
                Ok((property.name.clone(), value))
            }
            Err(source) => Err(ConnectionError::Secret { name: property.name.clone(), source }),
        };
        let properties = properties.iter().map(read).collect::<Result<_, _>>()?;
        Ok(KafkaConnection { bootstrap_servers: bootstrap_servers.into(), properties })
    }

    /// Returns the bootstrap servers.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Returns the value of a property that was given.
    pub fn property(&self, name: &str) -> Option<&Secret> {
        let name = rules::canonical(name);
        self.properties.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// Returns the names of the properties that were given, in their order, for logs. The values may be secrets.
    pub fn property_names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the configuration of a client without other properties.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        self.apply(&mut config);
        config
    }

    /// Overwrites brokers and properties of a configuration, which must use canonical names.
    pub fn apply(&self, config: &mut ClientConfig) {
        config.set("bootstrap.servers", &self.bootstrap_servers);
        for (name, value) in &self.properties {
            config.set(name, value.expose());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

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
            "bootstrap.servers cannot be set as a property: use --bootstrap-servers"
        );
    }

    #[test]
    fn properties_go_over_what_is_there_and_the_last_of_a_name_counts() {
        let properties = ["linger.ms=1", "client.id=a", "queue.buffering.max.ms=2"].map(property);
        let connection = KafkaConnection::new("127.0.0.1:1", &properties).unwrap();
        let mut config = ClientConfig::new();
        config.set("client.id", "b").set("batch.size", "7");
        connection.apply(&mut config);
        let get = |name| config.get(name);
        assert_eq!(get("bootstrap.servers"), Some("127.0.0.1:1"));
        assert_eq!((get("client.id"), get("batch.size")), (Some("a"), Some("7")));
        assert_eq!((get("queue.buffering.max.ms"), get("linger.ms")), (Some("2"), None));
        assert_eq!(connection.property("linger.ms").map(Secret::expose), Some("2"));
    }

    #[test]
    fn no_secret_is_in_what_is_printed_of_a_connection_or_its_errors() {
        let properties = ["sasl.password=hush", "no.such.property=hush"].map(property);
        let connection = KafkaConnection::new("127.0.0.1:1", &properties[..1]).unwrap();
        assert!(!format!("{properties:?} {connection:?}").contains("hush"));
        let error = KafkaConnection::new("127.0.0.1:1", &properties).unwrap_err();
        assert!(matches!(&error, ConnectionError::Property { name, .. } if name == "no.such.property"));
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }

    #[test]
    fn an_alias_that_breaks_a_promise_is_refused_every_time() {
        // often enough for the order of a hash table to reveal a fault
        for _ in 0..100 {
            for text in ["acks=1", "request.required.acks=1", " request.required.acks =1"] {
                let error = KafkaConnection::new("127.0.0.1:1", &[property(text)]).unwrap_err();
                let text = error.to_string();
                assert!(text.starts_with("the Kafka property request.required.acks cannot be 1: "), "{text}");
            }
        }
        for text in ["transactional.id=x", "metadata.broker.list=x:1"] {
            assert!(matches!(text.parse::<Property>(), Err(ParsePropertyError::Flag { .. })), "{text}");
        }
    }

    #[test]
    fn a_client_that_cannot_be_made_says_why() {
        let properties = [property("sasl.mechanism=GSSAPI"), property("security.protocol=sasl_plaintext")];
        let connection = KafkaConnection::new("127.0.0.1:1", &properties).unwrap();
        let error = match connection.config().create::<BaseProducer>() {
            Ok(producer) => panic!("a client: {:?}", producer.in_flight_count()),
            Err(error) => ConnectionError::from_creation(error).to_string(),
        };
        assert!(error.starts_with("cannot create a Kafka client: "), "{error}");
        assert!(error.contains("No provider for SASL mechanism GSSAPI"), "{error}");
    }

    /// SASL with a plain password needs no OpenSSL: with and without TLS, the password reaches the broker.
    #[test]
    fn a_plain_password_is_sent_to_the_broker() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let properties = [
            "security.protocol=SASL_PLAINTEXT",
            "sasl.mechanism=PLAIN",
            "sasl.username=bridge",
            "sasl.password=hush",
        ]
        .map(property);
        let connection = KafkaConnection::new(address, &properties).unwrap();
        let producer: BaseProducer = connection.config().create().unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        // ApiVersions, version 3: there are SaslHandshake 0 and ApiVersions 0 to 3
        let versions = frame(&mut stream);
        assert_eq!(versions[..4], [0, 18, 0, 3]);
        let supported = [[0, 17, 0, 0, 0, 0, 0], [0, 18, 0, 0, 0, 3, 0]].concat();
        respond(&mut stream, &versions, &[&[0, 0, 3], &supported[..], &[0; 5]].concat());
        let handshake = frame(&mut stream);
        assert_eq!(handshake[..4], [0, 17, 0, 0]);
        assert!(handshake.ends_with(b"\0\x05PLAIN"), "{handshake:?}");
        respond(&mut stream, &handshake, b"\0\0\0\0\0\x01\0\x05PLAIN");
        assert_eq!(frame(&mut stream), b"\0bridge\0hush");
        drop(producer);
    }

    /// Responds to a request, whose correlation id follows its key and version.
    fn respond(stream: &mut TcpStream, request: &[u8], body: &[u8]) {
        let response = [&request[4..8], body].concat();
        stream.write_all(&(response.len() as u32).to_be_bytes()).unwrap();
        stream.write_all(&response).unwrap();
    }

    /// Reads a length and as many bytes.
    fn frame(stream: &mut TcpStream) -> Vec<u8> {
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_value_that_cannot_be_read_names_its_property() {
        let error = KafkaConnection::new("127.0.0.1:1", &[property("sasl.password=@/nowhere")]).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the value of sasl.password");
    }
}
