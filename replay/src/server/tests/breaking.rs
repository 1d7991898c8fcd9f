//! Connections and sources that break.

use super::*;

#[tokio::test]
async fn a_source_that_fails_is_told_to_everyone() {
    let server = start(Sample::failing_at(1_000, 10, 500), options());
    let (mut socket, _) = server.connect("").await;
    let got = all(&mut socket).await;
    let (code, reason) = got.close.clone().unwrap();
    assert_eq!(code, 1011);
    assert!(reason.ends_with("the disk is on fire"), "{reason}");
    assert_eq!(got.numbers(), (0..got.texts.len() as u64).collect::<Vec<_>>());
    let error = timeout(TIMEOUT, server.report).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, ServerError::Source { .. }));
}

/// Returns a raw client after its handshake, of which it has read everything and nothing more.
async fn raw(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(TIMEOUT, socket.read_u8()).await.unwrap().unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    socket
}

#[tokio::test]
async fn behind_a_fault_the_server_hangs_up_first() {
    let server = start(Sample::new(10, 10), Options { start_paused: true, ..options() });
    let mut socket = raw(server.address).await;
    const RESERVED: [u8; 6] = [0x83, 0x80, 0, 0, 0, 0];
    socket.write_all(&RESERVED).await.unwrap();
    let mut rest = Vec::new();
    timeout(TIMEOUT, socket.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!((rest[0], &rest[2..4]), (0x88, &1002_u16.to_be_bytes()[..]));
    // its side is shut down while it still waits for the server's: it did not wait for the timeout
    assert_eq!(server.handle.status().clients.len(), 1);
    drop(socket);
    server.handle.command(Command::Stop).await.unwrap();
    assert_eq!(server.report().await.clients_total, 1);
}

#[tokio::test]
async fn what_a_reset_destroyed_was_not_delivered() {
    let server = start(Sample::new(500, 10), options());
    let socket = raw(server.address).await;
    let written = async {
        while server.handle.status().clients[0].sent < 500 {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, written).await.unwrap();
    // all of it is in the buffers of the kernel, and is lost with them
    socket.set_zero_linger().unwrap();
    drop(socket);
    let (mut again, _) = server.connect("from_seq=0").await;
    assert_eq!(all(&mut again).await.texts.len(), 500);
    let report = server.report().await;
    let delivered: Vec<bool> = report.status.clients.iter().map(|client| client.delivered).collect();
    assert_eq!(delivered, [false, true]);
}
