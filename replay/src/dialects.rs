//! Which dialects a server speaks, and to whom.

use std::{collections::BTreeMap, sync::Arc};

use tradesim_dialects::{Access, Dialect, REGISTRY, Reference};
use tradesim_schemas::Symbol;

/// The dialects of a server.
#[derive(Clone, Debug)]
pub struct Dialects {
    /// Those that are spoken beside our own protocol, on its port. Dialects that need a port of their own have no effect here.
    pub enabled: Vec<&'static Dialect>,
    /// The port of each dialect that needs one of its own; 0 picks a free one.
    pub ports: Vec<(&'static Dialect, u16)>,
    /// The clients that are accepted.
    pub access: Access,
    /// The treatment of connections after the end of the recording; without it, that of each dialect.
    pub at_end: Option<AtEnd>,
    /// The facts about the stream; without them, what the source itself states.
    pub reference: Option<Arc<Reference>>,
}

/// The treatment of connections after the end of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// They are closed.
    Close,
    /// They stay open and silent, as a vendor's do at night.
    Hold,
}

impl Default for Dialects {
    fn default() -> Dialects {
        Dialects {
            enabled: REGISTRY.to_vec(),
            ports: Vec::new(),
            access: Access::default(),
            at_end: None,
            reference: None,
        }
    }
}

impl Dialects {
    /// Returns the facts about a stream with these symbols.
    pub(crate) fn reference_of(&self, symbols: &[Symbol]) -> Arc<Reference> {
        let unlisted = || Arc::new(Reference::new(symbols.to_vec(), BTreeMap::new(), Vec::new()));
        self.reference.clone().unwrap_or_else(unlisted)
    }

    /// Returns true if connections of a dialect stay open after the end.
    pub(crate) fn holds(&self, dialect: &Dialect) -> bool {
        self.holds_by_default(dialect.holds_at_end)
    }

    /// Returns true if connections that stay open after the end by `default` do.
    pub(crate) fn holds_by_default(&self, default: bool) -> bool {
        self.at_end.map_or(default, |at_end| at_end == AtEnd::Hold)
    }
}
