//! JSON lines: the messages as printed by `cat`, each on a single line.

use std::io::Write;

use tradesim_archive::Batch;
use tradesim_schemas::MessageEncoder;

use super::sink::Sink;

/// The writer of JSON lines.
pub(super) struct LinesExport {
    sink: Sink,
    encoder: MessageEncoder,
    lines: Vec<u8>,
}

impl LinesExport {
    pub(super) fn new(sink: Sink) -> LinesExport {
        LinesExport { sink, encoder: MessageEncoder::new(), lines: Vec::new() }
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        self.lines.clear();
        for row in batch.rows() {
            match row.raw() {
                Some(bytes) if bytes.iter().any(|byte| is_line_break(*byte)) => {
                    push_without_white_space(bytes, &mut self.lines);
                }
                _ => row.write_message(&mut self.encoder, &mut self.lines),
            }
            self.lines.push(b'\n');
        }
        Ok(self.sink.write_all(&self.lines)?)
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        Ok(self.sink.finish()?)
    }
}

/// Returns whether a byte ends a line. For some readers, a single carriage return does.
fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Appends a JSON text without the white space between its tokens. Everything else is unchanged. Line breaks in strings are
/// always escaped.
fn push_without_white_space(json: &[u8], out: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if in_string {
            in_string = byte != b'"' || escaped;
            escaped = byte == b'\\' && !escaped;
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_is_removed() {
        for (json, expected) in [
            (
                "{\n  \"a b\": [1, 2.50,\r\n\t-3e+7 ],\n \"c\" : \"\\\" \\\\\" }\n",
                r#"{"a b":[1,2.50,-3e+7],"c":"\" \\"}"#,
            ),
            ("\n\"a \\\\\"\n", r#""a \\""#),
            (" null\n", "null"),
            ("{\n\"b\":1,\"a\":1,\n\"b\":2}", r#"{"b":1,"a":1,"b":2}"#),
            ("[\n\"\u{fc} \u{2028}\"]", "[\"\u{fc} \u{2028}\"]"),
        ] {
            let mut found = Vec::new();
            push_without_white_space(json.as_bytes(), &mut found);
            assert_eq!(std::str::from_utf8(&found).unwrap(), expected);
        }
    }
}
