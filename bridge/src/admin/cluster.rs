//! The cluster that the contract requires (section 6), and the deviations of an existing one.

use std::{collections::BTreeMap, time::Duration};

use crate::topics::Deviation;

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// The address for clients.
    pub address: String,
}

/// The properties that every broker should state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerPlan {
    /// The number of brokers, which are controllers too.
    pub brokers: u16,
}

impl BrokerPlan {
    /// The cluster of the contract.
    pub const CONTRACT: BrokerPlan = BrokerPlan { brokers: 3 };
}

const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Kafka's own default leaves 12 bytes for the overhead of a batch.
const MESSAGE_BYTES: [&str; 2] = ["1048576", "1048588"];

/// Returns the deviations of a broker's properties.
pub fn broker_deviations(
    plan: BrokerPlan,
    broker: &Broker,
    properties: &BTreeMap<String, String>,
) -> Vec<Deviation> {
    let value = |name: &str| properties.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut deviations = Vec::new();
    let mut expect = |property: &str, expected: &str, found: Option<&str>, holds: bool| {
        if !holds {
            deviations.push(Deviation {
                of: format!("broker {}", broker.id),
                property: property.to_owned(),
                expected: expected.to_owned(),
                found: found.map(str::to_owned),
            });
        }
    };
    let replicas = plan.brokers.min(3);
    let min_isr = replicas.saturating_sub(1).max(1);
    for (name, expected) in [
        ("default.replication.factor", replicas.to_string()),
        ("min.insync.replicas", min_isr.to_string()),
        ("num.partitions", "12".to_owned()),
        ("log.segment.bytes", "1073741824".to_owned()),
        ("auto.create.topics.enable", "false".to_owned()),
    ] {
        let found = value(name);
        expect(name, &expected, found, found == Some(expected.as_str()));
    }
    let roles = value("process.roles");
    let has = |role| roles.is_some_and(|roles| roles.split(',').any(|found| found.trim() == role));
    expect("process.roles", "broker,controller", roles, has("broker") && has("controller"));
    let messages = value("message.max.bytes");
    let fits = messages.is_some_and(|bytes| MESSAGE_BYTES.contains(&bytes));
    expect("message.max.bytes", MESSAGE_BYTES[0], messages, fits);
    let retention = retention(value);
    let words = retention.map(|retention| format!("{} h", retention.as_secs() / 3_600));
    expect("log.retention", "168 h", words.as_deref(), retention == Some(WEEK));
    let voters = value("controller.quorum.voters").or_else(|| value("controller.quorum.bootstrap.servers"));
    let count = voters.map(|voters| voters.split(',').count().to_string());
    let expected = plan.brokers.to_string();
    expect("controllers", &expected, count.as_deref(), count.as_ref() == Some(&expected));
    deviations
}

/// Returns how long a broker keeps records. Of the three properties the one with the finest unit counts.
fn retention<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let number = |name| value(name).and_then(|text| text.parse::<u64>().ok());
    number("log.retention.ms")
        .map(Duration::from_millis)
        .or_else(|| number("log.retention.minutes").map(|minutes| Duration::from_secs(minutes * 60)))
        .or_else(|| number("log.retention.hours").map(|hours| Duration::from_secs(hours * 3_600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes to the properties of the contract; `None` removes a property.
    type Changes<'a> = &'a [(&'a str, Option<&'a str>)];

    fn properties(changes: Changes<'_>) -> BTreeMap<String, String> {
        let mut properties: BTreeMap<String, String> = [
            ("process.roles", "broker,controller"),
            ("controller.quorum.voters", "1@127.0.0.1:19093,2@127.0.0.1:29093,3@127.0.0.1:39093"),
            ("default.replication.factor", "3"),
            ("min.insync.replicas", "2"),
            ("num.partitions", "12"),
            ("log.segment.bytes", "1073741824"),
            ("message.max.bytes", "1048588"),
            ("auto.create.topics.enable", "false"),
            ("log.retention.hours", "168"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, value) in changes {
            match value {
                Some(value) => properties.insert((*name).to_owned(), (*value).to_owned()),
                None => properties.remove(*name),
            };
        }
        properties
    }

    fn check(changes: Changes<'_>, expected: &[&str]) {
        let broker = Broker { id: 2, address: "127.0.0.1:9093".to_owned() };
        let found = broker_deviations(BrokerPlan::CONTRACT, &broker, &properties(changes));
        let lines: Vec<String> = found.iter().map(Deviation::to_string).collect();
        assert_eq!(lines, expected, "{changes:?}");
    }

    #[test]
    fn the_contracts_cluster_has_no_deviations() {
        check(&[], &[]);
        check(&[("message.max.bytes", Some("1048576"))], &[]);
        check(&[("log.retention.hours", Some("1")), ("log.retention.ms", Some("604800000"))], &[]);
        check(&[("log.retention.hours", None), ("log.retention.minutes", Some("10080"))], &[]);
    }

    #[test]
    fn every_deviation_is_named() {
        let cases: [(Changes<'_>, &str); 6] = [
            (
                &[("process.roles", Some("broker"))],
                "broker 2: process.roles is broker, expected broker,controller",
            ),
            (&[("min.insync.replicas", Some("1"))], "broker 2: min.insync.replicas is 1, expected 2"),
            (
                &[("auto.create.topics.enable", None)],
                "broker 2: auto.create.topics.enable is missing, expected false",
            ),
            (&[("log.retention.ms", Some("3600000"))], "broker 2: log.retention is 1 h, expected 168 h"),
            (&[("controller.quorum.voters", Some("1@a:1"))], "broker 2: controllers is 1, expected 3"),
            (&[("message.max.bytes", Some("1"))], "broker 2: message.max.bytes is 1, expected 1048576"),
        ];
        for (changes, line) in cases {
            check(changes, &[line]);
        }
    }
}
