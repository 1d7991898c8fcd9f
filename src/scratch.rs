//! Temporary folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::random;

/// A temporary folder, which is deleted on drop.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Folder> {
        let path = std::env::temp_dir().join(format!("tradesim-{}", random::run_name()?));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Folder { path })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot delete a temporary folder");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path)
}
