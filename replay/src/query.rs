//! The query of a client's URL.

use tradesim_schemas::{ContentDigest, EventType, StreamSeq, Symbol};

use crate::{
    names::{self, KnownSymbols},
    refusal::{Refusal, shown},
    selection::Selection,
};

/// The known parameters.
const PARAMETERS: [&str; 4] = ["from_seq", "digest", "symbols", "events"];

/// The request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// The sequence number that it wants to begin with.
    pub(crate) from_seq: Option<StreamSeq>,
    /// The part of the stream that it wants.
    pub(crate) selection: Selection,
}

impl Join {
    /// Parses a query, without its question mark, for a stream whose digest is `known`, if it is known.
    ///
    /// # Errors
    /// An unknown, duplicate or invalid parameter, and a digest that is not that of the stream.
    pub(crate) fn parse(
        query: &str,
        known: Option<ContentDigest>,
        symbols: &KnownSymbols,
    ) -> Result<Join, Refusal> {
        let mut values: [Option<String>; PARAMETERS.len()] = Default::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let Some(index) = PARAMETERS.iter().position(|parameter| *parameter == name) else {
                let meant = names::hint(&name, PARAMETERS.into_iter());
                return Err(Refusal::new(
                    "unknown_parameter",
                    format!("no parameter {}{meant}", shown(&name)),
                ));
            };
            if values[index].replace(decode(value)?).is_some() {
                return Err(Refusal::new("duplicate_parameter", format!("{name} is given twice")));
            }
        }
        let [from_seq, digest, names, events] = values;
        if let Some(text) = digest {
            check_digest(&text, known)?;
        }
        let names =
            names.map(|text| list(&text, "symbols", |name| symbols.read("symbols", name))).transpose()?;
        let events = events.map(|text| list(&text, "events", |name| names::event_type("events", name)));
        let events: Option<Vec<EventType>> = events.transpose()?;
        let names: Option<Vec<Symbol>> = names;
        Ok(Join {
            from_seq: from_seq.map(|text| seq(&text)).transpose()?,
            selection: Selection::of_url(names.as_deref(), events.as_deref()),
        })
    }
}

fn seq(text: &str) -> Result<StreamSeq, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        Refusal::new("bad_value", format!("from_seq: expected a whole number, found {}", shown(text)))
    })
}

fn check_digest(text: &str, known: Option<ContentDigest>) -> Result<(), Refusal> {
    let digest: ContentDigest = text.parse().map_err(|_| {
        let expected = "expected blake3: and 64 lower-case hex digits";
        Refusal::new("bad_value", format!("digest: {expected}, found {}", shown(text)))
    })?;
    match known {
        Some(known) if known == digest => Ok(()),
        Some(_) => Err(Refusal::new("digest_mismatch", "digest: this stream has a different digest")),
        None => {
            Err(Refusal::new("digest_unknown", "digest: the digest of this stream is not known in advance"))
        }
    }
}

fn list<T>(text: &str, field: &str, read: impl Fn(&str) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(
            "bad_value",
            format!("{field}: expected a comma-separated list, found none"),
        ));
    }
    text.split(',').map(read).collect()
}

/// Decodes percent-encoding (RFC 3986, section 2.1).
fn decode(text: &str) -> Result<String, Refusal> {
    let bad =
        || Refusal::new("bad_value", format!("the query: {} is not percent-encoded UTF-8", shown(text)));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or_else(bad);
            bytes.push((digit()? << 4 | digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
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
        for query in ["", "&", "&&"] {
            let join = parse(query).unwrap();
            assert!(join.from_seq.is_none() && join.selection.is_all());
        }
    }

    #[test]
    fn all_parameters_together() {
        let query =
            format!("from_seq=17&digest={}&symbols=MSFT,%41APL&events=trade", DIGEST.replace(':', "%3A"));
        let join = parse(&query).unwrap();
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
    fn what_cannot_be_meant_is_refused_with_its_name() {
        refused("form_seq=1", "unknown_parameter", "did you mean from_seq?");
        refused("from_seq=1&from_seq=1", "duplicate_parameter", "from_seq");
        for text in ["", "-1", "+1", "1.0", "18446744073709551616", "x"] {
            refused(&format!("from_seq={text}"), "bad_value", "from_seq: expected a whole number");
        }
        refused("symbols=APPL", "unknown_symbol", "did you mean AAPL?");
        refused("symbols=", "bad_value", "symbols");
        refused("symbols=AAPL,", "bad_value", "symbols");
        refused("events=trades", "unknown_event_type", "did you mean trade?");
        refused("symbols=%4", "bad_value", "percent");
        refused("symbols=%ff", "bad_value", "percent");
        refused("digest=blake3:00", "bad_value", "digest");
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
