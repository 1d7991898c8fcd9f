//! The commands of `POST /control/…`.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::{Value, error::Category};
use tradesim_protocol::{ParsePositionError, Position};
use tradesim_schemas::StreamSeq;

use crate::control::{Command, LoopRange};

/// The commands: the last segment of the path.
pub(crate) const ACTIONS: [&str; 7] = ["pause", "resume", "stop", "step", "seek", "loop", "speed"];

/// A body that cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadBody {
    /// A stable code of the error.
    pub(crate) code: &'static str,
    /// The text of the error.
    pub(crate) text: String,
}

/// Parses a body. An empty one is an object without keys.
///
/// # Panics
/// If the action is not one of [`ACTIONS`].
pub(crate) fn parse(action: &str, body: &[u8]) -> Result<Command, BadBody> {
    let mut fields = Fields::parse(body)?;
    let command = match action {
        "pause" => Command::Pause,
        "resume" => Command::Resume,
        "stop" => Command::Stop,
        "step" => Command::Step(fields.take("messages").map_or(Ok(1), messages)?),
        "seek" => Command::Seek(position("to", fields.require("to")?)?),
        "loop" => Command::Loop(range(&mut fields)?),
        "speed" => speed(fields.require("speed")?)?,
        _ => panic!("{action} is not among the actions"),
    };
    fields.finish()?;
    Ok(command)
}

fn messages(value: Value) -> Result<u64, BadBody> {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(count @ 1..) => Ok(count),
            _ => Err(bad(
                "bad_value",
                format!("messages: expected a whole number of at least 1, found {number}"),
            )),
        },
        other => Err(bad("bad_type", format!("messages: expected a number, found {other}"))),
    }
}

/// Reads the stretch of a loop; an object without keys ends the loop.
fn range(fields: &mut Fields) -> Result<Option<LoopRange>, BadBody> {
    if fields.0.is_empty() {
        return Ok(None);
    }
    let from = position("from", fields.require("from")?)?;
    let to = position("to", fields.require("to")?)?;
    Ok(Some(LoopRange { from, to }))
}

fn position(key: &str, value: Value) -> Result<Position, BadBody> {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(seq) => Ok(Position::Seq(StreamSeq(seq))),
            None => Err(bad(
                "bad_value",
                format!("{key}: expected a seq, a whole number of at least 0, found {number}"),
            )),
        },
        Value::String(text) if text.is_empty() => Err(bad(
            "bad_value",
            format!("{key}: expected a seq or a time such as \"10:00\", found an empty text"),
        )),
        Value::String(text) => text.parse().map_err(|error: ParsePositionError| {
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                bad("bad_value", format!("{key}: seq {text} is larger than any stream"))
            } else {
                bad("no_place", format!("invalid position {text:?}: {error}"))
            }
        }),
        other => {
            Err(bad("bad_type", format!("{key}: expected a seq or a time such as \"10:00\", found {other}")))
        }
    }
}

fn speed(value: Value) -> Result<Command, BadBody> {
    match value {
        Value::String(text) => match text.parse() {
            Ok(speed) => Ok(Command::Speed(speed)),
            Err(error) => Err(bad("bad_value", format!("{error}"))),
        },
        other => Err(bad("bad_type", format!("speed: expected a text such as \"10x\", found {other}"))),
    }
}

fn bad(code: &'static str, text: String) -> BadBody {
    BadBody { code, text }
}

