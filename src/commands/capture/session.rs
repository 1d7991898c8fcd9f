//! The connections of a capture. Every message is appended to the journal.

use std::time::Duration;

use anyhow::anyhow;
use tracing::{info, warn};
use tradesim_archive::{Error as JournalError, JournalKind, JournalWriter};
use tradesim_bridge::socket::{Dialogue, dialogue::Heartbeat};
use tradesim_replay::{Notice, PingPayload};
use tungstenite::{Error, Message, protocol::frame::coding::CloseCode};

use tradesim_schemas::StreamSeq;

use super::{
    receipt::ReceiveClock,
    state::{CaptureState, NextStep},
};
use crate::{
    cli::Capture,
    client::{
        self, ConnectError, Connection, DisconnectReason, HandshakeHeaders, IdleTimeout, Notices, Pings,
        Received, TICK, is_would_block,
    },
    endpoint::Endpoint,
    exit::Failure,
    output::say,
    progress::Stopwatch,
    signals::Stop,
};

/// The time to wait for the server to answer a close frame, normally and after an error.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const CLOSE_TIMEOUT_AFTER_ERROR: Duration = Duration::from_millis(250);
/// The interval of log lines about the progress.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The end of a capture.
#[derive(Debug)]
pub(super) enum End {
    /// The feed has ended; with a description.
    Complete(String),
    /// `--count` or `--for` was reached.
    Enough,
    Signal(i32),
    /// An error. Everything that was received before it is in the journal.
    Failed(anyhow::Error),
}

impl End {
    pub(super) fn describe(&self) -> String {
        match self {
            End::Complete(words) => words.clone(),
            End::Enough => "--count or --for was reached".to_owned(),
            End::Signal(signal) => Failure::Interrupted { signal: *signal }.to_string(),
            End::Failed(error) => format!("{error:#}"),
        }
    }
}

/// The reason why reading from a connection ended.
enum Read {
    Ended(DisconnectReason),
    End(End),
}

