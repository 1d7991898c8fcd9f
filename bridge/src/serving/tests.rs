use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use axum::{body::Bytes, routing::get};

use super::*;

/// A limit that no test reaches.
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(100);

fn server(limits: Limits) -> Server {
    let router =
        Router::new().route("/", get(async || "here").post(async |body: Bytes| body.len().to_string()));
    Server::start("test", TcpListener::bind("127.0.0.1:0").unwrap(), router, limits).unwrap()
}

fn connect(server: &Server, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket.write_all(text.as_bytes()).unwrap();
    socket
}

/// Reads everything until the server closes.
fn rest(mut socket: TcpStream) -> String {
    let mut text = String::new();
    // a reset is an end too
    let _ = socket.read_to_string(&mut text);
    text
}

fn ask(server: &Server, text: &str) -> String {
    rest(connect(server, text))
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn half_a_request_keeps_nobody_out() {
    let limits = Limits { header: LONG, whole: LONG, ..Limits::DEFAULT };
    let server = server(limits);
    let mut half = Vec::new();
    for number in 0..236 {
        half.push(connect(&server, if number % 2 == 0 { "GET / HTTP/1.1\r\nHo" } else { "" }));
    }
    for _ in 0..3 {
        let answer = ask(&server, GET);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhere"), "{answer}");
    }
    // the oldest ones were closed for those after them, and the newest may still continue
    assert_eq!(rest(half.remove(0)), "");
    let mut last = half.pop().unwrap();
    last.write_all(GET.as_bytes()).unwrap();
    let answer = rest(last);
    assert!(answer.ends_with("here") || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[test]
fn a_header_or_a_body_that_does_not_come_is_not_waited_for() {
    let impatient = server(Limits { header: SHORT, whole: LONG, ..Limits::DEFAULT });
    for start in ["", "GET / HTTP/1.1\r\nHost:"] {
        assert_eq!(ask(&impatient, start), "", "{start:?}");
    }
    let impatient = server(Limits { header: LONG, whole: SHORT, ..Limits::DEFAULT });
    assert_eq!(ask(&impatient, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"), "");
    assert_eq!(ask(&impatient, "GET / HT"), "");
}

#[test]
fn whoever_comes_while_all_are_being_answered_is_turned_away() {
    let server = server(Limits { connections: 2, header: LONG, whole: LONG });
    let body = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let mut asked: Vec<TcpStream> = (0..2).map(|_| connect(&server, body)).collect();
    for socket in &mut asked {
        // the server has begun to read the body
        let mut line = [0; 25];
        socket.read_exact(&mut line).unwrap();
        assert!(line.starts_with(b"HTTP/1.1 100 Continue\r\n"));
    }
    let answer = ask(&server, "");
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    for mut socket in asked {
        socket.write_all(b"ab").unwrap();
        assert!(rest(socket).ends_with("\r\n\r\n2"));
    }
}

#[test]
fn a_connection_is_closed_after_its_answer_and_a_header_has_a_size() {
    let server = server(Limits { header: LONG, whole: LONG, ..Limits::DEFAULT });
    let answer = ask(&server, &GET.repeat(2));
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17_000));
    assert!(!ask(&server, &long).contains("200 OK"));
}
