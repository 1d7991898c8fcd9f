//! The registry of the clients of a server.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tradesim_schemas::StreamSeq;

use crate::{
    backpressure::PlayOffsets,
    control::ClientStatus,
    lateness::Recorder,
    lock::lock,
    metrics::{Closed, Metrics},
    player_handle::{NO_PLAY_OFFSET, PlayerHandle, Request},
    ring::{Lag, Ring},
    send_cursor::Head,
};
use tradesim_protocol::SUBPROTOCOL;

/// The limit of disconnected clients that the report lists.
const GONE_MAX: usize = 1_000;

/// The clients of a server, connected and disconnected. The player is notified of changes.
#[derive(Debug)]
pub(crate) struct ClientRegistry {
    table: Mutex<Table>,
    /// For each message at which connections break: the last client that breaks there.
    breaks: Mutex<BTreeMap<StreamSeq, u64>>,
    /// The number of authentications that fail by a fault: the next ones.
    failing: AtomicU64,
    /// True while a client of a dialect is connected.
    speak_dialects: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    player: Arc<PlayerHandle>,
}

#[derive(Debug, Default)]
struct Table {
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

/// The kind of the session that a client begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionKind {
    /// That of a vendor's dialect.
    Dialect,
    /// That of a script.
    Script,
}

/// A client as seen by others.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) v1: bool,
    pub(crate) start_seq: StreamSeq,
    /// The sequence number with which it begins, in the source's numbers.
    pub(crate) start_source_seq: StreamSeq,
    /// The play offset of its next message.
    play_offset: AtomicU64,
    session: Option<SessionKind>,
    /// True if playback may begin for it. A client with a session must subscribe first.
    counts: AtomicBool,
    sent: Mutex<Sent>,
}

#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) messages: u64,
    pub(crate) seq: StreamSeq,
    pub(crate) late: Recorder,
    /// A description of what it receives; `None` for everything.
    pub(crate) selection: Option<String>,
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

/// The start of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// In the client's own stream.
    pub(crate) seq: StreamSeq,
    /// In the source's numbers.
    pub(crate) source_seq: StreamSeq,
    /// True if the client requested this sequence number.
    pub(crate) resumes: bool,
}

/// The end of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    /// The reason.
    pub(crate) why: Closed,
    /// The close code, if a close was sent or received.
    pub(crate) code: Option<u16>,
    /// True if the client received the end of the stream.
    pub(crate) delivered: bool,
    /// The time at which the client was last seen.
    pub(crate) seen: Duration,
    /// The current time.
    pub(crate) at: Duration,
}

impl ClientRegistry {
    pub(crate) fn new(metrics: Arc<Metrics>, player: Arc<PlayerHandle>) -> ClientRegistry {
        ClientRegistry {
            table: Mutex::default(),
            breaks: Mutex::default(),
            failing: AtomicU64::new(0),
            speak_dialects: Arc::default(),
            metrics,
            player,
        }
    }

    /// Adds a client whose socket is ready. The playback begins for it at once, but for one with a session when it
    /// [is counted](ClientRegistry::count).
    pub(crate) fn join(
        &self,
        peer: SocketAddr,
        v1: bool,
        session: Option<SessionKind>,
        start: Start,
    ) -> Arc<Client> {
        let mut table = lock(&self.table);
        table.next_id += 1;
        table.total += 1;
        let client = Arc::new(Client {
            id: table.next_id,
            peer,
            v1,
            start_seq: start.seq,
            start_source_seq: start.source_seq,
            play_offset: AtomicU64::new(NO_PLAY_OFFSET),
            session,
            counts: AtomicBool::new(session.is_none()),
            sent: Mutex::new(Sent { messages: 0, seq: start.seq, late: Recorder::new(), selection: None }),
        });
        table.connected.insert(client.id, Arc::clone(&client));
        table.deserted_since = None;
        if start.resumes {
            table.missing = table.missing.saturating_sub(1);
        }
        self.metrics.clients_joined.inc();
        self.note_dialects(&table);
        self.tell_player(&table);
        client
    }

    /// Counts a client for the start of the playback from now on.
    pub(crate) fn count(&self, client: &Client) {
        let table = lock(&self.table);
        client.counts.store(true, Ordering::SeqCst);
        self.tell_player(&table);
    }

    /// Returns true if the connection of a client breaks before a message with such a fault: it does for clients that
    /// are connected when the first of them reaches the message, so that a client that reconnects can continue.
    pub(crate) fn breaks(&self, seq: StreamSeq, client: u64) -> bool {
        let newest = lock(&self.table).next_id;
        client <= *lock(&self.breaks).entry(seq).or_insert(newest)
    }

