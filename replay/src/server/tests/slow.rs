//! Clients that read slowly or not at all.

use super::*;

#[tokio::test]
async fn a_stalled_client_is_closed_and_harms_nobody() {
    let sample = Sample::padded(20_000, 10, 2_000);
    let digest = sample.digest(0..20_000);
    let stall = Duration::from_millis(300);
    let server = start(sample, Options { wait_clients: 2, stall, ..options() });
    let (mut stalled, _) = server.connect("").await;
    let (mut socket, _) = server.connect("").await;
    let got = all(&mut socket).await;
    assert_eq!((got.texts.len(), got.digest()), (20_000, digest));
    // once it is being closed, nothing is held for it
    let closing = async {
        while !server
            .handle
            .status()
            .clients
            .iter()
            .any(|one| one.seq < StreamSeq(20_000) && one.lag_bytes == 0)
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, closing).await.unwrap();
    // it resumes reading at the end
    let got = all(&mut stalled).await;
    let (code, reason) = got.close.clone().unwrap();
    assert_eq!(code, 1013);
    let last = got.texts.len() - 1;
    assert_eq!(reason, format!("last seq {last}; too slow, resume with from_seq={}", last + 1));
    assert_eq!(got.texts.len() as u64, got.numbers().last().unwrap() + 1);
    // it then resumes where it was
    let (mut again, _) = server.connect(&format!("from_seq={}", last + 1)).await;
    assert_eq!(all(&mut again).await.texts.len() + last + 1, 20_000);
    let report = server.report().await;
    assert_eq!(report.closed_slow, 1);
}

#[tokio::test]
async fn a_client_that_falls_far_behind_gets_everything_all_the_same() {
    let sample = Sample::padded(20_000, 10, 2_000);
    let digest = sample.digest(0..20_000);
    // far less is held than the client is behind
    let buffer_bytes = 1 << 20;
    let server = start(sample, Options { wait_clients: 2, buffer_bytes, stall: TIMEOUT, ..options() });
    let (mut slow, _) = server.connect("").await;
    let (mut fast, _) = server.connect("").await;
    assert_eq!(all(&mut fast).await.digest(), digest);
    let got = all(&mut slow).await;
    assert_eq!((got.texts.len(), got.digest()), (20_000, digest));
    assert_eq!(got.close, Some((1000, "delivered".to_owned())));
    let report = server.report().await;
    assert_eq!((report.closed_slow, report.complete), (0, true));
}

#[tokio::test]
async fn what_the_kernel_holds_for_a_client_is_bounded() {
    let server = start(Sample::padded(20_000, 10, 2_000), Options { stall: TIMEOUT, ..options() });
    // it accepts nothing, and its own buffer is as small as that of a client may be
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket = socket.connect(server.address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let (mut other, _) = server.connect("").await;
    assert_eq!(all(&mut other).await.close.unwrap().0, 1000);
    let left = async {
        while server.handle.status().clients.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, left).await.unwrap();
    let sent = server.handle.status().clients[0].sent;
    assert!(sent * 2_000 < 1 << 20, "{sent} messages of 2 kB are in the kernel");
    drop(socket);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}
