//! Decimal and hexadecimal conversion with look-up tables. (The `itoa` crate has no fixed widths and no hex.)

/// "00" to "99".
const TWO: [[u8; 2]; 100] = {
    let mut table = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        table[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    table
};

/// "00" to "ff".
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut value = 0;
    while value < 256 {
        table[value] = [digits[value >> 4], digits[value & 15]];
        value += 1;
    }
    table
};

/// The value of each byte as a lower-case hex digit, or [`NO_DIGIT`].
const NIBBLE: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let digits = b"0123456789abcdef";
    let mut value = 0;
    while value < 16 {
        table[digits[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// A value with bits that no hex digit has, so that many digits can be combined with `|` and checked once.
pub(crate) const NO_DIGIT: u8 = 0xf0;

/// Returns the value of a lower-case hex digit, or [`NO_DIGIT`].
#[inline]
pub(crate) fn nibble(digit: u8) -> u8 {
    NIBBLE[usize::from(digit)]
}

/// Returns the two decimal digits of `value`.
///
/// # Panics
/// If it is not below 100.
#[inline]
pub fn two(value: u32) -> [u8; 2] {
    TWO[value as usize]
}

/// Returns the two hex digits of `byte`.
#[inline]
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    HEX[usize::from(byte)]
}

/// Returns the four decimal digits of `value`.
///
/// # Panics
/// If it is not below 10,000.
#[inline]
pub fn four(value: u32) -> [u8; 4] {
    let (high, low) = (two(value / 100), two(value % 100));
    [high[0], high[1], low[0], low[1]]
}

/// Returns the five decimal digits of `value`, which must be below 100,000.
#[inline]
pub(crate) fn five(value: u32) -> [u8; 5] {
    let rest = four(value % 10_000);
    [b'0' + (value / 10_000) as u8, rest[0], rest[1], rest[2], rest[3]]
}

/// Appends `value` in decimal.
#[inline]
pub(crate) fn write_u32(value: u32, out: &mut Vec<u8>) {
    if value < 100 {
        let text = two(value);
        out.extend_from_slice(if value < 10 { &text[1..] } else { &text });
    } else if value < 10_000 {
        let text = four(value);
        out.extend_from_slice(if value < 1_000 { &text[1..] } else { &text });
    } else {
        write_u64(u64::from(value), out);
    }
}

/// Appends `value` in decimal.
#[inline]
pub fn write_u64(mut value: u64, out: &mut Vec<u8>) {
    let mut text = [0; 20];
    let mut at = text.len();
    while value >= 100 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&two((value % 100) as u32));
        value /= 100;
    }
    let first = two(value as u32);
    at -= 2;
    text[at..at + 2].copy_from_slice(&first);
    let skip = at + usize::from(value < 10);
    out.extend_from_slice(&text[skip..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_display_writes_them() {
        let edges = (0..20u32).flat_map(|power| {
            let edge = 10u64.saturating_pow(power);
            [edge - 1, edge, edge + 1]
        });
        for value in edges.chain([u64::from(u32::MAX), u64::MAX]).chain(0..12_000) {
            let mut text = Vec::new();
            write_u64(value, &mut text);
            assert_eq!(text, value.to_string().as_bytes());
            if let Ok(value) = u32::try_from(value) {
                text.clear();
                write_u32(value, &mut text);
                assert_eq!(text, value.to_string().as_bytes());
            }
        }
    }
}
