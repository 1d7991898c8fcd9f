//! What is collected while the events of a day arrive.

pub(crate) mod cross;
pub(crate) mod grid;
pub(crate) mod lives;
pub(crate) mod orders;
pub(crate) mod quote;
pub(crate) mod response;
pub(crate) mod signs;
pub(crate) mod tape;
