//! The player thread: a thin driver of [`Play`] with a clock, a source and the requests of clients.

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
use tradesim_schemas::{StreamSeq, Timestamp};

use crate::{
    backpressure::PlayOffsets,
    control::{Command, CommandError, Lateness},
    hub::Hub,
    options::{Options, PlayClock},
    play::Play,
    playback::Step,
    player_handle::Request,
    producer::{LOOK_FOR_BLOCKS, Produced, Producer},
    published::View,
    source::SourceError,
};
use tradesim_protocol::{Speed, State};

/// The interval at which a player that is held back checks whether it still is, in case no client wakes it.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The interval at which the digest of what was played so far is published.
const DIGEST_EVERY: Duration = Duration::from_millis(100);

/// The result of a playback.
#[derive(Debug)]
pub(crate) struct PlaybackResult {
    /// True if the end of the source was reached.
    pub(crate) complete: bool,
    /// The lateness of the player itself.
    pub(crate) lateness: Option<Lateness>,
    /// The error that ended it early.
    pub(crate) failure: Option<SourceError>,
}

/// Starts the player. It reports through the hub, and ends with [`Request::Quit`].
pub(crate) fn start(hub: &Arc<Hub>) -> io::Result<JoinHandle<PlaybackResult>> {
    let (sender, requests) = mpsc::channel();
    let shared = Arc::clone(hub);
    let thread = thread::Builder::new()
        .name("replay-player".to_owned())
        .spawn(move || Player::new(shared, requests).run())?;
    hub.player.set(sender, thread.thread().clone());
    Ok(thread)
}

struct Player {
    hub: Arc<Hub>,
    requests: Receiver<Request>,
    play: Play,
    producer: Option<Producer>,
    /// True if the player has published that it waits for clients.
    held: bool,
    failure: Option<SourceError>,
    /// Replies that are due when the messages of steps were played.
    stepping: Vec<oneshot::Sender<Result<(), CommandError>>>,
    /// The time at which the digest of what was played so far was published.
    digested: Duration,
    quit: bool,
}

impl Player {
    fn new(hub: Arc<Hub>, requests: Receiver<Request>) -> Player {
        let play = Play::new(&hub.options);
        Player {
            hub,
            requests,
            play,
            producer: None,
            held: false,
            failure: None,
            stepping: Vec::new(),
            digested: Duration::ZERO,
            quit: false,
        }
    }

    fn run(mut self) -> PlaybackResult {
        self.tie_to_wall();
        self.clients(0, None);
        self.open();
        self.publish();
        loop {
            self.take_requests();
            if self.quit {
                break;
            }
            if let Some(at) = self.play.loops_at() {
                self.go_back(at);
                continue;
            }
            self.take_blocks();
            self.answer_steps();
            if self.is_held() {
                thread::park_timeout(LOOK_AGAIN);
                continue;
            }
            match self.play.poll(self.now()) {
                Step::Release { block, messages } => {
                    let before = self.play.head().sent;
                    self.play.release(&block, &messages, &mut self.hub.ring());
                    self.hub.metrics.messages_played.inc_by(self.play.head().sent - before);
                    if let Some(observer) = &self.hub.options.observer {
                        observer.released(&block, &messages, self.now());
                    }
                    self.publish_head();
                    // computed while clients already send it; the digest is complete at the end
                    self.play.hash(&block, messages);
                    self.publish_view(false);
                }
                Step::WaitUntil(at) => thread::park_timeout(at.saturating_sub(self.now())),
                Step::WaitForBlock if self.failure.is_some() => self.fail(),
                Step::WaitForBlock => thread::park_timeout(LOOK_FOR_BLOCKS),
                // the producer does not wake the player for every block
                Step::WaitForCommand if !self.stepping.is_empty() => thread::park_timeout(LOOK_FOR_BLOCKS),
                Step::WaitForCommand => thread::park(),
                Step::End => self.publish(),
            }
        }
        self.publish();
        let lateness = self.play.playback().lateness();
        PlaybackResult { complete: self.play.is_complete(), lateness, failure: self.failure }
    }

