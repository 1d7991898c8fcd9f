//! The receiving of a capture: one connection after the other, and every message into the journal.

use std::time::Duration;

use anyhow::anyhow;
use tracing::{info, warn};
use tradesim_archive::{Error as JournalError, JournalKind, JournalWriter};
use tradesim_bridge::socket::{Dialogue, dialogue::Heartbeat};
use tradesim_replay::{Notice, PingPayload};
use tungstenite::{Error, Message, protocol::frame::coding::CloseCode};

use super::{
    course::{After, Course},
    receipt::ReceiveClock,
};
use crate::{
    cli::Capture,
    client::{
        self, ConnectError, Connection, Ending, HandshakeHeaders, Notices, Pings, Received, Silence, TICK,
        is_would_block,
    },
    endpoint::Endpoint,
    exit::Failure,
    output::say,
    progress::Stopwatch,
    signals::Stop,
};

/// How long the server may take to answer our close, when nothing is wrong and when something is.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
const CLOSE_PATIENCE_IN_FAULT: Duration = Duration::from_millis(250);
/// The gap between log lines about how far it is.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How a capture ended.
#[derive(Debug)]
pub(super) enum End {
    /// The feed is over, in words.
    Complete(String),
    /// By `--count` or `--for`.
    Enough,
    Signal(i32),
    /// By something that should not be; what was received before it is whole.
    Failed(anyhow::Error),
}

impl End {
    pub(super) fn in_words(&self) -> String {
        match self {
            End::Complete(words) => words.clone(),
            End::Enough => "as much was received as was asked for".to_owned(),
            End::Signal(signal) => Failure::Interrupted { signal: *signal }.to_string(),
            End::Failed(error) => format!("{error:#}"),
        }
    }
}

/// The reason for which reading from a connection ended.
enum Read {
    Ended(Ending),
    End(End),
}

