//! The state that the player, the clients and the HTTP front end share.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread::Thread,
    time::Duration,
};

use tokio::sync::watch;
use tradesim_schemas::Digest;

use crate::{
    backpressure::PlayOffsets,
    clock::Clock,
    control::{ClientStatus, IntervalStats, Lateness, State, Status},
    counts::Counts,
    lateness::Recorder,
    metrics::{Closed, Metrics},
    names::KnownSymbols,
    notice::PROTOCOL,
    options::Options,
    player::Request,
    readers::Readers,
    ring::Ring,
    send_cursor::Head,
    source::{Source, SourceError},
};

/// The limit of disconnected clients that the report lists.
const GONE_MAX: usize = 1_000;

/// The version of the status layout.
const STATUS_VERSION: u32 = 1;

/// The stored value for "no play offset".
const NO_PLAY_OFFSET: u64 = u64::MAX;

/// The state that the player, the clients and the HTTP front end share.
pub(crate) struct Hub {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) options: Options,
    pub(crate) stream: String,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    /// The progress of the player.
    pub(crate) head: watch::Sender<Head>,
    /// The state in it, for tasks that must not be woken for each message.
    pub(crate) state: watch::Sender<State>,
    /// True if clients must be closed because the server stops.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) known_symbols: KnownSymbols,
    failure: Mutex<Option<String>>,
    ring: Mutex<Ring>,
    view: Mutex<View>,
    registry: Mutex<Registry>,
    player: Mutex<Option<PlayerLink>>,
    /// The play offset that the player waits for a client to reach.
    awaited: AtomicU64,
    /// For each message at which connections break: the last client that breaks there.
    breaks: Mutex<BTreeMap<u64, u64>>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("stream", &self.stream)
            .field("run", &self.options.run)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct PlayerLink {
    requests: std::sync::mpsc::Sender<Request>,
    thread: Thread,
}

/// The figures that the player publishes.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) speed: crate::Speed,
    pub(crate) time: Option<tradesim_schemas::Timestamp>,
    pub(crate) elapsed: Duration,
    pub(crate) played: Duration,
    pub(crate) lateness: Option<Lateness>,
    pub(crate) late: IntervalStats,
    pub(crate) shortened: IntervalStats,
    pub(crate) waited: IntervalStats,
    pub(crate) first_seq: u64,
    /// The digest of everything played so far; `None` after a seek.
    pub(crate) digest: Option<Digest>,
    /// The same digest, if it is also that of a client that was connected from message 0 on: `None` if the playback
    /// began later, as it does for clients that resume a run on a new server, and for shifted timestamps.
    pub(crate) digest_received: Option<Digest>,
    /// Increased with each change that clients are notified of.
    pub(crate) changes: u64,
}

#[derive(Debug, Default)]
struct Registry {
    next_id: u64,
    connected: BTreeMap<u64, Arc<Client>>,
    gone: Vec<ClientStatus>,
    gone_late: Option<Recorder>,
    total: u64,
    /// The number of clients that left before the end and did not come back.
    missing: u64,
    /// The time at which the last of them was last seen.
    last_left: Duration,
    /// The time at which the last client left.
    deserted_since: Option<Duration>,
}

/// A client as seen by others.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) v1: bool,
    pub(crate) start_seq: u64,
    /// The sequence number with which it begins, in the source's numbers.
    pub(crate) start_source_seq: u64,
    /// The play offset of its next message.
    play_offset: AtomicU64,
    sent: Mutex<Sent>,
}

#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) messages: u64,
    pub(crate) seq: u64,
    pub(crate) late: Recorder,
}

impl Client {
    /// Sets the play offset of the next message; `None` while older messages are read from the source.
    pub(crate) fn set_play_offset(&self, play_offset: Option<u64>) {
        self.play_offset.store(play_offset.unwrap_or(NO_PLAY_OFFSET), Ordering::SeqCst);
    }

    fn play_offset(&self) -> Option<u64> {
        Some(self.play_offset.load(Ordering::SeqCst)).filter(|&play_offset| play_offset != NO_PLAY_OFFSET)
    }

    pub(crate) fn sent(&self) -> MutexGuard<'_, Sent> {
        lock(&self.sent)
    }
}

