//! Brokers and a registry in memory, for tests of the bridge.

use super::{Folder, Run};
use crate::dev::Running;

/// `dev` processes for brokers and a registry, and a folder.
pub(crate) struct Stage {
    pub(crate) folder: Folder,
    pub(crate) brokers: Running,
    pub(crate) registry: Running,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let folder = Folder::new();
        let brokers = Running::start(&folder, &["dev", "broker"]);
        let registry = Running::start(&folder, &["dev", "registry", "--port", "0"]);
        Stage { folder, brokers, registry }
    }

    /// Runs a command with the addresses of both.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let peers = ["--bootstrap-servers", &self.brokers.line, "--schema-registry-url", &self.registry.line];
        self.folder.run(&[args, &peers].concat())
    }
}
