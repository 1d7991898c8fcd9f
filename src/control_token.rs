//! The token of `--control token`, from a file or from the environment, for the server and for `control`.

use std::{fs::File, io::Read, path::Path};

use tradesim_replay::ControlToken;

use crate::exit::Failure;

/// The environment variable that contains the token. It is not a setting, so that a `.env` file cannot grant access.
pub(crate) const VARIABLE: &str = "TRADESIM_CONTROL_TOKEN";

/// The limit of a token file. A token and a line break are much shorter.
const FILE_BYTES_MAX: u64 = 4096;

/// Returns the token from the file, or else from the environment, if there is one.
///
/// # Errors
/// Fails if the file cannot be read or does not contain a token. The error does not contain the token.
pub(crate) fn find(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let (text, place) = match file {
        Some(path) => (read(path)?, path.display().to_string()),
        None => match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            Some(value) => (value.into_string().unwrap_or_default(), VARIABLE.to_owned()),
            None => return Ok(None),
        },
    };
    match text.parse::<ControlToken>() {
        Ok(_) => Ok(Some(text)),
        Err(invalid) => Err(unusable(format!("{place} does not contain a valid control token: {invalid}"))),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let failed =
        |error: std::io::Error| unusable(format!("cannot read the control token from {shown}: {error}"));
    // checked before it is opened, because opening a FIFO waits for a writer
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(unusable(format!("cannot read the control token from {shown}: expected a regular file")));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn unusable(what: String) -> anyhow::Error {
    let hint = "for example: head -c 24 /dev/urandom | base64 > token && chmod 600 token";
    Failure::Configuration { what, hint: Some(hint.to_owned()) }.into()
}
