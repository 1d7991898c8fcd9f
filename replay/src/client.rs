//! The connection of one client: a thin driver of [`Inbound`] and [`Outgoing`].

mod catch_up;
mod closing;
mod dialect;
mod events;
mod faults;
mod progress;
mod unacknowledged;

use std::{io, net::SocketAddr, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use socket2::SockRef;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::watch};
use tradesim_dialects::Incoming;
use tradesim_schemas::StreamSeq;

pub(crate) use self::dialect::DialectClient;
use self::{
    catch_up::CatchUp, closing::Closing, faults::Faults, progress::Progress, unacknowledged::unacknowledged,
};
use crate::{
    block::Block,
    client_registry::{Client, Departure, Start},
    close::Close,
    hub::Hub,
    inbound::{Inbound, Received},
    metrics::{Closed, LatenessCounts},
    options::OnSlow,
    outbox,
    outgoing::Outgoing,
    send_cursor::{Head, SendCursor, Task},
    source::StreamState,
    state::{self, PendingState, States},
};
use tradesim_protocol::{Action, CloseCode, ControlMessage, Notice, PingPayload, Refusal};

/// The interval of the pings that check whether a client is alive.
const PING_EVERY: Duration = Duration::from_secs(15);

/// The time without an answer after which a client counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// The interval of the pings with the position that clients of `tradesim.v1` receive while messages are sent.
const POSITION_EVERY: Duration = Duration::from_millis(100);

/// The interval of checks of a client whose socket accepts nothing.
const BLOCKED_EVERY: Duration = Duration::from_millis(100);

/// The number of consecutive writes before other clients get their turn: 2 MiB with full blocks.
const WRITES_IN_A_ROW: u32 = 32;

/// The requested size of the send buffer; the kernel allocates twice as much. Bytes in this buffer cannot be taken
/// back, and do not show how fast a client reads.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// The number of bytes of messages that a slow client is sent at a time.
const SLOW_BYTES: usize = 8 * 1024;

