//! Files of a malicious writer: archives that are taken apart, changed and sealed again with correct digests.
//!
//! For the tests and fuzz targets of this crate and of crates that read archives; not part of the public API. [`hostile_files`] has
//! every kind of file that once took too much of something, with the error that it has to cause.

mod bombs;
mod parts;
mod reseal;
mod thrift;

pub use bombs::{HostileFile, hostile_files};
pub use parts::{Parts, data_page, dictionary_page};
pub use reseal::reseal;
pub use thrift::{Kind, Value};

#[cfg(test)]
mod tests;
