//! `tail`: receives a stream over one or more connections.
//!
//! A single thread reads and prints, without an asynchronous runtime. [`ResumeState`] decides what to do next; this module does the
//! I/O and reads clocks.

mod output;
mod pretty;
mod summary;

use std::time::Duration;

use anyhow::anyhow;
use tracing::{info, warn};
use tradesim_client::{
    Connection, DisconnectReason, Endpoint, Fault, IdleTimeout, Next, Notices, OpenError, Received,
    ResumeState, TICK, disconnect_reason, header::Header, is_from_feed, is_would_block,
};
use tradesim_protocol::{Notice, PingPayload};
use tungstenite::{Error, Message, protocol::frame::coding::CloseCode};

use self::{
    output::Output,
    summary::{Measures, Summary},
};
use crate::{
    cli::Tail,
    exit::{Failure, Outcome},
    feed,
    output::say,
    progress::Stopwatch,
    random,
    signals::Stop,
};

/// The time after a signal for which a write to a reader that does not read may block.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// The time to wait for the server to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval of log lines about the progress, with `--digest`.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &Tail) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals_within(STOP_GRACE)?;
    let mut endpoint = args.url.clone();
    let from_seq = feed::from_seq(args.from_seq, &mut endpoint)?;
    let filtered = add_filters(args, &mut endpoint)?;
    let mut session = Session {
        args,
        headers: feed::headers(&args.headers)?,
        endpoint,
        stop,
        resume: ResumeState::new(from_seq, args.retries),
        output: Output::new(args),
        measures: Measures::new(),
        connected: None,
        last_log: Duration::ZERO,
    };
    let result = session.follow();
    session.finish(result, filtered)
}

/// Adds the filters to the query. Returns whether only a part of the stream is requested.
fn add_filters(args: &Tail, endpoint: &mut Endpoint) -> Result<bool, Failure> {
    let symbols = args.symbols.iter().flat_map(|names| &names.0).map(|symbol| encoded(symbol.as_str()));
    let events = args.events.iter().map(|event| event.as_str().to_owned());
    for (name, values) in [("symbols", symbols.collect::<Vec<_>>()), ("events", events.collect())] {
        if values.is_empty() {
            continue;
        }
        if endpoint.has(name) {
            return Err(Failure::usage(format!("--{name} and {name} in the URL cannot be used together")));
        }
        endpoint.query.push(format!("{name}={}", values.join(",")));
    }
    Ok(endpoint.has("symbols") || endpoint.has("events"))
}

/// Percent-encodes a text for a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A running `tail`.
struct Session<'a> {
    args: &'a Tail,
    headers: Vec<Header>,
    endpoint: Endpoint,
    stop: Stop,
    resume: ResumeState,
    output: Output,
    measures: Measures,
    /// Time since the first connection.
    connected: Option<Stopwatch>,
    last_log: Duration,
}

/// The reason why reading from a connection ended.
enum Read {
    /// `--count` or `--for` was reached.
    Enough,
    Ended(DisconnectReason),
}

