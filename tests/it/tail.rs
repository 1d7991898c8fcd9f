//! `tail` with servers that follow the protocol, lose connections, or violate the protocol.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::Stdio,
    sync::mpsc,
};

use crate::support::{
    Folder, Run, day_text, digest_of_lines,
    feed::{Server, Socket, answer, parameter},
    listening::Listening,
    send_signal,
};

/// Returns a message of the servers in these tests.
fn message(seq: u64) -> String {
    format!(r#"{{"n":{seq},"text":"{}"}}"#, "x".repeat((seq * 37 % 300) as usize))
}

fn lines(seqs: std::ops::Range<u64>) -> String {
    seqs.map(|seq| message(seq) + "\n").collect()
}

fn digest(seqs: std::ops::Range<u64>) -> String {
    digest_of_lines(lines(seqs).as_bytes()).to_string()
}

/// Returns the headers of a server that numbers its messages.
fn numbered(query: &str) -> Vec<(&'static str, String)> {
    let start = parameter(query, "from_seq").unwrap_or(0);
    vec![
        ("tradesim-stream", "5".repeat(32)),
        ("tradesim-run", "r".to_owned()),
        ("tradesim-start-seq", start.to_string()),
        ("sec-websocket-protocol", "tradesim.v1".to_owned()),
    ]
}

/// Starts a server that sends these messages and ends according to the protocol, with this digest in the end notice.
fn whole(messages: u64, digest: String) -> Server {
    Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        let start = parameter(&socket.query, "from_seq").unwrap_or(0);
        socket.send(&format!(
            r#"{{"notice":"start","stream":"s","run":"r","seq":{start},"digest":null,"speed":"max","state":"playing"}}"#
        ));
        for seq in start..messages {
            socket.send(&message(seq));
        }
        socket.ping(&format!(r#"{{"seq":{messages},"due":1,"sent":2}}"#));
        let sent = messages - start;
        socket.send(&format!(r#"{{"notice":"end","seq":{messages},"sent":{sent},"digest":"{digest}"}}"#));
        socket.close(1000, "delivered");
    })
}

fn tail(args: &[&str]) -> Run {
    Folder::new().run(&[&["tail", "--log-format", "text"], args].concat())
}

#[test]
fn messages_are_printed_unchanged_and_notices_are_not() {
    let server = whole(50, digest(0..50));
    let run = tail(&[&server.url()]);
    assert_eq!((run.code, run.stdout), (0, lines(0..50)), "{}", run.stderr);
    let from = tail(&[&server.url(), "--from-seq", "40"]);
    assert_eq!((from.code, from.stdout), (0, lines(40..50)), "{}", from.stderr);
    let in_url = tail(&[&format!("{}/?from_seq=45", server.url())]);
    assert_eq!(in_url.stdout, lines(45..50));
}

#[test]
fn the_digest_of_the_received_messages_is_printed() {
    let server = whole(50, digest(0..50));
    let plain = tail(&[&server.url(), "--digest"]);
    assert_eq!((plain.code, plain.stdout), (0, digest(0..50) + "\n"));
    assert!(plain.stderr.contains("50 messages") && plain.stderr.contains("latency p50"), "{}", plain.stderr);
    let json = tail(&[&server.url(), "--digest", "--json"]).json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["count"], 50);
    assert_eq!(json["digest"], digest(0..50));
    assert!(json["seconds"].is_f64() && json["latency_ms"]["p50"].is_f64());
    assert_eq!(json["complete"], true);
    assert_eq!((&json["first_seq"], &json["next_seq"]), (&0.into(), &50.into()));
}

#[test]
fn another_digest_than_announced_or_expected_exits_with_3() {
    let wrong = whole(50, digest(0..49));
    let run = tail(&[&wrong.url(), "--digest"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("the digest of the received messages is"), "{}", run.stderr);
    // a part of the stream has another digest
    assert_eq!(tail(&[&wrong.url(), "--from-seq", "1"]).code, 0);
    assert_eq!(tail(&[&wrong.url(), "--symbols", "AAPL"]).code, 0);
    let right = whole(50, digest(0..50));
    assert_eq!(tail(&[&right.url(), "--expect", &digest(0..50)]).code, 0);
    assert_eq!(tail(&[&right.url(), "--expect", &digest(0..49), "--digest"]).code, 3);
}

#[test]
fn filters_are_sent_in_the_query() {
    let (sender, queries) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        let socket = Socket::accept(stream, numbered);
        sender.send(socket.query.clone()).unwrap();
        socket.close(1000, "delivered");
    });
    let run =
        tail(&[&server.url(), "--symbols", "AAPL,BRK.B", "--events", "trade,orderbook", "--from-seq", "5"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(queries.recv().unwrap(), "symbols=AAPL,BRK.B&events=trade,orderbook&from_seq=5");
}

#[test]
fn count_ends_it_with_a_close_frame() {
    let (sender, codes) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        (0..1_000).for_each(|seq| socket.send(&message(seq)));
        sender.send(socket.until_closed()).unwrap();
    });
    let run = tail(&[&server.url(), "--count", "10"]);
    assert_eq!((run.code, run.stdout), (0, lines(0..10)), "{}", run.stderr);
    assert_eq!(codes.recv().unwrap(), Some(1000));
}

#[test]
fn a_time_ends_it_even_if_nothing_arrives() {
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        (0..3).for_each(|seq| socket.send(&message(seq)));
        socket.until_closed();
    });
    let run = tail(&[&server.url(), "--for", "200ms", "--digest"]);
    assert_eq!((run.code, run.stdout), (0, digest(0..3) + "\n"), "{}", run.stderr);
}

