//! The bytes of an Avro datum, read one primitive after the other and never past their end.
//!
//! Source: Apache Avro 1.12 specification, "Binary Encoding".

/// Bytes that are not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DatumError {
    #[error("the value ends too early")]
    Short,
    #[error("{bytes} bytes follow the value")]
    Trailing { bytes: usize },
    #[error("a number has more than 64 bits")]
    LongNumber,
    #[error("index {place} is out of range: expected less than {count}")]
    NoSuchPlace { place: i64, count: usize },
    #[error("values are nested too deeply")]
    TooDeep,
}

/// The number of bytes before a datum in the Confluent wire format: a zero byte, and the schema's id, big-endian.
const HEADER_BYTES: usize = 5;

/// Splits a value in the Confluent wire format into its schema's id and its datum.
pub(crate) fn split(value: &[u8]) -> Option<(u32, &[u8])> {
    let (&[0, a, b, c, d], datum) = value.split_first_chunk::<HEADER_BYTES>()? else { return None };
    Some((u32::from_be_bytes([a, b, c, d]), datum))
}

/// The rest of a datum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datum<'a> {
    rest: &'a [u8],
}

impl<'a> Datum<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Datum<'a> {
        Datum { rest: bytes }
    }

    /// Returns the number of bytes that are left.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Bytes that follow the value.
    pub(crate) fn end(self) -> Result<(), DatumError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DatumError::Trailing { bytes: self.rest.len() }) }
    }

    /// Returns the next `count` bytes.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DatumError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DatumError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads an int or a long: seven bits per byte, the lowest first, then zigzag.
    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64, DatumError> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            // the tenth byte holds the last bit
            if index == 9 && byte > 1 {
                return Err(DatumError::LongNumber);
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(if self.rest.len() < 10 { DatumError::Short } else { DatumError::LongNumber })
    }

    /// Reads bytes or a string: a length, then so many bytes.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DatumError> {
        let len = self.long()?;
        self.take(usize::try_from(len).map_err(|_| DatumError::Short)?)
    }

    /// Reads the index of an enum's symbol or of a union's branch among `count`.
    #[inline]
    pub(crate) fn place(&mut self, count: usize) -> Result<usize, DatumError> {
        let place = self.long()?;
        usize::try_from(place)
            .ok()
            .filter(|index| *index < count)
            .ok_or(DatumError::NoSuchPlace { place, count })
    }
}

/// Returns the value of a decimal on bytes: two's complement, big-endian. `None` if it needs more than 64 bits.
#[inline]
pub(crate) fn unscaled(bytes: &[u8]) -> Option<i64> {
    let (&first, rest) = bytes.split_first()?;
    if rest.len() >= 8 {
        return None;
    }
    Some(rest.iter().fold(i64::from(first as i8), |value, &byte| value << 8 | i64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag_with_seven_bits_a_byte() {
        // the specification's examples, and both limits
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x01], -1),
            (&[0x02], 1),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MIN),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
        ] {
            let mut datum = Datum::new(bytes);
            assert_eq!(datum.long(), Ok(value), "{bytes:x?}");
            assert_eq!(datum.len(), 0);
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        assert_eq!(Datum::new(&[]).long(), Err(DatumError::Short));
        assert_eq!(Datum::new(&[0x80; 9]).long(), Err(DatumError::Short));
        assert_eq!(Datum::new(&[0x80; 11]).long(), Err(DatumError::LongNumber));
        assert_eq!(Datum::new(&[0xff; 10]).long(), Err(DatumError::LongNumber));
        assert_eq!(Datum::new(&[0x06, b'a', b'b']).bytes(), Err(DatumError::Short));
        assert_eq!(Datum::new(&[0x01]).bytes(), Err(DatumError::Short));
        assert_eq!(Datum::new(&[0x04]).place(2), Err(DatumError::NoSuchPlace { place: 2, count: 2 }));
    }

    #[test]
    fn decimals_are_twos_complement() {
        for (bytes, value) in [
            (&[0x00][..], Some(0)),
            (&[0x7f], Some(127)),
            (&[0x80], Some(-128)),
            (&[0x00, 0x80], Some(128)),
            (&[0x1b, 0x3c, 0xa8], Some(1_785_000)),
            (&[0xff, 0xff], Some(-1)),
            (&[], None),
            (&[0; 9], None),
        ] {
            assert_eq!(unscaled(bytes), value, "{bytes:x?}");
        }
    }
}
