//! Paths of files to write.

use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};

use super::Invalid;

/// Returns the parser of a file that a command writes: any path, but not the URL of object storage, which would be taken for a folder
/// `s3:`.
pub(crate) fn output_file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|text| local(PathBuf::from(text)))
}

/// Returns the path if it is not a URL of object storage.
pub(crate) fn local(path: PathBuf) -> Result<PathBuf, Invalid> {
    if is_url(&path) {
        Err(Invalid::expected(
            "a file on this machine: only `tradesim dataset record` writes to object storage",
        ))
    } else {
        Ok(path)
    }
}

/// The schemes of URLs of object storage, which this program knows in every build.
const SCHEMES: [&str; 3] = ["s3://", "gs://", "az://"];

/// Returns true if the argument is a URL of object storage.
pub(crate) fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|text| SCHEMES.iter().any(|scheme| text.starts_with(scheme)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_file_on_this_machine() {
        for text in ["s3://tape/day.parquet", "gs://tape/x", "az://tape/x"] {
            let error = local(PathBuf::from(text)).unwrap_err().to_string();
            assert!(error.contains("dataset record"), "{error}");
        }
        for text in ["day.parquet", "-", "/tmp/s3://x", "s3:/x", "./s3://x"] {
            assert_eq!(local(PathBuf::from(text)), Ok(PathBuf::from(text)));
        }
    }
}
