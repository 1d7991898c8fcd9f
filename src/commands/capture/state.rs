//! How a capture goes on after a connection: decides, and touches neither socket nor clock.

use std::time::Duration;

use tradesim_bridge::{core::Backoff, socket::Oversize};
use tradesim_replay::Notice;
use tradesim_schemas::Digest;

use crate::client::{Ending, Fault, Follower, Greeting, Next, TooLarge};

/// Before the first connection: a feed that is being started should be found soon.
const FIRST: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// After it: the contract's, as the bridge has it.
const AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// What was received, over all connections, and what comes next.
///
/// A [`Follower`] that also stays with feeds which cannot resume: what may be missing is a gap then.
#[derive(Debug)]
pub(super) struct Course {
    follower: Follower,
    backoff: Backoff,
    /// Further tries in a row that bring no message.
    retries: u32,
    gap: Option<String>,
    heartbeats: u64,
}

/// What comes after a connection, or a try to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The feed is over.
    Complete,
    /// Another try, after a pause.
    Again(Duration),
    /// No try is left.
    Lost,
    /// Nothing that could help.
    Failed,
}

impl Course {
    pub(super) fn new(from_seq: Option<u64>, retries: u32) -> Course {
        Course {
            follower: Follower::new(from_seq, retries),
            backoff: FIRST,
            retries,
            gap: None,
            heartbeats: 0,
        }
    }

    /// What the next connection has to ask for.
    pub(super) fn query(&self) -> Vec<String> {
        self.follower.query()
    }

    /// Takes note of a connection. Gives the reason for a gap before its first message, if there may be one; and whether the
    /// server is the one that was there before and begins where it was asked to.
    pub(super) fn connected(&mut self, greeting: &Greeting) -> (Option<String>, Result<(), Fault>) {
        if self.follower.connections() == 0 {
            self.backoff = AGAIN;
        }
        (self.gap.take(), self.follower.connected(greeting))
    }

    /// Counts a message.
    pub(super) fn message(&mut self) {
        self.follower.message();
        self.backoff.reset();
    }

    /// Counts a message above the limit. Gives the reason for the gap that it leaves.
    pub(super) fn oversize(&mut self, message: &Oversize) -> String {
        self.backoff.reset();
        self.follower.oversize(message)
    }

    /// Messages above the limit: how many, and the first of them.
    pub(super) fn too_large(&self) -> (u64, &[TooLarge]) {
        self.follower.too_large()
    }

    /// Takes note of a heartbeat, which shows that the feed is there as a message does.
    pub(super) fn heartbeat(&mut self) {
        self.heartbeats += 1;
        self.backoff.reset();
    }

    /// Heartbeats so far.
    pub(super) fn heartbeats(&self) -> u64 {
        self.heartbeats
    }

    /// Takes note of a notice. Gives what is to be said, and whether messages are missing.
    ///
    /// # Errors
    /// A number that no message can have.
    pub(super) fn notice(&mut self, notice: Notice) -> Result<(Option<String>, bool), Fault> {
        let is_gap = matches!(notice, Notice::Gap { .. });
        Ok((self.follower.notice(notice)?, is_gap))
    }

    /// Takes note of a ping.
    ///
    /// # Errors
    /// Messages did not arrive.
    pub(super) fn ping(&self, seq: u64) -> Result<(), Fault> {
        self.follower.ping(seq)
    }

    /// What comes after a connection that ended in this way, or could not be made. `random` is 0 to 1.
    pub(super) fn ended(&mut self, ending: &Ending, random: f64) -> After {
        let is_connected = self.follower.connections() > 0;
        let (again, resumes) = match self.follower.ended(ending) {
            Next::Done => return After::Complete,
            // 1012: the player jumped
            Next::Again => (true, !matches!(ending, Ending::Closed { code: 1012, .. })),
            Next::Failed(_) => (may_come_back(ending), false),
        };
        if !again {
            return After::Failed;
        }
        if is_connected && !resumes {
            self.gap.get_or_insert_with(|| self.follower.in_words(ending));
        }
        if self.backoff.tries() >= self.retries {
            return After::Lost;
        }
        After::Again(self.backoff.pause(random))
    }

    /// How a connection ended, with how many messages came.
    pub(super) fn in_words(&self, ending: &Ending) -> String {
        self.follower.in_words(ending)
    }

    /// Tries in a row that brought no message.
    pub(super) fn tries(&self) -> u32 {
        self.backoff.tries()
    }

    /// Messages so far.
    pub(super) fn received(&self) -> u64 {
        self.follower.received()
    }

