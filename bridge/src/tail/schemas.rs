//! The schemas that values name, each requested once.

use std::collections::{BTreeMap, btree_map::Entry};

use super::TailError;
use crate::{
    avro::{print, schema::Schema},
    registry::Registry,
};

/// The limit of the texts of schemas that are kept, in bytes; beyond it all are requested again.
const KEPT_BYTES_MAX: usize = 4 << 20;
/// The size that counts for an id without a schema.
const UNKNOWN_BYTES: usize = 256;

/// A registry, and its answers about ids.
#[derive(Debug)]
pub(super) struct Schemas {
    registry: Registry,
    known: BTreeMap<u32, Result<Schema, String>>,
    bytes: usize,
}

impl Schemas {
    pub(super) fn new(registry: Registry) -> Schemas {
        Schemas { registry, known: BTreeMap::new(), bytes: 0 }
    }

    /// Returns the schema of an id, or why values that name it are not decoded.
    ///
    /// # Errors
    /// A registry that does not answer, or that denies access: then nothing is known of any id.
    pub(super) fn get(&mut self, id: u32) -> Result<&Result<Schema, String>, TailError> {
        if self.bytes > KEPT_BYTES_MAX {
            self.known.clear();
            self.bytes = 0;
        }
        match self.known.entry(id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let (schema, bytes) = match self.registry.schema(id) {
                    Ok(text) => {
                        let schema = print::parse(&text);
                        (schema.map_err(|what| format!("schema {id} cannot be used: {what}")), text.len())
                    }
                    Err(error) if error.is_not_found() => {
                        (Err(format!("the registry has no schema {id}")), 0)
                    }
                    Err(error) if error.is_of_request() => {
                        (Err(format!("the registry did not return schema {id}: {error}")), 0)
                    }
                    Err(source) => return Err(TailError::Schema { id, source }),
                };
                self.bytes += bytes + UNKNOWN_BYTES;
                Ok(vacant.insert(schema))
            }
        }
    }
}
