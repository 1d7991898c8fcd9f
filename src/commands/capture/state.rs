//! The state of a capture over all connections, and the decision what to do after each of them. There is no I/O here.

use tradesim_schemas::StreamSeq;

use std::time::Duration;

use tradesim_client::{DisconnectReason, Fault, Next, Oversize, ResumeState};
use tradesim_protocol::{Backoff, CloseKind, HandshakeHeaders, Notice};

/// The pauses before the first connection: short, because the feed may just be starting.
const FIRST: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// The pauses after the first connection: those of the contract, as in the bridge.
const AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// The state of a capture over all connections.
///
/// It extends [`ResumeState`] to feeds that cannot resume: there, a new connection leaves a gap.
#[derive(Debug)]
pub(super) struct CaptureState {
    resume: ResumeState,
    backoff: Backoff,
    /// The maximum number of consecutive attempts without a message.
    retries: u32,
    gap: Option<String>,
    heartbeats: u64,
}

/// The next step after a connection or a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The feed has ended.
    Complete,
    /// Reconnect after a pause.
    Again(Duration),
    /// No attempts are left.
    Lost,
    /// Reconnecting cannot help.
    Failed,
}

impl CaptureState {
    pub(super) fn new(from_seq: Option<StreamSeq>, retries: u32) -> CaptureState {
        CaptureState { resume: ResumeState::new(from_seq), backoff: FIRST, retries, gap: None, heartbeats: 0 }
    }

    /// Returns what was received, to be read only: what it counts is counted here as well.
    pub(super) fn resume(&self) -> &ResumeState {
        &self.resume
    }

    /// Records a connection. Returns the reason for a gap before its first message, if there may be one, and an error if the
    /// server has another stream or starts at another message than requested.
    pub(super) fn connected(&mut self, greeting: &HandshakeHeaders) -> (Option<String>, Result<(), Fault>) {
        if self.resume.connections() == 0 {
            self.backoff = AGAIN;
        }
        (self.gap.take(), self.resume.connected(greeting))
    }

    /// Counts a message.
    pub(super) fn message(&mut self) {
        self.resume.message();
        self.backoff.reset();
    }

    /// Counts a message above the size limit. Returns the reason for the gap that it leaves.
    pub(super) fn oversize(&mut self, message: &Oversize) -> String {
        self.backoff.reset();
        self.resume.oversize(message)
    }

    /// Records a heartbeat. Like a message, it shows that the feed is alive.
    pub(super) fn heartbeat(&mut self) {
        self.heartbeats += 1;
        self.backoff.reset();
    }

    /// Returns the number of heartbeats.
    pub(super) fn heartbeats(&self) -> u64 {
        self.heartbeats
    }

    /// Handles a notice. Returns a text to print, and whether messages are missing.
    ///
    /// # Errors
    /// Fails on an invalid sequence number.
    pub(super) fn notice(&mut self, notice: Notice) -> Result<(Option<String>, bool), Fault> {
        let is_gap = matches!(notice, Notice::Gap { .. });
        Ok((self.resume.notice(notice)?, is_gap))
    }

    /// Returns the next step after a connection ended, or could not be established. `random` is from 0 to 1.
    pub(super) fn ended(&mut self, reason: &DisconnectReason, random: f64) -> NextStep {
        let is_connected = self.resume.connections() > 0;
        let (again, resumes) = match self.resume.ended(reason) {
            Next::Done => return NextStep::Complete,
            Next::Again => (true, reason.kind() != CloseKind::Moved),
            Next::Failed(_) => (is_retriable(reason.kind()), false),
        };
        if !again {
            return NextStep::Failed;
        }
        if is_connected && !resumes {
            self.gap.get_or_insert_with(|| self.resume.describe(reason));
        }
        self.backoff.pause_within(self.retries, random).map_or(NextStep::Lost, NextStep::Again)
    }

    /// Returns the number of consecutive attempts without a message.
    pub(super) fn tries(&self) -> u32 {
        self.backoff.tries()
    }
}

/// Returns whether reconnecting may help: the feed disconnected or was overloaded, but did not refuse the client.
fn is_retriable(kind: CloseKind) -> bool {
    matches!(kind, CloseKind::Interrupted | CloseKind::Unstated | CloseKind::Moved | CloseKind::Failed)
}