    pub(super) fn connections(&self) -> u64 {
        self.follower.connections()
    }

    /// What does not fit together, at the end, in sentences.
    pub(super) fn differences(&self, digest: Digest, filtered: bool) -> Vec<String> {
        self.follower.differences(digest, filtered)
    }
}

/// Whether a feed that ended in this way may be there again a little later: it went away, or was overloaded, and did not
/// turn us away.
fn may_come_back(ending: &Ending) -> bool {
    match ending {
        Ending::Lost(_) => true,
        Ending::Closed { code, .. } => matches!(code, 1001 | 1005 | 1006 | 1011..=1014),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Greeting {
        Greeting::default()
    }

    fn numbered(start: u64) -> Greeting {
        Greeting { run: Some("r".to_owned()), start_seq: Some(start), ..Greeting::default() }
    }

    fn closed(code: u16) -> Ending {
        Ending::Closed { code, reason: String::new() }
    }

    fn lost() -> Ending {
        Ending::Lost("reset".to_owned())
    }

    fn connected(greeting: &Greeting, retries: u32) -> Course {
        let mut course = Course::new(None, retries);
        assert_eq!(course.connected(greeting), (None, Ok(())));
        course.message();
        course
    }

    fn seconds(after: &After) -> Option<f64> {
        match after {
            After::Again(pause) => Some(pause.as_secs_f64()),
            _ => None,
        }
    }

    #[test]
    fn a_feed_that_cannot_resume_has_a_gap_where_it_was_lost() {
        for ending in [lost(), closed(1001), closed(1011), closed(1012), closed(1013)] {
            let mut course = connected(&plain(), 10);
            assert_eq!(seconds(&course.ended(&ending, 0.5)), Some(1.0), "{ending:?}");
            // a further try in vain adds none
            assert_eq!(seconds(&course.ended(&lost(), 0.5)), Some(2.0), "{ending:?}");
            let (gap, result) = course.connected(&plain());
            assert!(gap.unwrap().contains("after 1 message"), "{ending:?}");
            assert_eq!(result, Ok(()));
            assert_eq!(course.query(), [""; 0]);
        }
    }

    #[test]
    fn a_feed_that_resumes_has_none() {
        let mut course = connected(&numbered(0), 10);
        assert_eq!(seconds(&course.ended(&lost(), 0.5)), Some(1.0));
        assert_eq!(course.query(), ["from_seq=1"]);
        assert_eq!(course.connected(&numbered(1)), (None, Ok(())));
    }

    #[test]
    fn a_jump_of_the_player_is_a_gap() {
        let mut course = connected(&numbered(0), 10);
        assert!(seconds(&course.ended(&closed(1012), 0.5)).is_some());
        assert_eq!(course.query(), [""; 0]);
        assert!(course.connected(&numbered(700)).0.unwrap().contains("1012"));
    }

    #[test]
    fn a_feed_that_says_goodbye_is_over() {
        assert_eq!(connected(&plain(), 10).ended(&closed(1000), 0.5), After::Complete);
        assert_eq!(connected(&plain(), 10).ended(&closed(1005), 0.5), After::Complete);
    }

    #[test]
    fn a_feed_that_turns_us_away_is_not_asked_again() {
        for code in [1002, 1003, 1007, 1008, 1009, 4001] {
            assert_eq!(connected(&plain(), 10).ended(&closed(code), 0.5), After::Failed, "{code}");
        }
    }

    #[test]
    fn tries_are_counted_anew_after_a_message() {
        let mut course = connected(&plain(), 2);
        for _ in 0..3 {
            assert_eq!(seconds(&course.ended(&lost(), 0.5)), Some(1.0));
            assert_eq!(seconds(&course.ended(&lost(), 0.5)), Some(2.0));
            course.connected(&plain()).1.unwrap();
            course.message();
        }
        course.ended(&lost(), 0.5);
        course.ended(&lost(), 0.5);
        assert_eq!(course.ended(&lost(), 0.5), After::Lost);
        assert_eq!(connected(&plain(), 0).ended(&lost(), 0.5), After::Lost);
    }

    #[test]
    fn a_feed_that_was_never_there_is_tried_as_often_as_was_asked_for() {
        for (retries, pauses) in
            [(0, &[][..]), (2, &[0.2, 0.4]), (8, &[0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])]
        {
            let mut course = Course::new(None, retries);
            let found: Vec<f64> =
                std::iter::from_fn(|| seconds(&course.ended(&lost(), 0.5))).take(100).collect();
            assert_eq!((found.as_slice(), course.tries()), (pauses, retries));
        }
    }
}
