//! Embedded brokers and an embedded registry, for `demo`, for development and for tests. They listen on this machine
//! only, keep everything in memory, and prove nothing about a real cluster.

mod broker;
mod registry;

pub use broker::DevBroker;
pub use registry::DevRegistry;
