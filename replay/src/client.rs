//! The connection of one client: a thin driver of [`Inbound`] and [`Outgoing`].

mod catch_up;
mod closing;
mod dialect;
mod events;
mod faults;
mod liveness;
mod progress;
mod reading;
mod script;
mod state;
mod timers;
mod unacknowledged;
mod writing;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use socket2::SockRef;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::watch};
use tradesim_protocol::{Notice, Refusal, StateRequest};
use tradesim_schemas::StreamSeq;

use self::{catch_up::CatchUp, closing::Closing, faults::Faults, liveness::Liveness, progress::Progress};
pub(crate) use self::{dialect::DialectClient, script::ScriptClient, state::FirstState};
use crate::{
    client_registry::{Client, Departure, SessionKind, Start},
    close::Close,
    hub::Hub,
    inbound::Inbound,
    metrics::Closed,
    outbox,
    outgoing::Outgoing,
    send_cursor::{Head, SendCursor},
    state::PendingState,
};

/// The requested size of the send buffer; the kernel allocates twice as much. Bytes in this buffer cannot be taken
/// back, and do not show how fast a client reads.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// The limit for control frames and notices that wait for a socket which accepts nothing, in bytes. A client that
/// provokes more of them without reading is disconnected. From a client with a session nothing is read instead: answers to
/// one subscription of thousands of symbols may be larger.
const URGENT_MAX: usize = 256 * 1024;

/// An admitted client: what it receives, or why it is refused.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) peer: SocketAddr,
    pub(crate) v1: bool,
    pub(crate) stream: String,
    pub(crate) outcome: Result<(crate::selection::Selection, Start), Refusal>,
    /// Its session, if it speaks a dialect.
    pub(crate) dialect: Option<Box<DialectClient>>,
    /// Its session, if it receives the messages as they were captured.
    pub(crate) script: Option<Box<ScriptClient>>,
    /// The state before its first message, if it requested it.
    pub(crate) state: Option<FirstState>,
}

/// Serves a client until it is disconnected.
pub(crate) async fn run(hub: &Arc<Hub>, admitted: Admitted, socket: TcpStream, early: Bytes) {
    let (selection, start, refusal) = match admitted.outcome {
        Ok((selection, start)) => (selection, start, None),
        Err(refusal) => {
            let start = Start { seq: StreamSeq(0), source_seq: hub.published.head().seq, resumes: false };
            (crate::selection::Selection::all(), start, Some(refusal))
        }
    };
    if let Err(error) = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER_BYTES) {
        tracing::debug!(%error, "the size of the send buffer cannot be set");
    }
    let session = match (&admitted.dialect, &admitted.script) {
        (Some(_), _) => Some(SessionKind::Dialect),
        (None, Some(_)) => Some(SessionKind::Script),
        (None, None) => None,
    };
    let client = hub.clients.join(admitted.peer, admitted.v1, session, start);
    let send_cursor = SendCursor::new(selection, start.source_seq, start.seq, &hub.ring());
    let now = hub.clock.now();
    let head = hub.published.head.subscribe();
    let known_head = *head.borrow();
    let mut connection = Connection {
        stopping: hub.published.stopping.subscribe(),
        known_head,
        head,
        inbound: Inbound::new(&early),
        outgoing: Outgoing::new(send_cursor),
        catch_up: CatchUp::default(),
        closing: None,
        progress: Progress::new(now),
        liveness: Liveness::new(now),
        position_sent: now,
        due_last: None,
        notified_changes: hub.published.view().changes,
        over: None,
        faults: Faults::default(),
        dialect: admitted.dialect,
        script: admitted.script,
        wants_state: admitted.state.as_ref().map(|first| first.request),
        state: None,
        state_bytes: 0,
        hub,
        client: &client,
        socket,
    };
    match refusal {
        Some(refusal) => connection.close(Close::refused(&refusal), Closed::Refused),
        None if connection.dialect.is_some() => connection.greet_in_dialect(),
        None if connection.script.is_some() => connection.greet_by_script(),
        None => {
            connection.greet(&admitted.stream);
            if let Some(first) = &admitted.state {
                connection.send_state(&first.state);
            }
        }
    }
    connection.describe_selection();
    let end = connection.run().await;
    let End { why, code, delivered, seen } = end;
    let at = hub.clock.now();
    let departure = Departure { why, code, delivered, seen: seen.unwrap_or(at), at };
    hub.clients.leave(&client, departure, hub.published.head());
}

/// The end of a connection.
#[derive(Clone, Copy, Debug)]
struct End {
    why: Closed,
    code: Option<u16>,
    delivered: bool,
    /// The time at which the client was last seen, if that was before the end.
    seen: Option<Duration>,
}

struct Connection<'a> {
    hub: &'a Arc<Hub>,
    client: &'a Client,
    socket: TcpStream,
    head: watch::Receiver<Head>,
    stopping: watch::Receiver<bool>,
    known_head: Head,
    inbound: Inbound,
    outgoing: Outgoing,
    catch_up: CatchUp,
    closing: Option<Closing>,
    progress: Progress,
    liveness: Liveness,
    position_sent: Duration,
    /// The time at which the last written message was due.
    due_last: Option<Duration>,
    notified_changes: u64,
    over: Option<End>,
    /// The faults that are in effect.
    faults: Faults,
    /// The session of a client that speaks a dialect.
    dialect: Option<Box<DialectClient>>,
    /// The session of a client that receives the messages as they were captured.
    script: Option<Box<ScriptClient>>,
    /// The state that the client receives after a seek, too.
    wants_state: Option<StateRequest>,
    /// The state that is sent before the next message, while it is being read.
    state: Option<PendingState>,
    /// The size of the last state that was sent, in bytes.
    state_bytes: usize,
}

/// The reason for which a series of writes stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// Nothing to write.
    Empty,
    /// The socket accepts no more.
    Blocked,
    /// It is the turn of others.
    Turn,
    /// A fault limits the bytes that may be written.
    Dripping,
}

impl Connection<'_> {
    async fn run(mut self) -> End {
        loop {
            self.read();
            self.check_timers();
            let answers_waited = self.answers_wait();
            let stopped = self.write();
            if let Some(end) = self.over {
                return end;
            }
            if self.hangs_up() {
                // takes effect at once, as nothing is flushed; an error shows up in the next read
                let _ = self.socket.shutdown().await;
            }
            if stopped == Stopped::Turn {
                tokio::task::yield_now().await;
            } else if !answers_waited || self.answers_wait() {
                self.wait(stopped).await;
            } // else messages that have arrived are read now: the socket does not announce them again
        }
    }

    /// Puts whole frames before the next messages.
    fn push_frames(&mut self, frames: &[u8]) {
        self.outgoing.outbox.push_control(frames);
        // a state is sent once; what a client provokes comes in addition
        let too_many = self.outgoing.outbox.control_len() > URGENT_MAX + self.state_bytes;
        if too_many && !self.has_session() {
            self.end(Closed::Dead, None, false);
        }
    }

    /// Returns true if the client speaks a dialect or follows a script.
    fn has_session(&self) -> bool {
        self.dialect.is_some() || self.script.is_some()
    }

    /// Returns true while nothing is read from a client with a session, because it has not taken the answers to what it
    /// sent.
    fn answers_wait(&self) -> bool {
        self.has_session() && self.closing.is_none() && self.outgoing.outbox.control_len() > URGENT_MAX
    }

    fn notify(&mut self, notice: &Notice) {
        self.push_frames(&outbox::frame(1, notice.text().as_bytes()));
    }
}