#[test]
fn a_client_that_is_disconnected_a_hundred_times_receives_every_message_once() {
    let messages = 3_000;
    let server = Server::start(move |number, stream| {
        let mut socket = Socket::accept(stream, numbered);
        let start = parameter(&socket.query, "from_seq").unwrap_or(0);
        // pseudo-random lengths, sometimes zero
        let length = (number as u64 * 7919 + 13) % 59;
        let end = if number < 100 { messages.min(start + length) } else { messages };
        (start..end).for_each(|seq| socket.send(&message(seq)));
        match number {
            100.. => {
                let (sent, digest) = (messages - start, digest(0..messages));
                socket.send(&format!(
                    r#"{{"notice":"end","seq":{messages},"sent":{sent},"digest":"{digest}"}}"#
                ));
                socket.close(1000, "delivered");
            }
            _ if number % 3 == 0 => drop(socket.close(1013, "last seq; too slow")),
            _ if number % 3 == 1 => drop(socket.close(1001, "the server stops")),
            // in the middle of a frame
            _ => {
                let _ = socket.socket.get_mut().write_all(&[0x81, 0x20, b'{']);
            }
        }
    });
    let run = tail(&[&server.url(), "--digest", "--json", "--log-level", "ERROR"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["digest"], digest(0..messages));
    assert_eq!((&json["count"], &json["connections"]), (&messages.into(), &101.into()));
}

#[test]
fn a_jump_of_the_player_is_followed() {
    let server = Server::start(|number, stream| {
        let start = if number == 0 { 0 } else { 70 };
        let mut socket = Socket::accept(stream, |query| {
            assert_eq!(query, "");
            let mut headers = numbered(query);
            headers[2].1 = start.to_string();
            headers
        });
        (start..start + 5).for_each(|seq| socket.send(&message(seq)));
        socket.close(if number == 0 { 1012 } else { 1000 }, "");
    });
    let run = tail(&[&server.url()]);
    assert_eq!((run.code, run.stdout), (0, lines(0..5) + &lines(70..75)), "{}", run.stderr);
}

const STATE: &str = r#"{"notice":"state","books":[],"candles":[],"period":"morning","orders":1,"open_orders":[],"open_orders_complete":false}"#;

#[test]
fn a_state_is_printed_before_its_messages_and_not_again_on_another_connection() {
    let server = Server::start(|number, stream| {
        let mut socket = Socket::accept(stream, |query| {
            let from_seq = if number == 0 { String::new() } else { "from_seq=3&".to_owned() };
            assert_eq!(query, format!("{from_seq}state=orders"));
            [numbered(query), vec![("tradesim-state", "0".to_owned())]].concat()
        });
        socket.send(STATE);
        (3 * number as u64..3 * number as u64 + 3).for_each(|seq| socket.send(&message(seq)));
        if number > 0 {
            socket.send(r#"{"notice":"seek","seq":9}"#);
            socket.send(&STATE.replace("morning", "midday"));
            socket.send(&message(9));
            socket.close(1000, "delivered");
        }
    });
    let run = tail(&[&server.url(), "--state=orders"]);
    let midday = STATE.replace("morning", "midday");
    let expected = format!("{STATE}\n{}{midday}\n{}", lines(0..6), lines(9..10));
    assert_eq!((run.code, run.stdout), (0, expected), "{}", run.stderr);
}

#[test]
fn the_state_alone_is_printed_of_a_replay() {
    let folder = Folder::new();
    let replay = Listening::replay(&folder, &[day_text(), "--start-paused"]);
    let run = tail(&[&replay.url, "--from-seq", "20000", "--state=orders", "--count", "0"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let state: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(!state["books"].as_array().unwrap().is_empty() && state["period"] == "morning", "{state}");
    let orders = state["open_orders"].as_array().unwrap();
    assert_eq!(
        (state["orders"].as_u64(), &state["open_orders_complete"]),
        (Some(orders.len() as u64), &true.into())
    );
    assert!(orders.iter().all(|order| order["status"] == "NEW"));
    let pretty = tail(&[&replay.url, "--from-seq", "20000", "--state", "--pretty", "--count", "0"]);
    let first = pretty.stdout.lines().next().unwrap();
    assert!(first.starts_with("state: morning, ") && first.ends_with(" open orders"), "{first}");
    let none = tail(&[&format!("{}/?state=books", replay.url), "--state"]);
    none.fails(2, "--state and state in the URL cannot be used together");
    tail(&[&replay.url, "--state=bids"]).fails(2, "books or orders");
    send_signal("TERM", &replay.child);
    replay.end();
    // a server that knows no states is not waited for
    let server = whole(3, digest(0..3));
    let run = tail(&[&server.url(), "--state"]);
    assert_eq!((run.code, run.stdout), (0, lines(0..3)));
    assert!(run.stderr.contains("does not state what was before the first message"), "{}", run.stderr);
}

#[test]
fn another_run_after_a_disconnect_is_refused() {
    let server = Server::start(|number, stream| {
        let mut socket = Socket::accept(stream, |query| {
            let mut headers = numbered(query);
            headers[1].1 = format!("run-{number}");
            headers
        });
        let start = parameter(&socket.query, "from_seq").unwrap_or(0);
        (start..start + 5).for_each(|seq| socket.send(&message(seq)));
    });
    let run = tail(&[&server.url()]);
    run.fails(1, "the server now has another run: run-1 instead of run-0");
    assert_eq!(run.stdout, lines(0..5));
}

#[test]
fn a_server_that_starts_at_another_message_is_refused() {
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, |_| numbered("from_seq=3"));
        socket.send(&message(3));
        socket.until_closed();
    });
    let run = tail(&[&server.url(), "--from-seq", "2"]);
    run.fails(1, "message 2 was requested, but the server starts with message 3");
    assert_eq!(run.stdout, "");
}

#[test]
fn messages_that_did_not_arrive_are_noticed() {
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        socket.send(&message(0));
        socket.ping(r#"{"seq":2,"due":null,"sent":1}"#);
        socket.until_closed();
    });
    tail(&[&server.url()]).fails(1, "those from 1 on did not arrive");
}

