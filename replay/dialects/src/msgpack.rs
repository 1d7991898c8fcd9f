//! The part of MessagePack that one dialect uses (specification: msgpack.org).
//!
//! A writer of five types, and a reader of what clients send. A package would bring a data model and derive macros for
//! what are two pages here, and its maps do not keep the order of keys, which clients rely on.

use serde_json::{Map, Value};
use tradesim_schemas::{Price, Timestamp};

/// The depth to which values of a client may be nested.
const DEPTH_MAX: usize = 8;

/// The extension type of timestamps.
const TIMESTAMP: u8 = 0xff;

/// Appends the start of a list.
///
/// # Panics
/// If it has more than 65,535 items.
pub(crate) fn list(items: usize, out: &mut Vec<u8>) {
    collection(items, 0x90, 0xdc, out);
}

/// Appends the start of a map.
///
/// # Panics
/// If it has more than 65,535 pairs.
pub(crate) fn map(pairs: usize, out: &mut Vec<u8>) {
    collection(pairs, 0x80, 0xde, out);
}

fn collection(items: usize, short: u8, long: u8, out: &mut Vec<u8>) {
    if items < 16 {
        out.push(short | items as u8);
    } else {
        out.push(long);
        out.extend_from_slice(&u16::try_from(items).expect("lists are short").to_be_bytes());
    }
}

