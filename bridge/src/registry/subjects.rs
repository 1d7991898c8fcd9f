//! The subjects and schemas of tradesim in a registry.

use tradesim_schemas::EventType;

use super::{Registry, RegistryError};

/// Returns the subject of an event type's values: the topic's name with its prefix, and `-value`.
pub fn subject(topic_prefix: &str, event_type: EventType) -> String {
    format!("{topic_prefix}{}", event_type.subject())
}

/// Returns the text under which the schema of an event type is registered: its file without the white space. It is
/// always the same, in the order of the file, with its documentation.
pub fn schema_text(event_type: EventType) -> String {
    compact(event_type.avro_schema())
}

/// Removes the white space between the parts of a JSON text. The order of keys stays.
pub(crate) fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string || !character.is_ascii_whitespace() {
            text.push(character);
        }
        if !escaped && character == '"' {
            in_string = !in_string;
        }
        escaped = in_string && !escaped && character == '\\';
    }
    text
}

/// The ids of the schemas, which values contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaIds {
    /// By the index of the event type.
    ids: [u32; EventType::ALL.len()],
}

impl SchemaIds {
    /// Returns known ids, in the order of [`EventType::ALL`].
    pub const fn new(ids: [u32; EventType::ALL.len()]) -> SchemaIds {
        SchemaIds { ids }
    }

    /// Returns the id of an event type's schema.
    #[inline]
    pub const fn of(&self, event_type: EventType) -> u32 {
        self.ids[event_type as usize]
    }
}

impl Registry {
    /// Looks up the ids of the schemas, by their exact text.
    ///
    /// # Errors
    /// [`RegistryError::NotRegistered`] for the first one that is missing, and any failure of the request.
    pub fn schema_ids(&self, topic_prefix: &str) -> Result<SchemaIds, RegistryError> {
        self.of_all(|event_type| {
            Ok(self.lookup(&subject(topic_prefix, event_type), &schema_text(event_type))?.id)
        })
    }

    /// Registers the schemas that are not registered yet, and returns all ids. Before that each subject gets the rule
    /// BACKWARD ([`Registry::require_backward`]).
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`] for the first one that is refused; those before it are registered by then.
    pub fn register_schemas(&self, topic_prefix: &str) -> Result<SchemaIds, RegistryError> {
        for &event_type in EventType::ALL {
            self.require_backward(&subject(topic_prefix, event_type))?;
        }
        self.of_all(|event_type| self.register(&subject(topic_prefix, event_type), &schema_text(event_type)))
    }

    fn of_all(
        &self,
        id: impl Fn(EventType) -> Result<u32, RegistryError>,
    ) -> Result<SchemaIds, RegistryError> {
        let mut ids = [0; EventType::ALL.len()];
        for (slot, &event_type) in ids.iter_mut().zip(EventType::ALL) {
            *slot = id(event_type)?;
        }
        Ok(SchemaIds { ids })
    }
}