#[cfg(test)]
mod tests {
    use tradesim_protocol::FeedQuery;

    use super::*;

    fn plain() -> HandshakeHeaders {
        HandshakeHeaders::default()
    }

    fn numbered(start: u64) -> HandshakeHeaders {
        HandshakeHeaders {
            run: Some("r".to_owned()),
            start_seq: Some(StreamSeq(start)),
            ..HandshakeHeaders::default()
        }
    }

    fn closed(code: u16) -> DisconnectReason {
        DisconnectReason::Closed { code, reason: String::new() }
    }

    fn lost() -> DisconnectReason {
        DisconnectReason::Lost("reset".to_owned())
    }

    fn connected(greeting: &HandshakeHeaders, retries: u32) -> CaptureState {
        let mut state = CaptureState::new(None, retries);
        assert_eq!(state.connected(greeting), (None, Ok(())));
        state.message();
        state
    }

    fn seconds(after: &NextStep) -> Option<f64> {
        match after {
            NextStep::Again(pause) => Some(pause.as_secs_f64()),
            _ => None,
        }
    }

    #[test]
    fn a_feed_that_cannot_resume_has_a_gap_where_it_was_lost() {
        for reason in [lost(), closed(1001), closed(1011), closed(1012), closed(1013)] {
            let mut state = connected(&plain(), 10);
            assert_eq!(seconds(&state.ended(&reason, 0.5)), Some(1.0), "{reason:?}");
            // another failed attempt does not add a gap
            assert_eq!(seconds(&state.ended(&lost(), 0.5)), Some(2.0), "{reason:?}");
            let (gap, result) = state.connected(&plain());
            assert!(gap.unwrap().contains("after 1 message"), "{reason:?}");
            assert_eq!(result, Ok(()));
            assert_eq!(state.resume().query(), FeedQuery::default());
        }
    }

    #[test]
    fn a_feed_that_resumes_has_no_gap() {
        let mut state = connected(&numbered(0), 10);
        assert_eq!(seconds(&state.ended(&lost(), 0.5)), Some(1.0));
        assert_eq!(state.resume().query(), FeedQuery::from_seq(StreamSeq(1)));
        assert_eq!(state.connected(&numbered(1)), (None, Ok(())));
    }

    #[test]
    fn a_jump_of_the_player_is_a_gap() {
        let mut state = connected(&numbered(0), 10);
        assert!(seconds(&state.ended(&closed(1012), 0.5)).is_some());
        assert_eq!(state.resume().query(), FeedQuery::default());
        assert!(state.connected(&numbered(700)).0.unwrap().contains("1012"));
    }

    #[test]
    fn a_normal_close_ends_the_feed() {
        assert_eq!(connected(&plain(), 10).ended(&closed(1000), 0.5), NextStep::Complete);
        assert_eq!(connected(&plain(), 10).ended(&closed(1005), 0.5), NextStep::Complete);
    }

    #[test]
    fn a_refusal_is_not_retried() {
        for code in [1002, 1003, 1007, 1008, 1009, 4001] {
            assert_eq!(connected(&plain(), 10).ended(&closed(code), 0.5), NextStep::Failed, "{code}");
        }
    }

    #[test]
    fn attempts_are_counted_from_zero_after_a_message() {
        let mut state = connected(&plain(), 2);
        for _ in 0..3 {
            assert_eq!(seconds(&state.ended(&lost(), 0.5)), Some(1.0));
            assert_eq!(seconds(&state.ended(&lost(), 0.5)), Some(2.0));
            state.connected(&plain()).1.unwrap();
            state.message();
        }
        state.ended(&lost(), 0.5);
        state.ended(&lost(), 0.5);
        assert_eq!(state.ended(&lost(), 0.5), NextStep::Lost);
        assert_eq!(connected(&plain(), 0).ended(&lost(), 0.5), NextStep::Lost);
    }

    #[test]
    fn a_feed_that_never_answers_is_tried_as_often_as_configured() {
        for (retries, pauses) in
            [(0, &[][..]), (2, &[0.2, 0.4]), (8, &[0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])]
        {
            let mut state = CaptureState::new(None, retries);
            let found: Vec<f64> =
                std::iter::from_fn(|| seconds(&state.ended(&lost(), 0.5))).take(100).collect();
            assert_eq!((found.as_slice(), state.tries()), (pauses, retries));
        }
    }
}
