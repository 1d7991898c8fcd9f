//! A client that speaks the dialect of a vendor: the driver of its [`Session`].

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use tradesim_dialects::{CloseReason, Dialect, Fault, Framing, Incoming, Output, Refused, Session};
use tradesim_schemas::{StreamSeq, TimeSpec, Timestamp};

use super::Connection;
use crate::{
    block::Block,
    close::Close,
    hub::Hub,
    metrics::Closed,
    outbox::Picked,
    producer::Produced,
    selection::Selection,
    send_cursor::SendCursor,
    translation::{self, Prepared, Translation, WireId},
};

/// The limit of messages that are read to find out what an encoder needs of earlier ones: far more than a trading day
/// has, and a bound of the work for a client of an endless stream.
const LOOK_BACK_MAX: u64 = 16_000_000;

/// The client's side of a dialect.
#[derive(Debug)]
pub(crate) struct DialectClient {
    dialect: &'static Dialect,
    session: Session,
    wire: WireId,
    /// The time at which the session began.
    opened: Duration,
    /// The block that is being sent, and its translation.
    current: Option<(StreamSeq, Arc<Translation>)>,
    /// An encoder that is being prepared for the block that begins with the number.
    preparing: Option<(StreamSeq, oneshot::Receiver<Result<Prepared, String>>)>,
    prepared: Option<Prepared>,
    failure: Option<String>,
    /// The search for the message that the client wants to start with.
    placing: Option<oneshot::Receiver<Result<StreamSeq, String>>>,
    placed: Option<Result<StreamSeq, String>>,
    /// True if everything was delivered, and the connection stays open.
    pub(super) held: bool,
    /// True if a fault ends the session.
    planted: bool,
}

/// The result of looking for a translation.
enum Lookup {
    Ready,
    /// An encoder is being prepared.
    Pending,
    Failed(String),
}

impl DialectClient {
    /// Returns a client whose session has not begun yet.
    pub(crate) fn new(dialect: &'static Dialect, session: Session) -> DialectClient {
        DialectClient {
            wire: (dialect.name, session.wire()),
            dialect,
            session,
            opened: Duration::ZERO,
            current: None,
            preparing: None,
            prepared: None,
            failure: None,
            placing: None,
            placed: None,
            held: false,
            planted: false,
        }
    }

    /// Returns the time at which the session wants to be called.
    fn deadline(&self) -> Option<Duration> {
        self.session.poll_timeout().map(|timeout| self.opened + timeout)
    }

    /// Returns when an encoder is ready or the start is found, if either is awaited.
    pub(super) async fn ready(&mut self) {
        if let Some(placing) = &mut self.placing {
            let placed = placing.await;
            self.placed = Some(placed.unwrap_or_else(|_| Err("the search panicked".to_owned())));
            self.placing = None;
            return;
        }
        let Some((_, preparing)) = &mut self.preparing else { return std::future::pending().await };
        match preparing.await {
            Ok(Ok(prepared)) => self.prepared = Some(prepared),
            Ok(Err(error)) => self.failure = Some(error),
            Err(_) => self.failure = Some("the reader panicked".to_owned()),
        }
        self.preparing = None;
    }

    /// Finds the translation of a block.
    fn find(&mut self, hub: &Arc<Hub>, block: &Arc<Block>) -> Lookup {
        let first_seq = block.first_seq();
        if self.current.as_ref().is_some_and(|(seq, _)| *seq == first_seq) {
            return Lookup::Ready;
        }
        let (current, prepared) = (&mut self.current, &mut self.prepared);
        let wire = &self.dialect.wires[self.wire.1];
        let prepare = || {
            let followed = current.as_ref().and_then(|(_, translation)| translation.take_before(first_seq));
            followed.or_else(|| prepared.take()).or_else(|| {
                // nothing precedes it
                let is_first = first_seq == StreamSeq(0) || block.entries()[0].starts_segment;
                is_first.then(|| Prepared::new((wire.encoder)(&hub.reference), first_seq))
            })
        };
        let found = block.translations().get(self.wire, wire.framing, block, prepare);
        if let Some(translation) = found {
            self.current = Some((first_seq, translation));
            (self.preparing, self.prepared) = (None, None);
            return Lookup::Ready;
        }
        self.prepare(hub, block)
    }

    /// Starts to prepare an encoder for a block whose predecessor was not translated.
    fn prepare(&mut self, hub: &Arc<Hub>, block: &Arc<Block>) -> Lookup {
        if let Some(failure) = self.failure.take() {
            return Lookup::Failed(failure);
        }
        // its result is taken by `ready`
        if self.preparing.as_ref().is_some_and(|(seq, _)| *seq == block.first_seq()) {
            return Lookup::Pending;
        }
        let (sender, receiver) = oneshot::channel();
        let encoder = (self.dialect.wires[self.wire.1].encoder)(&hub.reference);
        let seq = block.first_seq();
        let at = block.entries()[0].meta.at;
        let hub = Arc::clone(hub);
        tokio::spawn(async move {
            let mut sender = sender;
            tokio::select! {
                // the client has left
                () = sender.closed() => {}
                result = prepare_up_to(&hub, seq, at, |from| Prepared::new(encoder, from)) => {
                    let _ = sender.send(result);
                }
            }
        });
        self.preparing = Some((seq, receiver));
        Lookup::Pending
    }
}