#[test]
fn a_refusal_is_reported_and_not_retried() {
    let server = Server::start(|number, stream| {
        assert_eq!(number, 0);
        Socket::accept(stream, |_| Vec::new()).close(1008, "unknown_symbol: no symbol APPL");
    });
    tail(&[&server.url(), "--from-seq", "3"]).fails(1, "1008 (unknown_symbol: no symbol APPL)");
}

#[test]
fn a_plain_server_works_until_the_connection_is_lost() {
    let server = Server::start(|number, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        socket.send(r#"{"notice":"is a message here"}"#);
        socket.send("second");
        if number == 0 {
            socket.close(1000, "");
        }
    });
    let printed = "{\"notice\":\"is a message here\"}\nsecond\n";
    let run = tail(&[&server.url()]);
    assert_eq!((run.code, run.stdout.as_str()), (0, printed), "{}", run.stderr);
    let cut = tail(&[&server.url()]);
    cut.fails(1, "lost after 2 messages");
    assert!(cut.stderr.contains("cannot resume"), "{}", cut.stderr);
    assert_eq!(cut.stdout, printed);
    tail(&[&server.url(), "--from-seq", "1"]).fails(1, "does not number its messages");
}

#[test]
fn pretty_lines_show_unknown_messages_unchanged() {
    let known = r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000001Z","payload":{"symbol":"AAPL","bid_price":"178.49","ask_price":"178.51","bid_size":300,"ask_size":200,"spread":"0.02","mid_price":"178.50","timestamp":"2026-02-18T14:30:00.000001Z","exchange":"NASDAQ"}}"#;
    let server = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        socket.send(known);
        socket.send("hello");
        socket.close(1000, "");
    });
    let run = tail(&[&server.url(), "--pretty"]);
    let expected = "14:30:00.000001Z AAPL   orderbook  178.49 x 300 | 178.51 x 200 NASDAQ\nhello\n";
    assert_eq!((run.code, run.stdout.as_str()), (0, expected), "{}", run.stderr);
}

