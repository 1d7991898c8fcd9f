//! `tail`: receives a stream, over as many connections as it takes.
//!
//! One thread reads and prints, without a runtime: a client of one stream waits for one socket. What comes next is
//! decided by the [`Follower`]; what is here moves bytes and looks at clocks.

mod output;
mod pretty;
mod summary;

use std::time::Duration;

use anyhow::anyhow;
use tracing::{info, warn};
use tradesim_bridge::socket::header::Header;
use tradesim_replay::{Notice, PingPayload};
use tungstenite::{Error, Message, protocol::frame::coding::CloseCode};

use self::{
    output::Output,
    summary::{Measures, Summary},
};
use crate::{
    cli::Tail,
    client::{
        self, ConnectError, Connection, Ending, Fault, Follower, Next, Notices, Received, Silence, TICK,
        is_would_block,
    },
    endpoint::Endpoint,
    exit::{Failure, Outcome},
    output::say,
    progress::Stopwatch,
    signals::Stop,
};

/// How long a stop by a signal may take, in a write to a reader that does not read, before it is made at once.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// How long the server may take to answer our close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// The gap between log lines about how far it is, with `--digest`.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &Tail) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals_within(STOP_GRACE)?;
    let mut endpoint = args.url.clone();
    let from_seq = client::from_seq(args.from_seq, &mut endpoint)?;
    let filtered = add_filters(args, &mut endpoint)?;
    let mut session = Session {
        args,
        headers: client::headers(&args.headers)?,
        endpoint,
        stop,
        follower: Follower::new(from_seq, args.retries),
        output: Output::new(args),
        measures: Measures::new(),
        connected: None,
        last_log: Duration::ZERO,
    };
    let result = session.follow();
    session.finish(result, filtered)
}

/// Puts the filters into the query. Says whether a part of the stream is asked for.
fn add_filters(args: &Tail, endpoint: &mut Endpoint) -> Result<bool, Failure> {
    let symbols = args.symbols.iter().flat_map(|names| &names.0).map(|symbol| encoded(symbol.as_str()));
    let events = args.events.iter().map(|event| event.as_str().to_owned());
    for (name, values) in [("symbols", symbols.collect::<Vec<_>>()), ("events", events.collect())] {
        if values.is_empty() {
            continue;
        }
        if endpoint.has(name) {
            return Err(Failure::usage(format!("--{name} is given, and {name} in the URL as well")));
        }
        endpoint.query.push(format!("{name}={}", values.join(",")));
    }
    Ok(endpoint.has("symbols") || endpoint.has("events"))
}

/// A text as the value of a query.
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

/// The work while it is done.
struct Session<'a> {
    args: &'a Tail,
    headers: Vec<Header>,
    endpoint: Endpoint,
    stop: Stop,
    follower: Follower,
    output: Output,
    measures: Measures,
    /// Since the first connection.
    connected: Option<Stopwatch>,
    last_log: Duration,
}

/// The reason for which reading from a connection ended.
enum Read {
    /// By `--count` or `--for`.
    Enough,
    Ended(Ending),
}

