//! The thread that plays: a thin driver of [`Playback`] with a clock, a source and the clients' wishes.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::oneshot;
use tradesim_schemas::ContentDigest;

use crate::{
    block::{BLOCK_BYTES, Block},
    control::{Command, CommandError, Lateness, State, Stretches},
    delivery::Head,
    hub::Hub,
    lateness::add_stretch,
    options::PlayClock,
    playback::{Playback, Step},
    producer::{Produced, Producer},
    source::SourceError,
    speed::Speed,
};

/// Blocks that are made before they are played.
const BLOCKS_AHEAD: usize = 4;

/// At `--speed max` the player stays at most this many blocks before the fastest client: 2 MiB, enough to keep its socket
/// full while the player sleeps, and little enough that the blocks are still in the cache. It goes on at half of that:
/// waking a thread for each block would cost as much as playing one.
const WINDOW_BLOCKS: usize = 32;

/// How often a player that is held back looks whether that still holds, should nobody wake it.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the player is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// Steer.
    Command(Command, oneshot::Sender<Result<(), CommandError>>),
    /// There are so many clients now, of which the one that begins first begins at `first`.
    Clients {
        /// How many.
        connected: usize,
        /// In the source's numbers.
        first: Option<u64>,
    },
    /// End the thread.
    Quit,
}

/// How a play ended.
#[derive(Debug)]
pub(crate) struct Played {
    /// Whether the end of the source was reached.
    pub(crate) complete: bool,
    /// Lateness of the player itself.
    pub(crate) lateness: Option<Lateness>,
    /// Why it ended before.
    pub(crate) failure: Option<SourceError>,
}

/// Starts the player. It reports through the hub, and ends with [`Request::Quit`].
pub(crate) fn start(hub: &Arc<Hub>) -> io::Result<JoinHandle<Played>> {
    let (sender, requests) = mpsc::channel();
    let shared = Arc::clone(hub);
    let thread = thread::Builder::new()
        .name("replay-player".to_owned())
        .spawn(move || Player::new(shared, requests).run())?;
    hub.set_player(sender, thread.thread().clone());
    Ok(thread)
}

struct Player {
    hub: Arc<Hub>,
    requests: Receiver<Request>,
    playback: Playback,
    producer: Option<Producer>,
    digest: Option<ContentDigest>,
    first_seq: u64,
    /// Where play begins: with the client that begins first.
    wanted: u64,
    changes: u64,
    held: Option<Held>,
    waited: Stretches,
    failure: Option<SourceError>,
    complete: bool,
    quit: bool,
}

/// Since when the player is held back, and why.
#[derive(Clone, Copy, Debug)]
struct Held {
    since: Duration,
    for_slow: bool,
}

impl Player {
    fn new(hub: Arc<Hub>, requests: Receiver<Request>) -> Player {
        Player {
            playback: Playback::new(&hub.options, 0),
            hub,
            requests,
            producer: None,
            digest: Some(ContentDigest::new()),
            first_seq: 0,
            wanted: 0,
            changes: 0,
            held: None,
            waited: Stretches::default(),
            failure: None,
            complete: false,
            quit: false,
        }
    }

    fn run(mut self) -> Played {
        self.open(0);
        self.tie_to_wall();
        let now = self.now();
        if self.hub.options.wait_clients == 0 {
            self.playback.clients(0, now);
        }
        self.publish();
        loop {
            self.take_requests();
            if self.quit {
                break;
            }
            self.take_blocks();
            let now = self.now();
            if self.is_held(now) {
                thread::park_timeout(LOOK_AGAIN);
                continue;
            }
            match self.playback.poll(now) {
                Step::Release { block, messages } => {
                    self.release(&block, messages.start, messages.end);
                }
                Step::WaitUntil(at) => thread::park_timeout(at.saturating_sub(self.now())),
                Step::WaitForBlock if self.failure.is_some() => self.fail(),
                Step::WaitForBlock | Step::WaitForCommand => thread::park(),
                Step::End => {
                    self.complete = true;
                    self.publish();
                }
            }
        }
        self.publish();
        Played { complete: self.complete, lateness: self.playback.lateness(), failure: self.failure }
    }

