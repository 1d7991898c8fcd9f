//! `.env` files. Nothing is substituted in them: the file of a cloned repository must not be able to put other environment
//! variables, such as credentials, into a URL.
//!
//! Each line is `NAME=value`, `export NAME=value`, a comment that begins with `#`, or empty. A value may be enclosed in single
//! quotes, in which nothing is special, or in double quotes, in which `\\`, `\"`, `\$`, `\n`, `\r` and
//! `\t` are escape sequences. It does not span lines.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::sources::ours;
use crate::{exit::Failure, output::say};

/// The largest file that is read.
const BYTES_MAX: u64 = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file that was given on the command line. Every line must be an assignment.
///
/// # Errors
/// Fails if the file cannot be read, is not a regular file or is larger than 1 MiB, and if a line is not an assignment.
pub(super) fn named(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let bytes = read(path).map_err(|error| unusable(path, &error.to_string()))?;
    settings(&bytes, Lines::All).map_err(|(line, what)| invalid(path, line, what))
}

/// Reads the default file, if it exists. Only the settings of tradesim in it are checked. Nothing else in it can stop a command,
/// and neither can an unreadable file.
///
/// # Errors
/// Fails on a line that begins with the name of a setting and is not an assignment.
pub(super) fn unnamed(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => {
            say(format_args!("warning: {} is ignored: {error}", path.display()));
            return Ok(Vec::new());
        }
    };
    settings(&bytes, Lines::Ours).map_err(|(line, what)| invalid(path, line, what))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let check = |metadata: fs::Metadata| {
        if metadata.is_dir() {
            Err(io::Error::from(io::ErrorKind::IsADirectory))
        } else if !metadata.is_file() {
            Err(io::Error::other("it is not a regular file"))
        } else if metadata.len() > BYTES_MAX {
            Err(io::Error::other("it is larger than 1 MiB"))
        } else {
            Ok(())
        }
    };
    // checked before it is opened, because opening a FIFO waits for a writer
    check(fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

fn unusable(path: &Path, what: &str) -> Failure {
    Failure::Configuration { what: format!("{} cannot be used: {what}", path.display()), hint: None }
}

/// Returns an error that does not contain the line, which may be a secret of another program.
fn invalid(path: &Path, line: usize, what: &'static str) -> Failure {
    Failure::Configuration {
        what: format!("{} cannot be used: line {line}: {what}", path.display()),
        hint: Some("# starts a comment; values with spaces need quotes".to_owned()),
    }
}

/// The lines that must be assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    All,
    Ours,
}

/// Returns the settings of tradesim in a file, with their names in upper case, or the number of the first invalid line.
fn settings(bytes: &[u8], checked: Lines) -> Result<Vec<(String, String)>, (usize, &'static str)> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut found = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let text = String::from_utf8_lossy(line);
        let is_ours = ours(name_and_rest(&text).0, String::new()).is_some();
        if checked == Lines::Ours && !is_ours {
            continue;
        }
        let assignment = match std::str::from_utf8(line) {
            Ok(line) => assignment(line),
            Err(_) => Err("is not UTF-8"),
        };
        if let Some((name, value)) = assignment.map_err(|what| (index + 1, what))? {
            found.extend(ours(name, value));
        }
    }
    Ok(found)
}

/// Splits a line into the name at its start, without `export`, and the rest.
fn name_and_rest(line: &str) -> (&str, &str) {
    let line = line.trim();
    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => line,
    };
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
    line.split_at(line.find(|character| !is_name(character)).unwrap_or(line.len()))
}

/// Returns the name and the value of a line, or `None` for a comment and an empty line.
fn assignment(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    const FORM: &str = "is not NAME=value";
    let (name, rest) = name_and_rest(line);
    let rest = rest.trim_start();
    if name.is_empty() && (rest.is_empty() || rest.starts_with('#')) {
        return Ok(None);
    }
    let value = rest.strip_prefix('=').ok_or(FORM)?.trim();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(FORM);
    }
    match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(&value[1..], quote).map(|value| Some((name, value))),
        _ => unquoted(value).map(|value| Some((name, value.to_owned()))),
    }
}

fn unquoted(text: &str) -> Result<&str, &'static str> {
    // a comment starts after a space, because colours and URLs contain a #
    let comment = text
        .char_indices()
        .find(|&(at, character)| character == '#' && (at == 0 || text[..at].ends_with([' ', '\t'])));
    let value = comment.map_or(text, |(at, _)| &text[..at]).trim_end();
    if value.contains(char::is_whitespace) {
        return Err("has a value with spaces that is not in quotes");
    }
    if value.contains(['"', '\'']) {
        return Err("has a quote inside a value: quotes must enclose the whole value");
    }
    Ok(value)
}

/// Reads what follows an opening quote.
fn quoted(text: &str, quote: char) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let rest = &text[at + 1..];
            let after = rest.trim_start();
            return if after.is_empty() || after.starts_with('#') && after.len() < rest.len() {
                Ok(value)
            } else {
                Err("has something after the closing quote")
            };
        }
        if character == '\\' && quote == '"' {
            value.push(match characters.next() {
                Some((_, escaped @ ('\\' | '"' | '$'))) => escaped,
                Some((_, 'n')) => '\n',
                Some((_, 'r')) => '\r',
                Some((_, 't')) => '\t',
                _ => return Err(r#"has a \ in double quotes that is not followed by one of \ " $ n r t"#),
            });
        } else {
            value.push(character);
        }
    }
    Err("has a quote that is not closed on the same line")
}

#[cfg(test)]
mod tests;