/// The members of an object, in order, so that a duplicate key is found.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn parse(body: &[u8]) -> Result<Fields, BadBody> {
        if body.trim_ascii().is_empty() {
            return Ok(Fields(Vec::new()));
        }
        let fields: Fields = serde_json::from_slice(body).map_err(|error| {
            let code = if error.classify() == Category::Data { "bad_type" } else { "not_json" };
            bad(code, error.to_string())
        })?;
        for (index, (key, _)) in fields.0.iter().enumerate() {
            if fields.0[..index].iter().any(|(before, _)| before == key) {
                return Err(bad("duplicate_key", format!("{key:?} is given twice")));
            }
        }
        Ok(fields)
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(index).1)
    }

    fn require(&mut self, key: &str) -> Result<Value, BadBody> {
        self.take(key).ok_or_else(|| bad("missing_field", format!("{key:?} is missing")))
    }

    fn finish(self) -> Result<(), BadBody> {
        match self.0.first() {
            Some((key, _)) => Err(bad("unknown_key", format!("unknown key {key:?}"))),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(member) = map.next_entry()? {
                    fields.push(member);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let speed = |text: &str| Command::Speed(text.parse().unwrap());
        for (action, body, command) in [
            ("pause", "", Command::Pause),
            ("resume", "{}", Command::Resume),
            ("stop", " \n", Command::Stop),
            ("step", "", Command::Step(1)),
            ("step", r#"{"messages":10}"#, Command::Step(10)),
            ("seek", r#"{"to":12345}"#, Command::Seek(Position::Seq(StreamSeq(12_345)))),
            ("seek", r#"{"to":"12345"}"#, Command::Seek(Position::Seq(StreamSeq(12_345)))),
            ("seek", r#" {"to" : "10:00"} "#, Command::Seek(Position::Time("10:00".parse().unwrap()))),
            ("seek", r#"{"to":18446744073709551615}"#, Command::Seek(Position::Seq(StreamSeq(u64::MAX)))),
            ("loop", "", Command::Loop(None)),
            ("loop", "{}", Command::Loop(None)),
            (
                "loop",
                r#"{"from":"09:30","to":77}"#,
                Command::Loop(Some(LoopRange {
                    from: Position::Time("09:30".parse().unwrap()),
                    to: Position::Seq(StreamSeq(77)),
                })),
            ),
            ("speed", r#"{"speed":"10x"}"#, speed("10x")),
            ("speed", r#"{"speed":"max"}"#, speed("max")),
        ] {
            assert_eq!(parse(action, body.as_bytes()), Ok(command), "{action} {body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_has_a_name() {
        for (action, body, code) in [
            ("pause", "x", "not_json"),
            ("pause", "{", "not_json"),
            ("pause", "{} {}", "not_json"),
            ("pause", "\u{feff}{}", "not_json"),
            ("pause", "[]", "bad_type"),
            ("step", "[10]", "bad_type"),
            ("pause", "null", "bad_type"),
            ("pause", r#"{"messages":1}"#, "unknown_key"),
            ("step", r#"{"messages":1,"to":2}"#, "unknown_key"),
            ("step", r#"{"messages":1,"messages":1}"#, "duplicate_key"),
            ("step", r#"{"messages":0}"#, "bad_value"),
            ("step", r#"{"messages":-1}"#, "bad_value"),
            ("step", r#"{"messages":1.5}"#, "bad_value"),
            ("step", r#"{"messages":"1"}"#, "bad_type"),
            ("step", r#"{"messages":null}"#, "bad_type"),
            ("seek", "", "missing_field"),
            ("seek", r#"{"seq":1}"#, "missing_field"),
            ("seek", r#"{"to":-1}"#, "bad_value"),
            ("seek", r#"{"to":""}"#, "bad_value"),
            ("seek", r#"{"to":"18446744073709551616"}"#, "bad_value"),
            ("seek", r#"{"to":[1]}"#, "bad_type"),
            ("seek", r#"{"to":"noon"}"#, "no_place"),
            ("loop", r#"{"from":1}"#, "missing_field"),
            ("loop", r#"{"to":1}"#, "missing_field"),
            ("loop", r#"{"from":1,"to":-1}"#, "bad_value"),
            ("loop", r#"{"from":1,"to":null}"#, "bad_type"),
            ("loop", r#"{"from":1,"to":2,"times":3}"#, "unknown_key"),
            ("speed", "{}", "missing_field"),
            ("speed", r#"{"speed":10}"#, "bad_type"),
            ("speed", r#"{"speed":"fast"}"#, "bad_value"),
        ] {
            assert_eq!(parse(action, body.as_bytes()).map_err(|bad| bad.code), Err(code), "{action} {body}");
        }
        let not_utf8 = parse("seek", b"{\"to\":\"\xff\"}").unwrap_err();
        assert_eq!(not_utf8.code, "not_json");
    }
}
