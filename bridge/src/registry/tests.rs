use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
};

use tradesim_schemas::EventType;

use super::*;
use tradesim_client::secret::Secret;

use crate::dev::DevRegistry;

fn client(url: impl AsRef<str>) -> Registry {
    Registry::new(RegistryOptions::new(url)).unwrap()
}

/// Starts a server that answers one request with this status line and body. Returns its URL and the request.
fn answering(status: &'static str, body: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || answer(listener.accept().unwrap().0, status, body));
    (url, thread)
}

fn answer(mut stream: TcpStream, status: &str, body: &str) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).unwrap() > 0 {}
    let length = request
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    let mut content = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut content).unwrap();
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    request + &String::from_utf8(content).unwrap()
}

#[test]
fn our_schemas_are_registered_once_and_found_by_their_exact_text() {
    let dev = DevRegistry::start(0).unwrap();
    let registry = client(dev.url());
    let missing = registry.schema_ids("p.").unwrap_err();
    assert!(
        matches!(&missing, RegistryError::NotRegistered { subject, .. } if subject == "p.raw.trades-value")
    );
    let ids = registry.register_schemas("p.").unwrap();
    assert_eq!(EventType::ALL.iter().map(|kind| ids.of(*kind)).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(registry.register_schemas("p.").unwrap(), ids);
    assert_eq!(registry.schema_ids("p.").unwrap(), ids);
    // another version on top: the built-in one is still found
    let other = schema_text(EventType::Trade).replace("One event in the life", "An event in the life");
    let other_id = registry.register("p.raw.trades-value", &other).unwrap();
    assert_ne!(other_id, ids.of(EventType::Trade));
    assert_eq!(registry.schema_ids("p.").unwrap(), ids);
    assert_eq!(registry.versions("p.raw.trades-value").unwrap(), [1, 2]);
    let first = registry.version("p.raw.trades-value", 1).unwrap();
    let schema = schema_text(EventType::Trade);
    assert_eq!(first, Registered { id: ids.of(EventType::Trade), version: 1, schema: schema.clone() });
    assert_eq!(registry.schema(first.id).unwrap(), schema);
    assert_eq!(registry.versions("elsewhere").unwrap(), [0u32; 0]);
}

#[test]
fn a_breaking_change_is_refused_with_its_field() {
    let dev = DevRegistry::start(0).unwrap();
    let registry = client(dev.url());
    let subject = subject("", EventType::OrderBook);
    let ours = schema_text(EventType::OrderBook);
    assert!(registry.is_compatible(&subject, &ours).unwrap_err().is_not_found());
    registry.register(&subject, &ours).unwrap();
    assert_eq!(registry.is_compatible(&subject, &ours).unwrap(), (true, vec![]));
    let breaking =
        ours.replace(r#"{"name":"bid_size","type":"int""#, r#"{"name":"bid_size","type":"string""#);
    let (compatible, messages) = registry.is_compatible(&subject, &breaking).unwrap();
    assert!(!compatible && messages[0].contains("bid_size"), "{messages:?}");
    match registry.register(&subject, &breaking).unwrap_err() {
        RegistryError::Incompatible { message, .. } => assert!(message.contains("bid_size"), "{message}"),
        error => panic!("{error:?}"),
    }
    assert_eq!(registry.global_level().unwrap(), Level::Backward);
    assert_eq!(registry.subject_level(&subject).unwrap(), Level::Backward);
}

#[test]
fn what_a_registry_refuses_is_told_by_its_kind() {
    type Test = fn(&RegistryError) -> bool;
    let cases: [(&str, &str, Test); 16] = [
        ("401 Unauthorized", "", |error| matches!(error, RegistryError::Unauthorized { status: 401, .. })),
        ("403 Forbidden", "{}", |error| matches!(error, RegistryError::Unauthorized { status: 403, .. })),
        ("503 Service Unavailable", "", RegistryError::is_unreachable),
        ("404 Not Found", r#"{"error_code":40401,"message":"no"}"#, RegistryError::is_not_found),
        // a 404 of another server does not concern subjects
        ("404 Not Found", "<html>", |error| {
            matches!(error, RegistryError::Refused { status: 404, code: None, .. }) && !error.is_not_found()
        }),
        (
            "422 Unprocessable",
            r#"{"error_code":42201,"message":"bad"}"#,
            |error| matches!(error, RegistryError::Refused { code: Some(42_201), message, .. } if message == "bad"),
        ),
        ("408 Request Timeout", "", RegistryError::is_unreachable),
        ("425 Too Early", "", RegistryError::is_unreachable),
        ("429 Too Many Requests", "", RegistryError::is_unreachable),
        ("500 Internal Server Error", "", |error| {
            error.is_unreachable()
                && error.retry_after().is_none()
                && error.to_string().ends_with("is unavailable (HTTP 500)")
        }),
        ("500 Oops\r\nRetry-After: 7", r#"{"error_code":50001,"message":"store"}"#, |error| {
            error.retry_after() == Some(Duration::from_secs(7))
                && error.to_string().ends_with("(HTTP 500): store")
        }),
        ("599 Last\r\nRetry-After: 86400", "", |error| error.retry_after() == Some(PAUSE_MAX)),
        ("302 Found", "", |error| {
            matches!(error, RegistryError::Redirected { status: 302, location: None, .. })
        }),
        ("301 Moved\r\nLocation: https://u:hush@r.example/v7?key=hush", "", |error| {
            error.to_string().ends_with("redirects (HTTP 301) to https://r.example/v7: use that URL instead")
        }),
        ("200 OK", "<html>", |error| matches!(error, RegistryError::Foreign { .. })),
        ("200 OK", r#"{"schema":7}"#, |error| matches!(error, RegistryError::Foreign { .. })),
    ];
    for (status, body, test) in cases {
        let (url, server) = answering(status, body);
        let error = client(url).schema(7).unwrap_err();
        assert!(test(&error), "{status} {body}: {error:?}");
        assert!(server.join().unwrap().starts_with("GET /schemas/ids/7 HTTP/1.1\r\n"));
    }
}

/// Starts a server that answers consecutive requests with these status lines, and then with a schema. Returns its
/// requests.
fn answering_in_turn(statuses: &'static [&'static str]) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        for status in statuses {
            answer(listener.accept().unwrap().0, status, "");
        }
        answer(listener.accept().unwrap().0, "200 OK", r#"{"schema":"7"}"#);
        statuses.len() + 1
    });
    (url, thread)
}

