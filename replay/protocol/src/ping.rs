//! The pings of the subprotocol `tradesim.v1` (docs/PROTOCOL.md, section 4).

use tradesim_schemas::StreamSeq;

use serde::{Deserialize, Serialize};

/// The payload of a ping of `tradesim.v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingPayload {
    /// All messages before this one were sent before the ping.
    pub seq: StreamSeq,
    /// The time at which the message before `seq` was due, in microseconds of Unix time; `None` without a schedule.
    #[serde(rename = "due")]
    pub due_us: Option<u64>,
    /// The time at which the ping was written, in microseconds of Unix time.
    #[serde(rename = "sent")]
    pub sent_us: u64,
}

impl PingPayload {
    /// Returns the text: at most 90 bytes.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("numbers are JSON")
    }

    /// Parses the payload of a ping; `None` if it is not one of `tradesim.v1`.
    pub fn parse(payload: &[u8]) -> Option<PingPayload> {
        serde_json::from_slice(payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_fits_a_control_frame() {
        let longest = PingPayload { seq: StreamSeq::MAX, due_us: Some(u64::MAX), sent_us: u64::MAX };
        assert!(longest.text().len() <= 90);
        assert_eq!(PingPayload::parse(longest.text().as_bytes()), Some(longest));
        let ping = PingPayload { seq: StreamSeq(1), due_us: None, sent_us: 2 };
        assert_eq!(ping.text(), r#"{"seq":1,"due":null,"sent":2}"#);
        assert_eq!(PingPayload::parse(b"hello"), None);
    }
}