    fn now(&self) -> Duration {
        self.hub.clock.now()
    }

    /// Ties the schedule to the wall clock, if the options require it.
    fn tie_to_wall(&mut self) {
        let now = self.now();
        let unix_us = i64::try_from(self.hub.clock.unix_us(now)).unwrap_or(i64::MAX);
        if let Some((position, at)) = wall_schedule(&self.hub.options, unix_us, now) {
            self.play.begin_at(position, at);
        }
    }

    /// Reads the source from where the playback requests, in place of what was read before.
    fn open(&mut self) {
        let Some(seq) = self.play.take_opening() else { return };
        // it was found by what is no longer read
        self.failure = None;
        let keeps_events = self.hub.clients.speak_dialects();
        match Producer::start(Arc::clone(&self.hub.source), seq, keeps_events, thread::current()) {
            Ok(producer) => self.producer = Some(producer),
            Err(error) => self.failure = Some(SourceError::Read(Box::new(error))),
        }
    }

    fn take_blocks(&mut self) {
        while self.play.wants_block()
            && let Some(producer) = &mut self.producer
        {
            match producer.poll() {
                Produced::Block(block) => self.play.push_block(block),
                Produced::End => self.play.source_ended(),
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
                    let outcome = self.command(&command);
                    if outcome.is_ok() && matches!(command, Command::Step(_)) {
                        self.stepping.push(reply);
                    } else {
                        // the sender of the request may be gone
                        let _ = reply.send(outcome);
                    }
                }
            }
        }
    }

    fn clients(&mut self, connected: usize, first: Option<StreamSeq>) {
        let begun = self.play.clients(connected, first, &mut self.hub.ring(), self.hub.clock.now());
        if begun {
            self.open();
            self.publish();
        }
    }

    fn command(&mut self, command: &Command) -> Result<(), CommandError> {
        // a source that failed further on ends the playback when that is reached, and not before
        if self.quit {
            return Err(CommandError::Over);
        }
        if *command == Command::Stop {
            self.hub.published.stop();
            self.quit = true;
            return Ok(());
        }
        self.play.command(command, &mut self.hub.ring(), self.hub.clock.now());
        self.open();
        self.publish();
        Ok(())
    }

    /// Jumps to the beginning of the loop, once it is time for that.
    fn go_back(&mut self, at: Duration) {
        let now = self.now();
        if at > now {
            thread::park_timeout(at - now);
            return;
        }
        self.play.jump_back(&mut self.hub.ring(), now);
        self.open();
        self.publish();
    }

    /// Answers requests for steps, once the steps are done or another command replaced them. The answer is the status
    /// after them.
    fn answer_steps(&mut self) {
        if self.stepping.is_empty() || (self.play.playback().is_stepping() && self.failure.is_none()) {
            return;
        }
        self.publish();
        for reply in self.stepping.drain(..) {
            let _ = reply.send(Ok(()));
        }
    }

    /// Returns true if clients hold the playback.
    fn is_held(&mut self) -> bool {
        let mut awaited = self.awaited();
        if awaited.is_some() {
            self.hub.player.await_play_offset(awaited);
            self.held = true;
            // progress from before the offset was published is seen now
            awaited = self.awaited();
        }
        if awaited.is_none() && std::mem::take(&mut self.held) {
            self.hub.player.await_play_offset(None);
        }
        awaited.is_some()
    }

    fn awaited(&mut self) -> Option<u64> {
        let play_offsets: PlayOffsets = self.hub.clients.play_offsets(self.play.playback().released());
        self.play.held_until(&play_offsets, &self.hub.ring(), self.hub.clock.now())
    }

    /// Informs the clients that the source cannot be read further.
    fn fail(&mut self) {
        self.quit = true;
        if let Some(failure) = &self.failure {
            self.hub.published.set_failure(failure);
        }
        self.hub.published.stop();
    }

    fn publish(&mut self) {
        // a task that sees the new view also sees the new state, and a waiting task is woken when both are published
        self.publish_head();
        self.publish_view(true);
        self.publish_head();
    }

    fn publish_head(&self) {
        let head = self.play.head();
        if head.state == State::Ended {
            // a client that sees the end may leave at once, and needs the digest before
            self.publish_digest(&mut self.hub.published.view());
        }
        self.hub.published.head.send_replace(head);
        self.hub.published.state.send_if_modified(|state| std::mem::replace(state, head.state) != head.state);
    }

    fn publish_digest(&self, view: &mut View) {
        view.digest = self.play.digest();
        view.digest_received = view.digest.filter(|_| self.play.is_received_as_hashed());
    }

    /// Publishes the status. Figures that are costly to compute are only published on request or at a change.
    fn publish_view(&mut self, whole: bool) {
        let now = self.now();
        let playback = self.play.playback();
        let mut view = self.hub.published.view();
        view.time = playback.time();
        view.elapsed = playback.elapsed(now);
        view.played = playback.played(now);
        view.waited = self.play.backpressure().waited();
        if whole || now >= self.digested + DIGEST_EVERY {
            // finishing a hash takes a microsecond: too long for every release
            let messages = self.play.head().sent;
            view.digest_so_far = self.play.digest().map(|digest| (messages, digest));
            self.digested = now;
        }
        if whole {
            view.speed = playback.speed();
            view.lateness = playback.lateness();
            view.late = playback.late_intervals();
            view.shortened = playback.shortened();
            view.first_seq = self.play.first_seq();
            self.publish_digest(&mut view);
            view.changes = self.play.changes();
            view.looped = self.play.looped();
        }
    }
}

