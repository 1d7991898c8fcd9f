//! Translates errors of `object_store` into those of the archive's crate, without credentials.

use std::error::Error;

use object_store::{
    Error as ClientError,
    client::{HttpError, HttpErrorKind},
};
use tradesim_archive::{StoreAction, StoreError, StoreFailure};

use crate::Environment;

/// The largest number of characters of a store's answer that are shown.
const DETAIL_CHARS_MAX: usize = 300;

pub(crate) fn translate(
    url: &str,
    action: StoreAction,
    error: &ClientError,
    environment: &Environment,
) -> StoreError {
    let failure = match error {
        ClientError::NotFound { .. } => StoreFailure::NotFound,
        // the conditions of our reads are about the version of the object
        ClientError::Precondition { .. } | ClientError::NotModified { .. } => StoreFailure::Replaced,
        ClientError::PermissionDenied { .. } | ClientError::Unauthenticated { .. } => StoreFailure::Denied,
        ClientError::UnknownConfigurationKey { .. } => StoreFailure::Configuration,
        _ if is_unreachable(error) => StoreFailure::Unreachable,
        _ => StoreFailure::Failed,
    };
    StoreError::new(url, action, failure, environment.without_secrets(&detail(error)))
}

/// Returns true if the service did not answer.
fn is_unreachable(error: &ClientError) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(found) = cause {
        if let Some(http) = found.downcast_ref::<HttpError>() {
            use HttpErrorKind::{Connect, Interrupted, Request, Timeout};
            return matches!(http.kind(), Connect | Request | Timeout | Interrupted);
        }
        cause = found.source();
    }
    false
}

/// Returns the innermost cause, without the body of an answer, which may be a page, and without queries, which may be signatures.
fn detail(error: &ClientError) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    shown(&cause.to_string())
}

fn shown(text: &str) -> String {
    let text = text.split('<').next().unwrap_or_default();
    let words = text.split_whitespace().map(|word| match word.split_once('?') {
        Some((before, _)) if before.contains("://") => format!("{before}?…"),
        _ => word.to_owned(),
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let end = text.char_indices().nth(DETAIL_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    text[..end].trim_end_matches([':', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_cut_and_queries_are_removed() {
        let text =
            "Server returned non-2xx status code: 403 Forbidden: <?xml version='1.0'?><Error>…</Error>";
        assert_eq!(shown(text), "Server returned non-2xx status code: 403 Forbidden");
        let text = "error for url (https://a.example/x?sv=1&sig=secret): \n timed out";
        assert_eq!(shown(text), "error for url (https://a.example/x?… timed out");
        assert_eq!(shown(&"x".repeat(1000)).len(), DETAIL_CHARS_MAX);
    }
}