#[test]
fn an_unreachable_server_exits_with_69_and_a_hint() {
    // a port that was free just now
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = tail(&[&address.to_string(), "--retries", "1"]);
    run.fails(69, &format!("cannot reach {address} after 2 attempts"));
    assert!(run.stderr.contains("hint: `tradesim replay FILE`"), "{}", run.stderr);
}

#[test]
fn a_server_that_never_answers_exits_with_69() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let run = tail(&[&url, "--connect-timeout", "100ms", "--retries", "1"]);
    run.fails(69, "no handshake response within 100ms");
}

#[test]
fn another_kind_of_server_exits_with_1() {
    for (status, body, text) in [
        ("404 Not Found", "no such page", "404 Not Found: no such page"),
        ("200 OK", "", "200 OK"),
        ("101 Switching Protocols", "", "did not upgrade"),
    ] {
        let server = Server::start(move |_, stream| drop(answer(stream, status, body)));
        tail(&[&server.url()]).fails(1, text);
    }
    let garbage = Server::start(|_, mut stream| {
        let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    tail(&[&garbage.url()]).fails(1, "not a WebSocket server");
    let endless = Server::start(|_, mut stream| {
        let _ = stream.write_all(&[b"HTTP/1.1 101 ".to_vec(), vec![b'x'; 60_000]].concat());
        let _ = stream.read_to_end(&mut Vec::new());
    });
    tail(&[&endless.url()]).fails(1, "more than 16384 bytes of header");
}

#[test]
fn frames_that_violate_the_protocol_exit_with_1() {
    for (bytes, text) in [
        (&[0xf1, 0x01, b'x'][..], "reserved bits"),
        (&[0x88, 0x04, 0x03, 0xe8, 0xff, 0xfe], "UTF-8"),
        (&[0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0], "too long"),
    ] {
        let server = Server::start(move |_, stream| {
            let mut socket = Socket::accept(stream, numbered);
            socket.send(&message(0));
            let _ = socket.socket.get_mut().write_all(bytes);
            socket.until_closed();
        });
        let run = tail(&[&server.url()]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.to_lowercase().contains(&text.to_lowercase()), "{text}: {}", run.stderr);
        assert_eq!(run.stdout, lines(0..1));
    }
}

#[test]
fn a_text_that_is_not_utf8_is_printed_unchanged() {
    let texts: [&[u8]; 3] = [b"before", b"\xff\xfe", b"behind"];
    let server = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        texts.iter().for_each(|text| socket.send_text_bytes(text));
        socket.close(1000, "");
    });
    let output = Folder::new().command(&["tail", &server.url()]).output().unwrap();
    assert_eq!(output.stdout, b"before\n\xff\xfe\nbehind\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn invalid_urls_are_usage_errors() {
    for (url, text) in [("ftp://x", "expected a URL"), ("", "expected a URL")] {
        let run = tail(&[url]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(text), "{}", run.stderr);
    }
    tail(&["x?from_seq=1", "--from-seq", "1"]).fails(2, "in the URL cannot be used together");
    assert_eq!(tail(&["x", "--json"]).code, 2);
    assert_eq!(tail(&["x", "--digest", "--pretty"]).code, 2);
}

/// Starts a server that sends three messages and then nothing.
fn three() -> Server {
    Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        (0..3).for_each(|seq| socket.send(&message(seq)));
        socket.until_closed();
    })
}

