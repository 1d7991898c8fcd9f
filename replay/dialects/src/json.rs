//! Writers of the parts of vendors' JSON messages.

pub(crate) use tradesim_schemas::digits::write_u64 as uint;
use tradesim_schemas::{Price, Timestamp, digits::four};

/// Appends a number that may be negative.
pub(crate) fn int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    uint(value.unsigned_abs(), out);
}

/// Appends a price as a number in its shortest exact form: 178.5, 178.525, 179.
pub(crate) fn price(price: Price, out: &mut Vec<u8>) {
    let units = price.units();
    if units < 0 {
        out.push(b'-');
    }
    let units = units.unsigned_abs();
    uint(units / 10_000, out);
    let [a, b, c, d] = four((units % 10_000) as u32);
    let len = match (a, b, c, d) {
        (b'0', b'0', b'0', b'0') => return,
        (_, b'0', b'0', b'0') => 1,
        (_, _, b'0', b'0') => 2,
        (_, _, _, b'0') => 3,
        _ => 4,
    };
    out.extend_from_slice(&[b'.', a, b, c, d][..1 + len]);
}

/// Appends a text with its quotes.
#[inline]
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a text is written to memory");
    }
}

/// Appends the milliseconds since the epoch. What is below a millisecond is cut off.
pub(crate) fn millis(at: Timestamp, out: &mut Vec<u8>) {
    int(at.micros().div_euclid(1_000), out);
}

/// Appends a time as a text in RFC 3339, without trailing zeros of its fraction.
pub(crate) fn time(at: Timestamp, out: &mut Vec<u8>) {
    let mut text = at.text();
    // the fraction begins after YYYY-MM-DDTHH:MM:SS, and ends before the Z
    const SECONDS: usize = 19;
    let mut end = Timestamp::TEXT_LEN - 1;
    while end > SECONDS + 1 && text[end - 1] == b'0' {
        end -= 1;
    }
    if end == SECONDS + 1 {
        end = SECONDS;
    }
    text[end] = b'Z';
    out.push(b'"');
    out.extend_from_slice(&text[..=end]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prices_are_exact_and_short() {
        for (units, expected) in [
            (0, "0"),
            (1, "0.0001"),
            (10, "0.001"),
            (10_000, "1"),
            (1_785_000, "178.5"),
            (1_785_250, "178.525"),
            (1_780_005, "178.0005"),
            (999_999_999_999, "99999999.9999"),
        ] {
            assert_eq!(written(|out| price(Price::from_units(units).unwrap(), out)), expected);
        }
    }

    #[test]
    fn times_lose_trailing_zeros_or_everything_below_a_millisecond() {
        for (at, short, ms) in [
            ("2026-02-18T14:30:00.366511Z", "2026-02-18T14:30:00.366511Z", "1771425000366"),
            ("2026-02-18T14:30:00.366500Z", "2026-02-18T14:30:00.3665Z", "1771425000366"),
            ("2026-02-18T14:30:00.000000Z", "2026-02-18T14:30:00Z", "1771425000000"),
            ("2026-02-18T14:30:10.000999Z", "2026-02-18T14:30:10.000999Z", "1771425010000"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z", "-1"),
        ] {
            let at = Timestamp::parse(at.as_bytes()).unwrap();
            assert_eq!(written(|out| time(at, out)), format!("\"{short}\""));
            assert_eq!(written(|out| millis(at, out)), ms);
        }
    }

    #[test]
    fn texts_are_escaped_where_json_requires_it() {
        assert_eq!(written(|out| text("BRK.B", out)), r#""BRK.B""#);
        assert_eq!(written(|out| text("a\"\\b", out)), r#""a\"\\b""#);
        assert_eq!(written(|out| text("ÄÖ", out)), r#""ÄÖ""#);
    }

    #[test]
    fn integers_have_no_leading_zeros() {
        for value in [0, 7, 10, -10, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| int(value, out)), value.to_string());
        }
    }
}
