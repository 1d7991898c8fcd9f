//! `topics`, `cluster` and `schemas`, without a cluster, and with a real one if the environment has its address.

mod dead_letters;

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{
    Folder,
    brokers::{Cluster, cluster, prefix},
};

#[test]
fn unreachable_brokers_exit_with_69_and_a_hint() {
    let folder = Folder::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for command in
        [&["topics", "create"][..], &["topics", "verify"], &["topics", "tail"], &["cluster", "verify"]]
    {
        let run = folder.run(&[command, &["--bootstrap-servers", &gone, "--timeout", "300ms"]].concat());
        run.fails(69, &format!("cannot reach the brokers at {gone}"));
        assert!(run.stderr.contains("hint: `compose/native/cluster up`"), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let folder = Folder::new();
    for args in [
        &["topics"][..],
        &["topics", "create", "--bootstrap-servers", "nowhere"],
        &["topics", "create", "--kafka-property", "acks"],
        &["topics", "create", "--kafka-property", "bootstrap.servers=localhost:1"],
        &["topics", "create", "--kafka-property", "metadata.broker.list=localhost:1"],
        &["topics", "create", "--kafka-property", "transactional.id=x"],
        &["topics", "create", "--topic-prefix", "a b"],
        &["topics", "verify", "--replicas", "0"],
        &["topics", "tail", "a/b"],
        &["cluster", "verify", "--brokers", "0"],
        &["cluster", "verify", "--no-registry", "--schema-registry-url", "http://localhost:1"],
        &["schemas", "register", "--schema-registry-url", "ftp://x"],
        &["dev", "broker", "--brokers", "0"],
    ] {
        assert_eq!(folder.run(args).code, 2, "{args:?}");
    }
}

#[test]
fn properties_that_librdkafka_refuses_exit_with_78_without_their_values() {
    let folder = Folder::new();
    for (property, text) in [
        ("no.such.property=hush", "invalid Kafka property no.such.property"),
        ("sasl.password=@/nowhere/hush", "cannot read the value of sasl.password"),
        ("sasl.password=env:NO_SUCH_VARIABLE", "cannot read the value of sasl.password"),
        (
            "request.required.acks=1",
            "the Kafka property request.required.acks cannot be 1: a record could be lost",
        ),
        ("acks=0", "the Kafka property request.required.acks cannot be 0: a record could be lost"),
        ("partitioner=random", "the Kafka property partitioner cannot be random: the records of a symbol"),
        ("max.in.flight=6", "the Kafka property max.in.flight.requests.per.connection cannot be 6: "),
    ] {
        let args = ["topics", "verify", "--bootstrap-servers", "127.0.0.1:1", "--kafka-property", property];
        let run = folder.run(&args);
        run.fails(78, text);
        assert!(!run.stderr.contains("=hush"), "{}", run.stderr);
    }
    folder.write(".env", "KAFKA_BRIDGE_DLQ_TOPIC=raw.trades\n");
    folder.run(&["topics", "verify"]).fails(78, "raw.trades cannot be the dead-letter topic");
}

/// Every command that uses Kafka, with flags that lead it to its connection.
#[cfg(not(any(feature = "kafka-tls", feature = "kafka-tls-system")))]
#[test]
fn a_build_without_tls_exits_with_78_and_names_the_feature() {
    let folder = Folder::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/minute.parquet");
    let bridge = ["bridge", "--ws-uri", "ws://127.0.0.1:1", "--metrics-port", "0", "--no-env"];
    let with = |args: &[&str], property: &str| {
        let run = folder
            .run(&[args, &["--bootstrap-servers", "127.0.0.1:1", "--kafka-property", property]].concat());
        run.fails(78, "this build has no TLS for Kafka: build with --features kafka-tls");
        assert!(
            run.stderr.contains("`cargo install --locked --path . --features kafka-tls`"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("hush"), "{}", run.stderr);
    };
    for args in [
        &["topics", "verify"][..],
        &["topics", "create"],
        &["topics", "tail", "raw.trades"],
        &["cluster", "verify"],
        &["dlq", "show"],
        &["dlq", "retry"],
        &["verify-topic", "--archive", fixture],
        &bridge,
    ] {
        with(args, "security.protocol=SASL_SSL");
    }
    for property in [
        "security.protocol=ssl",
        "sasl.mechanism=SCRAM-SHA-512",
        "sasl.mechanisms=SCRAM-SHA-256",
        "ssl.key.password=hush",
    ] {
        with(&["topics", "verify"], property);
    }
}

/// A build with TLS gets as far as the brokers.
#[cfg(any(feature = "kafka-tls", feature = "kafka-tls-system"))]
#[test]
fn a_build_with_tls_takes_its_properties() {
    let folder = Folder::new();
    for properties in [
        &["security.protocol=SSL"][..],
        &["security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", "sasl.username=x", "sasl.password=x"],
    ] {
        let flags: Vec<&str> =
            properties.iter().flat_map(|property| ["--kafka-property", property]).collect();
        let args = ["topics", "verify", "--timeout", "1s", "--bootstrap-servers", "127.0.0.1:1"];
        folder.run(&[&args[..], &flags].concat()).fails(69, "");
    }
}

/// Runs a command with the cluster. Returns its exit code and its report.
fn json(folder: &Folder, cluster: &Cluster, args: &[&str]) -> (i32, Value) {
    let run = folder.run(&[args, &["--bootstrap-servers", &cluster.brokers, "--json"]].concat());
    assert!(run.code == 0 || run.code == 3, "{args:?}: {}", run.stderr);
    (run.code, run.json())
}

#[test]
#[ignore = "needs a Kafka cluster: .ci/kafka PYTHON tests"]
fn topics_are_made_once_and_every_deviation_is_named() {
    let cluster = cluster();
    let folder = Folder::new();
    let prefix = prefix(&folder);
    let command = |verb| ["topics", verb, "--topic-prefix", &prefix];
    let (code, missing) = json(&folder, &cluster, &command("verify"));
    assert_eq!((code, &missing["deviations"]), (3, &json!(5)));
    let (code, created) = json(&folder, &cluster, &command("create"));
    assert_eq!((code, &created["deviations"]), (0, &json!(0)));
    assert!(created["topics"].as_array().unwrap().iter().all(|topic| topic["created"] == true));
    let (code, again) = json(&folder, &cluster, &command("create"));
    assert_eq!(code, 0);
    assert!(again["topics"].as_array().unwrap().iter().all(|topic| topic["created"] == false));
    assert_eq!(json(&folder, &cluster, &command("verify")).0, 0);
    // the same topics, compared with another replication factor
    let (code, other) = json(&folder, &cluster, &[&command("verify")[..], &["--replicas", "2"]].concat());
    assert_eq!(code, 3);
    let found = &other["topics"][0]["deviations"];
    let expected = json!([
        {"of": format!("{prefix}raw.trades"), "property": "replicas", "expected": "2", "found": "3"},
        {"of": format!("{prefix}raw.trades"), "property": "min.insync.replicas", "expected": "1", "found": "2"},
    ]);
    assert_eq!(*found, expected);
    let tail = ["topics", "tail", "--topic-prefix", &prefix, "--from-beginning", "--until-end"];
    let run = folder.run(&[&tail[..], &["--bootstrap-servers", &cluster.brokers]].concat());
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let missing = folder.run(&["topics", "tail", "no.such.topic", "--bootstrap-servers", &cluster.brokers]);
    missing.fails(1, "the topic no.such.topic does not exist");
}

#[test]
#[ignore = "needs a Kafka cluster: .ci/kafka PYTHON tests"]
fn the_contracts_cluster_is_as_it_should_be() {
    let cluster = cluster();
    let folder = Folder::new();
    let registry = ["--schema-registry-url", cluster.registry.as_str()];
    let (code, report) = json(&folder, &cluster, &[&["cluster", "verify"][..], &registry].concat());
    assert_eq!((code, &report["deviations"]), (0, &json!([])), "{report}");
    assert_eq!(report["brokers"].as_array().unwrap().len(), 3);
    assert_eq!(report["registry"]["level"], "BACKWARD");
    let (code, report) = json(&folder, &cluster, &["cluster", "verify", "--no-registry", "--brokers", "5"]);
    assert_eq!(code, 3);
    assert_eq!(
        report["deviations"][0],
        json!({"of": "cluster", "property": "brokers", "expected": "5", "found": "3"})
    );
}

#[test]
#[ignore = "needs a Kafka cluster: .ci/kafka PYTHON tests"]
fn schemas_are_registered_in_a_registry_that_is_not_ours() {
    let cluster = cluster();
    let folder = Folder::new();
    let prefix = prefix(&folder);
    let run = |verb, more: &[&str]| {
        let args = ["schemas", verb, "--topic-prefix", &prefix, "--schema-registry-url", &cluster.registry];
        folder.run(&[&args[..], more, &["--json"]].concat())
    };
    let new = run("check", &[]);
    assert_eq!(new.code, 0, "{}", new.stderr);
    assert_eq!(new.json()["subjects"][0]["registered"], false);
    let registered = run("register", &[]);
    assert_eq!(registered.code, 0, "{}", registered.stderr);
    let first = registered.json()["subjects"][0]["id"].clone();
    assert!(first.is_u64());
    let again = run("register", &[]).json();
    assert_eq!((&again["subjects"][0]["id"], &again["subjects"][0]["created"]), (&first, &json!(false)));
    let mut schema: Value = serde_json::from_str(tradesim_schemas::EventType::Trade.avro_schema()).unwrap();
    schema["fields"][1]["type"] = json!("int");
    folder.write("breaking.avsc", schema.to_string());
    let breaking = run("check", &["breaking.avsc"]);
    assert_eq!(breaking.code, 3, "{}", breaking.stderr);
    assert_eq!(breaking.json()["subjects"][0]["incompatibilities"][0]["field"], "symbol");
}
