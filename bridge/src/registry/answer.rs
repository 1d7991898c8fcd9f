//! What a registry answers, read into a value or into an error by its kind.

use std::io;

use serde_json::Value;
use ureq::{Body, Error, http::Response};

use super::RegistryError;

/// A list of all subjects of a large registry stays far below this.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// How much of an answer that cannot be read is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// The JSON of an answer with a status of success.
pub(super) fn read(url: &str, result: Result<Response<Body>, Error>) -> Result<Value, RegistryError> {
    let mut response = result.map_err(|error| failure(url, error))?;
    let status = response.status();
    let text = response
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_string()
        .map_err(|error| failure(url, error))?;
    let value = serde_json::from_str::<Value>(&text).ok();
    if status.is_success() {
        return value.ok_or_else(|| RegistryError::Foreign {
            url: url.to_owned(),
            what: format!("its answer is no JSON: {:?}", shortened(&text)),
        });
    }
    let field = |name: &str| value.as_ref().and_then(|value| value.get(name));
    let code = field("error_code").and_then(Value::as_u64);
    let said = field("message").and_then(Value::as_str).map_or_else(|| shortened(&text), str::to_owned);
    let url = url.to_owned();
    Err(match status.as_u16() {
        401 | 403 => RegistryError::Unauthorized { url, status: status.as_u16() },
        // what stands before a registry that is down, or is coming up
        502..=504 => RegistryError::Unavailable { url, status: status.as_u16() },
        status => RegistryError::Refused { url, status, code, message: said },
    })
}

fn failure(url: &str, error: Error) -> RegistryError {
    let url = url.to_owned();
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            RegistryError::Foreign { url, what: error.to_string() }
        }
        Error::Io(_)
        | Error::Timeout(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::ConnectProxyFailed(_) => RegistryError::Unreachable { url, source: Box::new(error) },
        // the error repeats the URL, which may hold a password
        Error::BadUri(_) => RegistryError::Foreign { url, what: "its URL cannot be used".to_owned() },
        error => RegistryError::Foreign { url, what: error.to_string() },
    }
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(SHOWN_CHARS_MAX).collect()
}
