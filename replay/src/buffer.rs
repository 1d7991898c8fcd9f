//! The size of the buffer that clients share, as people write it.

/// The error of a text that is not the size of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a size such as 64MiB, 512KiB, 1GiB or 1000000, from 256 KiB to 64 GiB")]
pub struct ParseBufferError;

/// Parses the size of the buffer that clients share, in bytes.
///
/// # Errors
/// Returns an error for any other text, and for a size outside the range.
pub fn parse_buffer(text: &str) -> Result<usize, ParseBufferError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(ParseBufferError),
    };
    let bytes =
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or(ParseBufferError)?;
    let in_range = (256 << 10..=64 << 30).contains(&bytes);
    usize::try_from(bytes).ok().filter(|_| in_range).ok_or(ParseBufferError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("64MiB", 64 << 20), ("256kib", 256 << 10), ("1gb", 1_000_000_000), ("300000", 300_000)]
        {
            assert_eq!(parse_buffer(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "64 MiB", "1.5MiB", "-1MiB", "255KiB", "65GiB", "99999999999GiB", "64MiBs"] {
            assert!(parse_buffer(text).is_err(), "{text}");
        }
    }
}
