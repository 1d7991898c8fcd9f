//! Sessions of the gateway.

use std::{collections::BTreeSet, time::Duration};

use tradesim_schemas::{Symbol, Timestamp, sha256};

use super::{
    CHANNELS, instruments,
    lines::{InvalidLine, Lines, field, has},
    record::{self, SystemCode},
};
use crate::{
    dialect::SessionSetup,
    session::{CloseReason, Incoming, Io, Refused, Rules},
};

/// The version of the gateway that the greeting states.
const GATEWAY_VERSION: &str = "0.6.0";

/// The name of all symbols.
const ALL_SYMBOLS: &str = "ALL_SYMBOLS";

/// The limit of the name of a dataset, in bytes.
const DATASET_BYTES_MAX: usize = 16;

/// The number of last characters of a key that a client adds to its answer.
const BUCKET_LEN: usize = 5;

const HEARTBEAT: Duration = Duration::from_secs(30);

pub(super) fn new(setup: SessionSetup) -> Box<dyn Rules> {
    Box::new(Gateway {
        setup,
        lines: Lines::default(),
        dataset: String::new(),
        heartbeat: HEARTBEAT,
        state: State::Subscribing { acknowledgements: Vec::new(), start: None, failure: None },
        mapped: BTreeSet::new(),
    })
}

#[derive(Debug)]
struct Gateway {
    setup: SessionSetup,
    lines: Lines,
    dataset: String,
    heartbeat: Duration,
    state: State,
    /// The symbols whose instrument id was stated.
    mapped: BTreeSet<Symbol>,
}

#[derive(Debug)]
enum State {
    /// Before `start_session`: nothing but lines may be sent.
    Subscribing {
        /// The acknowledgements that are sent when the session starts.
        acknowledgements: Vec<String>,
        start: Option<Timestamp>,
        failure: Option<String>,
    },
    Started,
}

impl Rules for Gateway {
    fn greet(&mut self, io: &mut Io) {
        io.send(format!("lsg_version={GATEWAY_VERSION}\n"));
        io.send(format!("cram={}\n", self.setup.handshake.challenge));
    }

    fn receive(&mut self, message: Incoming<'_>, io: &mut Io) {
        let mut bytes = match message {
            Incoming::Bytes(bytes) | Incoming::Binary(bytes) => bytes,
            Incoming::Text(text) => text.as_bytes(),
        };
        while let Some(line) = self.lines.next(&mut bytes) {
            match line {
                Ok(line) if !io.authenticated => self.authenticate(&line, io),
                // the vendor's client for Python gives it a value, those for Rust and C++ do not
                Ok(line) if has(&line, "start_session") => self.start(io),
                Ok(line) => self.subscribe(&line, io),
                Err(InvalidLine) => self.fail("invalid line: expected at most 64 KiB of UTF-8", io),
            }
            if io.is_closed() {
                return;
            }
        }
    }

    fn refuse(&mut self, why: Refused, io: &mut Io) {
        match why {
            Refused::AuthenticationTimeout => self.fail("authentication timed out", io),
            Refused::Invalid => self.fail("invalid message", io),
            Refused::ConnectionLimit => self.fail("connection limit exceeded", io),
            Refused::TooSlow => {
                if matches!(self.state, State::Started) {
                    let mut out = Vec::new();
                    record::system(SystemCode::SlowReader, "the client reads too slowly", &mut out);
                    io.send(out);
                }
                self.fail("slow client", io);
            }
        }
    }

    fn idle(&mut self, io: &mut Io) {
        let mut out = Vec::new();
        record::system(SystemCode::Heartbeat, "Heartbeat", &mut out);
        io.send(out);
    }
}

impl Gateway {
    fn authenticate(&mut self, line: &str, io: &mut Io) {
        let Some(answer) = field(line, "auth") else {
            return self.fail("not authenticated: expected auth=…", io);
        };
        let dataset = field(line, "dataset").unwrap_or_default();
        if dataset.is_empty() || dataset.len() > DATASET_BYTES_MAX || !dataset.is_ascii() {
            return self.fail("dataset: expected 1 to 16 ASCII characters", io);
        }
        for (key, supported) in [("encoding", "dbn"), ("compression", "none"), ("ts_out", "0")] {
            if field(line, key).is_some_and(|value| value != supported) {
                return self.fail(&format!("{key}: only {key}={supported} is supported"), io);
            }
        }
        if let Some(seconds) = field(line, "heartbeat_interval_s") {
            match seconds.parse::<u32>() {
                Ok(seconds @ 1..) => self.heartbeat = Duration::from_secs(u64::from(seconds)),
                _ => return self.fail("heartbeat_interval_s: expected a number of seconds, at least 1", io),
            }
        }
        self.dataset = dataset.to_owned();
        let challenge = &self.setup.handshake.challenge;
        let prove = |key: &str| {
            let bucket = key.len().saturating_sub(BUCKET_LEN);
            let digest = sha256(format!("{challenge}|{key}").as_bytes());
            let digest = digest.map(|byte| format!("{byte:02x}")).concat();
            format!("{digest}-{}", &key[bucket..])
        };
        if io.authenticate_proof(answer, prove) {
            io.send("success=1|session_id=1\n");
        } else {
            self.fail("authentication failed", io);
        }
    }

