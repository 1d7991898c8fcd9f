//! What a bridge needs, in memory.

use super::{Folder, Run};
use crate::dev::Running;

/// Brokers and a registry in memory, and a folder.
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

    /// Runs a command that is told of both.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let peers = ["--bootstrap-servers", &self.brokers.line, "--schema-registry-url", &self.registry.line];
        self.folder.run(&[args, &peers].concat())
    }
}
