//! Amounts of memory.

use super::Invalid;

const FORMS: Invalid =
    Invalid::expected("a size such as 64MiB, 512KiB, 1GiB or 1000000, from 256 KiB to 64 GiB");

/// Parses the size of the buffer that clients share, in bytes.
pub(crate) fn buffer(text: &str) -> Result<usize, Invalid> {
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
        _ => return Err(FORMS),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or(FORMS)?;
    let in_range = (256 << 10..=64 << 30).contains(&bytes);
    usize::try_from(bytes).ok().filter(|_| in_range).ok_or(FORMS)
}
