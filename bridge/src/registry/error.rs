//! Errors of a registry.

use std::{path::PathBuf, time::Duration};

/// A request to a registry failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no answer, or none in time.
    #[error("cannot reach the schema registry at {url}")]
    Unreachable {
        /// The URL of the registry.
        url: String,
        /// The cause.
        source: Box<ureq::Error>,
    },
    /// The registry, or a proxy in front of it, cannot answer now.
    #[error("the schema registry at {url} is unavailable (HTTP {status}){}", colon(message))]
    Unavailable {
        /// The URL of the registry.
        url: String,
        /// The HTTP status: 408, 425, 429 or 500 to 599.
        status: u16,
        /// The message of the registry.
        message: String,
        /// The requested delay before a retry, if the answer states one; at most a minute.
        retry_after: Option<Duration>,
    },
    /// The registry redirects. No request is sent there: credentials are sent to the named registry, and to no other.
    #[error(
        "the schema registry at {url} redirects (HTTP {status}) to {}: use that URL instead",
        location.as_deref().unwrap_or("an unknown location")
    )]
    Redirected {
        /// The URL of the registry.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The new URL, without user information and query.
        location: Option<String>,
    },
    /// The TLS connection to the registry failed.
    #[error("the TLS connection to the schema registry at {url} failed: {what}")]
    Tls {
        /// The URL of the registry.
        url: String,
        /// The reason, such as a certificate that is not trusted.
        what: String,
    },
    /// The subject has no version with exactly this schema.
    #[error("the schema is not registered under {subject} at {url}")]
    NotRegistered {
        /// The URL of the registry.
        url: String,
        /// The subject.
        subject: String,
    },
    /// The subject's rule refuses the schema as a successor of the registered ones.
    #[error("the registry refused the schema under {subject} as incompatible: {message}")]
    Incompatible {
        /// The subject.
        subject: String,
        /// The message of the registry.
        message: String,
    },
    /// The registry rejected the credentials.
    #[error("the schema registry at {url} rejected the credentials (HTTP {status})")]
    Unauthorized {
        /// The URL of the registry.
        url: String,
        /// The HTTP status, 401 or 403.
        status: u16,
    },
    /// The registry refused the request for another reason.
    #[error("the schema registry at {url} refused the request (HTTP {status}): {message}")]
    Refused {
        /// The URL of the registry.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own code, such as 40401.
        code: Option<u64>,
        /// The message of the registry.
        message: String,
    },
    /// The server is not a schema registry, or one of another kind.
    #[error("{url} does not look like a Confluent-compatible schema registry: {what}")]
    Foreign {
        /// The URL of the server.
        url: String,
        /// The reason.
        what: String,
    },
    /// The credentials contain characters that an HTTP header cannot.
    #[error("the credentials for the schema registry contain characters that cannot be sent")]
    Credentials,
    /// The file of certificates cannot be used.
    #[error("cannot use the certificates in {}: {what}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// The reason.
        what: String,
    },
}

impl RegistryError {
    /// Returns true if the same request may succeed later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, RegistryError::Unreachable { .. } | RegistryError::Unavailable { .. })
    }

    /// Returns true if the registry refuses this request, so that another one may succeed.
    pub fn is_of_request(&self) -> bool {
        matches!(self, RegistryError::Refused { .. } | RegistryError::Foreign { .. })
    }

    /// Returns the requested delay before a retry, if the registry states one.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            RegistryError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns the error with its cause.
    pub fn in_full(&self) -> String {
        match self {
            RegistryError::Unreachable { source, .. } => format!("{self}: {source}"),
            error => error.to_string(),
        }
    }

    /// Returns true if the registry reported that there is no such subject, version, schema or rule. A 404 without
    /// one of its own codes only means that the URL is wrong.
    pub fn is_not_found(&self) -> bool {
        matches!(self, RegistryError::Refused { status: 404, code: Some(40_400..=40_499), .. })
    }
}

/// Returns a colon and the message, unless the message is empty.
fn colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
