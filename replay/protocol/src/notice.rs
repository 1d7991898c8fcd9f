//! The notices of the subprotocol `tradesim.v1` (docs/PROTOCOL.md, section 4).

mod event;
mod order;
mod state;

use std::fmt;

use serde::{Deserialize, Serialize};
use tradesim_schemas::{ContentDigest, EventType, StreamSeq, Symbol};

use self::{event::EventLayout, state::StateLayout};
use crate::{Speed, State};

pub use self::{
    event::{EventPhase, PHASES_MAX},
    state::{ORDERS_MAX, OrderList, StateNotice},
};

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
    /// The state of the market before the next message, for a client that requested it.
    State(StateNotice),
    /// A phase of a planned event begins.
    Event {
        /// The stream sequence number of the next message.
        seq: StreamSeq,
        /// The phase.
        phase: EventPhase,
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
    State(StateLayout),
    Event(EventLayout),
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
        #[serde(default)]
        sent: u64,
        digest: Option<String>,
    },
    /// A notice of a later version, which is never written.
    #[serde(other)]
    Later,
}

/// The notices that do not affect the number of the next message.
#[derive(Deserialize)]
#[serde(tag = "notice", rename_all = "lowercase")]
enum Informative {
    Start {},
    Position {},
    State {},
    Event {},
    Subscribed {},
}

/// A text that is not a notice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoticeError(String);

impl Notice {
    /// The prefix of every notice, which no event has.
    const PREFIX: &str = "{\"notice\":";

    /// Returns true if a text message is a notice rather than an event.
    #[inline]
    pub fn is_notice(text: &str) -> bool {
        text.starts_with(Notice::PREFIX)
    }

    /// Parses a text as a notice; `None` if it is one of a later version.
    ///
    /// # Errors
    /// A text that is not a notice.
    pub fn parse(text: &str) -> Result<Option<Notice>, NoticeError> {
        let invalid = |error: &dyn fmt::Display| NoticeError(error.to_string());
        if !Notice::is_notice(text) {
            return Err(invalid(&"it does not begin as one"));
        }
        let layout = match serde_json::from_str(text) {
            Ok(layout) => layout,
            // other fields than ours are those of a later version, unless the next message's number depends on them
            Err(_) if serde_json::from_str::<Informative>(text).is_ok() => return Ok(None),
            Err(error) => return Err(invalid(&error)),
        };
        let digest = |text: Option<String>| text.map(|text| text.parse()).transpose();
        Ok(match layout {
            Layout::Start { stream, run, seq, digest: text, speed, state } => {
                let digest = digest(text).map_err(|error| invalid(&error))?;
                let (speed, state) = (speed.parse().ok(), State::parse(&state));
                speed.zip(state).map(|(speed, state)| Notice::Start {
                    stream,
                    run,
                    seq,
                    digest,
                    speed,
                    state,
                })
            }
            Layout::Position { seq, state, speed } => {
                let (speed, state) = (speed.parse().ok(), State::parse(&state));
                speed.zip(state).map(|(speed, state)| Notice::Position { seq, state, speed })
            }
            Layout::Seek { seq } => Some(Notice::Seek { seq }),
            Layout::State(layout) => layout.notice().map(Notice::State),
            Layout::Event(layout) => layout.notice(),
            Layout::Gap { from, to } => Some(Notice::Gap { from, to }),
            Layout::Subscribed { seq, symbols, except, events } => {
                let parsed = (
                    each(symbols, Symbol::new),
                    each(except, Symbol::new),
                    each(events, |name| EventType::parse(name.as_bytes())),
                );
                match parsed {
                    (Some(symbols), Some(except), Some(events)) => {
                        Some(Notice::Subscribed { seq, symbols, except, events })
                    }
                    _ => None,
                }
            }
            Layout::Error { code, text } => Some(Notice::Error { code, text }),
            Layout::End { seq, sent, digest: text } => {
                Some(Notice::End { seq, sent, digest: digest(text).map_err(|error| invalid(&error))? })
            }
            Layout::Later => None,
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
            Notice::State(state) => Layout::State(StateLayout::of(state)),
            Notice::Event { seq, phase } => Layout::Event(EventLayout::of(*seq, phase)),
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
}

/// Parses the texts of a list that may be missing; `None` if one of them is not known.
fn each<T>(texts: Option<Vec<String>>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<Vec<T>>> {
    match texts {
        Some(texts) => texts.iter().map(|text| parse(text)).collect::<Option<_>>().map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(notice: Notice, text: &str) {
        assert_eq!(notice.text(), text);
        assert_eq!(Notice::parse(text), Ok(Some(notice)));
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
            Notice::Event {
                seq: StreamSeq(4),
                phase: EventPhase {
                    id: "luld-KO-103112".to_owned(),
                    kind: "luld".to_owned(),
                    symbol: Symbol::new("KO"),
                    phase: "halt".to_owned(),
                    at: tradesim_schemas::Timestamp::parse(b"2026-02-18T15:31:47Z").unwrap(),
                },
            },
            r#"{"notice":"event","seq":4,"id":"luld-KO-103112","kind":"luld","symbol":"KO","phase":"halt","at":"2026-02-18T15:31:47.000000Z"}"#,
        );
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
    fn a_notice_of_a_later_version_is_none() {
        for text in [
            r#"{"notice":"else"}"#,
            r#"{"notice":"of another time","seq":[]}"#,
            r#"{"notice":"position","seq":1,"state":"rewinding","speed":"1x"}"#,
            r#"{"notice":"position","state":{}}"#,
            r#"{"notice":"start","stream":"00ff"}"#,
            r#"{"notice":"event","seq":1,"id":"x","kind":"x","symbol":null,"phase":"x","at":"later"}"#,
            r#"{"notice":"event","seq":1}"#,
            r#"{"notice":"subscribed","seq":1,"symbols":null,"events":["tick"]}"#,
        ] {
            assert_eq!(Notice::parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn the_end_needs_no_count() {
        let notice = Notice::parse(r#"{"notice":"end","seq":9}"#);
        assert_eq!(notice, Ok(Some(Notice::End { seq: StreamSeq(9), sent: 0, digest: None })));
    }

    #[test]
    fn what_is_not_a_notice_is_an_error() {
        let deep = format!("{{\"notice\":{}", "[".repeat(100_000));
        for text in [
            "",
            "{}",
            r#"{"schema_version":1}"#,
            r#"{"notice":"#,
            r#"{"notice":7}"#,
            r#"{"notice":"seek"}"#,
            r#"{"notice":"seek","seq":1"#,
            r#"{"notice":"seek","seq":18446744073709551616}"#,
            r#"{"notice":"gap","from":1,"to":-1}"#,
            r#"{"notice":"gap","from":1,"to":1e30}"#,
            r#"{"notice":"end"}"#,
            r#"{"notice":"end","seq":1,"sent":1,"digest":"blake3:"}"#,
            &deep,
        ] {
            assert!(Notice::parse(text).is_err(), "{text}");
        }
    }
}