impl Session<'_> {
    /// Connects, reads, and connects again, until there is no reason to.
    fn follow(&mut self) -> anyhow::Result<()> {
        loop {
            let ending = match self.open() {
                Ok(connection) => match self.read(connection)? {
                    Read::Enough => return Ok(()),
                    Read::Ended(ending) => ending,
                },
                Err(ConnectError::Unreachable(cause)) => Ending::Lost(cause),
                Err(ConnectError::Refused(text)) => return Err(anyhow!("{}: {text}", self.endpoint)),
                Err(ConnectError::Stopped(stopped)) => return Err(stopped.into()),
            };
            self.output.flush()?;
            match self.follower.ended(&ending) {
                Next::Done => return Ok(()),
                Next::Failed(text) => return Err(anyhow!("{text}")),
                Next::Again => {}
            }
            let why = self.follower.in_words(&ending);
            let Some(delay) = self.follower.another_try(client::jitter()) else {
                return Err(self.unreachable(&why).into());
            };
            warn!(delay_ms = delay.as_millis() as u64, why, "connecting again");
            if self.wait(delay)? {
                return Ok(());
            }
        }
    }

    fn open(&mut self) -> Result<Connection, ConnectError> {
        let mut endpoint = self.endpoint.clone();
        endpoint.query.extend(self.follower.query());
        Connection::open(&endpoint, &self.headers, self.args.connect_timeout, &self.stop)
    }

    fn unreachable(&self, why: &str) -> Failure {
        let tries = if self.args.retries == 0 {
            String::new()
        } else {
            format!(", tried {} times", self.args.retries + 1)
        };
        Failure::Unreachable {
            what: format!("{} cannot be reached{tries}: {why}", self.endpoint),
            hint: Some(
                "`tradesim replay FILE` and `tradesim serve` print the URL that they listen on".to_owned(),
            ),
        }
    }

    /// Waits before a try. Says whether `--for` is over.
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

    /// What is left of `--for`.
    fn time_left(&self) -> Option<Duration> {
        let elapsed = self.connected.map_or(Duration::ZERO, |clock| clock.elapsed());
        self.args.time.map(|time| time.saturating_sub(elapsed))
    }

    /// Reads a connection to its end, or until it is enough.
    fn read(&mut self, mut connection: Connection) -> anyhow::Result<Read> {
        self.connected.get_or_insert_with(Stopwatch::start);
        let mut doubt = self.follower.connected(&connection.greeting).err();
        let notices = connection.greeting.notices;
        let count = self.args.count.unwrap_or(u64::MAX);
        let mut silence = Silence::new();
        let mut seen = Notices::default();
        let mut came = false;
        let result = loop {
            if self.follower.received() >= count && doubt.is_none() {
                break Ok(Read::Enough);
            }
            let received = connection.read();
            // a refusal says more than the headers that are missing for it
            if client::is_said(&received)
                && let Some(fault) = doubt.take()
            {
                break Err(fault.into());
            }
            let received = match received {
                Ok(Received::Message(message)) => Ok(message),
                Ok(Received::Oversize(message)) => {
                    came = true;
                    seen.message();
                    self.output.flush()?;
                    say(format_args!("{}", self.follower.oversize(&message)));
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
                    came = true;
                    seen.message();
                    self.follower.message();
                    self.output.message(text.as_bytes())?;
                }
                Ok(Message::Binary(bytes)) => {
                    came = true;
                    seen.message();
                    self.follower.message();
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
                    break Ok(Read::Ended(Ending::Closed { code, reason }));
                }
                Err(Error::Io(error)) if is_would_block(&error) => {
                    if std::mem::take(&mut came) {
                        self.measures.messages_came();
                    }
                    self.output.flush()?;
                    match self.idle(&mut connection, &mut silence) {
                        Ok(None) => {}
                        Ok(Some(end)) => break Ok(end),
                        Err(error) => break Err(error),
                    }
                }
                Err(error) => break client::broken(error).map(Read::Ended),
            }
        };
        if came {
            self.measures.messages_came();
        }
        let (code, patience) = match &result {
            Ok(_) => (CloseCode::Normal, CLOSE_PATIENCE),
            Err(error) if error.is::<Failure>() => (CloseCode::Away, CLOSE_PATIENCE / 4),
            Err(_) => (CloseCode::Policy, CLOSE_PATIENCE / 4),
        };
        self.output.flush()?;
        connection.close(code, patience);
        result
    }

    /// Looks at signals, deadlines and silence, and then lets the next read wait.
    fn idle(&mut self, connection: &mut Connection, silence: &mut Silence) -> anyhow::Result<Option<Read>> {
        self.stop.check()?;
        let wait = match self.time_left() {
            Some(Duration::ZERO) => return Ok(Some(Read::Enough)),
            Some(left) => left.min(TICK),
            None => TICK,
        };
        self.log();
        Ok(silence.let_wait(connection, wait).map(Read::Ended))
    }

    fn notice(&mut self, seen: &mut Notices, text: &str) -> Result<(), Fault> {
        if let Some(notice) = seen.read(text)?
            && let Some(sentence) = self.follower.notice(notice)?
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
        self.follower.ping(payload.seq)
    }

    /// Says now and then how far it is, where no messages show it.
    fn log(&mut self) {
        let elapsed = self.connected.map_or(Duration::ZERO, |clock| clock.elapsed());
        if self.args.digest && elapsed >= self.last_log + LOG_INTERVAL {
            self.last_log = elapsed;
            info!(messages = self.follower.received(), "receiving");
        }
    }

    /// Reports, and turns what was found into the outcome.
    fn finish(self, result: anyhow::Result<()>, filtered: bool) -> anyhow::Result<Outcome> {
        let digest = self.output.digest();
        let mut differences = self.follower.differences(digest, filtered);
        if result.is_ok() && self.args.expect.is_some_and(|expected| expected != digest) {
            differences.push(format!("the digest of what came is {digest}, and not the one expected"));
        }
        for difference in &differences {
            say(format_args!("{difference}"));
        }
        // what came is worth telling even where more should have come
        if self.args.digest && self.connected.is_some() {
            let different = !differences.is_empty();
            Summary::new(&self.follower, &self.output, &self.measures, differences).print(self.args.json)?;
            result?;
            return Ok(if different { Outcome::Difference } else { Outcome::Done });
        }
        result?;
        Ok(if differences.is_empty() { Outcome::Done } else { Outcome::Difference })
    }
}

/// The time of day, against which the send times in pings are held.
#[expect(clippy::disallowed_methods, reason = "latency is measured against the clock of the machine")]
fn unix_micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
