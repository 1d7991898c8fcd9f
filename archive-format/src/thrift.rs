//! A reader of Thrift's compact protocol with bounds, as far as footers and page headers need it.
//!
//! The input is not trusted. Each step consumes at least one byte or fails, a list cannot have more elements than there
//! are bytes left, and nesting has a limit, so the work and the allocations are linear in the length of the input. (The
//! `parquet` crate skips an unknown list of booleans without consuming a byte for each, and builds a nested schema by
//! recursion.)

/// The maximum nesting of structures and lists in a field that is skipped. The structures of Parquet have at most 6 levels.
const DEPTH_MAX: usize = 16;

/// The type of a field or of the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    True,
    False,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Binary,
    List,
    Set,
    Map,
    Struct,
    Uuid,
}

impl Kind {
    fn of(bits: u8) -> Result<Kind, ThriftError> {
        Ok(match bits {
            1 => Kind::True,
            2 => Kind::False,
            3 => Kind::Byte,
            4 => Kind::I16,
            5 => Kind::I32,
            6 => Kind::I64,
            7 => Kind::Double,
            8 => Kind::Binary,
            9 => Kind::List,
            10 => Kind::Set,
            11 => Kind::Map,
            12 => Kind::Struct,
            13 => Kind::Uuid,
            _ => return Err(ThriftError::UnknownKind { bits }),
        })
    }
}

/// The reason for which the bytes are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ThriftError {
    #[error("it ends within a value")]
    End,
    #[error("a number is too long")]
    LongNumber,
    #[error("a field has the unknown type {bits}")]
    UnknownKind { bits: u8 },
    #[error("field {id} has the wrong type")]
    WrongKind { id: i16 },
    #[error("a list has {elements} elements, but only {left} bytes are left")]
    LongList { elements: u64, left: usize },
    #[error("a list has {elements} elements, more than the limit of {limit}")]
    TooMany { elements: usize, limit: usize },
    #[error("values are nested deeper than {DEPTH_MAX} levels")]
    Depth,
    #[error("a text is not UTF-8")]
    NotText,
    #[error("field {id} is missing")]
    Missing { id: i16 },
}

/// The header of a field: its number and type. The value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) id: i16,
    pub(crate) kind: Kind,
}

impl Field {
    /// Returns the value of a boolean field, which its type contains.
    pub(crate) fn boolean(self) -> Result<bool, ThriftError> {
        match self.kind {
            Kind::True => Ok(true),
            Kind::False => Ok(false),
            _ => Err(self.wrong()),
        }
    }

    fn wrong(self) -> ThriftError {
        ThriftError::WrongKind { id: self.id }
    }

    fn expect(self, kind: Kind) -> Result<(), ThriftError> {
        if self.kind == kind { Ok(()) } else { Err(self.wrong()) }
    }
}