/// Returns a point of the schedule that the wall clock fixes: a position, and the instant at which it is due. `unix_us` is the
/// wall clock at `now`.
fn wall_schedule(options: &Options, unix_us: i64, now: Duration) -> Option<(Duration, Duration)> {
    let since = |start: Timestamp| {
        Duration::from_micros(unix_us.saturating_sub(start.micros()).max(0).unsigned_abs())
    };
    match (options.clock, options.start_at, options.begins) {
        (PlayClock::Wall, Some(start), _) => Some((since(start), now)),
        (PlayClock::Recording, _, Some(begins)) if begins.micros() > unix_us => {
            let wait = Duration::from_micros((begins.micros() - unix_us).unsigned_abs());
            Some((Duration::ZERO, now + wait))
        }
        (PlayClock::Recording, _, Some(begins)) => match options.speed {
            Speed::Times(factor) => Some((factor.recorded(since(begins)), now)),
            Speed::Max => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_fixes_the_schedule() {
        let second = |at: i64| Timestamp::from_micros(at * 1_000_000).unwrap();
        let now = Duration::from_secs(5);
        let schedule = |speed: &str, begins: Option<i64>, unix: i64| {
            let speed = speed.parse().unwrap();
            let options = Options { speed, begins: begins.map(second), ..Options::new("test") };
            let point = wall_schedule(&options, unix * 1_000_000, now);
            point.map(|(position, at)| (position.as_secs(), at.as_secs()))
        };
        assert_eq!(schedule("2x", None, 100), None);
        assert_eq!(schedule("2x", Some(100), 100), Some((0, 5)));
        // early: position 0 is due in 7 seconds; late: 7 seconds at twice the speed have passed
        assert_eq!(schedule("2x", Some(107), 100), Some((0, 12)));
        assert_eq!(schedule("2x", Some(93), 100), Some((14, 5)));
        assert_eq!(schedule("max", Some(93), 100), None);

        let live = Options { clock: PlayClock::Wall, start_at: Some(second(90)), ..Options::new("test") };
        let point = wall_schedule(&Options { begins: Some(second(1)), ..live }, 100_000_000, now);
        assert_eq!(point, Some((Duration::from_secs(10), now)));
    }
}