/// Reads the messages of a trading day up to `seq`, which is recorded at `at`, and returns an encoder that knows them.
async fn prepare_up_to(
    hub: &Arc<Hub>,
    seq: StreamSeq,
    at: Timestamp,
    prepared: impl FnOnce(StreamSeq) -> Prepared,
) -> Result<Prepared, String> {
    let earliest = StreamSeq(seq.get().saturating_sub(LOOK_BACK_MAX));
    let source = Arc::clone(&hub.source);
    let day = TimeSpec::Instant(tradesim_dialects::trading_day_start(at));
    let found = tokio::task::spawn_blocking(move || source.find(day)).await;
    // a stream that cannot be searched by time is read from the limit on
    let from = found.ok().and_then(Result::ok).unwrap_or(earliest).clamp(earliest, seq);
    let mut prepared = prepared(from);
    let mut blocks = hub.readers.start(&hub.source, from);
    while prepared.next() < seq {
        match blocks.recv().await {
            Some(Produced::Block(block)) => prepared.note(&block, seq),
            Some(Produced::Failed(error)) => return Err(error.with_cause()),
            Some(Produced::End | Produced::Nothing) | None => return Err("the reader has ended".to_owned()),
        }
        tokio::task::yield_now().await;
    }
    Ok(prepared)
}

/// Searches for the first message at or after an instant.
fn find(hub: &Arc<Hub>, at: Timestamp) -> oneshot::Receiver<Result<StreamSeq, String>> {
    let (sender, receiver) = oneshot::channel();
    let source = Arc::clone(&hub.source);
    tokio::task::spawn_blocking(move || {
        let found = source.find(TimeSpec::Instant(at));
        let _ = sender.send(found.map_err(|error| error.with_cause()));
    });
    receiver
}

