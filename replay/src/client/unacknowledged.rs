//! The number of written bytes that a peer has not acknowledged.

use tokio::net::TcpStream;

/// Returns the number of bytes that were written to a socket and that its peer has not acknowledged; `None` on
/// systems that do not report it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no call for it")]
pub(super) fn unacknowledged(socket: &TcpStream) -> Option<u64> {
    use std::os::fd::AsRawFd;

    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as the socket is borrowed, and SIOCOUTQ, which has the number of TIOCOUTQ,
    // writes one int to the address that it is given (tcp(7)).
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    (result == 0).then(|| u64::try_from(bytes).ok()).flatten()
}

/// Returns `None`: this system does not report the number.
#[cfg(not(target_os = "linux"))]
pub(super) fn unacknowledged(_: &TcpStream) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn what_a_peer_does_not_read_stays_unacknowledged_at_last() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        assert_eq!(unacknowledged(&socket), Some(0));
        socket.writable().await.unwrap();
        let mut written = 0;
        while let Ok(count) = socket.try_write(&[0; 65_536]) {
            written += count as u64;
        }
        assert!(unacknowledged(&socket).is_some_and(|bytes| bytes > 0 && bytes <= written));
        let mut scrap = vec![0; 65_536];
        let read = std::thread::spawn(move || {
            let (mut peer, mut left) = (peer, written);
            while left > 0 {
                left -= peer.read(&mut scrap).unwrap() as u64;
            }
            peer
        });
        let _peer = read.join().unwrap();
        while unacknowledged(&socket) != Some(0) {
            tokio::task::yield_now().await;
        }
    }
}
