//! The secret of `--control token`: from a file or from the environment, for the server and for who steers it.

use std::{fs::File, io::Read, path::Path};

use tradesim_replay::ControlToken;

use crate::exit::Failure;

/// The environment variable that holds it. It is no setting: a `.env` of some folder has no say in who may steer.
pub(crate) const VARIABLE: &str = "TRADESIM_CONTROL_TOKEN";

/// A token and a line break are far below this.
const FILE_BYTES_MAX: u64 = 4096;

/// The token of the file, or else of the environment, if there is one.
///
/// # Errors
/// A file that cannot be read, and what is not a token. The token itself is not shown.
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
        Err(invalid) => Err(unusable(format!("{place} does not hold a control token: {invalid}"))),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let failed =
        |error: std::io::Error| unusable(format!("the control token cannot be read from {shown}: {error}"));
    // before it is opened: opening a pipe waits for whoever writes to it
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(unusable(format!(
            "the control token cannot be read from {shown}: expected a regular file"
        )));
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
