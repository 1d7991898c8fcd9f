//! One message in two encodings: fields in an order that both keep.

use tradesim_schemas::{Price, Timestamp};

use crate::{json, msgpack};

/// The encoding of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Msgpack,
}

/// A writer of a list of one object, field by field. Its functions are inlined, so that the names are known where they are
/// copied.
#[derive(Debug)]
pub(super) struct Object<'a> {
    encoding: Encoding,
    out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    /// Begins an object with this number of fields.
    pub(super) fn begin(encoding: Encoding, fields: usize, out: &'a mut Vec<u8>) -> Object<'a> {
        match encoding {
            Encoding::Json => out.extend_from_slice(b"[{"),
            Encoding::Msgpack => {
                msgpack::list(1, out);
                msgpack::map(fields, out);
            }
        }
        Object { encoding, out }
    }

    #[inline]
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.field(name, |out| json::text(value, out), |out| msgpack::text(value, out));
    }

    #[inline]
    pub(super) fn texts(&mut self, name: &str, values: &[&str]) {
        self.field(name, |out| json_list(values, out), |out| msgpack_list(values, out));
    }

    #[inline]
    pub(super) fn uint(&mut self, name: &str, value: u64) {
        self.field(name, |out| json::uint(value, out), |out| msgpack::uint(value, out));
    }

    #[inline]
    pub(super) fn price(&mut self, name: &str, value: Price) {
        self.field(name, |out| json::price(value, out), |out| msgpack::price(value, out));
    }

    #[inline]
    pub(super) fn time(&mut self, name: &str, value: Timestamp) {
        self.field(name, |out| json::time(value, out), |out| msgpack::time(value, out));
    }

    /// Ends the object.
    pub(super) fn end(self) {
        if self.encoding == Encoding::Json {
            // the comma after the last field
            self.out.pop();
            self.out.extend_from_slice(b"}]");
        }
    }

    #[inline(always)]
    fn field(&mut self, name: &str, json: impl FnOnce(&mut Vec<u8>), msgpack: impl FnOnce(&mut Vec<u8>)) {
        match self.encoding {
            Encoding::Json => {
                self.out.push(b'"');
                self.out.extend_from_slice(name.as_bytes());
                self.out.extend_from_slice(b"\":");
                json(self.out);
                self.out.push(b',');
            }
            Encoding::Msgpack => {
                msgpack::text(name, self.out);
                msgpack(self.out);
            }
        }
    }
}

fn json_list(values: &[&str], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::text(value, out);
    }
    out.push(b']');
}

fn msgpack_list(values: &[&str], out: &mut Vec<u8>) {
    msgpack::list(values.len(), out);
    for value in values {
        msgpack::text(value, out);
    }
}
