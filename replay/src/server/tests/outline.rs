//! The timeline.

use tokio::sync::Notify;
use tradesim_schemas::TimeSpec;

use super::*;
use crate::{Feed, Outline, OutlineOptions, Source, SourceError, SourceInfo};

/// A source whose outline takes until it is not needed any more.
struct Endless {
    sample: Sample,
    reads: Arc<Notify>,
}

impl Source for Endless {
    fn info(&self) -> &SourceInfo {
        self.sample.info()
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        self.sample.open(seq)
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        self.sample.find(time)
    }

    fn outline(&self, options: OutlineOptions<'_>) -> Result<Option<Outline>, SourceError> {
        self.reads.notify_one();
        while !(options.cancelled)() {
            std::thread::yield_now();
        }
        Ok(None)
    }
}

async fn get_timeline(address: SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET /timeline HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(TIMEOUT, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn a_server_that_stops_says_that_it_has_no_timeline() {
    let reads = Arc::new(Notify::new());
    let source = Endless { sample: Sample::new(10, 10), reads: Arc::clone(&reads) };
    let options = Options { start_paused: true, ..options() };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Arc::new(source), options).unwrap();
    let handle = server.handle();
    let report = tokio::spawn(server.run());
    let hub = Arc::clone(&handle.hub);
    let answer = tokio::spawn(async move { hub.outline.get(&hub).await });
    timeout(TIMEOUT, reads.notified()).await.unwrap();
    handle.command(Command::Stop).await.unwrap();
    let answer = timeout(TIMEOUT, answer).await.unwrap().unwrap();
    assert_eq!(answer, Err(OutlineError::Stopping));
    timeout(TIMEOUT, report).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_source_without_an_outline_has_an_empty_timeline() {
    let server = start(Sample::new(10, 10), Options { start_paused: true, ..options() });
    let answer = get_timeline(server.address).await;
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (&body["schema_version"], &body["live"], &body["messages"]),
        (&1.into(), &false.into(), &10.into())
    );
    assert_eq!(body["segments"], serde_json::json!([]));
    assert_eq!(body["stream"], server.handle.status().stream);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}
