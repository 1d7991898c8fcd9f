//! Escapes text from outside (archives, feeds, brokers, file names) so that it is safe to show on a terminal.
//!
//! Control characters move the cursor, change colours or, in some terminals, enter commands; bidirectional controls reorder
//! text; invisible characters make different texts look the same. All of them are written as JSON escapes, such as `\u001b`,
//! so that JSON text keeps its meaning.

use std::{borrow::Cow, fmt::Write};

/// Returns whether a character can be shown without escaping.
fn is_safe(character: char) -> bool {
    match character {
        // a tab only moves the cursor to the right
        '\t' => true,
        // soft hyphen, Arabic letter mark, Mongolian vowel separator
        '\u{ad}' | '\u{61c}' | '\u{180e}' => false,
        // zero width, directional marks
        '\u{200b}'..='\u{200f}' => false,
        // line and paragraph separator, embeddings and overrides
        '\u{2028}'..='\u{202e}' => false,
        // word joiner, invisible operators, isolates
        '\u{2060}'..='\u{206f}' => false,
        // byte order mark, interlinear annotations
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' => false,
        // tags
        '\u{e0000}'..='\u{e007f}' => false,
        other => !other.is_control(),
    }
}

/// Returns a text in which every character that is unsafe to show, including line ends, is written as `\u` and four hex digits.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_safe) { Cow::Borrowed(text) } else { Cow::Owned(escaped(text, is_safe)) }
}

/// Like [`safe`], but keeps line ends.
pub fn safe_lines(text: &str) -> Cow<'_, str> {
    let is_safe = |character| character == '\n' || is_safe(character);
    if text.chars().all(is_safe) { Cow::Borrowed(text) } else { Cow::Owned(escaped(text, is_safe)) }
}

/// The number of characters of a text that [`shortened`] keeps.
const CHARS_SHOWN: usize = 200;

/// Returns the beginning of a text, like [`safe`]: for errors and logs, which a peer must not fill.
pub fn shortened(text: &str) -> String {
    let end = text.char_indices().nth(CHARS_SHOWN).map_or(text.len(), |(end, _)| end);
    safe(&text[..end]).into_owned()
}

/// Appends a message of any bytes; those that are not UTF-8 are written as `\x` and two hex digits.
pub fn push_safe_bytes(message: &[u8], out: &mut Vec<u8>) {
    for chunk in message.utf8_chunks() {
        out.extend_from_slice(safe(chunk.valid()).as_bytes());
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

fn escaped(text: &str, is_safe: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_safe(character) {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // writing to a string cannot fail
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (text, shown) in [
            ("plain, é, 日本, 🙂 and\ttabs", "plain, é, 日本, 🙂 and\ttabs"),
            ("\u{1b}[2J", "\\u001b[2J"),
            ("a\nerror: b\r", "a\\u000aerror: b\\u000d"),
            ("\u{7f}\u{9b}31m", "\\u007f\\u009b31m"),
            ("\u{202e}gnp.exe", "\\u202egnp.exe"),
            ("AA\u{200b}PL\u{2028}\u{2066}\u{feff}", "AA\\u200bPL\\u2028\\u2066\\ufeff"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(safe(text), shown);
        }
        assert_eq!(safe_lines("a\nb\u{1b}\n"), "a\nb\\u001b\n");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_written_in_hexadecimal() {
        let mut out = Vec::new();
        push_safe_bytes(b"a\x9b31m\xc3\xa9\xff\x1b", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a\\x9b31mé\\xff\\u001b");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left_and_nothing_safe_is_changed(text in any::<String>()) {
            let shown = safe(&text);
            prop_assert!(shown.chars().all(is_safe));
            prop_assert_eq!(safe(&shown), shown.clone());
            let kept: String = text.chars().filter(|character| is_safe(*character)).collect();
            prop_assert_eq!(kept == text, shown == text);
        }

        #[test]
        fn a_json_text_keeps_its_meaning(text in any::<String>()) {
            let json = serde_json::to_string_pretty(&[&text]).unwrap();
            let back: Vec<String> = serde_json::from_str(&safe_lines(&json)).unwrap();
            prop_assert_eq!(back, [text]);
        }

        #[test]
        fn any_bytes_become_safe(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut out = Vec::new();
            push_safe_bytes(&bytes, &mut out);
            prop_assert!(String::from_utf8(out).unwrap().chars().all(is_safe));
        }
    }
}
