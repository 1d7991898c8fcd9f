//! Arbitrary records on embedded brokers: each is shown, and the next one follows.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::*;
use crate::{
    dev::{DevBroker, DevRegistry},
    registry::RegistryOptions,
};

const WAIT: Duration = Duration::from_secs(30);

#[test]
fn a_record_that_cannot_be_decoded_is_shown_with_the_reason_and_the_next_one_follows() {
    let broker = DevBroker::start(1, &[("t".to_owned(), 1)]).unwrap();
    let dev = DevRegistry::start(0).unwrap();
    let registry = Registry::new(RegistryOptions::new(dev.url())).unwrap();
    let connection = KafkaConnection::new(broker.bootstrap_servers(), &[]).unwrap();
    let chain = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}"#;
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":200000,"scale":100000}"#;
    let chain = registry.register("chain", chain).unwrap() as u8;
    let decimal = registry.register("decimal", decimal).unwrap() as u8;
    let records: [(&[u8], Value); 6] = [
        (&[0, 0, 0, 0, 99, 7], json!({"base64": "AAAAAGMH", "error": "the registry has no schema 99"})),
        (
            &[0, 0, 0, 0, decimal, 2, 1],
            json!({
                "base64": BASE64_STANDARD.encode([0, 0, 0, 0, decimal, 2, 1]),
                "error": format!("schema {decimal} cannot be used: a decimal has the scale 100000, expected at most 64"),
            }),
        ),
        (&[0, 0, 0, 0, chain, 2, 0], json!({"next": {"next": null}})),
        (
            &[0, 0, 0, 0, chain, 2],
            json!({
                "base64": BASE64_STANDARD.encode([0, 0, 0, 0, chain, 2]),
                "error": format!("it is not a value of schema {chain}: the value ends too early"),
            }),
        ),
        (b"{\"a\":1}", json!({"a": 1})),
        (b"text", json!("text")),
    ];
    let producer: BaseProducer = connection.config().create().unwrap();
    for (value, _) in &records {
        producer.send(BaseRecord::<[u8], [u8]>::to("t").payload(value)).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WAIT).unwrap();
    let mut tail = Tail::open(&connection, registry, &[("t", 1)], Begin::Oldest).unwrap();
    for (_, expected) in records {
        match tail.next(WAIT).unwrap() {
            Tailed::Record(record) => assert_eq!(record["value"], expected),
            other => panic!("{other:?}, expected {expected}"),
        }
    }
    assert_eq!(tail.next(WAIT).unwrap(), Tailed::End);
    // without a registry nothing is known of a schema that was not met before
    drop(dev);
    producer.send(BaseRecord::<[u8], [u8]>::to("t").payload(&[0, 0, 0, 0, 98])).map_err(|(e, _)| e).unwrap();
    producer.flush(WAIT).unwrap();
    assert!(matches!(tail.next(WAIT), Err(TailError::Schema { id: 98, .. })));
}