/// Locks a value that a panic leaves valid: a poisoned lock is used as it is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn new(source: Arc<dyn Source>, options: Options) -> Hub {
        let view = View {
            speed: options.speed,
            time: None,
            elapsed: Duration::ZERO,
            played: Duration::ZERO,
            lateness: None,
            late: IntervalStats::default(),
            shortened: IntervalStats::default(),
            waited: IntervalStats::default(),
            first_seq: 0,
            digest: None,
            digest_received: None,
            changes: 0,
        };
        let metrics = Arc::new(Metrics::new());
        metrics.set_speed_wanted(options.speed);
        Hub {
            stream: stream_id(&source.info().identity, ""),
            clock: Clock::start(),
            metrics,
            head: watch::Sender::new(Head { state: State::Waiting, released: 0, seq: 0, sent: 0 }),
            state: watch::Sender::new(State::Waiting),
            stopping: watch::Sender::new(false),
            readers: Readers::new(),
            counts: Arc::new(Counts::new(Arc::clone(&source))),
            known_symbols: KnownSymbols::new(&source.info().symbols),
            failure: Mutex::new(None),
            ring: Mutex::new(Ring::new(options.buffer_bytes, 0)),
            view: Mutex::new(view),
            registry: Mutex::default(),
            player: Mutex::new(None),
            breaks: Mutex::default(),
            awaited: AtomicU64::new(NO_PLAY_OFFSET),
            source,
            options,
        }
    }

    /// Registers the thread that plays.
    pub(crate) fn set_player(&self, requests: std::sync::mpsc::Sender<Request>, thread: Thread) {
        *lock(&self.player) = Some(PlayerLink { requests, thread });
    }

    /// Sends a request to the player. Returns false if the player has ended.
    pub(crate) fn request(&self, request: Request) -> bool {
        let player = lock(&self.player);
        let Some(player) = player.as_ref() else { return false };
        let there = player.requests.send(request).is_ok();
        player.thread.unpark();
        there
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.ring)
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }

    /// Stores why the source cannot be read further.
    pub(crate) fn set_failure(&self, error: &SourceError) {
        *lock(&self.failure) = Some(error.with_cause());
    }

    /// Returns why the source cannot be read further, if it cannot.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Stores the play offset that the player waits for a client to reach, if it waits. The player checks again after
    /// this.
    pub(crate) fn await_play_offset(&self, play_offset: Option<u64>) {
        self.awaited.store(play_offset.unwrap_or(NO_PLAY_OFFSET), Ordering::SeqCst);
    }

    /// Wakes a player that waits for a client to reach this offset, or for a client that has no offset any more.
    pub(crate) fn client_moved(&self, play_offset: Option<u64>) {
        let awaited = self.awaited.load(Ordering::SeqCst);
        if awaited != NO_PLAY_OFFSET
            && play_offset.is_none_or(|play_offset| play_offset >= awaited)
            && let Some(player) = lock(&self.player).as_ref()
        {
            player.thread.unpark();
        }
    }

    /// Adds a client whose socket is ready.
    pub(crate) fn join(&self, peer: SocketAddr, v1: bool, start: Start) -> Arc<Client> {
        let mut registry = lock(&self.registry);
        registry.next_id += 1;
        registry.total += 1;
        let client = Arc::new(Client {
            id: registry.next_id,
            peer,
            v1,
            start_seq: start.seq,
            start_source_seq: start.source_seq,
            play_offset: AtomicU64::new(NO_PLAY_OFFSET),
            sent: Mutex::new(Sent { messages: 0, seq: start.seq, late: Recorder::new() }),
        });
        registry.connected.insert(client.id, Arc::clone(&client));
        registry.deserted_since = None;
        if start.resumes {
            registry.missing = registry.missing.saturating_sub(1);
        }
        self.metrics.clients_joined.inc();
        self.tell_player(&registry);
        client
    }

    /// Returns true if the connection of a client breaks before a message with such a fault: it does for clients that
    /// are connected when the first of them reaches the message, so that a client that reconnects can continue.
    pub(crate) fn breaks(&self, seq: u64, client: u64) -> bool {
        let newest = lock(&self.registry).next_id;
        client <= *lock(&self.breaks).entry(seq).or_insert(newest)
    }

    /// Removes a client. `delivered` states that it received the end, `seen` when it was last seen.
    pub(crate) fn leave(
        &self,
        client: &Client,
        why: Closed,
        code: Option<u16>,
        delivered: bool,
        seen: Duration,
    ) {
        let now = self.clock.now();
        let head = *self.head.borrow();
        let mut registry = lock(&self.registry);
        registry.connected.remove(&client.id);
        let sent = client.sent();
        // the lateness of a client that does not keep up is not that of the server
        if why != Closed::Slow {
            registry.gone_late.get_or_insert_with(Recorder::new).add(&sent.late);
        }
        let mut status = client_status(client, &sent, head, None);
        (status.closed, status.delivered) = (code, delivered);
        if registry.gone.len() < GONE_MAX {
            registry.gone.push(status);
        }
        if !delivered && why != Closed::Refused {
            registry.missing += 1;
            registry.last_left = registry.last_left.max(seen);
        }
        if registry.connected.is_empty() {
            registry.deserted_since = Some(now);
        }
        self.metrics.closed(why);
        self.tell_player(&registry);
    }

    fn tell_player(&self, registry: &Registry) {
        self.metrics.clients.set(registry.connected.len() as i64);
        let first = registry.connected.values().map(|client| client.start_source_seq).min();
        self.request(Request::Clients { connected: registry.connected.len(), first });
    }

    /// Returns the play offsets of the clients, when so many messages were played.
    pub(crate) fn play_offsets(&self, released: u64) -> PlayOffsets {
        let registry = lock(&self.registry);
        let play_offsets =
            PlayOffsets::of(registry.connected.values().map(|client| client.play_offset()), released);
        PlayOffsets { deserted_since: registry.deserted_since, ..play_offsets }
    }

    /// Returns the number of clients, and until when the server should wait for those that left early.
    pub(crate) fn awaited(&self) -> (usize, Option<Duration>) {
        let registry = lock(&self.registry);
        let until = (registry.missing > 0).then(|| registry.last_left + self.options.linger);
        (registry.connected.len(), until)
    }

    /// Returns the number of clients that were disconnected as too slow, and the total.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let registry = lock(&self.registry);
        (self.metrics.closed_count(Closed::Slow), registry.total)
    }

    /// Returns the status; with the disconnected clients, for the report.
    pub(crate) fn status(&self, with_gone: bool) -> Status {
        let head = *self.head.borrow();
        let view = self.view().clone();
        let mut late = Recorder::new();
        let registry = lock(&self.registry);
        if let Some(gone) = &registry.gone_late {
            late.add(gone);
        }
        let mut clients = if with_gone { registry.gone.clone() } else { Vec::new() };
        for client in registry.connected.values() {
            let sent = client.sent();
            late.add(&sent.late);
            let lag_bytes =
                client.play_offset().map(|play_offset| self.ring().bytes_after(play_offset, head.released));
            clients.push(client_status(client, &sent, head, lag_bytes));
        }
        drop(registry);
        let info = self.source.info();
        Status {
            schema_version: STATUS_VERSION,
            state: head.state,
            stream: self.stream.clone(),
            run: self.options.run.clone(),
            digest: info.digest.map(|digest| digest.to_string()),
            seq: head.seq,
            messages: info.messages,
            time: view.time.map(|time| time.to_string()),
            speed: view.speed.to_string(),
            speed_achieved: speed_achieved(&view),
            seconds: view.elapsed.as_secs_f64(),
            sent: head.sent,
            late_ms: late.summary().or(view.lateness),
            clients,
        }
    }

    /// Returns the metrics page.
    pub(crate) fn metrics_page(&self) -> String {
        let head = *self.head.borrow();
        let view = self.view().clone();
        self.metrics.set_state(head.state);
        self.metrics.seq.set(i64::try_from(head.seq).unwrap_or(i64::MAX));
        self.metrics.set_speed_wanted(view.speed);
        self.metrics.set_speed_achieved(speed_achieved(&view));
        self.metrics.page()
    }
}

