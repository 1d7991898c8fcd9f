//! One connection to a server: TCP, TLS if the URL asks for it, the handshake, and messages.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use tungstenite::{
    Error, Message, WebSocket,
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use tradesim_protocol::{FeedQuery, HandshakeHeaders};

use crate::{
    Endpoint, TICK, TcpStreamWithPoll,
    handshake::{OpenError, shake_hands},
    header::Header,
    inbound::{self, Inbound, MESSAGE_BYTES_MAX, Received},
    tcp::is_would_block,
    transport::Transport,
};

/// The timeout of one write. Unsent bytes are sent with the next wait.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);
/// The size of one read of the library, which clears the buffer each time.
const READ_BUFFER_BYTES: usize = 128 * 1024;
/// The limit of unsent bytes to a server that does not read.
const WRITE_BUFFER_BYTES_MAX: usize = 1 << 20;

/// The server to connect to, and the request to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// The server.
    pub(crate) endpoint: &'a Endpoint,
    /// The part of the stream that is requested.
    pub(crate) query: &'a FeedQuery,
    /// Additional headers.
    pub(crate) headers: &'a [Header],
    /// The timeout of the TCP connection to each address of the host.
    pub(crate) connect_timeout: Duration,
}

/// An established connection.
#[derive(Debug)]
pub(crate) struct ClientSocket {
    socket: WebSocket<Inbound<Transport>>,
    /// True while bytes wait to be sent.
    is_unsent: bool,
    /// True after a failed read. The library's state is undefined then, and another read may panic.
    has_failed: bool,
}

impl ClientSocket {
    /// Connects to a server. `check` is called several times a second; its error ends the attempt.
    ///
    /// # Errors
    /// A server that is unreachable, refuses, or is not a WebSocket server, and the error of `check`.
    pub(crate) fn open(
        target: &Target<'_>,
        check: &mut dyn FnMut() -> Result<(), OpenError>,
    ) -> Result<(ClientSocket, HandshakeHeaders), OpenError> {
        let stream = connect(target, check)?;
        let unreachable = |error: io::Error| OpenError::Unreachable(error.to_string());
        stream.set_nodelay(true).map_err(unreachable)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(unreachable)?;
        let tls_host = target.endpoint.tls.then_some(target.endpoint.host.as_str());
        let mut transport =
            Transport::new(TcpStreamWithPoll::new(stream), tls_host).map_err(OpenError::Refused)?;
        transport.tcp().report_would_block();
        let (headers, rest) = shake_hands(&mut transport, target, check)?;
        let handshake_headers = HandshakeHeaders::of(&headers).map_err(OpenError::Broken)?;
        transport.tcp().report_would_block();
        let message_bytes_max = Some(MESSAGE_BYTES_MAX as usize);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(message_bytes_max)
            .max_frame_size(message_bytes_max);
        let socket = WebSocket::from_raw_socket(Inbound::new(transport, &rest), Role::Client, Some(config));
        Ok((ClientSocket { socket, is_unsent: false, has_failed: false }, handshake_headers))
    }

    /// Reads the next message. [`is_would_block`] recognises the error that means "not yet".
    ///
    /// # Errors
    /// The errors of the library. After any other error than "not yet", the connection cannot be read.
    #[inline]
    pub(crate) fn read(&mut self) -> Result<Received, Error> {
        let received = inbound::read(&mut self.socket);
        self.has_failed |= matches!(&received, Err(error) if !is_wait(error));
        received
    }

    /// Sends a message. If that would block, the rest is sent by [`ClientSocket::allow_wait`].
    ///
    /// # Errors
    /// The errors of the library, including that of a server that does not read.
    pub(crate) fn send(&mut self, message: Message) -> Result<(), Error> {
        let sent = self.socket.send(message);
        self.unsent(sent)
    }

    fn unsent(&mut self, sent: Result<(), Error>) -> Result<(), Error> {
        self.is_unsent = matches!(&sent, Err(error) if is_wait(error));
        if self.is_unsent { Ok(()) } else { sent }
    }

    /// Allows the next read to wait for at most `time`, and sends what is unsent.
    ///
    /// # Errors
    /// A lost connection.
    pub(crate) fn allow_wait(&mut self, time: Duration) -> Result<(), Error> {
        if self.is_unsent {
            let sent = self.socket.flush();
            self.unsent(sent)?;
        }
        Ok(self.tcp().allow_wait(time)?)
    }

    /// Returns the TCP stream.
    pub(crate) fn tcp(&mut self) -> &mut TcpStreamWithPoll {
        self.socket.get_mut().get_mut().tcp()
    }

    /// Closes the connection and waits for the server's close frame until `is_over`. Returns the number of messages that
    /// arrived meanwhile and were discarded.
    pub(crate) fn close(mut self, code: CloseCode, mut is_over: impl FnMut() -> bool) -> u64 {
        let mut discarded = 0;
        let mut result = self.socket.close(Some(CloseFrame { code, reason: "".into() }));
        loop {
            match result {
                Ok(()) => {}
                Err(error) if is_wait(&error) => {}
                Err(_) => return discarded,
            }
            if self.has_failed || is_over() || self.tcp().allow_wait(TICK).is_err() {
                return discarded;
            }
            // messages that the server sent before it saw the close frame
            result = self.read().map(|received| {
                discarded += u64::from(matches!(
                    received,
                    Received::Oversize(_) | Received::Message(Message::Text(_) | Message::Binary(_))
                ));
            });
        }
    }
}

fn is_wait(error: &Error) -> bool {
    matches!(error, Error::Io(error) if is_would_block(error))
}

fn connect(
    target: &Target<'_>,
    check: &mut dyn FnMut() -> Result<(), OpenError>,
) -> Result<TcpStream, OpenError> {
    let host = target.endpoint.host.as_str();
    let addresses = (host, target.endpoint.port)
        .to_socket_addrs()
        .map_err(|error| OpenError::Unreachable(format!("{host}: {error}")))?;
    let mut last = format!("{host} has no address");
    for address in addresses {
        check()?;
        match TcpStream::connect_timeout(&address, target.connect_timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("{address}: {error}"),
        }
    }
    Err(OpenError::Unreachable(last))
}