/// The limit for control frames and notices that wait for a socket which accepts nothing, in bytes. A client that
/// provokes more of them without reading is disconnected.
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
    /// The state before its first message, if it requested it.
    pub(crate) state: Option<StreamState>,
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
    let client = hub.clients.join(admitted.peer, admitted.v1, admitted.dialect.is_none(), start);
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
        last_received: now,
        pinged: now,
        position_sent: now,
        due_last: None,
        notified_changes: hub.published.view().changes,
        over: None,
        faults: Faults::default(),
        dialect: admitted.dialect,
        wants_state: admitted.state.is_some(),
        state: None,
        state_bytes: 0,
        hub,
        client: &client,
        socket,
    };
    match refusal {
        Some(refusal) => connection.close(Close::refused(&refusal), Closed::Refused),
        None if connection.dialect.is_some() => connection.greet_in_dialect(),
        None => {
            connection.greet(&admitted.stream);
            if let Some(state) = &admitted.state {
                connection.send_state(state);
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
    /// The time at which something was last received from the client.
    last_received: Duration,
    pinged: Duration,
    position_sent: Duration,
    /// The time at which the last written message was due.
    due_last: Option<Duration>,
    notified_changes: u64,
    over: Option<End>,
    /// The faults that are in effect.
    faults: Faults,
    /// The session of a client that speaks a dialect.
    dialect: Option<Box<DialectClient>>,
    /// True if the client receives the state after a seek, too.
    wants_state: bool,
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
            } else {
                self.wait(stopped).await;
            }
        }
    }

    /// Waits for the first of several events; the next iteration finds out which one it was.
    async fn wait(&mut self, stopped: Stopped) {
        let hub = self.hub;
        let deadline = hub.clock.instant(self.deadline(stopped));
        let follows = stopped == Stopped::Empty && self.closing.is_none();
        let can_stop = self.closing.is_none();
        tokio::select! {
            biased;
            _ = self.socket.writable(), if stopped == Stopped::Blocked => {}
            _ = self.socket.readable() => {}
            _ = self.head.changed(), if follows => {}
            () = self.catch_up.ready(), if follows => {}
            () = translation_ready(&mut self.dialect), if follows => {}
            () = ready(&mut self.state), if follows => {}
            _ = self.stopping.changed(), if can_stop => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }

    fn deadline(&self, stopped: Stopped) -> Duration {
        let mut deadline = self.pinged + PING_EVERY;
        deadline = deadline.min(self.last_received.max(self.pinged) + DEAD_AFTER);
        if stopped == Stopped::Blocked {
            deadline = deadline.min(self.hub.clock.now() + BLOCKED_EVERY);
        }
        if stopped == Stopped::Dripping {
            deadline = deadline.min(self.hub.clock.now() + faults::DRIP_EVERY);
        }
        if let Some(due) = self.dialect.as_ref().and_then(|dialect| dialect.deadline()) {
            deadline = deadline.min(due);
        }
        if let Some(closing) = &self.closing {
            deadline = deadline.min(closing.deadline(self.progress.moved()));
            deadline = deadline.min(self.hub.clock.now() + BLOCKED_EVERY);
        }
        deadline
    }

    /// Reads what the socket has received.
    fn read(&mut self) {
        let mut buffer = [0; 8 * 1024];
        // bounded, so that a client that floods the server does not keep others waiting
        for _ in 0..8 {
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return self.peer_gone(),
                Ok(count) if self.is_raw() => {
                    self.last_received = self.hub.clock.now();
                    self.receive_in_dialect(Incoming::Bytes(&buffer[..count]));
                }
                Ok(count) => {
                    self.last_received = self.hub.clock.now();
                    self.inbound.feed(&buffer[..count]);
                    self.receive();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.peer_broke(),
            }
        }
        self.receive();
    }

    fn receive(&mut self) {
        while self.over.is_none()
            && let Some(received) = self.inbound.poll()
        {
            match received {
                Received::Text(text) if self.receive_in_dialect(Incoming::Text(&text)) => {}
                Received::Binary(bytes) if self.receive_in_dialect(Incoming::Binary(&bytes)) => {}
                Received::Text(text) => self.control(&text),
                Received::Binary(_) => self.refuse_message(&ControlMessage::not_text()),
                Received::Ping => {}
                Received::Pong(payload) => self.progress.answered(&payload, self.hub.clock.now()),
                Received::Closed { .. } => self.peer_closes(),
                Received::Failed(close) => {
                    let why = if close.code() == CloseCode::MessageTooBig {
                        Closed::TooLarge
                    } else {
                        Closed::Protocol
                    };
                    self.close(close, why);
                }
            }
        }
        if self.closing.is_none()
            && let Some(frames) = self.inbound.take_outgoing()
        {
            self.push_frames(&frames);
        }
    }

    /// Puts whole frames before the next messages.
    fn push_frames(&mut self, frames: &[u8]) {
        self.outgoing.outbox.push_urgent(frames);
        // a state is sent once; what a client provokes comes in addition
        if self.outgoing.outbox.urgent_len() > URGENT_MAX + self.state_bytes {
            self.end(Closed::Dead, None, false);
        }
    }

    fn notify(&mut self, notice: &Notice) {
        self.push_frames(&outbox::frame(1, notice.text().as_bytes()));
    }

    fn greet(&mut self, stream: &str) {
        if self.client.v1 {
            let head = self.known_head;
            let info = self.hub.source.info();
            let whole = self.outgoing.cursor.selection().is_whole_stream();
            let notice = Notice::Start {
                stream: stream.to_owned(),
                run: self.hub.options.run.clone(),
                seq: self.client.start_seq,
                digest: info.digest.filter(|_| whole),
                speed: self.hub.published.view().speed,
                state: head.state,
            };
            self.notify(&notice);
        }
    }

    /// Sends the state before the next message.
    fn send_state(&mut self, state: &StreamState) {
        let selection = self.outgoing.cursor.selection();
        let selects = |symbol| selection.selects(symbol);
        let frames = match self.client.v1 {
            true => outbox::frame(1, state::notice(state, selects).text().as_bytes()),
            false => state::book_frames(state, selects).0,
        };
        self.state_bytes = frames.len();
        self.push_frames(&frames);
    }

    /// Sends the state that was being read. Returns false if it is not there yet.
    fn finish_state(&mut self) -> bool {
        let Some(pending) = &mut self.state else { return true };
        let Some(read) = pending.take() else { return false };
        self.state = None;
        match read {
            Ok(state) => self.send_state(&state),
            Err(error) => {
                let close = Close::source_failed(self.outgoing.cursor.seq(), &error.with_cause());
                self.close(close, Closed::Failed);
            }
        }
        true
    }

    /// Updates the description of what the client receives, which others see.
    fn describe_selection(&mut self) {
        let description = self.outgoing.cursor.selection().description(&self.hub.known_symbols);
        self.client.sent().selection = description;
    }

    fn control(&mut self, text: &str) {
        if self.closing.is_some() {
            return;
        }
        let changed = text.parse().and_then(|message: ControlMessage| {
            let (symbols, events) = (message.symbols.as_deref(), message.events.as_deref());
            self.hub.known_symbols.check(symbols)?;
            let selection = self.outgoing.cursor.selection_mut();
            match message.action {
                Action::Subscribe => selection.subscribe(symbols, events),
                Action::Unsubscribe => selection.unsubscribe(symbols, events),
            }
        });
        if changed.is_ok() {
            self.describe_selection();
        }
        match changed {
            Ok(()) if self.client.v1 => {
                let selection = self.outgoing.cursor.selection();
                let symbols = selection.symbols(&self.hub.known_symbols);
                let notice = symbols.notice(self.outgoing.cursor.seq(), selection.events());
                self.notify(&notice);
            }
            Ok(()) => {}
            Err(refusal) => self.refuse_message(&refusal),
        }
    }

    fn refuse_message(&mut self, refusal: &Refusal) {
        if self.closing.is_some() {
        } else if self.client.v1 {
            self.notify(&Notice::Error { code: refusal.code.to_owned(), text: refusal.text.clone() });
        } else {
            self.close(Close::refused(refusal), Closed::Refused);
        }
    }

    /// Does what is due at this time.
    fn check_timers(&mut self) {
        let now = self.hub.clock.now();
        if self.progress.is_blocked() || self.closing.is_some() {
            self.progress.look(unacknowledged(&self.socket), now);
        }
        if let Some(closing) = &self.closing {
            if now >= closing.deadline(self.progress.moved()) {
                self.end_closing();
            }
            return;
        }
        if *self.stopping.borrow_and_update() {
            return self.stop();
        }
        self.check_session(now);
        if self.closing.is_some() || self.over.is_some() {
            return;
        }
        if self.progress.is_blocked() {
            let stalled = self.progress.stalled_for(now) >= self.hub.options.stall;
            if stalled && self.hub.options.on_slow == OnSlow::Disconnect {
                return self.too_slow();
            }
        } else if self.pinged > self.last_received && now >= self.pinged + DEAD_AFTER {
            return self.end(Closed::Dead, None, false);
        }
        if self.is_raw() && now >= self.pinged + PING_EVERY {
            // there are no pings: TCP finds out whether the client is alive when something is written
            (self.pinged, self.last_received) = (now, now);
        }
        // only after the last one was answered, so that the round-trip time is known
        if now >= self.pinged + PING_EVERY && self.last_received >= self.pinged {
            self.ping(now);
        }
        let changes = self.hub.published.view().changes;
        if changes != self.notified_changes {
            self.notified_changes = changes;
            if self.client.v1 {
                let head = *self.head.borrow();
                let speed = self.hub.published.view().speed;
                self.notify(&Notice::Position { seq: head.seq, state: head.state, speed });
            }
        }
    }

    fn ping(&mut self, now: Duration) {
        self.pinged = now;
        self.ask(now);
    }

    /// Sends a ping after the written messages. Its answer shows how far the client has read.
    fn ask(&mut self, now: Duration) {
        if self.is_raw() {
            return;
        }
        let payload = if self.client.v1 {
            self.position_sent = now;
            let due_us = self.due_last.map(|due| self.hub.clock.unix_us(due));
            let sent_us = self.progress.ask(self.hub.clock.unix_us(now), now);
            PingPayload { seq: self.outgoing.cursor.seq(), due_us, sent_us }.text()
        } else {
            self.progress.ask(0, now).to_string()
        };
        self.push_frames(&outbox::frame(9, payload.as_bytes()));
    }

    /// Writes as much as the socket accepts.
    fn write(&mut self) -> Stopped {
        let mut turns = 0;
        while self.over.is_none() {
            if self.outgoing.outbox.is_empty() && !self.refill() {
                return Stopped::Empty;
            }
            let mut bytes = self.outgoing.outbox.bytes();
            if let Some(drip) = &self.faults.drip {
                bytes = &bytes[..drip.allowed(bytes.len(), self.hub.clock.now())];
                if bytes.is_empty() {
                    return Stopped::Dripping;
                }
            }
            match self.socket.try_write(bytes) {
                Ok(count) => self.wrote(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.progress.blocked(self.hub.clock.now());
                    return Stopped::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.peer_broke(),
            }
            turns += 1;
            if turns == WRITES_IN_A_ROW {
                return Stopped::Turn;
            }
        }
        Stopped::Empty
    }

    fn wrote(&mut self, count: usize) {
        let now = self.hub.clock.now();
        self.progress.wrote(count, now);
        self.faults.wrote(count, now);
        let mut lateness = LatenessCounts::default();
        let mut sent = self.client.sent();
        let mut due_last = None;
        let written = self.outgoing.wrote(count, |block, message| {
            if let Some(due) = block.due(message) {
                let late = now.saturating_sub(due);
                sent.late.record(late, 1);
                lateness.observe(late);
                due_last = Some(due);
            }
        });
        sent.messages += written;
        if self.outgoing.outbox.is_empty() {
            sent.seq = self.outgoing.cursor.seq();
        }
        drop(sent);
        let metrics = &self.hub.metrics;
        if due_last.is_some() {
            metrics.add_late(&mut lateness);
            self.due_last = due_last;
        }
        metrics.messages_sent.inc_by(written);
        if written > 0 {
            self.delivered_in_dialect(now);
        }
        let metrics = &self.hub.metrics;
        metrics.bytes_sent.inc_by(count as u64);
        let flows = written > 0 && self.client.v1 && self.closing.is_none();
        if flows && self.outgoing.outbox.is_empty() && now >= self.position_sent + POSITION_EVERY {
            self.ping(now);
        }
    }

    /// Finds something to write if there is nothing. Returns true if there is something to write.
    fn refill(&mut self) -> bool {
        if self.closing.is_some() {
            self.closing_written();
            return false;
        }
        // a connection without frames is closed without anything to write
        while self.outgoing.outbox.is_empty() && self.over.is_none() && self.closing.is_none() {
            if !self.is_placed() {
                break;
            }
            if self.faults.again.is_some() {
                self.send_again();
                continue;
            }
            if self.state.is_some() {
                if !self.finish_state() {
                    return false;
                }
                continue;
            }
            self.known_head = *self.head.borrow_and_update();
            let task = self.outgoing.cursor.next(&self.hub.ring(), &self.known_head);
            if !matches!(task, Task::Read { .. }) {
                self.catch_up.stop();
            }
            match task {
                Task::Send { block, messages } => {
                    if !self.send(&block, messages) {
                        break;
                    }
                }
                Task::Read { seq, before } => match self.catch_up.block(self.hub, seq) {
                    Ok(Some(block)) if before > seq => {
                        let messages = self.outgoing.cursor.messages_of(&block, before);
                        if !self.send(&block, messages) {
                            break;
                        }
                    }
                    Ok(_) => return false,
                    Err(error) => {
                        self.close(Close::source_failed(self.outgoing.cursor.seq(), &error), Closed::Failed)
                    }
                },
                // vendors have no word for it: their clients go on with what is played
                Task::Jumped { .. } if self.dialect.is_some() => {}
                // a client that counts the messages of a filter cannot know the number of the next one
                Task::Jumped { seq }
                    if !self.client.v1 || !self.outgoing.cursor.selection().is_whole_stream() =>
                {
                    self.close(Close::seek(seq), Closed::Seek);
                }
                Task::Jumped { seq } => {
                    self.notify(&Notice::Seek { seq });
                    if self.wants_state {
                        self.state = Some(States::start(self.hub, seq));
                    }
                }
                Task::Wait => {
                    // the player may be waiting for a client that was catching up
                    self.moved();
                    return false;
                }
                Task::Finished if self.holds() => return false,
                Task::Finished => self.finish(),
            }
        }
        if self.outgoing.outbox.is_empty() && self.closing.is_some() {
            self.closing_written();
        }
        !self.outgoing.outbox.is_empty()
    }

    /// Starts to send messages. Returns false if they cannot be sent yet, or if the connection is being closed.
    fn send(&mut self, block: &Arc<Block>, messages: Range<usize>) -> bool {
        if !self.is_translated(block) {
            return false;
        }
        let now = self.hub.clock.now();
        let messages = if self.progress.is_slow(now) {
            if self.progress.should_ask(now) {
                self.ask(now);
            }
            portion(block, messages)
        } else {
            messages
        };
        let messages = self.announce(block, messages);
        if block.is_regular() {
            self.put(block, messages);
        } else if !self.send_with_faults(block, messages) {
            return true;
        }
        self.moved();
        if self.outgoing.outbox.is_empty() {
            // none of them is selected: they count as sent
            self.client.sent().seq = self.outgoing.cursor.seq();
        }
        true
    }

    /// Reports the client's play offset to the player.
    fn moved(&self) {
        let play_offset = self.outgoing.cursor.play_offset();
        self.client.set_play_offset(play_offset);
        self.hub.player.client_moved(play_offset);
    }

    fn finish(&mut self) {
        if self.client.v1 {
            let notice = Notice::End {
                seq: self.outgoing.cursor.seq(),
                sent: self.client.sent().messages,
                digest: self.hub.published.view().digest_received,
            };
            self.notify(&notice);
        }
        self.close(Close::delivered(), Closed::Delivered);
    }
}

/// Returns when the next messages of a client that speaks a dialect can be translated, if it waits for that.
async fn translation_ready(dialect: &mut Option<Box<DialectClient>>) {
    match dialect {
        Some(dialect) => dialect.ready().await,
        None => std::future::pending().await,
    }
}

/// Waits for a state that is being read.
async fn ready(state: &mut Option<PendingState>) {
    match state {
        Some(pending) => pending.ready().await,
        None => std::future::pending().await,
    }
}

/// Returns the first of some messages: as many as a slow client is sent at a time, and at least one.
fn portion(block: &Block, messages: Range<usize>) -> Range<usize> {
    let mut end = messages.start + 1;
    while end < messages.end && block.frames(messages.start..end + 1).len() <= SLOW_BYTES {
        end += 1;
    }
    messages.start..end
}
