//! The states of the market that `tail --state` prints: one before the first message, and one after each jump of the player.
//! What other connections repeat is left out.

use tradesim_client::DisconnectReason;
use tradesim_protocol::{CloseKind, HandshakeHeaders, StateRequest};

/// The beginning of the reason of a server that does not know the state at a message which it has not played yet.
const NOT_PLAYED_YET: &str = "state_unknown:";

/// The states that are requested, and whether the next one is printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct States {
    request: Option<StateRequest>,
    due: bool,
}

impl States {
    pub(super) fn new(request: Option<StateRequest>) -> States {
        States { request, due: request.is_some() }
    }

    /// Returns what the next connection requests.
    pub(super) fn request(&self) -> Option<StateRequest> {
        self.request
    }

    /// Returns true if a state must still be printed.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Notes the answer to a handshake. Returns true if the server knows no states, so none is waited for.
    pub(super) fn connected(&mut self, answer: &HandshakeHeaders) -> bool {
        let is_ignored = self.due && answer.state.is_none();
        if is_ignored {
            *self = States::new(None);
        }
        is_ignored
    }

    /// Notes that the player jumped: the state that follows is another one.
    pub(super) fn jumped(&mut self) {
        self.due = self.request.is_some();
    }

    /// Notes a state. Returns true if it is to be printed.
    pub(super) fn take(&mut self) -> bool {
        std::mem::take(&mut self.due)
    }

    /// Notes the end of a connection. Returns true if a server refused it only because of a state that was already printed. The next
    /// connection does not request it: a live server that was restarted does not know the state at a message that it will play
    /// later.
    pub(super) fn can_be_done_without(&mut self, reason: &DisconnectReason) -> bool {
        if reason.kind() == CloseKind::Moved {
            self.jumped();
        }
        let is_refused = reason.kind() == CloseKind::Refused
            && matches!(reason, DisconnectReason::Closed { reason, .. } if reason.starts_with(NOT_PLAYED_YET));
        let can = is_refused && !self.due && self.request.is_some();
        if can {
            self.request = None;
        }
        can
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(state: Option<u64>) -> HandshakeHeaders {
        HandshakeHeaders { state, ..HandshakeHeaders::default() }
    }

    #[test]
    fn a_state_is_printed_once_and_after_each_jump() {
        let mut states = States::new(Some(StateRequest::Orders));
        assert!(states.is_due() && !states.connected(&answer(Some(0))) && states.take());
        // the next connection repeats it
        assert_eq!(states.request(), Some(StateRequest::Orders));
        assert!(!states.connected(&answer(Some(0))) && !states.is_due() && !states.take());
        states.jumped();
        assert!(states.is_due() && states.take() && !states.take());
        let seek = DisconnectReason::Closed { code: 1012, reason: "seek to seq 7".to_owned() };
        assert!(!states.can_be_done_without(&seek) && states.is_due());
        let mut none = States::new(None);
        none.jumped();
        assert!(!none.is_due() && none.request().is_none());
    }

    #[test]
    fn a_server_without_states_is_not_waited_for() {
        let mut states = States::new(Some(StateRequest::Books));
        assert!(states.connected(&answer(None)));
        assert!(!states.is_due() && states.request().is_none());
        assert!(!states.connected(&answer(None)), "it is said once");
    }

    #[test]
    fn a_restarted_live_server_is_asked_again_without_a_state() {
        let refused =
            |reason: &str| DisconnectReason::Closed { code: 1008, reason: format!("{reason}: state: no") };
        let mut states = States::new(Some(StateRequest::Books));
        assert!(!states.can_be_done_without(&refused("state_unknown")), "it was not printed yet");
        states.take();
        assert!(!states.can_be_done_without(&refused("digest_mismatch")));
        assert!(states.can_be_done_without(&refused("state_unknown")));
        assert_eq!(states.request(), None);
        assert!(!states.can_be_done_without(&refused("state_unknown")), "it was not requested");
    }
}
