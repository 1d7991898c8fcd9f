//! The query of a client's URL (docs/PROTOCOL.md, section 2).

use std::{fmt, str::FromStr};

use tradesim_schemas::{
    ContentDigest, EventType, StreamSeq, Symbol,
    text::{percent_decoded, percent_encoded},
};

use crate::{
    refusal::{Refusal, shown},
    vocabulary,
};

/// The known parameters.
const PARAMETERS: [&str; 5] = ["from_seq", "digest", "symbols", "events", "state"];

/// The part of a stream that a client requests. Servers parse it and clients write it, without the question mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedQuery {
    /// The sequence number to begin with.
    pub from_seq: Option<StreamSeq>,
    /// The digest that the stream must have.
    pub digest: Option<ContentDigest>,
    /// The symbols; `None` for all.
    pub symbols: Option<Vec<Symbol>>,
    /// The event types; `None` for all.
    pub events: Option<Vec<EventType>>,
    /// The state that the client wants to receive before its first message; `None` for none.
    pub state: Option<StateRequest>,
}

/// The state that a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateRequest {
    /// The last book of each of its symbols; with the subprotocol, all of [`StateNotice`](crate::StateNotice) but the list of
    /// open orders.
    Books,
    /// All of [`StateNotice`](crate::StateNotice), which requires the subprotocol.
    Orders,
}

impl StateRequest {
    /// Returns the text in a query.
    pub const fn as_str(self) -> &'static str {
        match self {
            StateRequest::Books => "books",
            StateRequest::Orders => "orders",
        }
    }

    /// Returns the request with this text, or `None`.
    pub fn parse(text: &str) -> Option<StateRequest> {
        [StateRequest::Books, StateRequest::Orders].into_iter().find(|request| request.as_str() == text)
    }

    fn of_query(text: &str) -> Result<StateRequest, Refusal> {
        StateRequest::parse(text).ok_or_else(|| {
            Refusal::new("bad_value", format!("state: expected books or orders, found {}", shown(text)))
        })
    }
}

impl FeedQuery {
    /// Returns the query of everything from a message on.
    pub fn from_seq(seq: StreamSeq) -> FeedQuery {
        FeedQuery { from_seq: Some(seq), ..FeedQuery::default() }
    }
}

impl FromStr for FeedQuery {
    type Err = Refusal;

    /// Parses a query. Unknown, duplicate and invalid parameters are refused.
    fn from_str(query: &str) -> Result<FeedQuery, Refusal> {
        let mut values: [Option<String>; PARAMETERS.len()] = Default::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let Some(index) = PARAMETERS.iter().position(|parameter| *parameter == name) else {
                let meant = vocabulary::hint(&name, PARAMETERS.into_iter());
                return Err(Refusal::new(
                    "unknown_parameter",
                    format!("no parameter {}{meant}", shown(&name)),
                ));
            };
            if values[index].replace(decode(value)?).is_some() {
                return Err(Refusal::new("duplicate_parameter", format!("{name} is given twice")));
            }
        }
        let [from_seq, digest, symbols, events, state] = values;
        Ok(FeedQuery {
            digest: digest.map(|text| digest_of(&text)).transpose()?,
            symbols: symbols.map(|text| list(&text, "symbols", vocabulary::symbol)).transpose()?,
            events: events.map(|text| list(&text, "events", vocabulary::event_type)).transpose()?,
            from_seq: from_seq.map(|text| seq(&text)).transpose()?,
            state: state.map(|text| StateRequest::of_query(&text)).transpose()?,
        })
    }
}

impl fmt::Display for FeedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut write = |name: &str, value: &dyn fmt::Display| {
            write!(f, "{separator}{name}={value}")?;
            separator = "&";
            Ok(())
        };
        if let Some(symbols) = &self.symbols {
            write("symbols", &encoded(symbols.iter().map(Symbol::as_str)))?;
        }
        if let Some(events) = &self.events {
            write("events", &encoded(events.iter().map(|event| event.as_str())))?;
        }
        if let Some(seq) = &self.from_seq {
            write("from_seq", seq)?;
        }
        if let Some(state) = self.state {
            write("state", &state.as_str())?;
        }
        self.digest.iter().try_for_each(|digest| write("digest", digest))
    }
}

