//! Stores of objects, such as buckets, as readers and writers of archives see them. This crate contains no client of any store.

use std::{fmt, path::Path};

use bytes::Bytes;

/// An open object: bytes that are read by range over a network.
///
/// All bytes are of the object as it was when it was opened. An implementation returns [`StoreFailure::Replaced`] if it can no
/// longer provide them, and never bytes of another object of the same name.
pub trait Object: fmt::Debug + Send + Sync {
    /// Returns the length in bytes when the object was opened.
    fn size(&self) -> u64;

    /// Requests `len` bytes from `offset` on, which the caller has compared with the length, and returns without waiting.
    fn begin(&self, offset: u64, len: u64) -> Box<dyn PendingRead>;
}

/// A requested range of bytes. Dropping it cancels the request.
pub trait PendingRead: Send {
    /// Waits for the bytes, which have exactly the requested length.
    ///
    /// # Errors
    /// Returns an error if the bytes cannot be read, or if the object was replaced.
    fn wait(self: Box<Self>) -> Result<Bytes, StoreError>;
}

/// A store of objects under a common prefix. Objects appear whole or not at all.
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the URL of the prefix, without a slash at its end.
    fn url(&self) -> &str;

    /// Opens an object.
    ///
    /// # Errors
    /// Returns an error if the object does not exist, or if the store does not provide it.
    fn open(&self, name: &str) -> Result<Box<dyn Object>, StoreError>;

    /// Writes an object of this name if there is none, and returns false otherwise. Among any number of simultaneous callers, at most
    /// one receives true. After an attempt that was not answered, false can mean that this call created it.
    ///
    /// # Errors
    /// Returns an error if the store does not accept it.
    fn create(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError>;

    /// Writes an object, replacing one of the same name.
    ///
    /// # Errors
    /// Returns an error if the store does not accept it.
    fn replace(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError>;

    /// Writes the content of a file as an object, replacing one of the same name. The memory used does not depend on its length.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or the store does not accept it. In that case the store is unchanged.
    fn upload(&self, name: &str, file: &Path) -> Result<(), StoreError>;

    /// Returns the names of all objects, at most `names_max`, relative to the prefix.
    ///
    /// # Errors
    /// Returns an error if there are more, or if the store does not list them.
    fn list(&self, names_max: usize) -> Result<Vec<String>, StoreError>;
}

/// An error of a store. It names the object, and contains no credentials.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {url}: {failure}{}", and_detail(detail))]
#[non_exhaustive]
pub struct StoreError {
    /// The URL of the object or of the prefix.
    pub url: String,
    /// The failed action.
    pub action: StoreAction,
    /// The kind of failure, from which callers decide.
    pub failure: StoreFailure,
    /// The answer of the store or the system; may be empty.
    pub detail: String,
}

impl StoreError {
    /// Creates an error. `detail` must not contain credentials.
    pub fn new(
        url: impl Into<String>,
        action: StoreAction,
        failure: StoreFailure,
        detail: impl Into<String>,
    ) -> StoreError {
        StoreError { url: url.into(), action, failure, detail: detail.into() }
    }

    /// Returns true if the object or its bucket does not exist.
    pub fn is_not_found(&self) -> bool {
        self.failure == StoreFailure::NotFound
    }
}

fn and_detail(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// The action that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAction {
    /// Opening or reading it.
    Read,
    /// Creating or replacing it.
    Write,
    /// Listing the objects of a prefix.
    List,
}

impl fmt::Display for StoreAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreAction::Read => "read",
            StoreAction::Write => "write",
            StoreAction::List => "list",
        })
    }
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailure {
    /// The object or its bucket does not exist.
    NotFound,
    /// Another object has taken the place of the open one, or it was deleted.
    Replaced,
    /// Credentials are missing, or the configuration of the store is invalid.
    Configuration,
    /// The store does not accept the credentials, or they do not permit this.
    Denied,
    /// The store cannot be reached, or does not answer in time.
    Unreachable,
    /// Anything else.
    Failed,
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreFailure::NotFound => "no such object or bucket",
            StoreFailure::Replaced => "the object was replaced or deleted while it was read",
            StoreFailure::Configuration => "the store is not configured",
            StoreFailure::Denied => "access denied",
            StoreFailure::Unreachable => "the store cannot be reached",
            StoreFailure::Failed => "the request failed",
        })
    }
}
