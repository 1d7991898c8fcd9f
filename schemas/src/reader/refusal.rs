//! The reasons for which a frame is refused.

use std::fmt;

use crate::EventType;

/// Declares the reasons and their stable codes.
macro_rules! reasons {
    ($($(#[$meta:meta])* $reason:ident = $code:literal,)+) => {
        /// The reason for which a frame is refused. The codes are stable: metrics and dead letters contain them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$meta])* $reason,)+ }

        impl Reason {
            /// All reasons, in the order of the contract.
            pub const ALL: &[Reason] = &[$(Reason::$reason),+];

            /// Returns the stable code, in snake case.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$reason => $code),+ }
            }
        }
    };
}

reasons! {
    /// The frame is longer than the limit.
    TooLarge = "too_large",
    /// The frame is not UTF-8.
    NotUtf8 = "not_utf8",
    /// The frame is not one JSON text (RFC 8259), or is nested too deeply.
    NotJson = "not_json",
    /// A value, or the message itself, has the wrong JSON type.
    BadType = "bad_type",
    /// A value has the right JSON type, but the field does not allow it.
    BadValue = "bad_value",
    /// A required key is missing, in the envelope or in the payload.
    MissingField = "missing_field",
    /// The envelope has a fifth key.
    UnknownEnvelopeKey = "unknown_envelope_key",
    /// An object, at any depth, contains a key twice.
    DuplicateKey = "duplicate_key",
    /// `event_type` is not one of the three types.
    UnknownEventType = "unknown_event_type",
    /// `schema_version` is not supported.
    UnsupportedSchemaVersion = "unsupported_schema_version",
    /// The structure is valid, but the event breaks a market rule (only with [`strict`](super::ReadOptions::strict)).
    MarketRule = "market_rule",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The refusal of a frame: a reason for programs, and a text for people that names the field and the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
#[non_exhaustive]
pub struct Refusal {
    /// The reason, for programs.
    pub reason: Reason,
    /// The event's type, if the frame contains a valid one.
    pub event_type: Option<EventType>,
    /// The path of the invalid field, such as `payload.price`, if the reason concerns a field. An unknown key is shortened.
    pub field: Option<Box<str>>,
    /// The text for people; [`Display`](fmt::Display) prints it.
    pub detail: Box<str>,
}

/// The number of characters after which a value from the frame is shortened.
const SHOWN_CHARS_MAX: usize = 64;

/// Shortens a text from the frame for display.
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

    /// Creates the refusal of a frame of `len` bytes that is longer than `bytes_max`.
    #[cold]
    pub fn too_large(len: usize, bytes_max: usize) -> Refusal {
        let detail = format!("the frame has {len} bytes, more than the limit of {bytes_max}");
        Refusal::new(Reason::TooLarge, None, detail)
    }

    /// Creates the refusal of a field that contains `found` (already shortened) instead of `expected`.
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
