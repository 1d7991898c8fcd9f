//! Files of client scripts, in TOML (docs/guide/pass-through.md).

#[cfg(test)]
mod tests;

use std::{
    fmt::Display,
    fs::File,
    io::{self, Read as _},
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use tradesim_dialects::script::{
    ANSWER_BYTES_MAX, Allowed, Expected, FRAME_BYTES, Heartbeat, Matcher, Rule, Script, Template, Then,
    pointer,
};
use tradesim_schemas::{
    parse_duration,
    pattern::Pattern,
    text::{line_and_column, nearest},
};

/// The size limit of a script, in bytes.
const BYTES_MAX: usize = 256 * 1024;

/// The limit of rules, of messages that one rule sends, and of patterns in a list.
const ENTRIES_MAX: usize = 256;

/// The limit of the characters of a name.
const NAME_MAX: usize = 64;

/// The bounds of durations.
const DURATION: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);

const KEYS: [&str; 7] =
    ["path", "subprotocol", "greeting", "leave_out", "handshake_within", "heartbeat", "reply"];
const HEARTBEAT_KEYS: [&str; 2] = ["every", "send"];
const REPLY_KEYS: [&str; 9] = ["name", "after", "text", "json", "hex", "each", "send", "start", "close"];

/// A file of a client script that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientScriptError {
    /// It cannot be read.
    #[error("cannot read the client script {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("invalid client script {}, line {line}, column {column}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// The reason.
        what: String,
    },
}

/// Something wrong at a place of the text.
struct Fault(usize, String);

type Value<'a> = Spanned<DeValue<'a>>;

fn fault<T>(place: Range<usize>, what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(place.start, what.into()))
}

/// Reads a client script.
///
/// # Errors
/// Fails if the file cannot be read or is too long, and with the place of the first error in it.
pub fn read_client_script(path: &Path) -> Result<Script, ClientScriptError> {
    let path = path.to_owned();
    let mut text = String::new();
    // one byte more, so that a longer file is an error
    let limit = BYTES_MAX as u64 + 1;
    match File::open(&path).and_then(|file| file.take(limit).read_to_string(&mut text)) {
        Err(source) => Err(ClientScriptError::Read { path, source }),
        Ok(_) => parse(path, &text),
    }
}

fn parse(path: PathBuf, text: &str) -> Result<Script, ClientScriptError> {
    let result = match text.len() > BYTES_MAX {
        true => fault(0..0, format!("a script has at most {BYTES_MAX} bytes")),
        false => script(text),
    };
    result.map_err(|Fault(offset, what)| {
        let (line, column) = line_and_column(text, offset);
        ClientScriptError::Invalid { path, line, column, what }
    })
}

fn script(text: &str) -> Result<Script, Fault> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default().start;
        Fault(at, error.message().to_owned())
    })?;
    let table = table.get_ref();
    known(table, &KEYS)?;
    let mut script = Script::default();
    if let Some(value) = table.get("path") {
        script.paths = list(value)?.into_iter().map(pattern).collect::<Result<_, _>>()?;
    }
    if let Some(value) = table.get("leave_out") {
        script.left_out = list(value)?.into_iter().map(pattern).collect::<Result<_, _>>()?;
    }
    if let Some(value) = table.get("subprotocol") {
        script.subprotocol = Some(subprotocol(value)?);
    }
    if let Some(value) = table.get("greeting") {
        script.greeting = messages(value, Allowed::default())?;
    }
    if let Some(value) = table.get("handshake_within") {
        script.handshake_within = Some(duration(value)?);
    }
    if let Some(value) = table.get("heartbeat") {
        script.heartbeat = Some(heartbeat(value)?);
    }
    if let Some(value) = table.get("reply") {
        (script.rules, script.names) = rules(value)?;
    }
    if let Some(value) = table.get("handshake_within").filter(|_| !script.has_handshake()) {
        return fault(value.span(), "no [[reply]] has `start = true`, so there is no handshake to wait for");
    }
    Ok(script)
}

/// Fails on a key that is not one of `keys`.
fn known(table: &DeTable<'_>, keys: &[&str]) -> Result<(), Fault> {
    // the first in the file
    let unknown = table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref()));
    let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
    let name = key.get_ref();
    let hint = match nearest(name, keys.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("expected one of {}", keys.join(", ")),
    };
    fault(key.span(), format!("unknown key {name:?}: {hint}"))
}

