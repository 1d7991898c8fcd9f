//! What a server says about itself in the handshake.

use tradesim_replay::PROTOCOL;
use tungstenite::http::HeaderMap;

/// The headers of an accepted handshake, as far as they matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) stream: Option<String>,
    pub(super) run: Option<String>,
    pub(super) start_seq: Option<u64>,
    pub(super) digest: Option<String>,
    /// Whether notices may come.
    pub(super) notices: bool,
}

impl Greeting {
    pub(super) fn of(headers: &HeaderMap) -> Greeting {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Greeting {
            stream: text("tradesim-stream"),
            run: text("tradesim-run"),
            start_seq: text("tradesim-start-seq").and_then(|text| text.parse().ok()),
            digest: text("tradesim-digest"),
            notices: text("sec-websocket-protocol").as_deref() == Some(PROTOCOL),
        }
    }
}