impl Session<'_> {
    /// Connects, reads and reconnects until the end.
    fn follow(&mut self) -> anyhow::Result<()> {
        loop {
            let reason = match self.open() {
                Ok(connection) => match self.read(connection)? {
                    Read::Enough => return Ok(()),
                    Read::Ended(reason) => reason,
                },
                Err(OpenError::Unreachable(cause)) => DisconnectReason::Lost(cause),
                Err(error) => {
                    self.stop.check()?;
                    return Err(anyhow!("{}: {error}", self.endpoint));
                }
            };
            self.output.flush()?;
            match self.resume.ended(&reason) {
                Next::Done => return Ok(()),
                Next::Failed(text) => return Err(anyhow!("{text}")),
                Next::Again => {}
            }
            let why = self.resume.describe(&reason);
            let Some(delay) = self.resume.next_attempt(random::jitter()) else {
                return Err(self.unreachable(&why).into());
            };
            warn!(delay_ms = delay.as_millis() as u64, why, "reconnecting");
            if self.wait(delay)? {
                return Ok(());
            }
        }
    }

    fn open(&mut self) -> Result<Connection, OpenError> {
        let mut endpoint = self.endpoint.clone();
        endpoint.query.extend(self.resume.query());
        let (clock, is_wanted) = (Stopwatch::start(), || self.stop.number().is_none());
        let timeout = self.args.connect_timeout;
        Connection::open(&endpoint, &self.headers, timeout, || clock.elapsed(), is_wanted)
    }

    fn unreachable(&self, why: &str) -> Failure {
        let tries = if self.args.retries == 0 {
            String::new()
        } else {
            format!(" after {} attempts", self.args.retries + 1)
        };
        Failure::Unreachable {
            what: format!("cannot reach {}{tries}: {why}", self.endpoint),
            hint: Some(
                "`tradesim replay FILE` and `tradesim serve` print the URL that they listen on".to_owned(),
            ),
        }
    }

    /// Waits before an attempt. Returns whether `--for` was reached.
    fn wait(&mut self, delay: Duration) -> anyhow::Result<bool> {
        let clock = Stopwatch::start();
        while let Some(left) = delay.checked_sub(clock.elapsed()).filter(|left| !left.is_zero()) {
            self.stop.check()?;
            if self.time_left().is_some_and(|left| left.is_zero()) {
                return Ok(true);
            }
            std::thread::sleep(left.min(TICK));
        }
        self.stop.check()?;
        Ok(false)
    }

    /// Returns the remaining time of `--for`.
    fn time_left(&self) -> Option<Duration> {
        self.args.time.map(|time| time.saturating_sub(self.elapsed()))
    }

    /// Returns the time since the first connection.
    fn elapsed(&self) -> Duration {
        self.connected.map_or(Duration::ZERO, |clock| clock.elapsed())
    }

    /// Reads until the connection ends, or `--count` or `--for` is reached.
    fn read(&mut self, mut connection: Connection) -> anyhow::Result<Read> {
        self.connected.get_or_insert_with(Stopwatch::start);
        let mut handshake_warning = self.resume.connected(&connection.handshake).err();
        let notices = connection.handshake.notices;
        let count = self.args.count.unwrap_or(u64::MAX);
        let mut idle_timeout = IdleTimeout::new(self.elapsed());
        let mut seen = Notices::default();
        let mut has_received = false;
        let result = loop {
            if self.resume.received() >= count && handshake_warning.is_none() {
                break Ok(Read::Enough);
            }
            let received = connection.read();
            // if the server closes the connection, its reason says more than this warning
            if is_from_feed(&received)
                && let Some(fault) = handshake_warning.take()
            {
                break Err(fault.into());
            }
            let received = match received {
                Ok(Received::Message(message)) => Ok(message),
                Ok(Received::Oversize(message)) => {
                    has_received = true;
                    seen.message();
                    self.output.flush()?;
                    say(format_args!("{}", self.resume.oversize(&message)));
                    continue;
                }
                Err(error) => Err(error),
            };
            match received {
                Ok(Message::Text(text)) if notices && Notice::is_notice(&text) => {
                    if let Err(fault) = self.notice(&mut seen, &text) {
                        break Err(fault.into());
                    }
                }
                Ok(Message::Text(text)) => {
                    has_received = true;
                    seen.message();
                    self.resume.message();
                    self.output.message(text.as_bytes())?;
                }
                Ok(Message::Binary(bytes)) => {
                    has_received = true;
                    seen.message();
                    self.resume.message();
                    self.output.message(&bytes)?;
                }
                Ok(Message::Ping(payload)) if notices => {
                    if let Err(fault) = self.ping(&payload) {
                        break Err(fault.into());
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    break Ok(Read::Ended(DisconnectReason::Closed { code, reason }));
                }
                Err(Error::Io(error)) if is_would_block(&error) => {
                    if std::mem::take(&mut has_received) {
                        self.measures.messages_received();
                    }
                    self.output.flush()?;
                    match self.idle(&mut connection, &mut idle_timeout) {
                        Ok(None) => {}
                        Ok(Some(end)) => break Ok(end),
                        Err(error) => break Err(error),
                    }
                }
                Err(error) => break disconnect_reason(error).map(Read::Ended).map_err(Into::into),
            }
        };
        if has_received {
            self.measures.messages_received();
        }
        let (code, timeout) = match &result {
            Ok(_) => (CloseCode::Normal, CLOSE_TIMEOUT),
            Err(error) if error.is::<Failure>() => (CloseCode::Away, CLOSE_TIMEOUT / 4),
            Err(_) => (CloseCode::Policy, CLOSE_TIMEOUT / 4),
        };
        self.output.flush()?;
        connection.close(code, timeout, || self.elapsed());
        result
    }

    /// Checks signals, deadlines and the idle timeout, and sets how long the next read waits.
    fn idle(
        &mut self,
        connection: &mut Connection,
        idle_timeout: &mut IdleTimeout,
    ) -> anyhow::Result<Option<Read>> {
        self.stop.check()?;
        let wait = match self.time_left() {
            Some(Duration::ZERO) => return Ok(Some(Read::Enough)),
            Some(left) => left.min(TICK),
            None => TICK,
        };
        self.log();
        Ok(idle_timeout.allow_wait(connection, self.elapsed(), wait).map(Read::Ended))
    }

    fn notice(&mut self, seen: &mut Notices, text: &str) -> Result<(), Fault> {
        if let Some(notice) = seen.read(text)?
            && let Some(sentence) = self.resume.notice(notice)?
        {
            say(format_args!("{sentence}"));
        }
        Ok(())
    }

    fn ping(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let Some(payload) = PingPayload::parse(payload) else { return Ok(()) };
        if let Some(due) = payload.due_us {
            self.measures.latency(due, unix_micros());
        }
        self.resume.ping(payload.seq)
    }

    /// Logs the progress periodically if no messages are printed.
    fn log(&mut self) {
        let elapsed = self.elapsed();
        if self.args.digest && elapsed >= self.last_log + LOG_INTERVAL {
            self.last_log = elapsed;
            info!(messages = self.resume.received(), "receiving");
        }
    }

    /// Prints the report, and returns the outcome.
    fn finish(self, result: anyhow::Result<()>, filtered: bool) -> anyhow::Result<Outcome> {
        let digest = self.output.digest();
        let mut differences = self.resume.differences(digest, filtered);
        if result.is_ok() && self.args.expect.is_some_and(|expected| expected != digest) {
            differences
                .push(format!("the digest of the received messages is {digest}, not the expected one"));
        }
        for difference in &differences {
            say(format_args!("{difference}"));
        }
        // report what was received, even if the stream was not complete
        if self.args.digest && self.connected.is_some() {
            let different = !differences.is_empty();
            Summary::new(&self.resume, &self.output, &self.measures, differences).print(self.args.json)?;
            result?;
            return Ok(if different { Outcome::Difference } else { Outcome::Done });
        }
        result?;
        Ok(if differences.is_empty() { Outcome::Done } else { Outcome::Difference })
    }
}

/// Returns the wall clock time, which is compared with the send times in pings.
#[expect(clippy::disallowed_methods, reason = "latency is measured against the clock of the machine")]
fn unix_micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
