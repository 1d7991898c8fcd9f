//! A JSON parser (RFC 8259) for untrusted text. Strings are borrowed unless they contain escapes, numbers stay text so
//! that nothing is rounded, and unneeded values are validated and skipped.

use std::borrow::Cow;

/// The maximum nesting of arrays and objects; the envelope is level 1. The limit is that of serde_json. A deeper text is
/// refused as `not_json` before it can exhaust the stack.
pub const DEPTH_MAX: u32 = 127;

/// A syntax error: its position, and what was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

/// A value. Numbers, arrays and objects are kept as their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Array(&'a str),
    Object(&'a str),
}

/// A cursor over a text.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    duplicate: Option<Box<str>>,
}

type Parsed<T> = Result<T, Syntax>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Parser<'a> {
        Parser { text, at: 0, duplicate: None }
    }

    /// Returns the first duplicate key of the objects that were skipped.
    pub(super) fn into_duplicate(self) -> Option<Box<str>> {
        self.duplicate
    }

    #[cold]
    fn error<T>(&self, expected: &'static str) -> Parsed<T> {
        Err(Syntax { at: self.at, expected })
    }

    /// Skips white space and returns the next byte without consuming it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    #[inline]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Parsed<()> {
        if self.peek() != Some(byte) {
            return self.error(expected);
        }
        self.at += 1;
        Ok(())
    }

    /// Checks that only white space is left.
    pub(super) fn end(&mut self) -> Parsed<()> {
        if self.peek().is_some() { self.error("the end of the text") } else { Ok(()) }
    }

    /// Parses the object that starts here. Calls `member` with each key; `member` must consume the value.
    #[inline]
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Parser<'a>, Cow<'a, str>) -> Parsed<()>,
    ) -> Parsed<()> {
        self.expect(b'{', "`{`")?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.error("a key in quotes");
            }
            let key = self.string()?;
            self.expect(b':', "`:`")?;
            member(self, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.error("`,` or `}`"),
            }
        }
    }

    /// Parses any value. `depth` is the level of an array or object that starts here.
    #[inline]
    pub(super) fn value(&mut self, depth: u32) -> Parsed<Value<'a>> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(Value::Number(&self.text[start..self.at]))
            }
            Some(b'n') => self.literal("null", Value::Null),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'[') => {
                self.skip_array(depth)?;
                Ok(Value::Array(&self.text[start..self.at]))
            }
            Some(b'{') => {
                self.skip_object(depth)?;
                Ok(Value::Object(&self.text[start..self.at]))
            }
            _ => self.error("a value"),
        }
    }

    fn literal(&mut self, text: &'static str, value: Value<'a>) -> Parsed<Value<'a>> {
        if !self.text.as_bytes()[self.at..].starts_with(text.as_bytes()) {
            return self.error(text);
        }
        self.at += text.len();
        Ok(value)
    }

    fn skip_array(&mut self, depth: u32) -> Parsed<()> {
        if depth > DEPTH_MAX {
            return self.error("at most 127 levels");
        }
        self.expect(b'[', "`[`")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.error("`,` or `]`"),
            }
        }
    }

    fn skip_object(&mut self, depth: u32) -> Parsed<()> {
        if depth > DEPTH_MAX {
            return self.error("at most 127 levels");
        }
        let mut keys = Vec::new();
        self.object(|parser, key| {
            keys.push(key);
            parser.value(depth + 1).map(drop)
        })?;
        if let Some(key) = first_duplicate(&mut keys) {
            self.duplicate.get_or_insert_with(|| key.into());
        }
        Ok(())
    }

    fn number(&mut self) -> Parsed<()> {
        let bytes = self.text.as_bytes();
        let digits = |at: &mut usize| {
            let start = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > start
        };
        if bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else if !digits(&mut self.at) {
            return self.error("a digit");
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if !digits(&mut self.at) {
                return self.error("a digit");
            }
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = bytes.get(self.at) {
                self.at += 1;
            }
            if !digits(&mut self.at) {
                return self.error("a digit");
            }
        }
        Ok(())
    }

    /// Parses the string whose opening quote is here.
    #[inline]
    fn string(&mut self) -> Parsed<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        match self.plain()? {
            b'"' => {
                let text = &self.text[start..self.at];
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            _ => self.escaped_string(start),
        }
    }

    /// Moves to the next quote or backslash, and returns it.
    #[inline]
    fn plain(&mut self) -> Parsed<u8> {
        let bytes = self.text.as_bytes();
        let stop = bytes[self.at..].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at = stop.map_or(bytes.len(), |offset| self.at + offset);
        match bytes.get(self.at) {
            Some(&byte @ (b'"' | b'\\')) => Ok(byte),
            Some(_) => self.error("an escaped control character"),
            None => self.error("a closing quote"),
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Parsed<Cow<'a, str>> {
        let mut text = self.text[start..self.at].to_owned();
        loop {
            let from = self.at;
            let stop = self.plain()?;
            text.push_str(&self.text[from..self.at]);
            self.at += 1;
            if stop == b'"' {
                return Ok(Cow::Owned(text));
            }
            text.push(self.escape()?);
        }
    }

    /// Parses an escape after its backslash.
    fn escape(&mut self) -> Parsed<char> {
        let Some(&byte) = self.text.as_bytes().get(self.at) else {
            return self.error("an escape");
        };
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return self.error("an escape"),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Parses the digits after `\u`, and the second half of a surrogate pair.
    fn unicode_escape(&mut self) -> Parsed<char> {
        let first = self.four_hex_digits()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    return self.error("the second half of a surrogate pair");
                }
                self.at += 2;
                let second = self.four_hex_digits()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.error("the second half of a surrogate pair");
                }
                0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00))
            }
            code => code,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.error("the first half of a surrogate pair"),
        }
    }

    fn four_hex_digits(&mut self) -> Parsed<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let code = digits.iter().try_fold(0, |code, &byte| Some(code << 4 | char::from(byte).to_digit(16)?));
        match code {
            Some(code) if !digits.is_empty() => {
                self.at += 4;
                Ok(code)
            }
            _ => self.error("four hex digits"),
        }
    }
}

