//! The notices and pings of the subprotocol `tradesim.v1` (docs/PROTOCOL.md, section 4).

use serde::{Deserialize, Serialize};
use tradesim_schemas::{ContentDigest, EventType, StreamSeq, Symbol};

use crate::{control::State, selection::SelectedSymbols, speed::Speed};

/// The name of the subprotocol.
pub const PROTOCOL: &str = "tradesim.v1";

/// A text message that is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The first message of a connection.
    Start {
        /// The id of the stream.
        stream: String,
        /// The name of the run.
        run: String,
        /// The stream sequence number of the first message that will be sent.
        seq: StreamSeq,
        /// The digest of the whole stream, if it is known in advance.
        digest: Option<ContentDigest>,
        /// The requested speed.
        speed: Speed,
        /// The state of the player.
        state: State,
    },
    /// The playback was controlled.
    Position {
        /// The stream sequence number of the player's next message.
        seq: StreamSeq,
        /// The state of the player.
        state: State,
        /// The requested speed.
        speed: Speed,
    },
    /// The player jumped.
    Seek {
        /// The stream sequence number of the next message.
        seq: StreamSeq,
    },
    /// Messages are no longer available.
    Gap {
        /// The stream sequence number of the first of them.
        from: StreamSeq,
        /// The stream sequence number after the last of them.
        to: StreamSeq,
    },
    /// A subscription changed.
    Subscribed {
        /// The first message that the change applies to.
        seq: StreamSeq,
        /// The symbols that are sent; `None` for all.
        symbols: Option<Vec<Symbol>>,
        /// The symbols that are not sent, if the symbols of the stream are not known.
        except: Option<Vec<Symbol>>,
        /// The event types that are sent; `None` for all.
        events: Option<Vec<EventType>>,
    },
    /// A control message was refused.
    Error {
        /// A stable code.
        code: String,
        /// A text for the user.
        text: String,
    },
    /// The stream is delivered.
    End {
        /// The stream sequence number after the last message.
        seq: StreamSeq,
        /// The number of messages sent on this connection.
        sent: u64,
        /// The digest of everything that the player sent.
        digest: Option<ContentDigest>,
    },
}

/// The JSON layout of a notice.
#[derive(Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "lowercase")]
enum Layout {
    Start {
        stream: String,
        run: String,
        seq: StreamSeq,
        digest: Option<String>,
        speed: String,
        state: String,
    },
    Position {
        seq: StreamSeq,
        state: String,
        speed: String,
    },
    Seek {
        seq: StreamSeq,
    },
    Gap {
        from: StreamSeq,
        to: StreamSeq,
    },
    Subscribed {
        seq: StreamSeq,
        symbols: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<Vec<String>>,
        events: Option<Vec<String>>,
    },
    Error {
        code: String,
        text: String,
    },
    End {
        seq: StreamSeq,
        sent: u64,
        digest: Option<String>,
    },
}

impl Notice {
    /// The prefix of every notice, which no event has.
    const PREFIX: &str = "{\"notice\":";

    /// Returns true if a text message is a notice rather than an event.
    #[inline]
    pub fn is_notice(text: &str) -> bool {
        text.starts_with(Notice::PREFIX)
    }

    /// Parses a text as a notice; `None` if it is not a known one.
    pub fn parse(text: &str) -> Option<Notice> {
        let layout = if Notice::is_notice(text) { serde_json::from_str(text).ok()? } else { return None };
        let digest = |text: Option<String>| {
            text.map(|text| text.parse().ok()).map_or(Some(None), |digest| digest.map(Some))
        };
        Some(match layout {
            Layout::Start { stream, run, seq, digest: text, speed, state } => Notice::Start {
                stream,
                run,
                seq,
                digest: digest(text)?,
                speed: speed.parse().ok()?,
                state: State::parse(&state)?,
            },
            Layout::Position { seq, state, speed } => {
                Notice::Position { seq, state: State::parse(&state)?, speed: speed.parse().ok()? }
            }
            Layout::Seek { seq } => Notice::Seek { seq },
            Layout::Gap { from, to } => Notice::Gap { from, to },
            Layout::Subscribed { seq, symbols, except, events } => Notice::Subscribed {
                seq,
                symbols: symbols_of(symbols)?,
                except: symbols_of(except)?,
                events: match events {
                    Some(names) => Some(
                        names.iter().map(|name| EventType::parse(name.as_bytes())).collect::<Option<_>>()?,
                    ),
                    None => None,
                },
            },
            Layout::Error { code, text } => Notice::Error { code, text },
            Layout::End { seq, sent, digest: text } => Notice::End { seq, sent, digest: digest(text)? },
        })
    }