/// A running capture.
#[derive(Debug)]
pub(super) struct Session<'a> {
    args: &'a Capture,
    dialogue: Dialogue,
    endpoint: Endpoint,
    stop: Stop,
    pub(super) journal: JournalWriter,
    pub(super) state: CaptureState,
    clock: ReceiveClock,
    /// Time since the first connection.
    connected: Option<Stopwatch>,
    last_log: Duration,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        args: &'a Capture,
        dialogue: Dialogue,
        endpoint: Endpoint,
        from_seq: Option<StreamSeq>,
        stop: Stop,
        journal: JournalWriter,
        clock: ReceiveClock,
    ) -> Session<'a> {
        let retries = if args.no_reconnect { 0 } else { args.retries };
        let state = CaptureState::new(from_seq, retries);
        Session {
            args,
            dialogue,
            endpoint,
            stop,
            journal,
            state,
            clock,
            connected: None,
            last_log: Duration::ZERO,
        }
    }

    /// Returns the time since the first connection.
    pub(super) fn elapsed(&self) -> Duration {
        self.connected.map_or(Duration::ZERO, |clock| clock.elapsed())
    }

    /// Connects, reads and reconnects until the capture ends.
    ///
    /// # Errors
    /// Fails if the journal cannot be written.
    pub(super) fn follow(&mut self) -> Result<End, JournalError> {
        loop {
            let mut endpoint = self.endpoint.clone();
            endpoint.query.extend(self.state.query());
            let timeout = self.args.connect_timeout;
            let reason = match Connection::open(&endpoint, &self.dialogue.headers, timeout, &self.stop) {
                Ok(connection) => match self.read(connection)? {
                    Read::Ended(reason) => reason,
                    Read::End(end) => return Ok(end),
                },
                Err(ConnectError::Unreachable(cause)) => DisconnectReason::Lost(cause),
                Err(ConnectError::Refused(text)) => {
                    return Ok(End::Failed(anyhow!("{}: {text}", self.endpoint)));
                }
                Err(ConnectError::Stopped(stopped)) => {
                    return Ok(self.signal().unwrap_or(End::Failed(stopped.into())));
                }
            };
            self.journal.flush()?;
            let after = self.state.ended(&reason, client::jitter());
            let why = self.state.describe(&reason);
            match after {
                NextStep::Complete => return Ok(End::Complete(why)),
                NextStep::Failed => return Ok(End::Failed(anyhow!(why))),
                NextStep::Lost => return Ok(End::Failed(self.unreachable(&why).into())),
                NextStep::Again(pause) => {
                    warn!(delay_ms = pause.as_millis() as u64, why, "reconnecting");
                    if let Some(end) = self.wait(pause) {
                        return Ok(end);
                    }
                }
            }
        }
    }

    fn unreachable(&self, why: &str) -> Failure {
        let tried = match self.state.tries() {
            0 => String::new(),
            tries => format!(" after {} attempts", tries + 1),
        };
        let again = if self.state.connections() > 0 { " again" } else { "" };
        Failure::Unreachable {
            what: format!("cannot reach {}{again}{tried}: {why}", self.endpoint),
            hint: None,
        }
    }

    /// Waits before an attempt. Returns the end of the capture if it ended meanwhile.
    fn wait(&self, pause: Duration) -> Option<End> {
        let clock = Stopwatch::start();
        while let Some(left) = pause.checked_sub(clock.elapsed()).filter(|left| !left.is_zero()) {
            if let Some(end) = self.signal() {
                return Some(end);
            }
            if self.time_left().is_some_and(|left| left.is_zero()) {
                return Some(End::Enough);
            }
            std::thread::sleep(left.min(TICK));
        }
        self.signal()
    }

    fn signal(&self) -> Option<End> {
        self.stop.number().map(End::Signal)
    }

    /// Returns the remaining time of `--for`.
    fn time_left(&self) -> Option<Duration> {
        self.args.time.map(|time| time.saturating_sub(self.elapsed()))
    }

    fn read(&mut self, mut connection: Connection) -> Result<Read, JournalError> {
        self.connected.get_or_insert_with(Stopwatch::start);
        let read = self.read_messages(&mut connection);
        let (code, timeout) = match &read {
            Ok(Read::Ended(_) | Read::End(End::Complete(_) | End::Enough)) => {
                (CloseCode::Normal, CLOSE_TIMEOUT)
            }
            Ok(Read::End(End::Signal(_))) => (CloseCode::Away, CLOSE_TIMEOUT_AFTER_ERROR),
            Ok(Read::End(End::Failed(_))) => (CloseCode::Policy, CLOSE_TIMEOUT_AFTER_ERROR),
            Err(_) => (CloseCode::Error, CLOSE_TIMEOUT_AFTER_ERROR),
        };
        // write the received messages before waiting for the server
        let flushed = self.journal.flush();
        connection.close(code, timeout);
        flushed.and(read)
    }

    /// Reads until the connection or the capture ends.
    fn read_messages(&mut self, connection: &mut Connection) -> Result<Read, JournalError> {
        let mut handshake_warning = self.begin(&connection.greeting)?;
        for text in &self.dialogue.send {
            if let Err(reason) = connection.send(Message::text(text.as_str())) {
                return Ok(Read::Ended(reason));
            }
        }
        let notices = connection.greeting.notices;
        let has_heartbeats = self.dialogue.has_heartbeats() && !connection.is_numbered();
        if self.dialogue.has_heartbeats() && !has_heartbeats {
            warn!("the feed numbers its messages: --answer and --ignore do not apply");
        }
        let count = self.args.count.unwrap_or(u64::MAX);
        let (mut idle_timeout, mut pings, mut seen) = (IdleTimeout::new(), Pings::new(), Notices::default());
        loop {
            if self.state.received() >= count && handshake_warning.is_none() {
                return Ok(Read::End(End::Enough));
            }
            let received = connection.read();
            // if the server closes the connection, its reason says more than this warning
            if client::is_said(&received)
                && let Some(fault) = handshake_warning.take()
            {
                return Ok(Read::End(End::Failed(fault)));
            }
            let received = match received {
                Ok(Received::Message(message)) => Ok(message),
                Ok(Received::Oversize(message)) => {
                    seen.message();
                    let reason = self.state.oversize(&message);
                    say(format_args!("{reason}"));
                    self.journal.append(self.clock.now(), JournalKind::Gap, reason.as_bytes())?;
                    continue;
                }
                Err(error) => Err(error),
            };
            match received {
                Ok(Message::Text(text)) if notices && Notice::is_notice(&text) => {
                    let noted = match seen.read(&text) {
                        Ok(Some(notice)) => self.state.notice(notice),
                        Ok(None) => continue,
                        Err(fault) => Err(fault),
                    };
                    match noted {
                        Ok((sentence, is_gap)) => self.notice(sentence, is_gap)?,
                        Err(fault) => return Ok(Read::End(End::Failed(fault.into()))),
                    }
                }
                Ok(Message::Text(text)) => {
                    seen.message();
                    match self.dialogue.heartbeat(&text).filter(|_| has_heartbeats) {
                        None => self.message(JournalKind::Text, text.as_bytes())?,
                        Some(heartbeat) => {
                            self.state.heartbeat();
                            if let Heartbeat::Answer(reply) = heartbeat
                                && let Err(reason) = connection.send(Message::text(reply))
                            {
                                return Ok(Read::Ended(reason));
                            }
                        }
                    }
                }
                Ok(Message::Binary(bytes)) => {
                    seen.message();
                    self.message(JournalKind::Binary, &bytes)?;
                }
                Ok(Message::Ping(payload)) if notices => {
                    if let Some(PingPayload { seq, .. }) = PingPayload::parse(&payload)
                        && let Err(fault) = self.state.ping(seq)
                    {
                        return Ok(Read::End(End::Failed(fault.into())));
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    return Ok(Read::Ended(DisconnectReason::Closed { code, reason }));
                }
                Err(Error::Io(error)) if is_would_block(&error) => {
                    if let Some(read) = self.idle(connection, &mut idle_timeout, &mut pings)? {
                        return Ok(read);
                    }
                }
                Err(error) => {
                    return Ok(
                        client::broken(error).map_or_else(|error| Read::End(End::Failed(error)), Read::Ended)
                    );
                }
            }
        }
    }

    /// Records a connection. Returns a warning if its handshake does not fit.
    fn begin(&mut self, greeting: &HandshakeHeaders) -> Result<Option<anyhow::Error>, JournalError> {
        let (gap, connected) = self.state.connected(greeting);
        if let Some(reason) = gap {
            warn!(seq = self.state.received(), "messages may be missing here");
            self.journal.append(self.clock.now(), JournalKind::Gap, reason.as_bytes())?;
        }
        Ok(connected.err().map(anyhow::Error::from))
    }

    fn message(&mut self, kind: JournalKind, bytes: &[u8]) -> Result<(), JournalError> {
        self.state.message();
        self.journal.append(self.clock.now(), kind, bytes)
    }

    /// Writes what was received, checks signals, deadlines and the idle timeout, and sets how long the next read waits.
    fn idle(
        &mut self,
        connection: &mut Connection,
        idle_timeout: &mut IdleTimeout,
        pings: &mut Pings,
    ) -> Result<Option<Read>, JournalError> {
        self.journal.flush()?;
        if let Some(end) = self.signal() {
            return Ok(Some(Read::End(end)));
        }
        let wait = match self.time_left() {
            Some(Duration::ZERO) => return Ok(Some(Read::End(End::Enough))),
            Some(left) => left.min(TICK),
            None => TICK,
        };
        self.log();
        if let Some(text) = pings.due(&self.dialogue)
            && let Err(reason) = connection.send(Message::text(text))
        {
            return Ok(Some(Read::Ended(reason)));
        }
        Ok(idle_timeout.let_wait(connection, wait).map(Read::Ended))
    }

    fn notice(&mut self, sentence: Option<String>, is_gap: bool) -> Result<(), JournalError> {
        if let Some(sentence) = sentence {
            say(format_args!("{sentence}"));
            if is_gap {
                self.journal.append(self.clock.now(), JournalKind::Gap, sentence.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Logs the progress periodically.
    fn log(&mut self) {
        let elapsed = self.elapsed();
        if elapsed >= self.last_log + LOG_INTERVAL {
            self.last_log = elapsed;
            info!(messages = self.state.received(), bytes = self.journal.bytes(), "capturing");
        }
    }
}
