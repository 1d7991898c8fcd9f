use super::*;
use fixture::within;

/// A time that is too short for a peer that does nothing, and long enough for one that does something.
const SHORT: Duration = Duration::from_millis(300);

async fn impatient() -> Fixture {
    Fixture::with(|limits| limits.request_timeout = SHORT).await
}

async fn is_closed(peer: &mut Peer) {
    let rest = peer.rest().await;
    assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let fixture = impatient().await;
    for start in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut peer = fixture.connect().await;
        peer.send(start).await;
        is_closed(&mut peer).await;
    }
    assert_eq!(fixture.refused("timeout"), 3);
}

#[tokio::test]
async fn a_handshake_that_drips_is_not_waited_for() {
    let fixture = impatient().await;
    let mut peer = fixture.connect().await;
    peer.send("GET / HTTP/1.1\r\nX: ").await;
    let drip = async {
        // a byte now and then, as long as the server accepts them
        let (mut reader, mut writer) = peer.socket.split();
        let mut gap = tokio::time::interval(SHORT / 10);
        let mut end = [0];
        loop {
            tokio::select! {
                closed = reader.read(&mut end) => break closed.unwrap_or(0),
                _ = gap.tick() => if writer.write_all(b"x").await.is_err() { break 0 },
            }
        }
    };
    assert_eq!(within(drip).await, 0);
    assert_eq!(fixture.refused("timeout"), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_not_counted_as_refused() {
    let fixture = impatient().await;
    let mut peer = fixture.connect().await;
    peer.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(peer.answer().await.status, 200);
    is_closed(&mut peer).await;
    assert_eq!(fixture.refused("timeout"), 0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let fixture = impatient().await;
    let answer =
        fixture.ask("POST /control/step HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "timeout"));
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    const LONG: Duration = Duration::from_secs(3600);
    for (request_timeout, shutdown_grace) in [(SHORT, LONG), (LONG, SHORT)] {
        let fixture = Fixture::with(|limits| {
            (limits.request_timeout, limits.shutdown_grace) = (request_timeout, shutdown_grace)
        })
        .await;
        // more than the sockets of both sides hold
        *fixture.backend.page.lock().unwrap() = "x".repeat(32 << 20);
        let mut peer = fixture.connect().await;
        peer.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        within(peer.socket.readable()).await.unwrap();
        fixture.stop.send(true).unwrap();
        within(fixture.served).await.unwrap();
        assert!(peer.rest().await.len() < 32 << 20);
    }
}

#[tokio::test]
async fn an_admission_may_take_longer_than_a_handshake_may() {
    let fixture = impatient().await;
    let mut peer = fixture.connect().await;
    peer.send(handshake("/?slow", "")).await;
    // another connection arrives and is given up while that one waits
    is_closed(&mut fixture.connect().await).await;
    is_closed(&mut fixture.connect().await).await;
    fixture.backend.go_on.notify_one();
    assert_eq!(peer.answer().await.status, 101);
}

#[tokio::test]
async fn a_header_has_a_size() {
    let fixture = Fixture::start().await;
    let line = |len: usize| format!("X: {}\r\n", "x".repeat(len));
    assert_eq!(fixture.ask(handshake("/", &line(15_000))).await.status, 101);
    assert_eq!(fixture.ask(handshake("/", &line(17_000))).await.status, 431);
    assert_eq!(fixture.ask(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000))).await.status, 431);
    assert_eq!(fixture.ask(handshake("/", &line(1).repeat(200))).await.status, 431);
    // far more than the limit: a peer that is still writing sees the answer too
    let mut peer = fixture.connect().await;
    peer.send(format!("GET / HTTP/1.1\r\n{}", line(200_000))).await;
    assert_eq!(peer.answer().await.status, 431);
    peer.end().await;
    for _ in 0..3 {
        peer.send(line(1_000)).await;
    }
}

#[tokio::test]
async fn above_the_cap_clients_are_refused_until_one_goes() {
    let fixture = Fixture::with(|limits| limits.clients_max = 2).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut peer = fixture.connect().await;
        peer.send(handshake("/", "")).await;
        assert_eq!(peer.answer().await.status, 101);
        clients.push(peer);
    }
    let refused = fixture.ask(handshake("/", "")).await;
    assert_eq!((refused.status, refused.header("connection")), (503, Some("close")));
    assert_eq!(fixture.refused("cap"), 1);
    // the status can be requested nevertheless
    assert_eq!(fixture.ask("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status, 200);

    let mut waiting = fixture.connect().await;
    let mut gone = clients.pop().unwrap();
    within(gone.socket.shutdown()).await.unwrap();
    assert_eq!(gone.rest().await, fixture::GOODBYE);
    // the goodbye is read a moment before the slot is free
    let freed = async {
        loop {
            waiting.send(handshake("/", "")).await;
            match waiting.answer().await.status {
                101 => break,
                status => assert_eq!(status, 503),
            }
            waiting = fixture.connect().await;
        }
    };
    within(freed).await;
}

#[tokio::test]
async fn one_address_does_not_take_every_seat() {
    let fixture = Fixture::with(|limits| (limits.clients_max, limits.per_address_max) = (4, 3)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut peer = fixture.connect().await;
        peer.send(handshake("/", "")).await;
        assert_eq!(peer.answer().await.status, 101);
        clients.push(peer);
    }
    let refused = fixture.ask(handshake("/", "")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.body, "too many clients from this address (see --max-connections-per-address)\n");
    assert_eq!(fixture.refused("cap"), 1);
    // another address of this machine
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = Peer::of(within(socket.connect(fixture.address)).await.unwrap());
    other.send(handshake("/", "")).await;
    assert_eq!(other.answer().await.status, 101);
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out() {
    let fixture = Fixture::start().await;
    // the kernel hands connections out in their order
    let mut idle = Vec::new();
    for number in 0..2 * slots::PLAIN_MAX {
        let mut peer = fixture.connect().await;
        peer.send(if number % 2 == 0 { "" } else { "GET /status HTTP/1.1\r\nHost: loc" }).await;
        idle.push(peer);
    }
    assert_eq!(fixture.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status, 200);
    let mut client = fixture.connect().await;
    client.send(handshake("/", "") + "hi").await;
    assert_eq!(client.answer().await.status, 101);
    // those that connected first made room
    is_closed(&mut idle[0]).await;
    is_closed(&mut idle[1]).await;
    let counted = async {
        while fixture.refused("cap") < slots::PLAIN_MAX as u64 {
            tokio::task::yield_now().await;
        }
    };
    within(counted).await;
    let last = idle.last_mut().unwrap();
    last.send("alhost\r\n\r\n").await;
    assert_eq!(last.answer().await.status, 200);
    assert_eq!(client.exactly(2).await, b"hi");
}

#[tokio::test]
async fn what_is_not_found_in_time_is_refused() {
    let fixture = Fixture::with(|limits| limits.admission_timeout = SHORT).await;
    for refused in 1..3 {
        let answer = fixture.ask(handshake("/?slow", "")).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert!(answer.body.starts_with("timed out while finding the requested position"));
        assert_eq!(fixture.refused("timeout"), refused);
    }
}

#[tokio::test]
async fn a_server_that_stops_closes_plain_connections_and_waits_for_clients() {
    let mut fixture = Fixture::start().await;
    let mut client = fixture.connect().await;
    client.send(handshake("/", "")).await;
    assert_eq!(client.answer().await.status, 101);
    let mut becoming = fixture.connect().await;
    becoming.send(handshake("/?slow", "")).await;
    let mut idle = fixture.connect().await;
    idle.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut silent = fixture.connect().await;
    let mut halfway = fixture.connect().await;
    halfway.send("GET /heal").await;
    let admitted = async {
        while fixture.backend.admitted.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    within(admitted).await;

    fixture.stop.send(true).unwrap();
    for peer in [&mut idle, &mut silent, &mut halfway] {
        is_closed(peer).await;
    }
    assert!(
        within(TcpStream::connect(fixture.address)).await.is_err(),
        "the server does not listen any more"
    );
    fixture.backend.go_on.notify_one();
    let answer = becoming.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (101, Some("Upgrade")));
    for peer in [&mut client, &mut becoming] {
        assert!(!fixture.served.is_finished());
        peer.send("still here").await;
        assert_eq!(peer.exactly(10).await, b"still here");
        within(peer.socket.shutdown()).await.unwrap();
        assert_eq!(peer.rest().await, fixture::GOODBYE);
    }
    within(&mut fixture.served).await.unwrap();
}

#[tokio::test]
async fn a_server_whose_owner_is_gone_stops() {
    let fixture = Fixture::start().await;
    drop(fixture.stop);
    within(fixture.served).await.unwrap();
}

#[tokio::test]
async fn a_client_that_panics_harms_no_other() {
    let fixture = Fixture::start().await;
    let mut client = fixture.connect().await;
    client.send(handshake("/", "")).await;
    assert_eq!(client.answer().await.status, 101);
    let mut other = fixture.connect().await;
    other.send(handshake("/?panic", "")).await;
    assert_eq!(other.answer().await.status, 101);
    is_closed(&mut other).await;
    client.send("still here").await;
    assert_eq!(client.exactly(10).await, b"still here");
}

#[test]
fn errors_of_accept_are_waited_out_where_they_would_come_back() {
    let check = |error: io::Error, expected_ms: [u64; 4]| {
        let mut backoff = ACCEPT_BACKOFF;
        let delays: Vec<u64> = (0..=40).map(|_| delay(&error, &mut backoff).as_millis() as u64).collect();
        assert_eq!([0, 1, 6, 40].map(|failures: usize| delays[failures]), expected_ms, "{error}");
    };
    check(io::ErrorKind::ConnectionAborted.into(), [0; 4]);
    check(io::ErrorKind::OutOfMemory.into(), [10, 20, 640, 1_000]);
    // EMFILE
    check(io::Error::from_raw_os_error(24), [10, 20, 640, 1_000]);
}
