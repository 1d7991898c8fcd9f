//! What a registry may answer instead of what was asked for.

use std::{path::PathBuf, time::Duration};

/// The registry gave no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Nobody is there, or nobody answers in time.
    #[error("the schema registry at {url} cannot be reached")]
    Unreachable {
        /// The registry.
        url: String,
        /// What happened on the way.
        source: Box<ureq::Error>,
    },
    /// The registry, or what stands before it, says that it cannot answer now.
    #[error("the schema registry at {url} is away: it answered {status}{}", colon(message))]
    Unavailable {
        /// The registry.
        url: String,
        /// The HTTP status: 408, 425, 429 or 500 to 599.
        status: u16,
        /// The registry's words.
        message: String,
        /// When to ask again, where the answer says so; at most a minute.
        retry_after: Option<Duration>,
    },
    /// The registry is elsewhere. Nothing is sent there: credentials go to the registry that was named, and to no other.
    #[error(
        "the schema registry at {url} answered {status} and names {}: it has to be named itself",
        location.as_deref().unwrap_or("no other place")
    )]
    Redirected {
        /// The registry.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Where it is instead, without user information and query.
        location: Option<String>,
    },
    /// There is no TLS with the registry.
    #[error("there is no TLS with the schema registry at {url}: {what}")]
    Tls {
        /// The registry.
        url: String,
        /// Why not: its certificate is not trusted, for one.
        what: String,
    },
    /// The subject has no version with exactly this schema.
    #[error("our schema is not registered under {subject} at {url}")]
    NotRegistered {
        /// The registry.
        url: String,
        /// The subject.
        subject: String,
    },
    /// The subject's rule refuses the schema behind those that are there.
    #[error("the registry refuses our schema under {subject} as incompatible: {message}")]
    Incompatible {
        /// The subject.
        subject: String,
        /// The registry's words.
        message: String,
    },
    /// The registry does not let us in.
    #[error("the schema registry at {url} does not let us in: it answered {status}")]
    Unauthorized {
        /// The registry.
        url: String,
        /// The HTTP status, 401 or 403.
        status: u16,
    },
    /// The registry says no for another reason.
    #[error("the schema registry at {url} answered {status}: {message}")]
    Refused {
        /// The registry.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own code, as 40401.
        code: Option<u64>,
        /// The registry's words.
        message: String,
    },
    /// Somebody answers who is no schema registry, or one of another kind.
    #[error("{url} is no schema registry that is understood here: {what}")]
    Foreign {
        /// Who answered.
        url: String,
        /// What gave it away.
        what: String,
    },
    /// The credentials hold characters that no HTTP header can.
    #[error("the credentials for the schema registry hold characters that cannot be sent")]
    Credentials,
    /// The file of certificates cannot be used.
    #[error("the certificates in {} cannot be used: {what}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl RegistryError {
    /// Whether the same request may be answered later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, RegistryError::Unreachable { .. } | RegistryError::Unavailable { .. })
    }

    /// Whether the registry refuses the one request, so that another one may be answered.
    pub fn is_of_request(&self) -> bool {
        matches!(self, RegistryError::Refused { .. } | RegistryError::Foreign { .. })
    }

    /// When the registry wants to be asked again, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            RegistryError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error, with its cause.
    pub fn in_full(&self) -> String {
        match self {
            RegistryError::Unreachable { source, .. } => format!("{self}: {source}"),
            error => error.to_string(),
        }
    }

    /// Whether the registry said that there is no such subject, version, schema or rule. A 404 without one of its own codes
    /// says no more than that the URL is wrong.
    pub fn is_not_found(&self) -> bool {
        matches!(self, RegistryError::Refused { status: 404, code: Some(40_400..=40_499), .. })
    }
}

/// Behind a colon what is said, if anything is.
fn colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
