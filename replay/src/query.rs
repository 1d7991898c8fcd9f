//! The request of a client: the query of its URL, checked against the stream.

use tradesim_protocol::{FeedQuery, Refusal, StateRequest};
use tradesim_schemas::{ContentDigest, StreamSeq};

use crate::{known_symbols::KnownSymbols, selection::Selection};

/// The request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// The sequence number that it wants to begin with.
    pub(crate) from_seq: Option<StreamSeq>,
    /// The part of the stream that it wants.
    pub(crate) selection: Selection,
    /// The state that it wants first.
    pub(crate) state: Option<StateRequest>,
}

impl Join {
    /// Parses a query, without its question mark, for a stream whose digest is `known`, if it is known.
    ///
    /// # Errors
    /// An unknown, duplicate or invalid parameter, and a digest or a symbol that the stream does not have.
    pub(crate) fn parse(
        query: &str,
        known: Option<ContentDigest>,
        symbols: &KnownSymbols,
    ) -> Result<Join, Refusal> {
        let query: FeedQuery = query.parse()?;
        match (query.digest, known) {
            (Some(wanted), Some(known)) if wanted != known => {
                return Err(Refusal::new("digest_mismatch", "digest: this stream has a different digest"));
            }
            (Some(_), None) => {
                let text = "digest: the digest of this stream is not known in advance";
                return Err(Refusal::new("digest_unknown", text));
            }
            _ => {}
        }
        symbols.check(query.symbols.as_deref())?;
        let selection = Selection::of_url(query.symbols.as_deref(), query.events.as_deref());
        Ok(Join { from_seq: query.from_seq, selection, state: query.state })
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::{EventType, StreamSeq, Symbol};

    use super::*;

    const DIGEST: &str = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    fn parse(query: &str) -> Result<Join, Refusal> {
        let symbols: Vec<Symbol> =
            ["AAPL", "MSFT", "BRK.B"].iter().map(|name| Symbol::new(name).unwrap()).collect();
        Join::parse(query, Some(DIGEST.parse().unwrap()), &KnownSymbols::new(&symbols))
    }

    #[track_caller]
    fn refused(query: &str, code: &str, text: &str) {
        let refusal = parse(query).unwrap_err();
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.text.contains(text), "{refusal}");
    }

    #[test]
    fn nothing_asked_for_is_everything() {
        let join = parse("").unwrap();
        assert!(join.from_seq.is_none() && join.selection.is_all() && join.state.is_none());
        assert_eq!(parse("state=books").unwrap().state, Some(StateRequest::Books));
    }

    #[test]
    fn all_parameters_together() {
        let join = parse(&format!("from_seq=17&digest={DIGEST}&symbols=MSFT,%41APL&events=trade")).unwrap();
        assert_eq!(join.from_seq, Some(StreamSeq(17)));
        let kind = |name, event_type| Some((Symbol::new(name).unwrap(), event_type));
        assert!(join.selection.in_stream(kind("AAPL", EventType::Trade)));
        assert!(!join.selection.in_stream(kind("AAPL", EventType::OrderBook)));
        assert!(!join.selection.in_stream(kind("BRK.B", EventType::Trade)));
        assert_eq!(
            join.selection.identity(),
            parse("events=trade&symbols=AAPL,MSFT,AAPL").unwrap().selection.identity()
        );
    }

    #[test]
    fn what_the_stream_does_not_have_is_refused() {
        refused("form_seq=1", "unknown_parameter", "did you mean from_seq?");
        refused("symbols=APPL", "unknown_symbol", "did you mean AAPL?");
        refused(
            &format!("digest={}", DIGEST.replace("af13", "af14")),
            "digest_mismatch",
            "a different digest",
        );
        let known = KnownSymbols::new(&[]);
        let unknown = Join::parse(&format!("digest={DIGEST}"), None, &known).unwrap_err();
        assert_eq!(unknown.code, "digest_unknown");
        assert!(Join::parse("symbols=ANY", None, &known).is_ok());
    }
}