/// The start of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// In the client's own stream.
    pub(crate) seq: u64,
    /// In the source's numbers.
    pub(crate) source_seq: u64,
    /// True if the client requested this sequence number.
    pub(crate) resumes: bool,
}

fn speed_achieved(view: &View) -> Option<f64> {
    let (played, elapsed) = (view.played.as_secs_f64(), view.elapsed.as_secs_f64());
    (played > 0.0 && elapsed > 0.0).then(|| played / elapsed)
}

fn client_status(client: &Client, sent: &Sent, head: Head, lag_bytes: Option<u64>) -> ClientStatus {
    let lag_messages = match client.play_offset() {
        Some(play_offset) => head.released.saturating_sub(play_offset),
        None => head.seq.saturating_sub(client.start_source_seq + sent.messages),
    };
    ClientStatus {
        id: client.id,
        peer: client.peer.to_string(),
        protocol: client.v1.then(|| PROTOCOL.into()),
        start_seq: client.start_seq,
        seq: sent.seq,
        sent: sent.messages,
        lag_messages,
        lag_bytes: lag_bytes.unwrap_or(0),
        late_ms: sent.late.summary(),
        closed: None,
        delivered: false,
    }
}

/// Returns the id of a stream: 32 hex digits of a hash over everything that decides its messages.
pub(crate) fn stream_id(identity: &str, selection: &str) -> String {
    let text = format!("tradesim stream\n{identity}\n{selection}");
    let digest = Digest::of(text.as_bytes()).to_string();
    digest[Digest::PREFIX.len()..][..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    #[test]
    fn the_server_stays_for_a_client_from_when_it_was_last_there() {
        let linger = Duration::from_secs(10);
        let options = Options { linger, ..Options::new("test") };
        let hub = Hub::new(Arc::new(Sample::new(10, 10)), options);
        let start = Start { seq: 0, source_seq: 0, resumes: false };
        let peer = "127.0.0.1:1".parse().unwrap();
        let [first, second] = [(); 2].map(|()| hub.join(peer, false, start));
        let at = Duration::from_secs;
        hub.leave(&first, Closed::Slow, Some(1013), false, at(7));
        assert_eq!(hub.awaited(), (1, Some(at(17))));
        // a client that was last seen before that changes nothing
        hub.leave(&second, Closed::Dead, None, false, at(5));
        assert_eq!(hub.awaited(), (0, Some(at(17))));
    }
}