/// A capture while it is made.
#[derive(Debug)]
pub(super) struct Session<'a> {
    args: &'a Capture,
    dialogue: Dialogue,
    endpoint: Endpoint,
    stop: Stop,
    pub(super) journal: JournalWriter,
    pub(super) course: Course,
    clock: ReceiveClock,
    /// Since the first connection.
    connected: Option<Stopwatch>,
    last_log: Duration,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        args: &'a Capture,
        dialogue: Dialogue,
        endpoint: Endpoint,
        from_seq: Option<u64>,
        stop: Stop,
        journal: JournalWriter,
        clock: ReceiveClock,
    ) -> Session<'a> {
        let retries = if args.no_reconnect { 0 } else { args.retries };
        let course = Course::new(from_seq, retries);
        Session {
            args,
            dialogue,
            endpoint,
            stop,
            journal,
            course,
            clock,
            connected: None,
            last_log: Duration::ZERO,
        }
    }

    /// Time since the first connection.
    pub(super) fn elapsed(&self) -> Duration {
        self.connected.map_or(Duration::ZERO, |clock| clock.elapsed())
    }

    /// Connects, reads, and connects again, until there is no reason to.
    ///
    /// # Errors
    /// A journal that cannot be written.
    pub(super) fn follow(&mut self) -> Result<End, JournalError> {
        loop {
            let mut endpoint = self.endpoint.clone();
            endpoint.query.extend(self.course.query());
            let timeout = self.args.connect_timeout;
            let ending = match Connection::open(&endpoint, &self.dialogue.headers, timeout, &self.stop) {
                Ok(connection) => match self.read(connection)? {
                    Read::Ended(ending) => ending,
                    Read::End(end) => return Ok(end),
                },
                Err(ConnectError::Unreachable(cause)) => Ending::Lost(cause),
                Err(ConnectError::Refused(text)) => {
                    return Ok(End::Failed(anyhow!("{}: {text}", self.endpoint)));
                }
                Err(ConnectError::Stopped(stopped)) => {
                    return Ok(self.signal().unwrap_or(End::Failed(stopped.into())));
                }
            };
            self.journal.flush()?;
            let after = self.course.ended(&ending, client::jitter());
            let why = self.course.in_words(&ending);
            match after {
                After::Complete => return Ok(End::Complete(why)),
                After::Failed => return Ok(End::Failed(anyhow!(why))),
                After::Lost => return Ok(End::Failed(self.unreachable(&why).into())),
                After::Again(pause) => {
                    warn!(delay_ms = pause.as_millis() as u64, why, "connecting again");
                    if let Some(end) = self.wait(pause) {
                        return Ok(end);
                    }
                }
            }
        }
    }

    fn unreachable(&self, why: &str) -> Failure {
        let tried = match self.course.tries() {
            0 => String::new(),
            tries => format!(", tried {} times", tries + 1),
        };
        let again = if self.course.connections() > 0 { " any more" } else { "" };
        Failure::Unreachable {
            what: format!("{} cannot be reached{again}{tried}: {why}", self.endpoint),
            hint: None,
        }
    }

    /// Waits before a try. Says how it ended meanwhile, if it did.
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

    /// What is left of `--for`.
    fn time_left(&self) -> Option<Duration> {
        self.args.time.map(|time| time.saturating_sub(self.elapsed()))
    }

    fn read(&mut self, mut connection: Connection) -> Result<Read, JournalError> {
        self.connected.get_or_insert_with(Stopwatch::start);
        let read = self.read_messages(&mut connection);
        let (code, patience) = match &read {
            Ok(Read::Ended(_) | Read::End(End::Complete(_) | End::Enough)) => {
                (CloseCode::Normal, CLOSE_PATIENCE)
            }
            Ok(Read::End(End::Signal(_))) => (CloseCode::Away, CLOSE_PATIENCE_IN_FAULT),
            Ok(Read::End(End::Failed(_))) => (CloseCode::Policy, CLOSE_PATIENCE_IN_FAULT),
            Err(_) => (CloseCode::Error, CLOSE_PATIENCE_IN_FAULT),
        };
        // what is there should be safe before a server is waited for
        let flushed = self.journal.flush();
        connection.close(code, patience);
        flushed.and(read)
    }

    /// Reads a connection to its end, or until it is enough.
    fn read_messages(&mut self, connection: &mut Connection) -> Result<Read, JournalError> {
        let mut doubt = self.begin(&connection.greeting)?;
        for text in &self.dialogue.send {
            if let Err(ending) = connection.send(Message::text(text.as_str())) {
                return Ok(Read::Ended(ending));
            }
        }
        let notices = connection.greeting.notices;
        let has_heartbeats = self.dialogue.has_heartbeats() && !connection.is_numbered();
        if self.dialogue.has_heartbeats() && !has_heartbeats {
            warn!("the feed numbers its messages, so that none of them is taken for a heartbeat");
        }
        let count = self.args.count.unwrap_or(u64::MAX);
        let (mut silence, mut pings, mut seen) = (Silence::new(), Pings::new(), Notices::default());
        loop {
            if self.course.received() >= count && doubt.is_none() {
                return Ok(Read::End(End::Enough));
            }
            let received = connection.read();
            // a refusal says more than the headers that are missing for it
            if client::is_said(&received)
                && let Some(fault) = doubt.take()
            {
                return Ok(Read::End(End::Failed(fault)));
            }
            let received = match received {
                Ok(Received::Message(message)) => Ok(message),
                Ok(Received::Oversize(message)) => {
                    seen.message();
                    let reason = self.course.oversize(&message);
                    say(format_args!("{reason}"));
                    self.journal.append(self.clock.now(), JournalKind::Gap, reason.as_bytes())?;
                    continue;
                }
                Err(error) => Err(error),
            };
            match received {
                Ok(Message::Text(text)) if notices && Notice::is_notice(&text) => {
                    let noted = match seen.read(&text) {
                        Ok(Some(notice)) => self.course.notice(notice),
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
                            self.course.heartbeat();
                            if let Heartbeat::Answer(reply) = heartbeat
                                && let Err(ending) = connection.send(Message::text(reply))
                            {
                                return Ok(Read::Ended(ending));
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
                        && let Err(fault) = self.course.ping(seq)
                    {
                        return Ok(Read::End(End::Failed(fault.into())));
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    return Ok(Read::Ended(Ending::Closed { code, reason }));
                }
                Err(Error::Io(error)) if is_would_block(&error) => {
                    if let Some(read) = self.idle(connection, &mut silence, &mut pings)? {
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

    /// Takes note of a connection. Gives what may be wrong with it.
    fn begin(&mut self, greeting: &HandshakeHeaders) -> Result<Option<anyhow::Error>, JournalError> {
        let (gap, connected) = self.course.connected(greeting);
        if let Some(reason) = gap {
            warn!(seq = self.course.received(), "messages may be missing here");
            self.journal.append(self.clock.now(), JournalKind::Gap, reason.as_bytes())?;
        }
        Ok(connected.err().map(anyhow::Error::from))
    }

    fn message(&mut self, kind: JournalKind, bytes: &[u8]) -> Result<(), JournalError> {
        self.course.message();
        self.journal.append(self.clock.now(), kind, bytes)
    }

    /// Hands over what came; looks at signals, deadlines and silence; and then lets the next read wait.
    fn idle(
        &mut self,
        connection: &mut Connection,
        silence: &mut Silence,
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
            && let Err(ending) = connection.send(Message::text(text))
        {
            return Ok(Some(Read::Ended(ending)));
        }
        Ok(silence.let_wait(connection, wait).map(Read::Ended))
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

    /// Says now and then how far it is.
    fn log(&mut self) {
        let elapsed = self.elapsed();
        if elapsed >= self.last_log + LOG_INTERVAL {
            self.last_log = elapsed;
            info!(messages = self.course.received(), bytes = self.journal.bytes(), "capturing");
        }
    }
}
