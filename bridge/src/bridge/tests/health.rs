//! The answers of `/healthz` about brokers that are unreachable: librdkafka's own reason.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tradesim_bridge_core::Guarantee;

use super::{
    super::*,
    Stage,
    feed::{Feed, message},
};
use crate::{
    connection::KafkaConnection,
    registry::{Registry, RegistryOptions},
};

/// Runs a bridge until its health contains this reason, and stops it. Returns the health.
fn red_with(reason: &str, mut options: BridgeOptions) -> String {
    options.metrics = Some(("127.0.0.1".to_owned(), 0));
    options.delivery.until_end = false;
    let bridge = Bridge::new(options).unwrap();
    let address = bridge.metrics_address().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let thread = std::thread::spawn(move || bridge.run(|| 0.5, &|| asked.load(Ordering::Relaxed)));
    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let text = loop {
        let mut response = agent.get(format!("http://{address}/healthz")).call().unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        if response.status() == 503 && text.contains(reason) {
            break text;
        }
        assert!(!thread.is_finished(), "the bridge has ended: {text}");
        std::thread::yield_now();
    };
    stop.store(true, Ordering::Relaxed);
    let (_, result) = thread.join().unwrap();
    assert_eq!(result.unwrap(), Ended::Stopped);
    text
}

#[test]
fn brokers_that_cannot_be_reached_are_red_with_the_reason() {
    let stage = Stage::new();
    let feed = Feed::numbered("s", "r", (0..10).map(message).collect()).staying();
    let cases: &[(&str, Option<&str>, &str)] = &[
        ("no-such-host.invalid:9092", None, "Failed to resolve 'no-such-host.invalid:9092'"),
        #[cfg(any(feature = "kafka-tls", feature = "kafka-tls-system"))]
        (stage.cluster.bootstrap_servers(), Some("security.protocol=ssl"), "SSL handshake failed"),
    ];
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        for &(servers, property, reason) in cases {
            let properties: Vec<_> = property.iter().map(|text| text.parse().unwrap()).collect();
            let mut options = stage.options(&feed, guarantee);
            options.kafka = KafkaConnection::new(servers, &properties).unwrap();
            let text = red_with(reason, options);
            assert!(text.starts_with(r#"{"status":"failing","reasons":["kafka: "#), "{text}");
            assert!(!text.contains("[thrd:") && !text.contains(" (after "), "{text}");
        }
    }
}

#[test]
fn a_registry_that_cannot_answer_now_is_waited_for() {
    let stage = Stage::new();
    let feed = Feed::numbered("s", "r", (0..10).map(message).collect());
    // before the registry answers, the proxy in front of it answers "not now" in every way
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = stage.registry.url();
    std::thread::spawn(move || {
        let mut refusals = ["429 Too Many", "500 Oops", "408 Timeout", "425 Too Early"].into_iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let (status, text) = match refusals.next() {
                Some(refusal) => (refusal.to_owned(), String::new()),
                None => {
                    let mut line = head.split_whitespace();
                    let request = ureq::http::Request::builder()
                        .method(line.next().unwrap())
                        .uri(format!("{target}{}", line.next().unwrap()))
                        .body(String::from_utf8(body).unwrap())
                        .unwrap();
                    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
                    let mut answer = agent.build().new_agent().run(request).unwrap();
                    let text = answer.body_mut().read_to_string().unwrap();
                    (answer.status().as_u16().to_string(), text)
                }
            };
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} x\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{text}"
            );
        }
    });
    let mut options = stage.options(&feed, Guarantee::ExactlyOnce);
    options.registry = Registry::new(RegistryOptions::new(url)).unwrap();
    let (report, result) = Bridge::new(options).unwrap().run(|| 0.0, &|| false);
    assert_eq!(result.unwrap(), Ended::Complete);
    assert_eq!(report.counts.produced, 10);
}