    /// Returns the text.
    pub fn text(&self) -> String {
        let digest = |digest: &Option<ContentDigest>| digest.map(|digest| digest.to_string());
        let names = |symbols: &Option<Vec<Symbol>>| {
            symbols.as_ref().map(|symbols| symbols.iter().map(Symbol::to_string).collect())
        };
        let layout = match self {
            Notice::Start { stream, run, seq, digest: known, speed, state } => Layout::Start {
                stream: stream.clone(),
                run: run.clone(),
                seq: *seq,
                digest: digest(known),
                speed: speed.to_string(),
                state: state.as_str().to_owned(),
            },
            Notice::Position { seq, state, speed } => {
                Layout::Position { seq: *seq, state: state.as_str().to_owned(), speed: speed.to_string() }
            }
            Notice::Seek { seq } => Layout::Seek { seq: *seq },
            Notice::Gap { from, to } => Layout::Gap { from: *from, to: *to },
            Notice::Subscribed { seq, symbols, except, events } => Layout::Subscribed {
                seq: *seq,
                symbols: names(symbols),
                except: names(except),
                events: events.as_ref().map(|events| events.iter().map(EventType::to_string).collect()),
            },
            Notice::Error { code, text } => Layout::Error { code: code.clone(), text: text.clone() },
            Notice::End { seq, sent, digest: known } => {
                Layout::End { seq: *seq, sent: *sent, digest: digest(known) }
            }
        };
        serde_json::to_string(&layout).expect("texts and numbers are JSON")
    }

    /// Returns the notice of a changed subscription.
    pub(crate) fn subscribed(
        seq: StreamSeq,
        symbols: SelectedSymbols,
        events: Option<Vec<EventType>>,
    ) -> Notice {
        let (symbols, except) = match symbols {
            SelectedSymbols::All => (None, None),
            SelectedSymbols::Only(symbols) => (Some(symbols), None),
            SelectedSymbols::Except(symbols) => (None, Some(symbols)),
        };
        Notice::Subscribed { seq, symbols, except, events }
    }
}

fn symbols_of(names: Option<Vec<String>>) -> Option<Option<Vec<Symbol>>> {
    match names {
        Some(names) => Some(Some(names.iter().map(|name| Symbol::new(name)).collect::<Option<_>>()?)),
        None => Some(None),
    }
}

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

    #[track_caller]
    fn check(notice: Notice, text: &str) {
        assert_eq!(notice.text(), text);
        assert_eq!(Notice::parse(text), Some(notice));
    }

    #[test]
    fn notices_are_those_of_the_protocol() {
        let digest = ContentDigest::of([""; 0]);
        let symbols = |names: &[&str]| Some(names.iter().map(|name| Symbol::new(name).unwrap()).collect());
        check(
            Notice::Start {
                stream: "00ff".to_owned(),
                run: "r1".to_owned(),
                seq: StreamSeq(7),
                digest: None,
                speed: "1.5x".parse().unwrap(),
                state: State::Waiting,
            },
            r#"{"notice":"start","stream":"00ff","run":"r1","seq":7,"digest":null,"speed":"1.5x","state":"waiting"}"#,
        );
        check(
            Notice::Position { seq: StreamSeq(1), state: State::Paused, speed: Speed::Max },
            r#"{"notice":"position","seq":1,"state":"paused","speed":"max"}"#,
        );
        check(Notice::Seek { seq: StreamSeq(5) }, r#"{"notice":"seek","seq":5}"#);
        check(Notice::Gap { from: StreamSeq(5), to: StreamSeq(9) }, r#"{"notice":"gap","from":5,"to":9}"#);
        check(
            Notice::Subscribed {
                seq: StreamSeq(3),
                symbols: symbols(&["AAPL"]),
                except: None,
                events: Some(vec![EventType::Trade]),
            },
            r#"{"notice":"subscribed","seq":3,"symbols":["AAPL"],"events":["trade"]}"#,
        );
        check(
            Notice::Subscribed { seq: StreamSeq(3), symbols: None, except: symbols(&["X"]), events: None },
            r#"{"notice":"subscribed","seq":3,"symbols":null,"except":["X"],"events":null}"#,
        );
        check(
            Notice::Error { code: "not_json".to_owned(), text: "no".to_owned() },
            r#"{"notice":"error","code":"not_json","text":"no"}"#,
        );
        check(
            Notice::End { seq: StreamSeq(9), sent: 9, digest: Some(digest) },
            &format!(r#"{{"notice":"end","seq":9,"sent":9,"digest":"{digest}"}}"#),
        );
    }

    #[test]
    fn what_is_no_notice_is_none() {
        for text in [
            "",
            "{}",
            r#"{"schema_version":1}"#,
            r#"{"notice":"else"}"#,
            r#"{"notice":"seek"}"#,
            r#"{"notice":"#,
        ] {
            assert_eq!(Notice::parse(text), None, "{text}");
        }
    }

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
