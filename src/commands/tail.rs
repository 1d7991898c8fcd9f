//! `tail`: receives a stream over one or more connections.
//!
//! A single thread reads and prints, without an asynchronous runtime. [`ResumeState`] decides what to do next; this module does the
//! I/O and reads clocks.

mod output;
mod pretty;
mod states;
mod summary;

use std::time::Duration;

use anyhow::anyhow;
use tracing::{info, warn};
use tradesim_client::{
    Attempts, CloseCode, Connection, Dialogue, DisconnectReason, Endpoint, Event, Fault, Next, OpenError,
    ResumeState, TICK,
};
use tradesim_protocol::{FeedQuery, Notice, PingPayload};

use self::{
    output::Output,
    states::States,
    summary::{Measures, Summary},
};
use crate::{
    cli::Tail,
    exit::{Failure, Outcome},
    feed,
    output::say,
    progress::{self, Stopwatch},
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
    let filters = filters(args, &endpoint)?;
    let filtered = ["symbols", "events"].iter().any(|name| endpoint.has(name))
        || filters.symbols.is_some()
        || filters.events.is_some();
    if args.state.is_some() && endpoint.has("state") {
        return Err(Failure::usage("--state and state in the URL cannot be used together").into());
    }
    let dialogue = Dialogue { headers: feed::headers(&args.headers)?, ..Dialogue::default() };
    let mut session = Session {
        args,
        dialogue,
        endpoint,
        filters,
        attempts: Attempts::new(args.retries),
        stop,
        resume: ResumeState::new(from_seq),
        states: States::new(args.state),
        output: Output::new(args),
        measures: Measures::new(),
        connected: None,
        last_log: Duration::ZERO,
    };
    let result = session.follow();
    session.finish(result, filtered)
}

/// Returns the filters of the command line, which the URL must not contain as well.
fn filters(args: &Tail, endpoint: &Endpoint) -> Result<FeedQuery, Failure> {
    let symbols: Vec<_> = args.symbols.iter().flat_map(|names| names.0.iter().copied()).collect();
    let events = args.events.clone();
    for (name, is_given) in [("symbols", !symbols.is_empty()), ("events", !events.is_empty())] {
        if is_given && endpoint.has(name) {
            return Err(Failure::usage(format!("--{name} and {name} in the URL cannot be used together")));
        }
    }
    let symbols = Some(symbols).filter(|symbols| !symbols.is_empty());
    let events = Some(events).filter(|events| !events.is_empty());
    Ok(FeedQuery { symbols, events, ..FeedQuery::default() })
}

/// A running `tail`.
struct Session<'a> {
    args: &'a Tail,
    dialogue: Dialogue,
    endpoint: Endpoint,
    /// The part of the stream that is requested.
    filters: FeedQuery,
    attempts: Attempts,
    stop: Stop,
    resume: ResumeState,
    states: States,
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
            if self.states.can_be_done_without(&reason) {
                continue;
            }
            match self.resume.ended(&reason) {
                Next::Done => return Ok(()),
                Next::Failed(text) => return Err(anyhow!("{text}")),
                Next::Again => {}
            }
            let why = self.resume.describe(&reason);
            let Some(delay) = self.attempts.next(self.resume.take_progress(), random::jitter()) else {
                return Err(self.unreachable(&why).into());
            };
            warn!(delay_ms = delay.as_millis() as u64, why, "reconnecting");
            if self.wait(delay)? {
                return Ok(());
            }
        }
    }

    fn open(&self) -> Result<Connection, OpenError> {
        let FeedQuery { symbols, events, .. } = self.filters.clone();
        let state = self.states.request();
        let query = FeedQuery { symbols, events, state, ..self.resume.query() };
        let clock = Stopwatch::start();
        let (now, is_wanted) = (|| clock.elapsed(), || self.stop.number().is_none());
        Connection::open(&self.endpoint, &query, &self.dialogue, self.args.connect_timeout, now, is_wanted)
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
        if self.states.connected(&connection.handshake) {
            say(format_args!("the server does not state what was before the first message"));
        }
        let count = self.args.count.unwrap_or(u64::MAX);
        let mut has_received = false;
        let result = loop {
            if self.resume.received() >= count && handshake_warning.is_none() && !self.states.is_due() {
                break Ok(Read::Enough);
            }
            let event = connection.read();
            // if the server closes the connection, its reason says more than this warning
            if event.as_ref().is_ok_and(Event::is_from_feed)
                && let Some(fault) = handshake_warning.take()
            {
                break Err(fault.into());
            }
            let checked = match event {
                Ok(Event::Message { bytes, .. }) => {
                    has_received = true;
                    self.resume.message();
                    self.output.message(&bytes)?;
                    Ok(())
                }
                Ok(Event::Oversize(message)) => {
                    has_received = true;
                    self.output.flush()?;
                    say(format_args!("{}", self.resume.oversize(&message)));
                    Ok(())
                }
                Ok(Event::Notice(Notice::State(state))) => {
                    if self.states.take() {
                        self.output.state(state)?;
                    }
                    Ok(())
                }
                Ok(Event::Notice(notice)) => self.notice(notice),
                Ok(Event::Ping(payload)) => payload.map_or(Ok(()), |payload| self.ping(payload)),
                Ok(Event::Heartbeat) => Ok(()),
                Ok(Event::NotYet) => {
                    if std::mem::take(&mut has_received) {
                        self.measures.messages_received();
                    }
                    self.output.flush()?;
                    match self.idle(&mut connection) {
                        Ok(None) => Ok(()),
                        Ok(Some(end)) => break Ok(end),
                        Err(error) => break Err(error),
                    }
                }
                Ok(Event::Ended(reason)) => break Ok(Read::Ended(reason)),
                Err(fault) => Err(fault),
            };
            match checked {
                Ok(()) => {}
                Err(fault @ Fault::InvalidNotice(_)) => warn!("{fault}"),
                Err(fault) => break Err(fault.into()),
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

    /// Checks signals and deadlines, and sets how long the next read waits.
    fn idle(&mut self, connection: &mut Connection) -> anyhow::Result<Option<Read>> {
        self.stop.check()?;
        let wait = match self.time_left() {
            Some(Duration::ZERO) => return Ok(Some(Read::Enough)),
            Some(left) => left.min(TICK),
            None => TICK,
        };
        self.log();
        Ok(connection.wait(self.elapsed(), wait).err().map(Read::Ended))
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Fault> {
        if let Notice::Seek { .. } = notice {
            self.states.jumped();
        }
        if let Some(sentence) = self.resume.notice(notice)? {
            say(format_args!("{sentence}"));
        }
        Ok(())
    }

    fn ping(&mut self, payload: PingPayload) -> Result<(), Fault> {
        if let Some(due) = payload.due_us {
            self.measures.latency(due, progress::now().micros().unsigned_abs());
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