#[test]
fn messages_are_shown_at_once_and_sigint_ends_it() {
    let server = three();
    let folder = Folder::new();
    let mut child = folder
        .command(&["tail", &server.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..3 {
        stdout.read_line(&mut line).unwrap();
    }
    assert_eq!(line, lines(0..3));
    send_signal("INT", &child);
    Run::of(child.wait_with_output().unwrap()).fails(130, "stopped by SIGINT");
}

#[test]
fn sigint_prints_the_digest_so_far() {
    let (sender, sent) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        (0..3).for_each(|seq| socket.send(&message(seq)));
        socket.ping("x");
        // the pong shows that the messages before it were read
        while !matches!(socket.socket.read(), Ok(tungstenite::Message::Pong(_))) {}
        sender.send(()).unwrap();
        socket.until_closed();
    });
    let folder = Folder::new();
    let args = ["tail", &server.url(), "--digest", "--json"];
    let child = folder.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    sent.recv().unwrap();
    send_signal("INT", &child);
    let run = Run::of(child.wait_with_output().unwrap());
    run.fails(130, "stopped by SIGINT");
    assert_eq!(run.json()["digest"], digest(0..3));
    assert_eq!(run.json()["complete"], false);
}

#[test]
fn tail_exits_quietly_when_its_pipe_is_closed() {
    let server = whole(20_000, digest(0..20_000));
    let folder = Folder::new();
    let mut child = folder
        .command(&["tail", &server.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn a_signal_ends_tail_even_if_its_reader_does_not_read() {
    let server = whole(20_000, digest(0..20_000));
    let folder = Folder::new();
    let mut child = folder.command(&["tail", &server.url()]).stdout(Stdio::piped()).spawn().unwrap();
    // one byte shows that it writes; the pipe has no room for the rest
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    send_signal("TERM", &child);
    let stdout = child.stdout.take();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(stdout);
}

#[test]
fn a_message_above_the_limit_is_reported_and_later_messages_are_printed() {
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        socket.send("before");
        socket.send_binary(&vec![1; (16 << 20) + 1]);
        socket.send("after");
        socket.ping(r#"{"seq":3,"due":null,"sent":1}"#);
        socket.send(&format!(r#"{{"notice":"end","seq":3,"sent":3,"digest":"{}"}}"#, digest(0..1)));
        socket.close(1000, "");
    });
    let run = tail(&[&server.url()]);
    assert_eq!((run.code, run.stdout.as_str()), (3, "before\nafter\n"), "{}", run.stderr);
    assert!(run.stderr.contains("a message of 16777217 bytes (blake3:"), "{}", run.stderr);
}

#[test]
fn headers_are_sent_and_an_invalid_sequence_number_is_an_error() {
    let (heard, all) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, numbered);
        heard.send((socket.header("x-key"), socket.header("user-agent"))).unwrap();
        socket.send(r#"{"notice":"seek","seq":9007199254740992}"#);
        socket.send("message 9007199254740992");
        socket.until_closed();
    });
    let run = tail(&[&server.url(), "--header", "X-Key: a b", "--header", "user-agent: me"]);
    run.fails(1, "the server sent the invalid sequence number 9007199254740992: the limit is 2^53");
    assert_eq!(all.recv().unwrap(), (Some("a b".to_owned()), Some("me".to_owned())));
}

#[test]
fn a_handshake_with_an_invalid_name_is_refused() {
    let server = Server::start(|_, stream| {
        let headers = |query: &str| {
            let mut headers = numbered(query);
            headers[1].1 = "a/../b".to_owned();
            headers
        };
        Socket::accept(stream, headers).until_closed();
    });
    tail(&[&server.url()]).fails(1, "the server's header tradesim-run is not a name");
}
