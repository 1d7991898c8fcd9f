//! The lines of a client: `key=value|key=value`, each with a line feed at its end.

/// The limit of a line, in bytes. A subscription lists up to 500 symbols in one line.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Divides bytes into lines, however they arrive.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

/// A line that is too long or is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidLine;

impl Lines {
    /// Removes the next line from the front of `bytes`, or keeps what arrived of it.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Result<String, InvalidLine>> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if self.pending.len() + part.len() > LINE_BYTES_MAX {
            self.pending = Vec::new();
            *bytes = &[];
            return Some(Err(InvalidLine));
        }
        self.pending.extend_from_slice(part);
        match end {
            Some(end) => *bytes = &bytes[end + 1..],
            None => {
                *bytes = &[];
                return None;
            }
        }
        let line = String::from_utf8(std::mem::take(&mut self.pending));
        Some(line.map_err(|_| InvalidLine))
    }
}

/// Returns the value of a field; of several with this key, the first.
pub(super) fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let line = line.trim_end_matches('\r');
    line.split('|').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

/// Returns true if there is a field with this key, with or without a value.
pub(super) fn has(line: &str, key: &str) -> bool {
    let line = line.trim_end_matches('\r');
    line.split('|')
        .any(|pair| pair.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<Result<String, InvalidLine>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for mut part in parts.iter().copied() {
            while let Some(line) = lines.next(&mut part) {
                found.push(line);
            }
        }
        found
    }

    #[test]
    fn lines_do_not_depend_on_how_their_bytes_arrive() {
        let expected = [Ok("a=1|b=2".to_owned()), Ok(String::new()), Ok("c".to_owned())];
        assert_eq!(lines(&[b"a=1|b=2\n\nc\nd"]), expected);
        assert_eq!(lines(&[b"a=", b"", b"1|b=2", b"\n", b"\nc\n", b"d"]), expected);
    }

    #[test]
    fn a_line_without_an_end_is_refused_at_the_limit() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines(&[&long]), []);
        assert_eq!(lines(&[&long, b"\n"]).len(), 1);
        assert_eq!(lines(&[&long, b"x"]), [Err(InvalidLine)]);
        assert_eq!(lines(&[b"\xff\n"]), [Err(InvalidLine)]);
    }

    #[test]
    fn fields_are_found_by_their_whole_key() {
        let line = "schema=trades|symbols=A,B|start=|x";
        assert_eq!(field(line, "symbols"), Some("A,B"));
        assert_eq!(field(line, "start"), Some(""));
        assert_eq!((field(line, "symbol"), field(line, "x"), field(line, "s")), (None, None, None));
        assert_eq!(field("auth=k\r", "auth"), Some("k"));
        for (line, expected) in [
            ("x", true),
            ("x\r", true),
            ("x=", true),
            ("x=0", true),
            ("a=x|x", true),
            ("xy=1", false),
            ("a=x", false),
        ] {
            assert_eq!(has(line, "x"), expected, "{line:?}");
        }
    }
}
