//! URLs of object storage, where commands take the path of an archive or of a dataset.

use std::{path::Path, sync::Arc};

use tradesim_archive::{Archive, Store};
use tradesim_dataset::Root;

use crate::{exit::Failure, parse::is_url};

/// Returns the argument as text if it is a URL of object storage.
fn url(path: &Path) -> Option<&str> {
    path.to_str().filter(|_| is_url(path))
}

/// Opens an archive that is an object; `None` if the path is not a URL.
///
/// # Errors
/// Fails on an invalid URL, without object storage in this build, without credentials, and on an object that is not an archive.
pub(crate) fn archive(path: &Path) -> anyhow::Result<Option<Archive>> {
    url(path).map(open).transpose()
}

/// Returns the place of a dataset. Nothing is read yet.
///
/// # Errors
/// Fails on an invalid URL, without object storage in this build, and without credentials.
pub(crate) fn root(path: &Path) -> anyhow::Result<Root> {
    match url(path) {
        Some(url) => Ok(Root::from(store(url)?)),
        None => Ok(Root::from(path)),
    }
}

#[cfg(feature = "cloud")]
fn location(url: &str) -> Result<tradesim_cloud::Location, Failure> {
    url.parse::<tradesim_cloud::Location>().map_err(|error| {
        // what follows a question mark may be a signature
        let shown = url.split('?').next().unwrap_or_default();
        Failure::usage(format!("invalid URL {shown}: {error}"))
    })
}

#[cfg(feature = "cloud")]
fn bucket(location: &tradesim_cloud::Location) -> anyhow::Result<tradesim_cloud::Bucket> {
    use tradesim_cloud::{Bucket, Environment};
    Ok(Bucket::new(location, Environment::of_process()).map_err(tradesim_archive::Error::from)?)
}

#[cfg(feature = "cloud")]
fn open(url: &str) -> anyhow::Result<Archive> {
    let location = location(url)?;
    if location.is_bucket() {
        let what =
            format!("invalid URL {url}: expected an archive in the bucket, such as {location}/day.parquet");
        return Err(Failure::usage(what).into());
    }
    let object = bucket(&location)?.object().map_err(tradesim_archive::Error::from)?;
    Ok(Archive::of_object(url, object)?)
}

#[cfg(feature = "cloud")]
fn store(url: &str) -> anyhow::Result<Arc<dyn Store>> {
    Ok(Arc::new(bucket(&location(url)?)?))
}

#[cfg(not(feature = "cloud"))]
fn open(url: &str) -> anyhow::Result<Archive> {
    Err(without_feature(url).into())
}

#[cfg(not(feature = "cloud"))]
fn store(url: &str) -> anyhow::Result<Arc<dyn Store>> {
    Err(without_feature(url).into())
}

#[cfg(not(feature = "cloud"))]
fn without_feature(url: &str) -> Failure {
    let shown = url.split('?').next().unwrap_or_default();
    Failure::usage_hint(
        format!("{shown}: this tradesim is built without object storage, the feature `cloud`"),
        "build it with `cargo build --release --features cloud`; releases have it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_the_three_services_are_object_storage() {
        for text in ["s3://tape/day.parquet", "gs://tape", "az://tape/x", "s3://"] {
            assert_eq!(url(Path::new(text)), Some(text));
        }
        for text in ["day.parquet", "/tmp/s3://x", "s3:/x", "S3://x", "http://x/y", "kafka://x/y"] {
            assert_eq!(url(Path::new(text)), None);
        }
    }

    #[test]
    fn a_build_without_the_feature_names_it() {
        if cfg!(not(feature = "cloud")) {
            let error = archive(Path::new("s3://tape/day.parquet?sig=secret")).unwrap_err();
            let Some(Failure::Usage { what, .. }) = error.downcast_ref() else { panic!("{error}") };
            assert_eq!(
                what,
                "s3://tape/day.parquet: this tradesim is built without object storage, the feature `cloud`"
            );
        }
    }
}