impl Connection<'_> {
    /// Begins the session of a client that speaks a dialect.
    pub(super) fn greet_in_dialect(&mut self) {
        let now = self.hub.clock.now();
        if let Some(dialect) = &mut self.dialect {
            dialect.opened = now;
            if self.hub.clients.takes_failure() {
                dialect.session.plant(Fault::AuthenticationFails, Duration::ZERO);
            }
            dialect.session.greet();
        }
        self.carry_out();
    }

    /// Passes a message of the client to its session. Returns false if the client does not speak a dialect.
    pub(super) fn receive_in_dialect(&mut self, message: Incoming<'_>) -> bool {
        let now = self.hub.clock.now();
        let Some(dialect) = &mut self.dialect else { return false };
        if self.closing.is_none() {
            dialect.session.receive(message, now - dialect.opened);
            self.carry_out();
        }
        true
    }

    /// Returns the time at which the session wants to be called. A client that does not take what was sent is sent
    /// nothing more.
    pub(super) fn session_deadline(&self) -> Option<Duration> {
        if self.answers_wait() {
            return None;
        }
        let dialect = self.dialect.as_ref().and_then(|client| client.deadline());
        let script = self.script.as_ref().and_then(|client| client.deadline());
        [dialect, script].into_iter().flatten().min()
    }

    /// Calls the session if it is time to.
    pub(super) fn check_session(&mut self, now: Duration) {
        if !self.answers_wait()
            && let Some(dialect) = &mut self.dialect
            && dialect.deadline().is_some_and(|due| now >= due)
        {
            dialect.session.handle_timeout(now - dialect.opened);
            self.carry_out();
        }
    }

    /// Does what the session wants to be done.
    fn carry_out(&mut self) {
        while let Some(dialect) = &mut self.dialect
            && let Some(output) = dialect.session.poll()
        {
            let framing = dialect.session.framing();
            let planted = dialect.planted.then_some(Closed::Fault);
            match output {
                Output::Send(message) => self.push_session_message(framing, &message),
                Output::Subscribed => self.hub.clients.count(self.client),
                Output::StartAt(at) => dialect.placing = Some(find(self.hub, at)),
                Output::Close(CloseReason::Refused) => {
                    self.close(Close::session_refused(), planted.unwrap_or(Closed::Refused))
                }
                Output::Close(CloseReason::TooSlow) => {
                    self.close(Close::slow_session(), planted.unwrap_or(Closed::Slow))
                }
            }
        }
    }

    fn push_session_message(&mut self, framing: Framing, message: &[u8]) {
        let mut frame = Vec::with_capacity(message.len() + 10);
        translation::push(framing, message, &mut frame);
        self.push_frames(&frame);
    }

    /// Returns true if the first message is known, or if the connection is closed because it cannot be found.
    pub(super) fn is_placed(&mut self) -> bool {
        let Some(dialect) = &mut self.dialect else { return true };
        match dialect.placed.take() {
            None => dialect.placing.is_none(),
            Some(Ok(seq)) => {
                let send_cursor = SendCursor::new(Selection::all(), seq, seq, &self.hub.ring());
                self.catch_up.stop();
                self.outgoing.cursor = send_cursor;
                true
            }
            Some(Err(error)) => {
                self.close(Close::source_failed(self.outgoing.cursor.seq(), &error), Closed::Failed);
                true
            }
        }
    }

    /// Returns true if the connection consists of bytes without WebSocket frames.
    pub(super) fn is_raw(&self) -> bool {
        self.dialect.as_ref().is_some_and(|dialect| dialect.session.framing() == Framing::Bytes)
    }

    /// Informs the session that the client is too slow, before the connection is closed for that.
    pub(super) fn tell_too_slow(&mut self) {
        let now = self.hub.clock.now();
        let Some(dialect) = &mut self.dialect else { return };
        dialect.session.refuse(Refused::TooSlow, now - dialect.opened);
        let framing = dialect.session.framing();
        while let Some(dialect) = &mut self.dialect
            && let Some(output) = dialect.session.poll()
        {
            if let Output::Send(message) = output {
                self.push_session_message(framing, &message);
            }
        }
    }

    /// Records that messages of the stream were sent.
    pub(super) fn delivered_in_dialect(&mut self, now: Duration) {
        if let Some(dialect) = &mut self.dialect {
            dialect.session.delivered(now - dialect.opened);
        }
    }

    /// Returns true if the session of this client ends before a message with such a fault.
    pub(super) fn breaks_session(&self, seq: StreamSeq) -> bool {
        self.dialect.is_some() && self.hub.clients.breaks(seq, self.client.id)
    }

    /// Ends the session by a fault.
    pub(super) fn plant(&mut self, fault: Fault) {
        if fault == Fault::AuthenticationFails {
            // the client notices when it comes back
            self.hub.clients.fail_authentication();
            return self.end(Closed::Fault, None, false);
        }
        let now = self.hub.clock.now();
        if let Some(dialect) = &mut self.dialect {
            dialect.planted = true;
            dialect.session.plant(fault, now - dialect.opened);
        }
        self.carry_out();
    }

    /// Finds the translation of a block that a client of a dialect needs next. Returns false if it is not available
    /// yet, or if the connection is closed because it cannot be made.
    pub(super) fn is_translated(&mut self, block: &Arc<Block>) -> bool {
        let Some(dialect) = &mut self.dialect else { return true };
        if !dialect.session.is_active() {
            return true;
        }
        match dialect.find(self.hub, block) {
            Lookup::Ready => true,
            Lookup::Pending => false,
            Lookup::Failed(error) => {
                self.close(Close::source_failed(self.outgoing.cursor.seq(), &error), Closed::Failed);
                false
            }
        }
    }

    /// Starts to send messages of a block in the form that the client receives them in.
    pub(super) fn put(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        match &self.dialect {
            None => match &self.script {
                None => self.outgoing.send(block, messages),
                Some(client) => client.put(&mut self.outgoing, block, messages),
            },
            Some(dialect) => {
                let picked = messages.clone();
                self.outgoing.send_as(block, messages, |frames| dialect.pick(picked, frames));
            }
        }
    }

    /// Returns the frames of one message that was sent before and is selected.
    pub(super) fn frames_again(&self, block: &Block, message: usize) -> Option<Vec<u8>> {
        match &self.dialect {
            None => {
                let selection = self.outgoing.cursor.selection();
                let selected = match &self.script {
                    None => selection.passes(block.entries()[message].meta.kind),
                    Some(client) => client.receives(block, message),
                };
                selected.then(|| block.frames(message..message + 1).to_vec())
            }
            Some(dialect) => {
                let mut picked = Picked::default();
                dialect.pick(message..message + 1, &mut picked);
                (!picked.bytes.is_empty()).then_some(picked.bytes)
            }
        }
    }

    /// Returns true if the connection stays open and silent after the end.
    pub(super) fn holds(&mut self) -> bool {
        match &mut self.dialect {
            Some(dialect) => {
                dialect.held = self.hub.options.dialects.holds(dialect.dialect);
                dialect.held
            }
            None => self.script.as_mut().is_some_and(|client| client.holds(&self.hub.options)),
        }
    }

    /// Returns true if everything was delivered, and the connection stays open.
    pub(super) fn is_held(&self) -> bool {
        self.dialect.as_ref().is_some_and(|dialect| dialect.held)
            || self.script.as_ref().is_some_and(|client| client.held)
    }
}

impl DialectClient {
    /// Appends the frames of messages of the current block that the client receives: none before its first subscription.
    fn pick(&self, messages: Range<usize>, picked: &mut Picked) {
        if let Some((_, translation)) = self.current.as_ref().filter(|_| self.session.is_active()) {
            translation.pick(messages, |channel, symbol| self.session.selects(channel, symbol), picked);
        }
    }
}

/// Returns when the next messages of a client that speaks a dialect can be translated, if it waits for that.
pub(super) async fn translation_ready(dialect: &mut Option<Box<DialectClient>>) {
    match dialect {
        Some(dialect) => dialect.ready().await,
        None => std::future::pending().await,
    }
}
