//! Checks the uncompressed content of a page: it must have exactly as many levels and values as the header states.

use arrow_buffer::BooleanBufferBuilder;

use super::{Coding, PageError};
use crate::{
    layout::{Column, Kind},
    limits,
};

fn wrong(what: &'static str) -> PageError {
    PageError::Content { what }
}

/// Checks a dictionary page of `values` values.
pub(in crate::read) fn check_dictionary(column: Column, body: &[u8], values: u32) -> Result<(), PageError> {
    check_plain(column, body, values as usize)
}

/// Checks a data page of `rows` rows, whose dictionary has `distinct` values.
pub(in crate::read) fn check_data(
    column: Column,
    body: &[u8],
    rows: u32,
    coding: Coding,
    distinct: u32,
) -> Result<(), PageError> {
    let rows = rows as usize;
    let (present, values) = if column.nullable() {
        let (len, rest) = length(body)?;
        let (levels_bytes, values) =
            rest.split_at_checked(len).ok_or_else(|| wrong("its levels are longer than the page"))?;
        (levels(levels_bytes, rows, None)?, values)
    } else {
        (rows, body)
    };
    match coding {
        Coding::Plain => check_plain(column, values, present),
        Coding::Dictionary => check_codes(values, present, distinct),
        Coding::Delta => check_delta(values, present),
    }
}

/// Splits off a length of 4 bytes.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), PageError> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| wrong("it ends within a length"))?;
    Ok((u32::from_le_bytes(*len) as usize, rest))
}

fn check_plain(column: Column, mut values: &[u8], count: usize) -> Result<(), PageError> {
    let width = match column.kind() {
        Kind::Int32 => 4,
        Kind::Int64 | Kind::Time | Kind::Price => 8,
        Kind::Uuid => 16,
        Kind::Text => {
            for _ in 0..count {
                let (len, rest) = length(values)?;
                if len > limits::TEXT_BYTES_MAX {
                    return Err(wrong("a text has more than 64 bytes"));
                }
                values = rest.get(len..).ok_or_else(|| wrong("a text is longer than the page"))?;
            }
            return end(values);
        }
        // frames are checked while they are read
        Kind::Bytes => return Ok(()),
    };
    if values.len() as u64 == width * count as u64 {
        Ok(())
    } else {
        Err(wrong("it does not have as many values as its header states"))
    }
}

fn end(rest: &[u8]) -> Result<(), PageError> {
    if rest.is_empty() { Ok(()) } else { Err(wrong("bytes follow its last value")) }
}

/// Checks dictionary codes. The decoder checks that packed codes are within the dictionary.
fn check_codes(values: &[u8], count: usize, distinct: u32) -> Result<(), PageError> {
    let (&width, mut rest) =
        values.split_first().ok_or_else(|| wrong("the bit width of its codes is missing"))?;
    if width > 32 {
        return Err(wrong("its codes are wider than 32 bits"));
    }
    let bytes = usize::from(width.div_ceil(8));
    let mut left = count;
    while left > 0 {
        let header = varint(&mut rest)?;
        let run = usize::try_from(header >> 1).map_err(|_| wrong("a run is too long"))?;
        if header & 1 == 0 {
            let (code, after) =
                rest.split_at_checked(bytes).ok_or_else(|| wrong("it ends within a run of codes"))?;
            let mut value = [0; 4];
            value[..bytes].copy_from_slice(code);
            if u32::from_le_bytes(value) >= distinct {
                return Err(wrong("a code is beyond the dictionary"));
            }
            rest = after;
            left = left_after(left, run)?;
        } else {
            let codes = packed(run)?;
            let needed = (codes as u64).min(left as u64) * u64::from(width);
            if needed.div_ceil(8) > rest.len() as u64 {
                return Err(wrong("it ends within packed codes"));
            }
            let len = (run as u64).saturating_mul(u64::from(width)).min(rest.len() as u64);
            rest = &rest[len as usize..];
            left = left_after(left, codes.min(left))?;
        }
    }
    Ok(())
}

