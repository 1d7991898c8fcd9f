//! An open object, pinned to the version that it had when it was opened.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use tradesim_archive::{Object, PendingRead, StoreAction, StoreError, StoreFailure};

use crate::{bucket::Client, failure::translate, runtime::Waiting};

/// Repetitions of a request whose answer was too short, in addition to those of the client.
const SHORT_ANSWERS_MAX: u32 = 3;

pub(crate) struct PinnedObject {
    client: Client,
    url: Arc<str>,
    meta: ObjectMeta,
}

impl fmt::Debug for PinnedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedObject").field("url", &self.url).finish_non_exhaustive()
    }
}

impl PinnedObject {
    pub(crate) fn new(client: Client, url: String, meta: ObjectMeta) -> PinnedObject {
        PinnedObject { client, url: url.into(), meta }
    }
}

impl Object for PinnedObject {
    fn size(&self) -> u64 {
        self.meta.size
    }

    fn begin(&self, offset: u64, len: u64) -> Box<dyn PendingRead> {
        let read = Read {
            client: self.client.clone(),
            url: Arc::clone(&self.url),
            meta: self.meta.clone(),
            offset,
            len,
        };
        let url = Arc::clone(&self.url);
        Box::new(Pending { bytes: Waiting::start(&self.client.handle, read.bytes()), url })
    }
}

struct Pending {
    bytes: Waiting<Result<Bytes, StoreError>>,
    url: Arc<str>,
}

impl PendingRead for Pending {
    fn wait(self: Box<Self>) -> Result<Bytes, StoreError> {
        let crashed =
            || StoreError::new(&*self.url, StoreAction::Read, StoreFailure::Failed, "the client crashed");
        self.bytes.wait().unwrap_or_else(|| Err(crashed()))
    }
}

struct Read {
    client: Client,
    url: Arc<str>,
    meta: ObjectMeta,
    offset: u64,
    len: u64,
}

impl Read {
    /// Returns exactly the requested bytes, of the version that was opened.
    async fn bytes(self) -> Result<Bytes, StoreError> {
        if self.len == 0 {
            return Ok(Bytes::new());
        }
        let mut found = 0;
        for _ in 0..=SHORT_ANSWERS_MAX {
            let bytes = self.answer().await?;
            if bytes.len() as u64 == self.len {
                return Ok(bytes);
            }
            found = bytes.len();
        }
        let detail = format!("the store returned {found} of {} bytes at {}", self.len, self.offset);
        Err(self.error(StoreFailure::Failed, detail))
    }

    async fn answer(&self) -> Result<Bytes, StoreError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.offset..self.offset + self.len)),
            if_match: self.meta.e_tag.clone(),
            ..GetOptions::default()
        };
        let failed = |error| {
            // what was there when it was opened is deleted
            let error = translate(&self.url, StoreAction::Read, &error, &self.client.environment);
            match error.failure {
                StoreFailure::NotFound => self.error(StoreFailure::Replaced, error.detail),
                _ => error,
            }
        };
        let result = self.client.store.get_opts(&self.meta.location, options).await.map_err(failed)?;
        // not every service honours the condition, and a bucket with versions may have equal tags
        let (opened, found) = (&self.meta, &result.meta);
        let is_other_version =
            opened.version.is_some() && found.version.is_some() && opened.version != found.version;
        let is_same = found.size == opened.size && found.e_tag == opened.e_tag && !is_other_version;
        if !is_same {
            return Err(self.error(StoreFailure::Replaced, String::new()));
        }
        result.bytes().await.map_err(failed)
    }

    fn error(&self, failure: StoreFailure, detail: String) -> StoreError {
        StoreError::new(&*self.url, StoreAction::Read, failure, detail)
    }
}