    fn subscribe(&mut self, line: &str, io: &mut Io) {
        if let Err(problem) = self.try_subscribe(line, io) {
            return self.fail(&problem, io);
        }
        let schema = field(line, "schema").unwrap_or_default();
        let id = field(line, "id").unwrap_or("0");
        let acknowledgement = format!("Subscription request {id} for {schema} data succeeded");
        match &mut self.state {
            State::Subscribing { acknowledgements, .. } => acknowledgements.push(acknowledgement),
            State::Started => {
                let mut out = Vec::new();
                record::system(SystemCode::Subscribed, &acknowledgement, &mut out);
                self.map(io, &mut out);
                io.send(out);
                io.acknowledged();
            }
        }
    }

    fn try_subscribe(&mut self, line: &str, io: &mut Io) -> Result<(), String> {
        /// The limit of lines before the session starts, each of which is acknowledged.
        const LINES_MAX: usize = 1_024;
        let schema = field(line, "schema").ok_or("expected schema=… or start_session")?;
        let channel = CHANNELS.iter().position(|known| known.name == schema).ok_or("unknown schema")? as u8;
        if field(line, "stype_in").is_some_and(|kind| kind != "raw_symbol") {
            return Err("stype_in: only stype_in=raw_symbol is supported".to_owned());
        }
        if field(line, "snapshot").is_some_and(|snapshot| snapshot != "0") {
            return Err("snapshot: only snapshot=0 is supported".to_owned());
        }
        let from = match field(line, "start").filter(|text| !text.is_empty()) {
            Some(text) => {
                let at = text.parse::<i64>().ok().and_then(|ns| Timestamp::from_micros(ns / 1_000));
                Some(at.ok_or("start: expected nanoseconds since the epoch")?)
            }
            None => None,
        };
        let symbols = field(line, "symbols").unwrap_or_default();
        for name in symbols.split(',') {
            if name == ALL_SYMBOLS {
                io.subscriptions.add_all(channel);
                continue;
            }
            let symbol = Symbol::new(name).ok_or("symbols: expected ALL_SYMBOLS, or symbols and commas")?;
            io.subscriptions.add(channel, symbol).map_err(|error| error.to_string())?;
        }
        if let State::Subscribing { start, acknowledgements, .. } = &mut self.state {
            if acknowledgements.len() >= LINES_MAX {
                return Err("too many subscriptions".to_owned());
            }
            // the earliest, so that none misses a message that it asked for
            *start = match (*start, from) {
                (Some(earlier), Some(from)) => Some(earlier.min(from)),
                (earlier, from) => earlier.or(from),
            };
        }
        Ok(())
    }

    fn start(&mut self, io: &mut Io) {
        let State::Subscribing { acknowledgements, start, failure } =
            std::mem::replace(&mut self.state, State::Started)
        else {
            return;
        };
        let mut out = Vec::new();
        record::metadata(&self.dataset, &mut out);
        if let Some(failure) = failure {
            io.send(out);
            return self.fail(&failure, io);
        }
        for acknowledgement in &acknowledgements {
            record::system(SystemCode::Subscribed, acknowledgement, &mut out);
        }
        self.map(io, &mut out);
        io.send(out);
        io.heartbeat = Some(self.heartbeat);
        if let Some(start) = start {
            io.start_at(start);
        }
        io.acknowledged();
    }

    /// Adds the mappings of subscribed symbols that were not stated yet.
    fn map(&mut self, io: &Io, out: &mut Vec<u8>) {
        let reference = &self.setup.reference;
        let channels = 0..CHANNELS.len() as u8;
        let all = channels.clone().any(|channel| io.subscriptions.has_all(channel));
        let listed = reference.symbols().iter().copied().filter(|_| all);
        let named = channels.flat_map(|channel| io.subscriptions.named(channel));
        for symbol in listed.chain(named) {
            if self.mapped.insert(symbol) {
                record::symbol_mapping(symbol, instruments::id(reference, symbol), out);
            }
        }
    }

    /// Informs the client of an error and closes: as a line before the client is authenticated, as a record once the
    /// session has started. Between the two nothing may be sent, and the error waits for the start.
    fn fail(&mut self, problem: &str, io: &mut Io) {
        if !io.authenticated {
            io.send(format!("success=0|error={problem}\n"));
            return io.close(CloseReason::Refused);
        }
        match &mut self.state {
            State::Started => {
                let mut out = Vec::new();
                record::error(problem, &mut out);
                io.send(out);
                io.close(CloseReason::Refused);
            }
            State::Subscribing { failure, .. } => {
                failure.get_or_insert_with(|| problem.to_owned());
            }
        }
    }
}