/// Checks the levels of `rows` rows, of one bit each. Returns the number of rows that have a value, and appends the levels
/// to `out`.
pub(in crate::read) fn levels(
    mut bytes: &[u8],
    rows: usize,
    mut out: Option<&mut BooleanBufferBuilder>,
) -> Result<usize, PageError> {
    let mut present = 0;
    let mut left = rows;
    while left > 0 {
        let header = varint(&mut bytes)?;
        let run = usize::try_from(header >> 1).map_err(|_| wrong("a run is too long"))?;
        if header & 1 == 0 {
            let (&level, after) = bytes.split_first().ok_or_else(|| wrong("its levels end within a run"))?;
            if level > 1 {
                return Err(wrong("a level is above 1"));
            }
            bytes = after;
            left = left_after(left, run)?;
            present += run * usize::from(level);
            if let Some(out) = &mut out {
                out.append_n(run, level == 1);
            }
        } else {
            let taken = packed(run)?.min(left);
            let (bits, after) =
                bytes.split_at_checked(run).ok_or_else(|| wrong("its levels end within a packed run"))?;
            let whole: u32 = bits[..taken / 8].iter().map(|bits| bits.count_ones()).sum();
            let part = match taken % 8 {
                0 => 0,
                rest => (bits[taken / 8] & ((1 << rest) - 1)).count_ones(),
            };
            present += (whole + part) as usize;
            if let Some(out) = &mut out {
                out.append_packed_range(0..taken, bits);
            }
            bytes = after;
            left = left_after(left, taken)?;
        }
    }
    Ok(present)
}

/// Returns the number of values after a run, which must not be empty or too long.
fn left_after(left: usize, run: usize) -> Result<usize, PageError> {
    match left.checked_sub(run) {
        Some(rest) if run > 0 => Ok(rest),
        _ => Err(wrong("a run is empty or longer than the page")),
    }
}

/// Returns the number of values of a packed run, which consists of groups of eight.
fn packed(groups: usize) -> Result<usize, PageError> {
    groups.checked_mul(8).ok_or_else(|| wrong("a run is too long"))
}

fn check_delta(mut values: &[u8], count: usize) -> Result<(), PageError> {
    /// The maximum number of values of a block; 128 and 256 are usual.
    const BLOCK_MAX: u64 = 65_536;
    let block = varint(&mut values)?;
    let minis = varint(&mut values)?;
    let stated = varint(&mut values)?;
    let whole = (1..=BLOCK_MAX).contains(&block)
        && block.is_multiple_of(128)
        && (1..=block / 32).contains(&minis)
        && block.is_multiple_of(32 * minis);
    if !whole {
        return Err(wrong("its delta blocks have an invalid size"));
    }
    if stated == count as u64 {
        Ok(())
    } else {
        Err(wrong("it does not have as many values as its header states"))
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, PageError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(|| wrong("it ends within a number"))?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(wrong("a number is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Result<usize, PageError>) -> Result<usize, String> {
        result.map_err(|error| error.to_string())
    }

    #[test]
    fn levels_cover_the_rows_exactly() {
        // a run of five, and three packed
        let bytes = [5 << 1, 1, 1 << 1 | 1, 0b101];
        let mut out = BooleanBufferBuilder::new(8);
        assert_eq!(text(levels(&bytes, 8, Some(&mut out))), Ok(7));
        let expected = [true, true, true, true, true, true, false, true];
        assert_eq!(out.finish().iter().collect::<Vec<_>>(), expected);
        let cases: [(&[u8], &str); 5] = [
            (&[0xfe, 0xff, 0xff, 0xff, 0x1f, 1], "a run is empty or longer than the page"),
            (&[0, 1], "a run is empty or longer than the page"),
            (&[5 << 1], "its levels end within a run"),
            (&[5 << 1, 2], "a level is above 1"),
            (&[9 << 1 | 1, 1], "its levels end within a packed run"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(text(levels(bytes, 8, None)), Err(format!("invalid content of a page: {expected}")));
        }
    }

    #[test]
    fn codes_stay_within_the_dictionary_and_the_page() {
        assert!(check_codes(&[2, 4 << 1, 2], 4, 3).is_ok());
        assert!(check_codes(&[2, 4 << 1, 3], 4, 3).is_err());
        assert!(check_codes(&[2, 4 << 1, 2], 5, 3).is_err());
        assert!(check_codes(&[33, 4 << 1, 2], 4, 3).is_err());
        assert!(check_codes(&[2, 1 << 1 | 1, 0], 8, 3).is_err());
        assert!(check_codes(&[2, 1 << 1 | 1, 0, 0], 8, 3).is_ok());
        assert!(check_codes(&[0xff; 12], 8, 3).is_err());
    }

    #[test]
    fn deltas_have_possible_blocks() {
        assert!(check_delta(&[0x80, 1, 4, 9, 0], 9).is_ok());
        assert!(check_delta(&[0x80, 1, 4, 9, 0], 8).is_err());
        assert!(check_delta(&[0x80, 1, 5, 9, 0], 9).is_err());
        assert!(check_delta(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1, 9, 0], 9).is_err());
    }
}
