//! Parts of texts: numbers and suggestions for people, places in files, and names in URLs.

/// Formats a count with commas, such as "1,234,567".
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of bytes, such as "9.0 MB". Units are powers of 1,000.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Percent-encodes a name for a URL: everything except letters, digits and `-._~` (RFC 3986, section 2.3).
pub fn percent_encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Returns the line and the column, in characters and both from 1, of a place in a text that is given in bytes.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Decodes percent-encoding (RFC 3986, section 2.1). Returns `None` if a digit is missing or the bytes are not UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            bytes.push((digit()? << 4 | digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Returns the candidate that is most similar to `text`, if it is similar enough for a typing error.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = text.to_ascii_uppercase();
    // half of the letters may differ, but always at least one
    let distance_max = (wanted.chars().count() / 2).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_ascii_uppercase()), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn only_unreserved_characters_are_left_in_a_url() {
        assert_eq!(percent_encoded("Az09-._~ ,%é/"), "Az09-._~%20%2C%25%C3%A9%2F");
    }

    #[test]
    fn what_was_percent_encoded_is_decoded() {
        for text in ["", "Az09-._~ ,%é/", "100%"] {
            assert_eq!(percent_decoded(&percent_encoded(text)).as_deref(), Some(text));
        }
        assert_eq!(percent_decoded("a+b%2b%2F").as_deref(), Some("a+b+/"));
        for text in ["%", "%4", "%4g", "%ff"] {
            assert_eq!(percent_decoded(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_one_decimal() {
        for (count, text) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (999_949, "999.9 kB"), (8_650_000, "8.7 MB")]
        {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let symbols = ["AAPL", "AMZN", "MSFT", "V"];
        assert_eq!(nearest("APPL", symbols), Some("AAPL"));
        assert_eq!(nearest("msft", symbols), Some("MSFT"));
        assert_eq!(nearest("QQQQQQ", symbols), None);
    }
}
