use super::*;

fn options(replicas: u16) -> TopicOptions {
    TopicOptions { prefix: "test.".to_owned(), dead_letters: "dlq.raw.failed".to_owned(), replicas }
}

/// Returns a topic without deviations.
fn as_planned(topic: &Topic) -> FoundTopic {
    let brokers: Vec<i32> = (1..=i32::from(topic.replicas)).collect();
    let mut properties: BTreeMap<String, String> =
        topic.properties().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    properties.insert("compression.type".to_owned(), "producer".to_owned());
    FoundTopic { replicas: vec![brokers; usize::from(topic.partitions)], properties }
}

#[test]
fn the_topics_are_those_of_the_contract() {
    const WEEK: &str = "cleanup.policy=delete retention.ms=604800000 segment.bytes=1073741824";
    let lines: Vec<String> = topics(&options(REPLICAS))
        .iter()
        .map(|topic| {
            let properties = topic.properties();
            let properties: Vec<String> =
                properties.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {} {} {}", topic.name, topic.partitions, topic.replicas, properties.join(" "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            format!("test.raw.trades 12 3 min.insync.replicas=2 {WEEK}"),
            format!("test.raw.orderbook 12 3 min.insync.replicas=2 {WEEK}"),
            format!("test.raw.marketdata 12 3 min.insync.replicas=2 {WEEK}"),
            format!(
                "test.dlq.raw.failed 3 3 min.insync.replicas=2 {}",
                WEEK.replace("604800000", "2592000000")
            ),
            "test.tradesim.positions 1 3 min.insync.replicas=2 cleanup.policy=compact segment.bytes=16777216 min.cleanable.dirty.ratio=0.1 delete.retention.ms=300000".to_owned(),
        ]
    );
}

#[test]
fn a_small_cluster_needs_fewer_copies_in_sync() {
    for (replicas, min_isr) in [(1, 1), (2, 1), (3, 2), (5, 4)] {
        assert!(topics(&options(replicas)).iter().all(|topic| topic.min_isr() == min_isr), "{replicas}");
    }
}

#[test]
fn every_deviation_is_named() {
    for topic in topics(&options(REPLICAS)) {
        let found = as_planned(&topic);
        assert_eq!(deviations(&topic, Some(&found)), []);
        let missing = deviations(&topic, None);
        assert_eq!(missing[0].to_string(), format!("{}: exists is false, expected true", topic.name));
        for (name, value) in topic.properties() {
            let mut changed = found.clone();
            changed.properties.insert(name.to_owned(), "7".to_owned());
            let line = format!("{}: {name} is 7, expected {value}", topic.name);
            assert_eq!(
                deviations(&topic, Some(&changed)).iter().map(Deviation::to_string).collect::<Vec<_>>(),
                [line]
            );
            changed.properties.remove(name);
            assert_eq!(deviations(&topic, Some(&changed))[0].found, None);
        }
        let mut small = found.clone();
        small.replicas.pop();
        let mut thin = found;
        thin.replicas[0].pop();
        assert_eq!(deviations(&topic, Some(&small))[0].property, "partitions");
        assert_eq!(deviations(&topic, Some(&thin))[0].property, "replicas");
    }
}
