//! What a server says about itself in the handshake.

use tradesim_replay::PROTOCOL;
use tungstenite::http::HeaderMap;

/// The headers of an accepted handshake, as far as they matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) stream: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) start_seq: Option<u64>,
    pub(crate) digest: Option<String>,
    /// Whether notices may come.
    pub(crate) notices: bool,
}

impl Greeting {
    pub(crate) fn of(headers: &HeaderMap) -> Greeting {
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