/// Returns the values of an array, or the value itself.
fn list<'t, 'a>(value: &'t Value<'a>) -> Result<Vec<&'t Value<'a>>, Fault> {
    let values: Vec<_> = match value.get_ref() {
        DeValue::Array(values) => values.iter().collect(),
        _ => vec![value],
    };
    match values.get(ENTRIES_MAX) {
        Some(beyond) => fault(beyond.span(), format!("a list has at most {ENTRIES_MAX} entries")),
        None => Ok(values),
    }
}

fn text<'t>(value: &'t Value<'_>) -> Result<&'t str, Fault> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => fault(value.span(), "expected a text"),
    }
}

fn pattern(value: &Value<'_>) -> Result<Pattern, Fault> {
    text(value)?.parse().map_err(|error| wrong(value, &error))
}

fn wrong(value: &Value<'_>, error: &dyn Display) -> Fault {
    Fault(value.span().start, error.to_string())
}

fn boolean(value: &Value<'_>) -> Result<bool, Fault> {
    match value.get_ref() {
        DeValue::Boolean(is) => Ok(*is),
        _ => fault(value.span(), "expected true or false"),
    }
}

fn duration(value: &Value<'_>) -> Result<Duration, Fault> {
    match parse_duration(text(value)?) {
        Ok(duration) if DURATION.contains(&duration) => Ok(duration),
        Ok(_) => fault(value.span(), "expected 10ms to 24h"),
        Err(error) => Err(wrong(value, &error)),
    }
}

/// Reads a name that a handshake may contain: a token of RFC 9110, section 5.6.2.
fn subprotocol(value: &Value<'_>) -> Result<String, Fault> {
    let name = text(value)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_token) {
        true => Ok(name.to_owned()),
        false => fault(
            value.span(),
            format!("expected a subprotocol: 1 to {NAME_MAX} letters, digits, dashes or dots"),
        ),
    }
}

fn heartbeat(value: &Value<'_>) -> Result<Heartbeat, Fault> {
    let DeValue::Table(table) = value.get_ref() else {
        return fault(value.span(), "expected a table [heartbeat]");
    };
    known(table, &HEARTBEAT_KEYS)?;
    let (Some(every), Some(send)) = (table.get("every"), table.get("send")) else {
        return fault(value.span(), "a heartbeat needs `every` and `send`");
    };
    Ok(Heartbeat { every: duration(every)?, message: message(send, Allowed::default())? })
}

/// Reads one message or a list of them.
fn messages(value: &Value<'_>, allowed: Allowed) -> Result<Vec<Template>, Fault> {
    let messages: Vec<Template> =
        list(value)?.into_iter().map(|value| message(value, allowed)).collect::<Result<_, _>>()?;
    match messages.iter().map(|message| message.fixed_len() + FRAME_BYTES).sum::<usize>() > ANSWER_BYTES_MAX {
        true => fault(
            value.span(),
            format!(
                "longer than {ANSWER_BYTES_MAX} bytes, counting {FRAME_BYTES} for the frame of each message"
            ),
        ),
        false => Ok(messages),
    }
}

/// Reads a text, or a table with the bytes of a binary message.
fn message(value: &Value<'_>, allowed: Allowed) -> Result<Template, Fault> {
    match value.get_ref() {
        DeValue::String(text) => Template::parse(text, allowed).map_err(|error| wrong(value, &error)),
        DeValue::Table(table) => {
            known(table, &["hex"])?;
            match table.get("hex") {
                Some(hex) => Ok(Template::Binary(bytes(hex, text(hex)?)?)),
                None => fault(value.span(), "expected { hex = \"00ff\" }"),
            }
        }
        _ => fault(value.span(), "expected a text, or { hex = \"00ff\" } for a binary message"),
    }
}