/// Returns a key that occurs twice in `keys`, compared after decoding. Sorts the keys, so that hostile objects cost
/// n log n.
pub(super) fn first_duplicate<'k>(keys: &'k mut [Cow<'_, str>]) -> Option<&'k str> {
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &*pair[0])
}

/// Returns the exact integer value of a JSON number: `100`, `100.0` and `1e2` are 100. Returns `None` for a number with a
/// fraction. A number outside `i128` is clamped to its range, which no field allows.
pub(super) fn integer(number: &str) -> Option<i128> {
    let (negative, unsigned) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // trailing zeros of the fraction do not change the value; the exponent must cancel all other digits of the fraction
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    if whole.is_empty() && fraction.is_empty() {
        return Some(0);
    }
    let exponent = saturating_exponent(exponent);
    let digits = || whole.bytes().chain(fraction.bytes());
    let count = whole.len() + fraction.len();
    let scale = exponent.saturating_sub(fraction.len() as i64);
    let (kept, zeros) = if scale >= 0 {
        (count, scale as usize)
    } else {
        let dropped = scale.unsigned_abs() as usize;
        let trailing_zeros = digits().rev().take_while(|&digit| digit == b'0').count();
        if dropped > trailing_zeros {
            return None;
        }
        (count - dropped, 0)
    };
    let magnitude = digits()
        .take(kept)
        .chain(std::iter::repeat_n(b'0', zeros.min(40)))
        .try_fold(0i128, |value, digit| value.checked_mul(10)?.checked_add(i128::from(digit - b'0')));
    Some(match (magnitude, negative) {
        (Some(value), false) => value,
        (Some(value), true) => -value,
        (None, false) => i128::MAX,
        (None, true) => i128::MIN,
    })
}

/// Returns the value of an exponent, clamped to ±`i64::MAX / 4`.
fn saturating_exponent(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = digits.bytes().fold(0i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(i64::MAX / 4)
    });
    if negative { -value } else { value }
}