/// Percent-encodes the parts of a comma-separated list.
fn encoded<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(percent_encoded).collect::<Vec<_>>().join(",")
}

fn seq(text: &str) -> Result<StreamSeq, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        Refusal::new("bad_value", format!("from_seq: expected a whole number, found {}", shown(text)))
    })
}

fn digest_of(text: &str) -> Result<ContentDigest, Refusal> {
    text.parse().map_err(|_| {
        let expected = "expected blake3: and 64 lower-case hex digits";
        Refusal::new("bad_value", format!("digest: {expected}, found {}", shown(text)))
    })
}

fn list<T>(
    text: &str,
    field: &str,
    read: impl Fn(&str, &str) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(
            "bad_value",
            format!("{field}: expected a comma-separated list, found none"),
        ));
    }
    text.split(',').map(|part| read(field, part)).collect()
}

fn decode(text: &str) -> Result<String, Refusal> {
    let bad =
        || Refusal::new("bad_value", format!("the query: {} is not percent-encoded UTF-8", shown(text)));
    percent_decoded(text).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    fn parse(query: &str) -> Result<FeedQuery, Refusal> {
        query.parse()
    }

    #[track_caller]
    fn refused(query: &str, code: &str, text: &str) {
        let refusal = parse(query).unwrap_err();
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.text.contains(text), "{refusal}");
    }

    #[test]
    fn nothing_requested_is_everything() {
        for query in ["", "&", "&&"] {
            assert_eq!(parse(query), Ok(FeedQuery::default()));
        }
        assert_eq!(FeedQuery::default().to_string(), "");
    }

    #[test]
    fn all_parameters_together_are_read_and_written() {
        let query = format!(
            "from_seq=17&digest={}&symbols=MSFT,%41APL,B%2c%26&events=trade&state=books",
            DIGEST.replace(':', "%3A")
        );
        let parsed = parse(&query).unwrap();
        let symbols = ["MSFT", "AAPL", "B", "&"].map(|name| Symbol::new(name).unwrap()).to_vec();
        let expected = FeedQuery {
            from_seq: Some(StreamSeq(17)),
            digest: Some(DIGEST.parse().unwrap()),
            symbols: Some(symbols),
            events: Some(vec![EventType::Trade]),
            state: Some(StateRequest::Books),
        };
        assert_eq!(parsed, expected);
        let written = format!("symbols=MSFT,AAPL,B,%26&events=trade&from_seq=17&state=books&digest={DIGEST}");
        assert_eq!(parsed.to_string(), written);
        assert_eq!(FeedQuery::from_seq(StreamSeq(3)).to_string(), "from_seq=3");
        let orders = parse("state=orders").unwrap();
        assert_eq!(orders.state, Some(StateRequest::Orders));
        assert_eq!(orders.to_string(), "state=orders");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_name() {
        refused("form_seq=1", "unknown_parameter", "did you mean from_seq?");
        refused("from_seq=1&from_seq=1", "duplicate_parameter", "from_seq");
        for text in ["", "-1", "+1", "1.0", "18446744073709551616", "x"] {
            refused(&format!("from_seq={text}"), "bad_value", "from_seq: expected a whole number");
        }
        refused("symbols=", "bad_value", "symbols");
        refused("symbols=AAPL,", "bad_value", "symbols");
        refused("events=trades", "unknown_event_type", "did you mean trade?");
        refused("symbols=%4", "bad_value", "percent");
        refused("symbols=%ff", "bad_value", "percent");
        refused("digest=blake3:00", "bad_value", "digest");
        refused("state=", "bad_value", "state: expected books or orders");
        refused("state=Books", "bad_value", "state: expected books or orders");
    }
}
