//! Foreign feeds: servers that select no subprotocol, messages of any length, heartbeats, and false claims about
//! numbers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::mpsc,
};

use tradesim_client::{
    BEGINNING_BYTES,
    dialogue::Ping,
    header::Header,
    testing::{Peer, Server, numbered},
};
use tungstenite::{
    Message, WebSocket,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::*;

/// Serves so many connections, one after the other, and then stops listening.
fn serving(connections: usize, mut serve: impl FnMut(usize, Peer) + Send + 'static) -> Server {
    Server::limited(connections, move |number, stream| serve(number, Peer::accept(stream)))
}

/// Answers with no headers of ours, and with these bytes after them in the same write.
fn answer(peer: Peer, behind: &[u8]) -> WebSocket<TcpStream> {
    peer.answer(&[], behind).socket
}

/// Answers like a feed that numbers its messages, from 0 on.
fn answer_numbered(peer: Peer, behind: &[u8]) -> WebSocket<TcpStream> {
    peer.answer(&numbered("s", "r", 0), behind).socket
}

fn frames(texts: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        Frame::message(text.into_bytes(), OpCode::Data(Data::Text), true).format(&mut bytes).unwrap();
    }
    bytes
}

fn goodbye(mut socket: WebSocket<TcpStream>) {
    let _ = socket.close(None);
    while socket.read().is_ok() {}
}

/// Returns the URL of a server, with a path.
fn url(server: &Server) -> String {
    format!("{}/feed", server.url())
}

fn options(stage: &Stage, url: &str, guarantee: Guarantee) -> BridgeOptions {
    let feed = feed::Feed::plain(Vec::new());
    BridgeOptions { feed_url: url.to_owned(), ..stage.options(&feed, guarantee) }
}

#[test]
fn a_server_that_selects_no_subprotocol_is_connected_to_once_and_all_that_it_sends_arrives() {
    let stage = Stage::new();
    // a second connection would fail
    let server = serving(1, |_, peer| {
        assert_eq!(peer.header("sec-websocket-protocol"), Some("tradesim.v1"));
        let mut socket = answer(peer, &frames((0..40).map(message)));
        for seq in 40..100 {
            socket.send(Message::text(message(seq))).unwrap();
        }
        goodbye(socket);
    });
    let mut options = options(&stage, &url(&server), Guarantee::AtLeastOnce);
    options.delivery.feed_tries = 0;
    let report = complete(options);
    server.join();
    assert_eq!((report.counts.received, report.counts.produced, report.counts.reconnects), (100, 100, 0));
    assert!(stage.contents().seqs("unnamed").iter().copied().eq(0..100));
}

/// The sizes of messages above the limit, and the number of their frames.
const OVERSIZE: [(usize, usize); 4] = [((16 << 20) + 1, 1), (65 << 20, 1), (20 << 20, 40), (70 << 20, 3)];

