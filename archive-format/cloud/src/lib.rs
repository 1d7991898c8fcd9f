//! Object storage: archives and datasets on `s3://`, `gs://` and `az://`.
//!
//! A [`Bucket`] is a [`Store`](tradesim_archive::Store) of the archive's crate, over the crate `object_store`. It makes sure of three
//! things that the readers above it rely on: all bytes of an open object are of one version of it, an object appears whole or not at all,
//! and no credentials are in an error. ADR 0034 gives the reasons.
#![deny(missing_docs)]

mod bucket;
mod client;
mod endpoint;
mod environment;
mod failure;
mod location;
mod object;
mod runtime;
mod upload;

pub use bucket::Bucket;
pub use environment::Environment;
pub use location::{Location, LocationError, Service};

#[cfg(test)]
mod tests;