    /// Makes one more of the next authentications fail.
    pub(crate) fn fail_authentication(&self) {
        self.failing.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns true if the authentication of a client that connects now fails by a fault.
    pub(crate) fn takes_failure(&self) -> bool {
        self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
    }

    /// Removes a client.
    pub(crate) fn leave(&self, client: &Client, departure: Departure, head: Head) {
        let Departure { why, code, delivered, seen, at } = departure;
        let mut table = lock(&self.table);
        table.connected.remove(&client.id);
        self.note_dialects(&table);
        let sent = client.sent();
        // the lateness of a client that does not keep up is not that of the server
        if why != Closed::Slow {
            table.gone_late.get_or_insert_with(Recorder::new).add(&sent.late);
        }
        let mut status = client_status(client, &sent, head, None);
        // nothing was played to a client whose session did not begin
        (status.closed, status.delivered) = (code, delivered && client.counts.load(Ordering::SeqCst));
        if status.delivered {
            // what it did not select is nothing that it lacks
            (status.lag_messages, status.lag_bytes, status.lag_seconds) = (0, 0, Some(0.0));
        }
        if table.gone.len() < GONE_MAX {
            table.gone.push(status);
        }
        if !delivered && why != Closed::Refused {
            table.missing += 1;
            table.last_left = table.last_left.max(seen);
        }
        if table.connected.is_empty() {
            table.deserted_since = Some(at);
        }
        self.metrics.closed(why);
        self.tell_player(&table);
    }

    /// Returns a flag that is true while a client of a dialect is connected.
    pub(crate) fn speak_dialects(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.speak_dialects)
    }

    fn note_dialects(&self, table: &Table) {
        let any = table.connected.values().any(|client| client.session == Some(SessionKind::Dialect));
        self.speak_dialects.store(any, Ordering::Relaxed);
    }

    fn tell_player(&self, table: &Table) {
        self.metrics.clients.set(table.connected.len() as i64);
        let counted = || table.connected.values().filter(|client| client.counts.load(Ordering::SeqCst));
        let first = counted().map(|client| client.start_source_seq).min();
        self.player.request(Request::Clients { connected: counted().count(), first });
    }

    /// Returns the play offsets of the clients, when so many messages were played.
    pub(crate) fn play_offsets(&self, released: u64) -> PlayOffsets {
        let table = lock(&self.table);
        let play_offsets =
            PlayOffsets::of(table.connected.values().map(|client| client.play_offset()), released);
        PlayOffsets { deserted_since: table.deserted_since, ..play_offsets }
    }

    /// Returns the number of clients, and until when the server should wait for those that left early, given how long
    /// it waits for each.
    pub(crate) fn awaited(&self, linger: Duration) -> (usize, Option<Duration>) {
        let table = lock(&self.table);
        let until = (table.missing > 0).then(|| table.last_left + linger);
        (table.connected.len(), until)
    }

    /// Returns the number of clients that were disconnected as too slow, and the total.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let table = lock(&self.table);
        (self.metrics.closed_count(Closed::Slow), table.total)
    }

    /// Returns the statuses of the clients, and the lateness at the sockets of all clients. The disconnected clients
    /// come first, if they are wanted.
    pub(crate) fn statuses(
        &self,
        with_gone: bool,
        head: Head,
        ring: &Mutex<Ring>,
        now: Duration,
    ) -> (Vec<ClientStatus>, Recorder) {
        let mut late = Recorder::new();
        let table = lock(&self.table);
        if let Some(gone) = &table.gone_late {
            late.add(gone);
        }
        let mut clients = if with_gone { table.gone.clone() } else { Vec::new() };
        for client in table.connected.values() {
            let sent = client.sent();
            late.add(&sent.late);
            let lag = client.play_offset().map(|play_offset| lock(ring).lag(play_offset, head.released, now));
            clients.push(client_status(client, &sent, head, lag));
        }
        (clients, late)
    }
}

fn client_status(client: &Client, sent: &Sent, head: Head, lag: Option<Lag>) -> ClientStatus {
    let lag_messages = match client.play_offset() {
        Some(play_offset) => head.released.saturating_sub(play_offset),
        None => head.seq.since(client.start_source_seq + sent.messages),
    };
    let lag_time = match lag_messages {
        // before its first message a client has no play offset
        0 => Some(Duration::ZERO),
        _ => lag.and_then(|lag| lag.time),
    };
    ClientStatus {
        id: client.id,
        peer: client.peer.to_string(),
        protocol: client.v1.then(|| SUBPROTOCOL.into()),
        start_seq: client.start_seq,
        seq: sent.seq,
        sent: sent.messages,
        lag_messages,
        lag_bytes: lag.map_or(0, |lag| lag.bytes),
        lag_seconds: lag_time.map(|time| time.as_secs_f64()),
        selection: sent.selection.clone(),
        late_ms: sent.late.summary(),
        closed: None,
        delivered: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradesim_protocol::State;

    #[test]
    fn the_server_stays_for_a_client_from_when_it_was_last_there() {
        let linger = Duration::from_secs(10);
        let clients = ClientRegistry::new(Arc::new(Metrics::new()), Arc::new(PlayerHandle::new()));
        let start = Start { seq: StreamSeq(0), source_seq: StreamSeq(0), resumes: false };
        let peer = "127.0.0.1:1".parse().unwrap();
        let [first, second] = [(); 2].map(|()| clients.join(peer, false, None, start));
        let at = Duration::from_secs;
        let head = Head { state: State::Waiting, released: 0, seq: StreamSeq(0), sent: 0 };
        let departure = |why, code, seen| Departure { why, code, delivered: false, seen, at: at(20) };
        clients.leave(&first, departure(Closed::Slow, Some(1013), at(7)), head);
        assert_eq!(clients.awaited(linger), (1, Some(at(17))));
        // a client that was last seen before that changes nothing
        clients.leave(&second, departure(Closed::Dead, None, at(5)), head);
        assert_eq!(clients.awaited(linger), (0, Some(at(17))));
    }
}