#[test]
fn messages_above_the_limit_are_dead_letters_and_what_follows_them_arrives() {
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let stage = Stage::new();
        let server = serving(1, move |_, peer| {
            let mut socket = match guarantee {
                Guarantee::ExactlyOnce => answer_numbered(peer, &[]),
                Guarantee::AtLeastOnce => answer(peer, &[]),
            };
            for (index, (size, count)) in OVERSIZE.into_iter().enumerate() {
                socket.send(Message::text(message(2 * index as u64))).unwrap();
                let mut left = size;
                for part in 0..count {
                    let here = if part + 1 == count { left } else { size / count };
                    let data = if part == 0 { Data::Text } else { Data::Continue };
                    let frame = Frame::message(vec![b'x'; here], OpCode::Data(data), part + 1 == count);
                    socket.send(Message::Frame(frame)).unwrap();
                    left -= here;
                }
            }
            if guarantee == Guarantee::ExactlyOnce {
                socket.send(Message::text(r#"{"notice":"end","seq":8,"sent":8,"digest":null}"#)).unwrap();
            }
            goodbye(socket);
        });
        let mut options = options(&stage, &url(&server), guarantee);
        options.delivery.feed_tries = 0;
        let report = complete(options);
        server.join();
        let counts = report.counts;
        assert_eq!((counts.received, counts.produced, counts.dead_lettered), (8, 4, 4), "{guarantee:?}");
        let contents = stage.contents();
        assert!(contents.seqs(&report.run).iter().copied().eq(0..8));
        for (letter, (size, _)) in contents.dead_letters.iter().zip(OVERSIZE) {
            let original = Original::parse(&letter.value).unwrap();
            assert_eq!((&*original.verdict.reason, original.topic), ("too_large", None));
            assert_eq!(original.value, vec![b'x'; BEGINNING_BYTES as usize]);
            let whole = original.whole.unwrap();
            assert_eq!((whole.length, whole.hash), (size as u64, blake3::hash(&vec![b'x'; size])));
        }
    }
}

#[test]
fn a_feed_that_wants_to_be_talked_to_is() {
    let stage = Stage::new();
    let (heard, all) = mpsc::channel();
    let server = serving(1, move |_, peer| {
        heard.send(peer.header("x-key").unwrap().to_owned()).unwrap();
        let mut socket = answer(peer, &[]);
        let hear = |socket: &mut WebSocket<TcpStream>| {
            let text = socket.read().unwrap().into_text().unwrap().to_string();
            heard.send(text.clone()).unwrap();
            text
        };
        hear(&mut socket);
        hear(&mut socket);
        for text in
            [message(0).as_str(), r#"{"ping":17}"#, r#"{"type":"heartbeat","n":1}"#, message(1).as_str()]
        {
            socket.send(Message::text(text)).unwrap();
        }
        let (mut pings, mut pongs) = (0, 0);
        while pings < 2 || pongs < 1 {
            match hear(&mut socket).as_str() {
                "still here" => pings += 1,
                _ => pongs += 1,
            }
        }
        goodbye(socket);
    });
    let mut options = options(&stage, &url(&server), Guarantee::AtLeastOnce);
    options.dialogue = Dialogue {
        headers: Header::read_all(&["X-Key: hush".into()]).unwrap(),
        send: vec!["subscribe".to_owned(), "more".to_owned()],
        ping: Some(Ping { text: "still here".to_owned(), every: Duration::from_millis(300) }),
        answers: vec![r#"{"ping":*}={"pong":*}"#.parse().unwrap()],
        ignored: vec![r#"*"type":"heartbeat"*"#.parse().unwrap()],
    };
    let report = complete(options);
    server.join();
    assert_eq!((report.counts.received, report.counts.dead_lettered, report.heartbeats), (2, 0, 2));
    assert!(stage.contents().seqs("unnamed").iter().copied().eq(0..2));
    let heard: Vec<String> = all.into_iter().filter(|text| text != "still here").collect();
    assert_eq!(heard, ["hush", "subscribe", "more", r#"{"pong":17}"#]);
}

#[test]
fn a_feed_that_speaks_of_numbers_that_cannot_be_ends_the_bridge_behind_what_came_before() {
    for (notice, words) in [
        (r#"{"notice":"gap","from":10,"to":18446744073709551615}"#, "jumped to message 18446744073709551615"),
        (r#"{"notice":"seek","seq":9007199254740992}"#, "numbers must be below 2^53"),
        (r#"{"notice":"gap","from":10,"to":99999999999999999999}"#, "an invalid notice"),
    ] {
        let stage = Stage::new();
        let server = serving(1, move |_, peer| {
            let texts = (0..10).map(message).chain([notice.to_owned()]).chain((10..20).map(message));
            goodbye(answer_numbered(peer, &frames(texts)));
        });
        let (report, result) = run(options(&stage, &url(&server), Guarantee::ExactlyOnce));
        server.join();
        let Err(BridgeError::FeedBroken { cause }) = result else { panic!("{result:?}") };
        assert!(cause.contains(words), "{cause}");
        assert_eq!((report.next_seq, report.counts.received), (StreamSeq(10), 10));
        let contents = stage.contents();
        assert!(contents.seqs("r").iter().copied().eq(0..10));
        assert_eq!(contents.position("s/r"), Some((10, "me".to_owned())));
    }
}

#[test]
fn a_handshake_that_names_what_no_handshake_of_ours_does_is_a_broken_protocol() {
    for (name, value) in [
        ("tradesim-run", "a/b"),
        ("tradesim-start-seq", "18446744073709551615"),
        ("tradesim-start-seq", "first"),
    ] {
        let stage = Stage::new();
        let server = serving(1, move |_, peer| {
            let headers = [("tradesim-stream", "s".to_owned()), (name, value.to_owned())];
            drop(peer.answer(&headers, &frames([message(0)])));
        });
        let (_, result) = run(options(&stage, &url(&server), Guarantee::ExactlyOnce));
        server.join();
        let Err(BridgeError::FeedBroken { cause }) = result else { panic!("{result:?}") };
        assert!(cause.starts_with(&format!("the server's header {name} is not a")), "{cause}");
        assert!(stage.contents().records.is_empty());
    }
}

#[test]
fn an_answer_without_an_end_and_a_slow_one_are_refused_in_time() {
    let stage = Stage::new();
    let endless = serving(1, |_, mut peer| {
        let line = format!("x: {}\r\n", "y".repeat(1_000));
        peer.stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n").unwrap();
        while peer.stream.write_all(line.as_bytes()).is_ok() {}
    });
    let (_, result) = run(options(&stage, &url(&endless), Guarantee::AtLeastOnce));
    endless.join();
    let Err(BridgeError::FeedRefused { cause }) = result else { panic!("{result:?}") };
    assert!(cause.contains("more than 16384 bytes of headers"), "{cause}");

    let slow = serving(1, |_, mut peer| {
        peer.stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let head = b"HTTP/1.1 101 Switching Protocols\r\nx: ".iter().chain(std::iter::repeat(&b'y'));
        // a byte now and then, as long as the client is connected
        for byte in head {
            if peer.stream.write_all(&[*byte]).is_err() || matches!(peer.stream.read(&mut [0]), Ok(0)) {
                return;
            }
        }
    });
    let mut options = options(&stage, &url(&slow), Guarantee::AtLeastOnce);
    options.connect_timeout = Duration::from_millis(300);
    options.delivery.feed_tries = 0;
    let (_, result) = run(options);
    slow.join();
    let Err(BridgeError::FeedUnreachable { cause, .. }) = result else { panic!("{result:?}") };
    assert_eq!(cause, "no handshake response within 300ms");
}

#[test]
fn a_stop_delivers_what_was_received_of_a_feed_that_cannot_send_it_again() {
    let stage = Stage::new();
    let (sent, total) = mpsc::channel();
    let server = serving(1, move |_, peer| {
        let mut socket = answer(peer, &[]);
        let mut count = 0;
        // a flood, until the bridge closes
        while socket.send(Message::text(message(count))).is_ok() {
            count += 1;
        }
        sent.send(count).unwrap();
    });
    let report = stopped_behind(5_000, options(&stage, &url(&server), Guarantee::AtLeastOnce));
    server.join();
    let counts = report.counts;
    assert_eq!((report.undelivered, counts.received), (0, counts.produced));
    assert!(counts.received >= 5_000 && report.discarded + counts.received <= total.recv().unwrap());
    assert!(stage.contents().seqs("unnamed").iter().copied().eq(0..counts.received));
}
