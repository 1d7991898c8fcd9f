//! The tradesim headers of a handshake (docs/PROTOCOL.md, section 1).

use http::{HeaderMap, header};
use tradesim_schemas::{ContentDigest, StreamSeq};

use crate::{SEQ_END, SUBPROTOCOL, is_name};

/// The tradesim headers of an accepted handshake. A foreign server sends none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeHeaders {
    /// The id of the stream.
    pub stream: Option<String>,
    /// The name of the run.
    pub run: Option<String>,
    /// The number of the first message on this connection.
    pub start_seq: Option<StreamSeq>,
    /// The digest of the whole stream, if the server knows it in advance.
    pub digest: Option<ContentDigest>,
    /// The number of messages before the first one that state what was before it; `None` if no state was requested.
    pub state: Option<u64>,
    /// True if the server may send notices.
    pub notices: bool,
}

/// The names of the headers.
const STREAM: &str = "tradesim-stream";
const RUN: &str = "tradesim-run";
const START_SEQ: &str = "tradesim-start-seq";
const DIGEST: &str = "tradesim-digest";
const STATE: &str = "tradesim-state";

impl HandshakeHeaders {
    /// Returns the headers that a server adds to its answer, without the subprotocol.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let pairs = [
            (RUN, self.run.clone()),
            (DIGEST, self.digest.map(|digest| digest.to_string())),
            (START_SEQ, self.start_seq.map(|seq| seq.to_string())),
            (STREAM, self.stream.clone()),
            (STATE, self.state.map(|messages| messages.to_string())),
        ];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Reads and validates the headers.
    ///
    /// # Errors
    /// An invalid or repeated header, as text.
    pub fn of(headers: &HeaderMap) -> Result<HandshakeHeaders, String> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| is_number && *number < SEQ_END)
        };
        Ok(HandshakeHeaders {
            stream: read(headers, STREAM, name, NAME)?,
            run: read(headers, RUN, name, NAME)?,
            start_seq: read(headers, START_SEQ, |text| number(text).map(StreamSeq), NUMBER)?,
            digest: read(headers, DIGEST, |text| text.parse().ok(), "a digest")?,
            state: read(headers, STATE, number, NUMBER)?,
            notices: headers
                .get(header::SEC_WEBSOCKET_PROTOCOL)
                .is_some_and(|protocol| protocol.as_bytes() == SUBPROTOCOL.as_bytes()),
        })
    }
}

const NUMBER: &str = "a number below 2^53";
const NAME: &str = "a name of 1 to 64 letters, digits, dashes, underscores, dots and colons";

fn name(text: &str) -> Option<String> {
    is_name(text).then(|| text.to_owned())
}

fn read<T>(
    headers: &HeaderMap,
    header: &str,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, String> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the server sends the header {header} more than once"));
    }
    match value.to_str().ok().and_then(parse) {
        Some(value) => Ok(Some(value)),
        None => Err(format!("the server's header {header} is not {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake_headers(pairs: &[(&'static str, &str)]) -> Result<HandshakeHeaders, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        HandshakeHeaders::of(&headers)
    }

    #[test]
    fn a_server_of_ours_is_read_and_any_other_says_nothing() {
        let digest = format!("blake3:{}", "0f".repeat(32));
        let ours = handshake_headers(&[
            ("tradesim-stream", "0123"),
            ("tradesim-run", "nightly:1"),
            ("tradesim-start-seq", "9007199254740991"),
            ("tradesim-digest", &digest),
            ("tradesim-state", "50"),
            ("sec-websocket-protocol", "tradesim.v1"),
        ])
        .unwrap();
        assert_eq!((ours.stream.as_deref(), ours.run.as_deref()), (Some("0123"), Some("nightly:1")));
        assert_eq!((ours.start_seq, ours.notices), (Some(StreamSeq(9_007_199_254_740_991)), true));
        assert_eq!(ours.state, Some(50));
        assert_eq!(ours.digest.unwrap().to_string(), digest);
        let written: Vec<_> = ours.pairs();
        let pairs: Vec<_> = written.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(handshake_headers(&pairs), Ok(HandshakeHeaders { notices: false, ..ours.clone() }));
        assert_eq!(handshake_headers(&[("server", "somebody")]), Ok(HandshakeHeaders::default()));
    }

    #[test]
    fn what_ours_cannot_hold_is_an_error_that_does_not_repeat_it() {
        let long = "x".repeat(65);
        for (header, value) in [
            ("tradesim-stream", ""),
            ("tradesim-stream", "a/b"),
            ("tradesim-run", long.as_str()),
            ("tradesim-run", "a b"),
            ("tradesim-start-seq", "9007199254740992"),
            ("tradesim-start-seq", "18446744073709551616"),
            ("tradesim-start-seq", "-1"),
            ("tradesim-start-seq", "+1"),
            ("tradesim-digest", "blake3:"),
            ("tradesim-state", "-1"),
        ] {
            let error = handshake_headers(&[(header, value)]).unwrap_err();
            assert!(error.starts_with(&format!("the server's header {header} is not a")), "{error}");
            assert!(value.len() < 4 || !error.contains(value), "{error}");
        }
        let error = handshake_headers(&[("tradesim-run", "a"), ("tradesim-run", "b")]).unwrap_err();
        assert!(error.contains("more than once"), "{error}");
    }
}