#[test]
fn a_registry_that_cannot_answer_now_is_asked_again_within_the_retry_timeout() {
    let statuses = &["429 Too Many Requests\r\nRetry-After: 0", "425 Too Early", "408 Timeout", "500 Oops"];
    let (url, server) = answering_in_turn(statuses);
    let mut options = RegistryOptions::new(url);
    options.retry_timeout = Duration::from_secs(60);
    assert_eq!(Registry::new(options).unwrap().schema(7).unwrap(), "7");
    assert_eq!(server.join().unwrap(), 5);
    // a delay that would take too long is not waited for
    let (url, _server) = answering_in_turn(&["503 Away\r\nRetry-After: 50"]);
    let mut options = RegistryOptions::new(url);
    options.retry_timeout = Duration::from_secs(49);
    let error = Registry::new(options).unwrap().schema(7).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(50)), "{error:?}");
}

#[test]
fn every_subject_is_backward_before_its_schema_whatever_the_default_is() {
    let dev = DevRegistry::start(0).unwrap();
    let registry = client(dev.url());
    registry.put("/config", &json!({ "compatibility": "NONE" })).unwrap();
    registry.put("/config/raw.trades-value", &json!({ "compatibility": "FORWARD" })).unwrap();
    registry.put("/config/raw.orderbook-value", &json!({ "compatibility": "FULL_TRANSITIVE" })).unwrap();
    registry.register_schemas("").unwrap();
    for (event_type, level) in
        EventType::ALL.iter().zip([Level::Backward, Level::FullTransitive, Level::Backward])
    {
        let subject = subject("", *event_type);
        let own = registry.get(&format!("/config/{subject}")).unwrap();
        assert_eq!(registry.level(&own).unwrap(), level, "{subject}");
    }
    assert_eq!(registry.global_level().unwrap(), Level::None);
    let breaking = schema_text(EventType::MarketData)
        .replace(r#"{"name":"volume","type":"long""#, r#"{"name":"volume","type":"string""#);
    let error = registry.register("raw.marketdata-value", &breaking).unwrap_err();
    assert!(matches!(error, RegistryError::Incompatible { .. }), "{error:?}");
    // the other way round: an incompatible schema is registered, and the built-in one is refused
    registry.register("p.raw.trades-value", r#"{"type":"record","name":"Trade","fields":[]}"#).unwrap();
    let error = registry.register_schemas("p.").unwrap_err();
    assert!(matches!(error, RegistryError::Incompatible { .. }), "{error:?}");
}

#[test]
fn credentials_of_the_url_are_sent_and_never_shown() {
    let (url, server) = answering("200 OK", r#"{"schema":"7"}"#);
    let options = RegistryOptions::new(url.replace("http://", "http://alice:hu%73h@"));
    assert!(!format!("{options:?}").contains("hush"), "{options:?}");
    let registry = Registry::new(options).unwrap();
    assert_eq!(registry.url(), url);
    assert_eq!(registry.schema(7).unwrap(), "7");
    let request = server.join().unwrap();
    assert!(request.contains("authorization: Basic YWxpY2U6aHVzaA=="), "{request}");
}

#[test]
fn nobody_there_and_nobody_answering_are_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(format!("http://{gone}")).schema(1).unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = RegistryOptions::new(format!("http://{}/", silent.local_addr().unwrap()));
    options.timeout = Duration::from_millis(50);
    let registry = Registry::new(options).unwrap();
    assert!(!registry.url().ends_with('/'));
    let error = registry.schema(1).unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let basic = Credentials::Basic { user: "alice".to_owned(), password: Secret::new("hush") };
    let bearer = Credentials::Bearer { token: Secret::new("hush") };
    for (credentials, header) in
        [(basic, "authorization: Basic YWxpY2U6aHVzaA=="), (bearer, "authorization: Bearer hush")]
    {
        let (url, server) = answering("200 OK", r#"{"id":9}"#);
        let mut options = RegistryOptions::new(url);
        options.credentials = Some(credentials);
        assert!(!format!("{options:?}").contains("hush"));
        let registry = Registry::new(options).unwrap();
        assert!(!format!("{registry:?}").contains("hush"), "{registry:?}");
        assert_eq!(registry.register("a/b c", "\"int\"").unwrap(), 9);
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /subjects/a%2Fb%20c/versions HTTP/1.1\r\n"), "{request}");
        assert!(request.contains(header), "{request}");
        assert!(request.ends_with(r#"{"schema":"\"int\""}"#), "{request}");
    }
    let mut options = RegistryOptions::new("http://127.0.0.1:1");
    options.credentials = Some(Credentials::Bearer { token: Secret::new("a\nb") });
    assert!(matches!(Registry::new(options), Err(RegistryError::Credentials)));
}

#[test]
fn a_file_without_certificates_is_refused() {
    for (content, what) in [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\n%\n", "")] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let mut options = RegistryOptions::new("https://127.0.0.1:1");
        options.ca_file = Some(file.path().to_owned());
        let error = Registry::new(options).unwrap_err();
        assert!(
            matches!(&error, RegistryError::Certificates { what: found, .. } if found.contains(what)),
            "{error:?}"
        );
    }
}

#[test]
fn schemas_are_sent_without_white_space_and_otherwise_as_they_are() {
    assert_eq!(
        compact("{ \"a b\" : [ 1,\t\"c\\\" d\" ] ,\n\"e\\\\\": 2 }"),
        "{\"a b\":[1,\"c\\\" d\"],\"e\\\\\":2}"
    );
    for &event_type in EventType::ALL {
        let text = schema_text(event_type);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(event_type.avro_schema()).unwrap());
        assert!(
            text.starts_with(&format!("{{\"type\":\"record\",\"name\":\"{}\"", event_type.record_name()))
        );
        assert!(!text.contains('\n') && text.contains("\"doc\":\""));
    }
}

/// Formats an error with all of its causes.
fn chain(error: &RegistryError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause}"));
        source = cause.source();
    }
    text
}

#[test]
fn no_error_repeats_the_password_of_a_url() {
    let with_password = |url: &str| format!("{}?key=hush", url.replace("http://", "http://user:hush@"));
    for status in ["401 Unauthorized", "404 Not Found", "500 Oops", "503 Away", "200 OK"] {
        let (url, thread) = answering(status, "no");
        let error = client(with_password(&url)).schema_ids("").unwrap_err();
        thread.join().unwrap();
        assert!(chain(&error).contains(&url) && !chain(&error).contains("hush"), "{}", chain(&error));
    }
    // an unreachable server, and URLs that cannot be used
    let (url, thread) = answering("200 OK", "{}");
    drop(TcpStream::connect(url.trim_start_matches("http://")));
    let _ = thread.join();
    for url in
        [url.as_str(), "http://", "http://127.0.0.1:99999", "ftp://127.0.0.1:1", "http://127.0.0.1:1/ /"]
    {
        let registry = client(with_password(url));
        let error = chain(&registry.schema_ids("").unwrap_err());
        assert!(!error.contains("hush") && !registry.url().contains("hush"), "{error}");
    }
}