/// Decodes hexadecimal digits.
fn bytes(value: &Value<'_>, digits: &str) -> Result<Vec<u8>, Fault> {
    let invalid = || Fault(value.span().start, "expected pairs of hexadecimal digits".to_owned());
    let digits: Vec<u8> = digits
        .bytes()
        .map(|digit| char::from(digit).to_digit(16).map(|digit| digit as u8).ok_or_else(invalid))
        .collect::<Result<_, _>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid());
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Reads the rules. Returns the number of their names, too.
fn rules(value: &Value<'_>) -> Result<(Vec<Rule>, usize), Fault> {
    if !matches!(value.get_ref(), DeValue::Array(_)) {
        return fault(value.span(), "expected [[reply]], once for each reply");
    }
    let mut tables = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for entry in list(value)? {
        let DeValue::Table(table) = entry.get_ref() else {
            return fault(entry.span(), "expected [[reply]], once for each reply");
        };
        known(table, &REPLY_KEYS)?;
        if let Some(name) = table.get("name") {
            match text(name)? {
                "" => return fault(name.span(), "expected a name"),
                text if text.len() > NAME_MAX => {
                    return fault(name.span(), format!("a name has at most {NAME_MAX} bytes"));
                }
                text if !names.contains(&text) => names.push(text),
                _ => {}
            }
        }
        tables.push(table);
    }
    let rules = tables.into_iter().map(|table| rule(table, &names)).collect::<Result<_, _>>()?;
    Ok((rules, names.len()))
}

fn rule(table: &DeTable<'_>, names: &[&str]) -> Result<Rule, Fault> {
    let find = |name: &str| names.iter().position(|known| *known == name);
    let name = table.get("name").map(text).transpose()?.and_then(find);
    let after = match table.get("after") {
        None => None,
        Some(value) => match find(text(value)?) {
            Some(name) => Some(name),
            None => return fault(value.span(), format!("no [[reply]] has the name {:?}", text(value)?)),
        },
    };
    let matcher = matcher(table)?;
    let is_json = matches!(matcher, Matcher::Json(_));
    let each = match table.get("each") {
        Some(value) if !is_json => return fault(value.span(), "`each` needs the key `json`"),
        Some(value) => Some(pointer(text(value)?).map_err(|error| wrong(value, &error))?),
        None => None,
    };
    let stars = match &matcher {
        Matcher::Text(pattern) => pattern.star_count(),
        _ => 0,
    };
    let allowed = Allowed { json: is_json, stars, each: each.is_some() };
    let send = table.get("send").map_or(Ok(Vec::new()), |value| messages(value, allowed))?;
    let flag = |key| table.get(key).map_or(Ok(false), boolean);
    let then = match (flag("start")?, flag("close")?) {
        (false, false) => Then::Nothing,
        (true, false) => Then::Start,
        (false, true) => Then::Close,
        (true, true) => {
            return fault(table["close"].span(), "a reply cannot both `start` and `close`");
        }
    };
    Ok(Rule { matcher, name, after, each, send, then })
}

fn matcher(table: &DeTable<'_>) -> Result<Matcher, Fault> {
    match (table.get("text"), table.get("json"), table.get("hex")) {
        (None, None, None) => Ok(Matcher::Any),
        (Some(value), None, None) => pattern(value).map(Matcher::Text),
        (None, Some(value), None) => json(value),
        (None, None, Some(value)) => {
            let digits = text(value)?;
            let begin = digits.strip_suffix('*');
            let bytes = bytes(value, begin.unwrap_or(digits))?;
            Ok(Matcher::Bytes { bytes, begin: begin.is_some() })
        }
        (first, second, third) => {
            let later = [first, second, third].into_iter().flatten().map(Spanned::span);
            let later = later.max_by_key(|span| span.start).unwrap_or_default();
            fault(later, "a reply has only one of `text`, `json` and `hex`")
        }
    }
}

fn json(value: &Value<'_>) -> Result<Matcher, Fault> {
    let DeValue::Table(table) = value.get_ref() else {
        return fault(value.span(), "expected a table, such as { method = \"SUBSCRIBE\" }");
    };
    if table.len() > ENTRIES_MAX {
        return fault(value.span(), format!("a table has at most {ENTRIES_MAX} entries"));
    }
    let mut values = Vec::new();
    for (key, value) in table {
        let pointer = pointer(key.get_ref()).map_err(|error| Fault(key.span().start, error.to_string()))?;
        values.push((pointer, expected(value)?));
    }
    Ok(Matcher::Json(values))
}

fn expected(value: &Value<'_>) -> Result<Expected, Fault> {
    match value.get_ref() {
        DeValue::String(text) if text == "*" => Ok(Expected::Present),
        DeValue::String(_) => pattern(value).map(Expected::Text),
        DeValue::Boolean(is) => Ok(Expected::Boolean(*is)),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            match i64::from_str_radix(&digits, number.radix()) {
                Ok(number) => Ok(Expected::Integer(number)),
                Err(error) => Err(wrong(value, &error)),
            }
        }
        _ => fault(value.span(), "expected a text, an integer, true or false"),
    }
}
