//! Uploads files of any length with little memory.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart, path::Path as Key};

/// The length in bytes of what is sent at once. Up to this length, a file is one request.
const PART_BYTES: u64 = 16 << 20;
/// The number of parts that are sent at the same time.
const PARTS_AT_ONCE: usize = 3;
/// The largest number of parts of an upload in S3 is 10,000.
const PARTS_MAX: u64 = 9_000;

/// Uploads a file. The object appears when everything was sent; what was sent before a failure is removed if the store still
/// answers.
pub(crate) async fn upload(store: Arc<dyn ObjectStore>, key: Key, path: PathBuf) -> object_store::Result<()> {
    let mut file = File::open(&path).map_err(local)?;
    let len = file.metadata().map_err(local)?.len();
    if len <= PART_BYTES {
        let content = next(&mut file, len)?;
        store.put(&key, PutPayload::from(content)).await?;
        return Ok(());
    }
    let part_bytes = len.div_ceil(PARTS_MAX).max(PART_BYTES);
    let parts = store.put_multipart(&key).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(parts, part_bytes as usize);
    match send(&mut upload, &mut file, len, part_bytes).await {
        Ok(()) => upload.finish().await.map(|_| ()),
        Err(error) => {
            let _ = upload.abort().await;
            Err(error)
        }
    }
}

async fn send(
    upload: &mut WriteMultipart,
    file: &mut File,
    len: u64,
    part_bytes: u64,
) -> object_store::Result<()> {
    let mut left = len;
    while left > 0 {
        let part = next(file, left.min(part_bytes))?;
        left -= part.len() as u64;
        upload.wait_for_capacity(PARTS_AT_ONCE).await?;
        upload.put(part);
    }
    Ok(())
}

fn next(file: &mut File, len: u64) -> object_store::Result<Bytes> {
    let mut bytes = vec![0; len as usize];
    file.read_exact(&mut bytes).map_err(local)?;
    Ok(bytes.into())
}

fn local(source: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "file", source: Box::new(source) }
}
