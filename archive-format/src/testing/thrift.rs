//! Generic values of Thrift's compact protocol, to be read, changed and written.

use std::collections::BTreeMap;

/// The type of a value, as its number in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    True = 1,
    False = 2,
    Byte = 3,
    I16 = 4,
    I32 = 5,
    I64 = 6,
    Double = 7,
    Binary = 8,
    List = 9,
    Struct = 12,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// An integer of some width.
    Int(Kind, i64),
    /// Eight bytes.
    Double([u8; 8]),
    /// Bytes or a text.
    Binary(Vec<u8>),
    /// Elements of one type.
    List(Kind, Vec<Value>),
    /// Fields by number.
    Struct(BTreeMap<i16, Value>),
    /// A type, and arbitrary bytes instead of a value of it.
    Raw(Kind, Vec<u8>),
}

impl Value {
    /// An i32.
    pub fn i32(value: i32) -> Value {
        Value::Int(Kind::I32, value.into())
    }

    /// An i64.
    pub fn i64(value: u64) -> Value {
        Value::Int(Kind::I64, value as i64)
    }

    /// A text.
    pub fn text(text: &str) -> Value {
        Value::Binary(text.as_bytes().to_vec())
    }

    /// A structure.
    pub fn of(fields: impl IntoIterator<Item = (i16, Value)>) -> Value {
        Value::Struct(fields.into_iter().collect())
    }

    /// Returns the fields of a structure.
    ///
    /// # Panics
    /// Panics if the value has another type.
    pub fn fields(&mut self) -> &mut BTreeMap<i16, Value> {
        match self {
            Value::Struct(fields) => fields,
            other => panic!("{other:?} is not a structure"),
        }
    }

    /// Returns a field of a structure.
    ///
    /// # Panics
    /// Panics if the field does not exist.
    pub fn field(&mut self, id: i16) -> &mut Value {
        self.fields().get_mut(&id).expect("the field exists")
    }

    /// Returns the elements of a list.
    ///
    /// # Panics
    /// Panics if the value has another type.
    pub fn elements(&mut self) -> &mut Vec<Value> {
        match self {
            Value::List(_, elements) => elements,
            other => panic!("{other:?} is not a list"),
        }
    }

    /// Returns the number.
    ///
    /// # Panics
    /// Panics if the value has another type.
    pub fn number(&self) -> i64 {
        match self {
            Value::Int(_, value) => *value,
            other => panic!("{other:?} is not a number"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Value::Bool(true) => Kind::True,
            Value::Bool(false) => Kind::False,
            Value::Int(kind, _) | Value::Raw(kind, _) => *kind,
            Value::Double(_) => Kind::Double,
            Value::Binary(_) => Kind::Binary,
            Value::List(..) => Kind::List,
            Value::Struct(_) => Kind::Struct,
        }
    }

    /// Appends the value as the value of a field.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Bool(_) => {}
            Value::Int(Kind::Byte, value) => out.push(*value as u8),
            Value::Int(_, value) => varint((value << 1 ^ value >> 63) as u64, out),
            Value::Double(bytes) => out.extend_from_slice(bytes),
            Value::Binary(bytes) => {
                varint(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Value::List(kind, elements) => {
                if elements.len() < 15 {
                    out.push((elements.len() as u8) << 4 | *kind as u8);
                } else {
                    out.push(0xf0 | *kind as u8);
                    varint(elements.len() as u64, out);
                }
                for element in elements {
                    match element {
                        Value::Bool(value) => out.push(if *value { 1 } else { 2 }),
                        element => element.write(out),
                    }
                }
            }
            Value::Struct(fields) => {
                let mut last = 0;
                for (&id, value) in fields {
                    match id - last {
                        delta @ 1..=15 => out.push((delta as u8) << 4 | value.kind() as u8),
                        _ => {
                            out.push(value.kind() as u8);
                            varint((i64::from(id) << 1 ^ i64::from(id) >> 63) as u64, out);
                        }
                    }
                    value.write(out);
                    last = id;
                }
                out.push(0);
            }
            Value::Raw(_, bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Reads a structure from the front of a byte slice of our own writer.
    ///
    /// # Panics
    /// Panics if they are not a structure.
    pub fn read(bytes: &mut &[u8]) -> Value {
        read(bytes, 12)
    }
}

fn read(bytes: &mut &[u8], kind: u8) -> Value {
    match kind {
        1 => Value::Bool(true),
        2 => Value::Bool(false),
        3 => Value::Int(Kind::Byte, i64::from(take(bytes, 1)[0] as i8)),
        4..=6 => {
            let value = read_varint(bytes);
            let kind = [Kind::I16, Kind::I32, Kind::I64][usize::from(kind) - 4];
            Value::Int(kind, (value >> 1) as i64 ^ -((value & 1) as i64))
        }
        7 => Value::Double(take(bytes, 8).try_into().expect("eight bytes")),
        8 => {
            let len = read_varint(bytes) as usize;
            Value::Binary(take(bytes, len).to_vec())
        }
        9 => {
            let head = take(bytes, 1)[0];
            let count = if head >> 4 == 15 { read_varint(bytes) } else { u64::from(head >> 4) };
            let element = head & 15;
            let kind = match element {
                1 | 2 => Kind::False,
                3 => Kind::Byte,
                5 => Kind::I32,
                6 => Kind::I64,
                8 => Kind::Binary,
                9 => Kind::List,
                12 => Kind::Struct,
                other => panic!("a list of type {other}"),
            };
            let element_of = |bytes: &mut &[u8]| match element {
                1 | 2 => Value::Bool(take(bytes, 1)[0] == 1),
                element => read(bytes, element),
            };
            Value::List(kind, (0..count).map(|_| element_of(bytes)).collect())
        }
        12 => {
            let mut fields = BTreeMap::new();
            let mut last = 0i16;
            loop {
                let head = take(bytes, 1)[0];
                if head & 15 == 0 {
                    return Value::Struct(fields);
                }
                last = match head >> 4 {
                    0 => {
                        let id = read_varint(bytes);
                        ((id >> 1) as i64 ^ -((id & 1) as i64)) as i16
                    }
                    delta => last + i16::from(delta),
                };
                fields.insert(last, read(bytes, head & 15));
            }
        }
        other => panic!("a value of type {other}"),
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

/// Appends an unsigned number.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
