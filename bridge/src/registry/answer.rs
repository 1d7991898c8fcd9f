//! Converts the answer of a registry to a value or to an error.

use std::{io, time::Duration};

use serde_json::Value;
use ureq::{
    Body, Error,
    http::{
        HeaderMap, Response,
        header::{HeaderName, LOCATION, RETRY_AFTER},
    },
};

use super::{PAUSE_MAX, RegistryError, url};

/// The size limit of an answer. A list of all subjects of a large registry is far smaller.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// The number of characters of an unreadable answer that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// Returns the JSON of a successful answer.
pub(super) fn read(url: &str, result: Result<Response<Body>, Error>) -> Result<Value, RegistryError> {
    let mut response = result.map_err(|error| failure(url, error))?;
    let status = response.status();
    if status.is_redirection() {
        let location = header(response.headers(), LOCATION).map(url::shown);
        return Err(RegistryError::Redirected { url: url.to_owned(), status: status.as_u16(), location });
    }
    let retry_after = header(response.headers(), RETRY_AFTER).and_then(seconds);
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
            what: format!("its answer is not JSON: {:?}", shortened(&text)),
        });
    }
    let field = |name: &str| value.as_ref().and_then(|value| value.get(name));
    let code = field("error_code").and_then(Value::as_u64);
    let said = field("message").and_then(Value::as_str).map_or_else(|| shortened(&text), str::to_owned);
    let url = url.to_owned();
    Err(match status.as_u16() {
        401 | 403 => RegistryError::Unauthorized { url, status: status.as_u16() },
        // "not now": a registry that is starting or overloaded, and a proxy in front of one that is down
        408 | 425 | 429 | 500..=599 => {
            RegistryError::Unavailable { url, status: status.as_u16(), message: said, retry_after }
        }
        status => RegistryError::Refused { url, status, code, message: said },
    })
}

fn failure(url: &str, error: Error) -> RegistryError {
    let url = url.to_owned();
    match error {
        // the TLS library reports its errors as invalid data
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            let what = error.to_string();
            match error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
                true => RegistryError::Tls { url, what },
                false => RegistryError::Foreign { url, what },
            }
        }
        Error::Tls(what) => RegistryError::Tls { url, what: what.to_owned() },
        Error::Rustls(error) => RegistryError::Tls { url, what: error.to_string() },
        Error::Io(_)
        | Error::Timeout(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::ConnectProxyFailed(_) => RegistryError::Unreachable { url, source: Box::new(error) },
        // the error repeats the URL, which may contain a password
        Error::BadUri(_) => RegistryError::Foreign { url, what: "its URL is invalid".to_owned() },
        error => RegistryError::Foreign { url, what: error.to_string() },
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the delay that an answer requests, within limits. A date is ignored: it would require synchronised clocks.
fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(SHOWN_CHARS_MAX).collect()
}