/// Reads values from the front of a byte slice.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// Returns the number of remaining bytes.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len()
    }

    fn byte(&mut self) -> Result<u8, ThriftError> {
        let (&first, rest) = self.bytes.split_first().ok_or(ThriftError::End)?;
        self.bytes = rest;
        Ok(first)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], ThriftError> {
        let count = usize::try_from(count).map_err(|_| ThriftError::End)?;
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(ThriftError::End)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, ThriftError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ThriftError::LongNumber)
    }

    fn zigzag(&mut self) -> Result<i64, ThriftError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Calls `each` with each field of a structure. `each` reads the value and returns true, or returns false to skip the
    /// value.
    pub(crate) fn structure(
        &mut self,
        mut each: impl FnMut(&mut Reader<'a>, Field) -> Result<bool, ThriftError>,
    ) -> Result<(), ThriftError> {
        let mut last = 0i16;
        while let Some(field) = self.field(last)? {
            last = field.id;
            if !each(self, field)? {
                self.skip(field.kind, DEPTH_MAX)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, last: i16) -> Result<Option<Field>, ThriftError> {
        let head = self.byte()?;
        if head & 0x0f == 0 {
            return Ok(None);
        }
        let kind = Kind::of(head & 0x0f)?;
        let id = match i16::from(head >> 4) {
            0 => i16::try_from(self.zigzag()?).map_err(|_| ThriftError::LongNumber)?,
            delta => last.checked_add(delta).ok_or(ThriftError::LongNumber)?,
        };
        Ok(Some(Field { id, kind }))
    }

    /// Reads the value of an i32 field.
    pub(crate) fn i32(&mut self, field: Field) -> Result<i32, ThriftError> {
        field.expect(Kind::I32)?;
        i32::try_from(self.zigzag()?).map_err(|_| ThriftError::LongNumber)
    }

    /// Reads the value of an i64 field.
    pub(crate) fn i64(&mut self, field: Field) -> Result<i64, ThriftError> {
        field.expect(Kind::I64)?;
        self.zigzag()
    }

    /// Reads the value of a text field.
    pub(crate) fn text(&mut self, field: Field) -> Result<&'a str, ThriftError> {
        field.expect(Kind::Binary)?;
        self.bare_text()
    }

    /// Reads a text that is an element of a list.
    pub(crate) fn bare_text(&mut self) -> Result<&'a str, ThriftError> {
        let len = self.varint()?;
        std::str::from_utf8(self.take(len)?).map_err(|_| ThriftError::NotText)
    }

    /// Reads the structure that is the value of a field.
    pub(crate) fn nested(
        &mut self,
        field: Field,
        each: impl FnMut(&mut Reader<'a>, Field) -> Result<bool, ThriftError>,
    ) -> Result<(), ThriftError> {
        field.expect(Kind::Struct)?;
        self.structure(each)
    }

    /// Reads the number of elements of a list with elements of type `of`. The elements follow.
    pub(crate) fn list(&mut self, field: Field, of: Kind, limit: usize) -> Result<usize, ThriftError> {
        field.expect(Kind::List)?;
        let (kind, elements) = self.list_head()?;
        // some writers do not set the type of an empty list
        if elements > 0 && kind != of {
            return Err(field.wrong());
        }
        if elements > limit { Err(ThriftError::TooMany { elements, limit }) } else { Ok(elements) }
    }

    fn list_head(&mut self) -> Result<(Kind, usize), ThriftError> {
        let head = self.byte()?;
        if head == 0 {
            return Ok((Kind::Byte, 0));
        }
        let kind = Kind::of(head & 0x0f)?;
        let elements = match head >> 4 {
            15 => self.varint()?,
            few => u64::from(few),
        };
        Ok((kind, self.bounded(elements, 1)?))
    }

    /// Checks a number of elements that take at least `bytes` bytes each.
    fn bounded(&self, elements: u64, bytes: u64) -> Result<usize, ThriftError> {
        match elements.checked_mul(bytes) {
            Some(needed) if needed <= self.left() as u64 => Ok(elements as usize),
            _ => Err(ThriftError::LongList { elements, left: self.left() }),
        }
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> Result<(), ThriftError> {
        let inner = depth.checked_sub(1).ok_or(ThriftError::Depth)?;
        match kind {
            Kind::True | Kind::False => {}
            Kind::Byte => drop(self.byte()?),
            Kind::I16 | Kind::I32 | Kind::I64 => drop(self.varint()?),
            Kind::Double => drop(self.take(8)?),
            Kind::Uuid => drop(self.take(16)?),
            Kind::Binary => {
                let len = self.varint()?;
                self.take(len)?;
            }
            Kind::Struct => {
                let mut last = 0;
                while let Some(field) = self.field(last)? {
                    last = field.id;
                    self.skip(field.kind, inner)?;
                }
            }
            Kind::List | Kind::Set => {
                let (kind, elements) = self.list_head()?;
                for _ in 0..elements {
                    self.skip_element(kind, inner)?;
                }
            }
            Kind::Map => {
                let entries = self.varint()?;
                if entries > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
                    for _ in 0..self.bounded(entries, 2)? {
                        self.skip_element(key, inner)?;
                        self.skip_element(value, inner)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Skips an element of a list. A boolean takes a byte in a list, but none in a field.
    fn skip_element(&mut self, kind: Kind, depth: usize) -> Result<(), ThriftError> {
        match kind {
            Kind::True | Kind::False => self.byte().map(drop),
            kind => self.skip(kind, depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip_all(bytes: &[u8]) -> Result<(), ThriftError> {
        Reader::new(bytes).structure(|_, _| Ok(false))
    }

    #[test]
    fn an_unknown_list_has_no_more_elements_than_bytes() {
        // field 1: a list of 2^31 - 1 booleans
        let bomb = [0x19, 0xf2, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
        let expected = ThriftError::LongList { elements: (1 << 31) - 1, left: 1 };
        assert_eq!(skip_all(&bomb), Err(expected));
        // three booleans and the end
        assert_eq!(skip_all(&[0x19, 0x32, 1, 2, 1, 0x00]), Ok(()));
        // a map of 2^31 - 1 entries
        let map = [0x1b, 0xff, 0xff, 0xff, 0xff, 0x07, 0x22, 0x00];
        assert!(matches!(skip_all(&map), Err(ThriftError::LongList { .. })));
    }

    #[test]
    fn nesting_has_a_limit() {
        for (levels, expected) in
            [(16, Ok(())), (17, Err(ThriftError::Depth)), (100_000, Err(ThriftError::Depth))]
        {
            let nested = [vec![0x1c; levels], vec![0; levels + 1]].concat();
            assert_eq!(skip_all(&nested), expected, "{levels} structures");
        }
        // lists of one list each
        assert_eq!(skip_all(&[vec![0x19], vec![0x19; 100_000]].concat()), Err(ThriftError::Depth));
    }

    #[test]
    fn what_is_cut_short_is_an_error() {
        let whole = [0x15, 0x0e, 0x18, 0x03, b'a', b'b', b'c', 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x00];
        assert_eq!(skip_all(&whole), Ok(()));
        for end in 0..whole.len() {
            assert_eq!(skip_all(&whole[..end]), Err(ThriftError::End), "{end} bytes");
        }
        assert_eq!(skip_all(&[[0x16].as_slice(), &[0xff; 11]].concat()), Err(ThriftError::LongNumber));
        assert_eq!(skip_all(&[0x1e]), Err(ThriftError::UnknownKind { bits: 14 }));
    }
}
