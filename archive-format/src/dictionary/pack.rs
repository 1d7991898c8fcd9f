//! Parquet's hybrid of run-length encoding and bit packing. Only two forms are used: one run of equal values, or all values
//! packed. zstd compresses the patterns in packed values.
//!
//! Source: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>, "Run Length Encoding / Bit-Packing
//! Hybrid".

use arrow_buffer::BooleanBuffer;

/// Appends definition levels of one bit: the rows that have a value.
pub(super) fn levels(present: &BooleanBuffer, out: &mut Vec<u8>) {
    let rows = present.len();
    let set = present.count_set_bits();
    if set == rows || set == 0 {
        run(rows, u32::from(set == rows && rows > 0), 1, out);
        return;
    }
    let groups = rows.div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    // the order of bits is that of Arrow: the first row is the lowest bit
    let start = out.len();
    out.resize(start + groups, 0);
    for (byte, chunk) in out[start..].iter_mut().enumerate() {
        let from = 8 * byte;
        let len = (rows - from).min(8);
        *chunk = bits(present, from, len);
    }
}

fn bits(present: &BooleanBuffer, from: usize, len: usize) -> u8 {
    let at = present.offset() + from;
    if at.is_multiple_of(8) && len == 8 {
        return present.values()[at / 8];
    }
    (0..len).fold(0, |byte, bit| byte | u8::from(present.value(from + bit)) << bit)
}

/// Appends the codes of a dictionary of `distinct` values, after a byte with the number of bits per code.
pub(super) fn codes(codes: &[u32], distinct: u32, out: &mut Vec<u8>) {
    let width = (u32::BITS - distinct.saturating_sub(1).leading_zeros()).max(1);
    out.push(width as u8);
    let Some(&first) = codes.first() else { return };
    if codes.iter().all(|&code| code == first) {
        run(codes.len(), first, width, out);
        return;
    }
    let groups = codes.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    out.reserve(groups * width as usize + 8);
    let (mut word, mut filled) = (0u64, 0);
    for &code in codes {
        word |= u64::from(code) << filled;
        filled += width;
        // codes have at most 32 bits, so another one always fits
        if filled >= 32 {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= 32;
            filled -= 32;
        }
    }
    let packed = groups * 8 - codes.len();
    let mut left = filled as usize + packed * width as usize;
    while left > 0 {
        out.push(word as u8);
        word >>= 8;
        left = left.saturating_sub(8);
    }
}

/// Appends a run of `count` equal values.
fn run(count: usize, value: u32, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends an unsigned LEB128 number.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes the hybrid encoding as the specification defines it.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0u64, 0);
            loop {
                let (&byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let len = width.div_ceil(8) as usize;
                let mut value = [0; 4];
                value[..len].copy_from_slice(&bytes[..len]);
                bytes = &bytes[len..];
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), (header >> 1) as usize));
            } else {
                let packed = (header >> 1) as usize * width as usize;
                for at in 0..(header >> 1) as usize * 8 {
                    let bit = |n: usize| u32::from(bytes[n / 8] >> (n % 8) & 1);
                    values.push((0..width as usize).fold(0, |v, n| v | bit(at * width as usize + n) << n));
                }
                bytes = &bytes[packed..];
            }
        }
        assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
        values.truncate(count);
        values
    }

    #[test]
    fn codes_come_back() {
        for distinct in [1u32, 2, 3, 4, 5, 50, 200, 256, 257, 70_000, 1 << 22] {
            for count in [0usize, 1, 7, 8, 9, 31, 32, 33, 1_000] {
                let values: Vec<u32> =
                    (0..count as u32).map(|n| n.wrapping_mul(2_654_435_761) % distinct).collect();
                let mut out = Vec::new();
                codes(&values, distinct, &mut out);
                assert_eq!(decode(&out[1..], u32::from(out[0]), count), values, "{distinct} {count}");
            }
        }
    }

    #[test]
    fn levels_come_back() {
        for count in [1usize, 7, 8, 9, 100, 1_001] {
            for every in [1, 2, 3, 5_000] {
                let present = BooleanBuffer::collect_bool(count, |n| n % every == every - 1);
                for offset in [0, count / 3] {
                    let present = present.slice(offset, count - offset);
                    let mut out = Vec::new();
                    levels(&present, &mut out);
                    let expected: Vec<u32> = present.iter().map(u32::from).collect();
                    assert_eq!(decode(&out, 1, expected.len()), expected, "{count} {every} {offset}");
                }
            }
        }
    }
}
