//! The connections of a capture. Every message is appended to the journal.

use std::time::Duration;

use anyhow::anyhow;
use tracing::{info, warn};
use tradesim_archive::{Error as JournalError, JournalKind, JournalWriter};
use tradesim_client::{
    CloseCode, Connection, Dialogue, DisconnectReason, Endpoint, Event, Fault, OpenError, TICK,
};
use tradesim_protocol::{HandshakeHeaders, Notice};
use tradesim_schemas::StreamSeq;

use super::{
    receipt::ReceiveClock,
    state::{CaptureState, NextStep},
};
use crate::{cli::Capture, exit::Failure, output::say, progress::Stopwatch, random, signals::Stop};

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
            let clock = Stopwatch::start();
            let opened = Connection::open(
                &self.endpoint,
                &self.state.resume().query(),
                &self.dialogue,
                self.args.connect_timeout,
                || clock.elapsed(),
                || self.stop.number().is_none(),
            );
            let reason = match opened {
                Ok(connection) => match self.read(connection)? {
                    Read::Ended(reason) => reason,
                    Read::End(end) => return Ok(end),
                },
                Err(OpenError::Unreachable(cause)) => DisconnectReason::Lost(cause),
                Err(error) => {
                    let failed = || End::Failed(anyhow!("{}: {error}", self.endpoint));
                    return Ok(self.signal().unwrap_or_else(failed));
                }
            };
            self.journal.flush()?;
            let after = self.state.ended(&reason, random::jitter());
            let why = self.state.resume().describe(&reason);
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
        let again = if self.state.resume().connections() > 0 { " again" } else { "" };
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
        connection.close(code, timeout, || self.elapsed());
        flushed.and(read)
    }

    /// Reads until the connection or the capture ends.
    fn read_messages(&mut self, connection: &mut Connection) -> Result<Read, JournalError> {
        let mut handshake_warning = self.begin(&connection.handshake)?;
        if let Err(reason) = connection.subscribe() {
            return Ok(Read::Ended(reason));
        }
        let count = self.args.count.unwrap_or(u64::MAX);
        loop {
            if self.state.resume().received() >= count && handshake_warning.is_none() {
                return Ok(Read::End(End::Enough));
            }
            let event = connection.read();
            // if the server closes the connection, its reason says more than this warning
            if event.as_ref().is_ok_and(Event::is_from_feed)
                && let Some(fault) = handshake_warning.take()
            {
                return Ok(Read::End(End::Failed(fault)));
            }
            let checked = match event {
                Ok(Event::Message { bytes, is_text }) => {
                    let kind = if is_text { JournalKind::Text } else { JournalKind::Binary };
                    self.state.message();
                    self.journal.append(self.clock.now(), kind, &bytes)?;
                    Ok(())
                }
                Ok(Event::Oversize(message)) => {
                    let reason = self.state.oversize(&message);
                    say(format_args!("{reason}"));
                    self.journal.append(self.clock.now(), JournalKind::Gap, reason.as_bytes())?;
                    Ok(())
                }
                Ok(Event::Heartbeat) => {
                    self.state.heartbeat();
                    Ok(())
                }
                Ok(Event::Notice(notice)) => self.notice(notice)?,
                Ok(Event::Ping(payload)) => {
                    payload.map_or(Ok(()), |payload| self.state.resume().ping(payload.seq))
                }
                Ok(Event::NotYet) => match self.idle(connection)? {
                    Some(read) => return Ok(read),
                    None => Ok(()),
                },
                Ok(Event::Ended(reason)) => return Ok(Read::Ended(reason)),
                Err(fault) => Err(fault),
            };
            match checked {
                Ok(()) => {}
                Err(fault @ Fault::InvalidNotice(_)) => warn!("{fault}"),
                Err(fault) => return Ok(Read::End(End::Failed(fault.into()))),
            }
        }
    }

    /// Records a connection. Returns a warning if its handshake does not fit.
    fn begin(&mut self, greeting: &HandshakeHeaders) -> Result<Option<anyhow::Error>, JournalError> {
        let (gap, connected) = self.state.connected(greeting);
        if let Some(reason) = gap {
            warn!(seq = self.state.resume().received(), "messages may be missing here");
            self.journal.append(self.clock.now(), JournalKind::Gap, reason.as_bytes())?;
        }
        Ok(connected.err().map(anyhow::Error::from))
    }

    /// Writes what was received, checks signals and deadlines, and sets how long the next read waits.
    fn idle(&mut self, connection: &mut Connection) -> Result<Option<Read>, JournalError> {
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
        Ok(connection.wait(self.elapsed(), wait).err().map(Read::Ended))
    }

    fn notice(&mut self, notice: Notice) -> Result<Result<(), Fault>, JournalError> {
        let (sentence, is_gap) = match self.state.notice(notice) {
            Ok(noted) => noted,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Some(sentence) = sentence {
            say(format_args!("{sentence}"));
            if is_gap {
                self.journal.append(self.clock.now(), JournalKind::Gap, sentence.as_bytes())?;
            }
        }
        Ok(Ok(()))
    }

    /// Logs the progress periodically.
    fn log(&mut self) {
        let elapsed = self.elapsed();
        if elapsed >= self.last_log + LOG_INTERVAL {
            self.last_log = elapsed;
            info!(messages = self.state.resume().received(), bytes = self.journal.bytes(), "capturing");
        }
    }
}