    fn now(&self) -> Duration {
        self.hub.clock.now()
    }

    /// Puts the schedule where it is by now, if it is the wall clock's.
    fn tie_to_wall(&mut self) {
        let options = &self.hub.options;
        if let (PlayClock::Wall, Some(start)) = (options.clock, options.start_at) {
            let now = self.now();
            let unix_us = i64::try_from(self.hub.clock.unix_us(now)).unwrap_or(i64::MAX);
            let late_us = u64::try_from(unix_us.saturating_sub(start.micros())).unwrap_or(0);
            self.playback.begin_at(Duration::from_micros(late_us), now);
        }
    }

    /// Reads the source from `seq` on, in the place of what was read before.
    fn open(&mut self, seq: u64) {
        match Producer::start(Arc::clone(&self.hub.source), seq, thread::current()) {
            Ok(producer) => self.producer = Some(producer),
            Err(error) => self.failure = Some(SourceError::Read(Box::new(error))),
        }
    }

    fn take_blocks(&mut self) {
        while self.playback.blocks_ahead() < BLOCKS_AHEAD
            && let Some(producer) = &mut self.producer
        {
            match producer.poll() {
                Produced::Block(block) => self.playback.push_block(block),
                Produced::End => self.playback.source_ended(),
                Produced::Failed(error) => self.failure = Some(error),
                Produced::Nothing => return,
            }
        }
    }