/// Appends a text.
///
/// # Panics
/// If it has more than 65,535 bytes.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..256 => out.extend_from_slice(&[0xd9, len as u8]),
        len => {
            out.push(0xda);
            out.extend_from_slice(&u16::try_from(len).expect("texts are short").to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number in its shortest form.
pub(crate) fn uint(value: u64, out: &mut Vec<u8>) {
    match value {
        0..0x80 => out.push(value as u8),
        0x80..0x100 => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..0x1_0000 => {
            out.push(0xcd);
            out.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(0xce);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends a price as the nearest 64-bit floating-point number. Division of two integers below 2⁵³ is rounded
/// correctly, so it prints as the price again.
pub(crate) fn price(price: Price, out: &mut Vec<u8>) {
    out.push(0xcb);
    out.extend_from_slice(&(price.units() as f64 / 10_000.0).to_be_bytes());
}

/// Appends a time as an extension of 8 bytes: 30 bits of nanoseconds, 34 bits of seconds. Of a time before 1970 or after
/// 2514, the 12 bytes that have room for it.
pub(crate) fn time(at: Timestamp, out: &mut Vec<u8>) {
    let seconds = at.micros().div_euclid(1_000_000);
    let nanos = at.micros().rem_euclid(1_000_000) as u32 * 1_000;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds < 1 << 34 => {
            out.extend_from_slice(&[0xd7, TIMESTAMP]);
            out.extend_from_slice(&(u64::from(nanos) << 34 | seconds).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[0xc7, 12, TIMESTAMP]);
            out.extend_from_slice(&nanos.to_be_bytes());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
    }
}

/// Reads a value of a client: texts, whole numbers, booleans, null, lists and maps with texts as keys. Returns `None` for
/// anything else, for bytes after the value, and for what is nested deeper than 8 levels.
///
/// Nothing is allocated for a length that a value states, so that memory is bounded by the length of the input.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(DEPTH_MAX)?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// Reads a number of 1, 2, 4 or 8 bytes.
    fn number(&mut self, len: usize) -> Option<u64> {
        Some(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let first = self.take(1)?[0];
        Some(match first {
            0x00..=0x7f => Value::from(first),
            0x80..=0x8f => self.map(u64::from(first & 0x0f), depth)?,
            0x90..=0x9f => self.list(u64::from(first & 0x0f), depth)?,
            0xa0..=0xbf => self.text(u64::from(first & 0x1f))?,
            0xc0 => Value::Null,
            0xc2 | 0xc3 => Value::Bool(first == 0xc3),
            0xcc..=0xcf => Value::from(self.number(1 << (first - 0xcc))?),
            0xd0..=0xd3 => {
                let len = 1 << (first - 0xd0);
                let unused = 64 - 8 * len as u32;
                Value::from(((self.number(len)? << unused) as i64) >> unused)
            }
            0xd9..=0xdb => {
                let len = self.number(1 << (first - 0xd9))?;
                self.text(len)?
            }
            0xdc | 0xdd => {
                let items = self.number(2 << (first - 0xdc))?;
                self.list(items, depth)?
            }
            0xde | 0xdf => {
                let pairs = self.number(2 << (first - 0xde))?;
                self.map(pairs, depth)?
            }
            0xe0..=0xff => Value::from(first as i8),
            _ => return None,
        })
    }

    fn text(&mut self, len: u64) -> Option<Value> {
        let bytes = self.take(usize::try_from(len).ok()?)?;
        Some(Value::from(str::from_utf8(bytes).ok()?))
    }

    fn list(&mut self, items: u64, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut list = Vec::new();
        for _ in 0..items {
            list.push(self.value(depth)?);
        }
        Some(Value::Array(list))
    }

    fn map(&mut self, pairs: u64, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut map = Map::new();
        for _ in 0..pairs {
            let Value::String(key) = self.value(0)? else { return None };
            map.insert(key, self.value(depth)?);
        }
        Some(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let at = |text: &str| Timestamp::parse(text.as_bytes()).unwrap();
        for (bytes, expected) in [
            (written(|out| list(3, out)), &[0x93][..]),
            (written(|out| list(16, out)), &[0xdc, 0, 16]),
            (written(|out| map(15, out)), &[0x8f]),
            (written(|out| map(16, out)), &[0xde, 0, 16]),
            (written(|out| text("T", out)), &[0xa1, b'T']),
            (written(|out| uint(127, out)), &[0x7f]),
            (written(|out| uint(128, out)), &[0xcc, 128]),
            (written(|out| uint(256, out)), &[0xcd, 1, 0]),
            (written(|out| uint(65_536, out)), &[0xce, 0, 1, 0, 0]),
            (written(|out| uint(1 << 32, out)), &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            // 178.5 is 0x4066500000000000
            (
                written(|out| price(Price::from_units(1_785_000).unwrap(), out)),
                &[0xcb, 0x40, 0x66, 0x50, 0, 0, 0, 0, 0],
            ),
            // 1 ns is 1 << 34; the epoch plus one second and one microsecond
            (
                written(|out| time(at("1970-01-01T00:00:01.000001Z"), out)),
                &[0xd7, 0xff, 0, 0, 0x0f, 0xa0, 0, 0, 0, 1],
            ),
            (
                written(|out| time(at("1969-12-31T23:59:59.5Z"), out)),
                &[0xc7, 12, 0xff, 0x1d, 0xcd, 0x65, 0, 255, 255, 255, 255, 255, 255, 255, 255],
            ),
        ] {
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn a_text_of_any_length_is_read_back() {
        for len in [0, 31, 32, 255, 256, 65_535] {
            let expected = "x".repeat(len);
            assert_eq!(read(&written(|out| text(&expected, out))), Some(Value::from(expected)));
        }
    }

    #[test]
    fn messages_of_clients_are_read() {
        // {"action": "subscribe", "trades": ["AAPL", "*"], "n": [-1, 300, -300, true, null]}
        let mut bytes = written(|out| {
            map(3, out);
            text("action", out);
            text("subscribe", out);
            text("trades", out);
            list(2, out);
            text("AAPL", out);
            text("*", out);
            text("n", out);
            list(5, out);
        });
        bytes.extend([0xff, 0xcd, 1, 44, 0xd1, 0xfe, 0xd4, 0xc3, 0xc0]);
        let expected =
            json!({"action": "subscribe", "trades": ["AAPL", "*"], "n": [-1, 300, -300, true, null]});
        assert_eq!(read(&bytes), Some(expected));
        assert_eq!(read(&[0x81, 0xa1, b'a', 0xd9, 1, b'b']), Some(json!({"a": "b"})));
        for bytes in [
            // nothing, two values, a key that is not a text, an extension, half a number, invalid UTF-8
            &[][..],
            &[0xc0, 0xc0],
            &[0x81, 1, 1],
            &[0xd4, 0, 0],
            &[0xcd, 1],
            &[0xa1, 0xff],
            // more items than bytes, and more levels than allowed
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[0xdb, 0xff, 0xff, 0xff, 0xff],
            &[0x91; 9],
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
        }

        #[test]
        fn a_price_is_read_back_exactly(units in 0_i64..=Price::MAX.units()) {
            let bytes = written(|out| price(Price::from_units(units).unwrap(), out));
            let value = f64::from_be_bytes(bytes[1..].try_into().unwrap());
            let mut text = Vec::new();
            crate::json::price(Price::from_units(units).unwrap(), &mut text);
            prop_assert_eq!(value, str::from_utf8(&text).unwrap().parse::<f64>().unwrap());
        }
    }
}
