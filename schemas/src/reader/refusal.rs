//! Why a frame is refused.

use std::fmt;

use crate::EventType;

/// Declares the reasons and their stable codes.
macro_rules! reasons {
    ($($(#[$meta:meta])* $reason:ident = $code:literal,)+) => {
        /// Why a frame is refused. The codes are stable: they label metrics and dead letters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$meta])* $reason,)+ }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Reason] = &[$(Reason::$reason),+];

            /// The stable code, in snake case.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$reason => $code),+ }
            }
        }
    };
}

reasons! {
    /// Longer than the limit.
    TooLarge = "too_large",
    /// Not UTF-8.
    NotUtf8 = "not_utf8",
    /// Not one JSON text (RFC 8259), or nested too deep.
    NotJson = "not_json",
    /// A value of another JSON type, the top level among them.
    BadType = "bad_type",
    /// A value of the right JSON type that the field does not allow.
    BadValue = "bad_value",
    /// A required key is missing, in the envelope or in the payload.
    MissingField = "missing_field",
    /// The envelope has a fifth key.
    UnknownEnvelopeKey = "unknown_envelope_key",
    /// An object, at any depth, holds a key twice.
    DuplicateKey = "duplicate_key",
    /// `event_type` names none of the three types.
    UnknownEventType = "unknown_event_type",
    /// `schema_version` is a version that is not read.
    UnsupportedSchemaVersion = "unsupported_schema_version",
    /// The structure is right, but the event breaks a rule of the market (only when reading strictly).
    MarketRule = "market_rule",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A refused frame: a reason for programs, and a text for people that names field and value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
#[non_exhaustive]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The event's type, where the frame states it.
    pub event_type: Option<EventType>,
    /// The field at fault as a path, such as `payload.price`, where there is one. Shortened where it is foreign text.
    pub field: Option<Box<str>>,
    /// The text that is displayed.
    pub detail: Box<str>,
}

/// Characters of a foreign value that a text shows.
const SHOWN_CHARS_MAX: usize = 64;

/// A foreign text, shortened for display.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Refusal {
    #[cold]
    pub(super) fn new(reason: Reason, field: Option<String>, detail: String) -> Refusal {
        Refusal { reason, event_type: None, field: field.map(Into::into), detail: detail.into() }
    }

    /// A frame of `len` bytes, where at most `bytes_max` are read.
    #[cold]
    pub fn too_large(len: usize, bytes_max: usize) -> Refusal {
        let detail = format!("the frame has {len} bytes, at most {bytes_max} are read");
        Refusal::new(Reason::TooLarge, None, detail)
    }

    /// `field` holds `found`, which is shortened already, where `expected` is due.
    #[cold]
    pub(super) fn value(reason: Reason, field: &str, expected: &str, found: &str) -> Refusal {
        let detail = format!("{field}: expected {expected}, found {found}");
        Refusal::new(reason, Some(field.to_owned()), detail)
    }

    #[cold]
    pub(super) fn missing(field: &str) -> Refusal {
        Refusal::new(Reason::MissingField, Some(field.to_owned()), format!("{field} is missing"))
    }

    pub(super) fn of(self, event_type: EventType) -> Refusal {
        Refusal { event_type: Some(event_type), ..self }
    }
}