    fn take_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Quit => self.quit = true,
                Request::Clients { connected, first } => self.clients(connected, first),
                Request::Command(command, reply) => {
                    let outcome = self.command(command);
                    // whoever asked may be gone
                    let _ = reply.send(outcome);
                }
            }
        }
    }

    fn clients(&mut self, connected: usize, first: Option<u64>) {
        if self.playback.state() != State::Waiting {
            return;
        }
        self.wanted = first.unwrap_or(0);
        if connected >= self.hub.options.wait_clients {
            self.begin();
            let now = self.now();
            self.playback.clients(connected, now);
            self.publish();
        }
    }

    /// Decides where play begins: a client that comes back to a server that was started anew goes on where it was.
    fn begin(&mut self) {
        let may_move = !self.hub.options.begins_at_first();
        if may_move && self.playback.released() == 0 && self.wanted != self.playback.seq() {
            self.restart(self.wanted);
        }
    }

    fn restart(&mut self, seq: u64) {
        self.playback.restart(seq);
        self.hub.ring().restart(seq);
        self.first_seq = seq;
        self.open(seq);
    }

    fn command(&mut self, command: Command) -> Result<(), CommandError> {
        if self.quit || self.failure.is_some() {
            return Err(CommandError::Over);
        }
        let now = self.now();
        let waiting = self.playback.state() == State::Waiting;
        match command {
            Command::Pause => self.playback.pause(now),
            Command::Resume => {
                if waiting {
                    self.begin();
                }
                self.playback.resume(now);
            }
            Command::Step(messages) => {
                if waiting {
                    self.begin();
                }
                self.playback.step(messages, now);
            }
            Command::Speed(speed) => self.playback.set_speed(speed, now),
            Command::Seek(seq) => self.seek(seq, now),
            Command::SeekTo(_) => unreachable!("places are found before the player is asked"),
            Command::Stop => {
                self.hub.stopping.send_replace(true);
                self.quit = true;
            }
        }
        self.changes += 1;
        self.publish();
        Ok(())
    }

    /// Jumps to a seq that exists.
    fn seek(&mut self, seq: u64, now: Duration) {
        if self.playback.state() == State::Waiting {
            self.wanted = seq;
        }
        if self.playback.released() == 0 {
            self.restart(seq);
            return;
        }
        self.playback.seek(seq, now);
        self.hub.ring().jump(self.playback.released(), seq);
        self.digest = None;
        self.complete = false;
        self.open(seq);
    }

    /// Whether clients keep the player from going on: at `max` those that take what there is, and with
    /// `--on-slow wait` the slowest one.
    fn is_held(&mut self, now: Duration) -> bool {
        if self.playback.state() != State::Playing {
            self.held = None;
            return false;
        }
        let for_slow = self.slowest_is_behind();
        let held = for_slow || self.fastest_is_behind(now);
        match (held, self.held) {
            (true, None) => {
                self.held = Some(Held { since: now, for_slow });
                self.hub.set_player_waits(true);
                // what moved before the flag was up is seen now
                return self.slowest_is_behind() || self.fastest_is_behind(now);
            }
            (true, Some(_)) => {}
            (false, Some(held)) => {
                self.held = None;
                self.hub.set_player_waits(false);
                if held.for_slow {
                    add_stretch(&mut self.waited, now.saturating_sub(held.since));
                }
            }
            (false, None) => {}
        }
        held
    }

    fn slowest_is_behind(&self) -> bool {
        self.hub.waits_for_slow()
            && self.playback.next_block().is_some_and(|block| {
                let slowest = self.hub.places().slowest;
                slowest.is_some_and(|place| self.hub.ring().would_drop(block, place))
            })
    }

    fn fastest_is_behind(&self, now: Duration) -> bool {
        if self.playback.speed() != Speed::Max {
            return false;
        }
        let places = self.hub.places();
        match places.fastest {
            Some(place) => {
                // a small buffer holds fewer: the player must not run away from the client that it is to feed
                let window = (self.hub.options.buffer_bytes / (4 * BLOCK_BYTES)).clamp(2, WINDOW_BLOCKS);
                let bound = if self.held.is_some() { window / 2 } else { window };
                self.hub.ring().blocks_behind(place) >= bound
            }
            // those that catch up will be there soon
            None if places.connected > 0 => true,
            None => {
                let deserted = self.hub.deserted_since();
                deserted.is_some_and(|since| now.saturating_sub(since) < self.hub.options.linger)
            }
        }
    }

    fn release(&mut self, block: &Arc<Block>, from: usize, to: usize) {
        if let Some(digest) = &mut self.digest {
            (from..to).for_each(|message| digest.push(block.recorded_text(message)));
        }
        let count = (to - from) as u64;
        if from == 0 {
            self.hub.ring().push(Arc::clone(block), self.playback.released() - count);
        }
        self.hub.metrics.messages_played.inc_by(count);
        self.publish_head();
        self.publish_view(false);
    }

    /// Tells the clients that the source cannot be read further.
    fn fail(&mut self) {
        self.quit = true;
        if let Some(failure) = &self.failure {
            self.hub.set_failure(failure);
        }
        self.hub.stopping.send_replace(true);
    }

    fn publish(&mut self) {
        // whoever sees the new view sees the new state with it, and whoever sleeps is woken when both are there
        self.publish_head();
        self.publish_view(true);
        self.publish_head();
    }

    fn publish_head(&self) {
        if self.playback.state() == State::Ended {
            // a client that sees the end goes at once, and takes the digest along
            self.hub.view().digest = self.digest.as_ref().map(ContentDigest::finish);
        }
        self.hub.head.send_replace(Head {
            state: self.playback.state(),
            released: self.playback.released(),
            seq: self.playback.seq(),
        });
    }

    /// States how things stand. Figures that cost something are only stated when asked for or at a change.
    fn publish_view(&self, whole: bool) {
        let now = self.now();
        let mut view = self.hub.view();
        view.time = self.playback.time();
        view.elapsed = self.playback.elapsed(now);
        view.played = self.playback.played(now);
        view.waited = self.waited;
        if whole {
            view.speed = self.playback.speed();
            view.lateness = self.playback.lateness();
            view.late = self.playback.late_stretches();
            view.shortened = self.playback.shortened();
            view.first_seq = self.first_seq;
            view.digest = self.digest.as_ref().map(ContentDigest::finish);
            view.changes = self.changes;
        }
    }
}
