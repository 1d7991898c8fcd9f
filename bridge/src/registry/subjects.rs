//! Our subjects and schemas in a registry.

use tradesim_schemas::EventType;

use super::{Registry, RegistryError};

/// The subject of an event type's values: the topic's name with its prefix, and `-value`.
pub fn subject(topic_prefix: &str, event_type: EventType) -> String {
    format!("{topic_prefix}{}", event_type.subject())
}

/// The text under which the schema of an event type is registered: its file without the white space. It is the same each
/// time, in the order of the file, with its words.
pub fn schema_text(event_type: EventType) -> String {
    compact(event_type.avro_schema())
}

/// A JSON text without the white space between its parts. The order of keys stays.
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

/// The ids of our schemas, which values carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaIds {
    /// By the place of the event type.
    ids: [u32; EventType::ALL.len()],
}

impl SchemaIds {
    /// Ids that are known already, in the order of [`EventType::ALL`].
    pub const fn new(ids: [u32; EventType::ALL.len()]) -> SchemaIds {
        SchemaIds { ids }
    }

    /// The id of an event type's schema.
    #[inline]
    pub const fn of(&self, event_type: EventType) -> u32 {
        self.ids[event_type as usize]
    }
}

impl Registry {
    /// Looks up the ids of our schemas, by their exact text.
    ///
    /// # Errors
    /// [`RegistryError::NotRegistered`] for the first that is not there, and whatever keeps the registry from answering.
    pub fn schema_ids(&self, topic_prefix: &str) -> Result<SchemaIds, RegistryError> {
        self.of_all(|event_type| {
            Ok(self.lookup(&subject(topic_prefix, event_type), &schema_text(event_type))?.id)
        })
    }

    /// Registers our schemas where they are not registered yet, and gives their ids. Before that each subject gets the rule
    /// BACKWARD ([`Registry::require_backward`]).
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`] for the first that is refused; those before it are registered by then.
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
