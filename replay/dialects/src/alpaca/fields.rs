//! One message in two encodings: fields in an order that both keep.

use tradesim_schemas::{Price, Timestamp};

use crate::{json, msgpack};

/// The encoding of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Msgpack,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Texts(&'a [&'a str]),
    Uint(u64),
    Price(Price),
    Time(Timestamp),
}

/// Appends a list of one object.
pub(super) fn write(encoding: Encoding, fields: &[(&str, Value<'_>)], out: &mut Vec<u8>) {
    match encoding {
        Encoding::Json => write_json(fields, out),
        Encoding::Msgpack => write_msgpack(fields, out),
    }
}

fn write_json(fields: &[(&str, Value<'_>)], out: &mut Vec<u8>) {
    out.extend_from_slice(b"[{");
    for (index, (key, value)) in fields.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        match *value {
            Value::Text(text) => json::text(text, out),
            Value::Texts(texts) => {
                out.push(b'[');
                for (index, text) in texts.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    json::text(text, out);
                }
                out.push(b']');
            }
            Value::Uint(value) => json::uint(value, out),
            Value::Price(price) => json::price(price, out),
            Value::Time(at) => {
                let (text, len) = json::rfc3339(at);
                out.push(b'"');
                out.extend_from_slice(&text[..len]);
                out.push(b'"');
            }
        }
    }
    out.extend_from_slice(b"}]");
}

fn write_msgpack(fields: &[(&str, Value<'_>)], out: &mut Vec<u8>) {
    msgpack::list(1, out);
    msgpack::map(fields.len(), out);
    for (key, value) in fields {
        msgpack::text(key, out);
        match *value {
            Value::Text(text) => msgpack::text(text, out),
            Value::Texts(texts) => {
                msgpack::list(texts.len(), out);
                for text in texts {
                    msgpack::text(text, out);
                }
            }
            Value::Uint(value) => msgpack::uint(value, out),
            Value::Price(price) => msgpack::price(price, out),
            Value::Time(at) => msgpack::time(at, out),
        }
    }
}
