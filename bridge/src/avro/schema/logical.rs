//! Logical types: the meaning of bytes.

use std::fmt;

use serde_json::{Map, Value};

use super::Shape;

/// The meaning of the bytes of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    /// A number with so many digits, `scale` of them after the decimal point.
    Decimal { precision: u64, scale: u64 },
    /// Microseconds since the epoch, of UTC or of a local time.
    Micros { name: &'static str },
    /// Milliseconds since the epoch, of UTC or of a local time.
    Millis { name: &'static str },
    /// A meaning that makes no difference for reading.
    Other { name: &'static str },
}

impl Logical {
    /// Reads the logical type of a type. One that is unknown or invalid, or does not fit the type, is ignored, as the
    /// specification demands.
    pub(super) fn read(object: &Map<String, Value>, shape: &Shape) -> Option<Logical> {
        let name = object.get("logicalType").and_then(Value::as_str)?;
        Some(match (name, shape) {
            ("decimal", Shape::Bytes | Shape::Fixed(_)) => return decimal(object),
            ("timestamp-micros", Shape::Long) => Logical::Micros { name: "timestamp-micros" },
            ("local-timestamp-micros", Shape::Long) => Logical::Micros { name: "local-timestamp-micros" },
            ("timestamp-millis", Shape::Long) => Logical::Millis { name: "timestamp-millis" },
            ("local-timestamp-millis", Shape::Long) => Logical::Millis { name: "local-timestamp-millis" },
            ("timestamp-nanos", Shape::Long) => Logical::Other { name: "timestamp-nanos" },
            ("local-timestamp-nanos", Shape::Long) => Logical::Other { name: "local-timestamp-nanos" },
            ("time-micros", Shape::Long) => Logical::Other { name: "time-micros" },
            ("time-millis", Shape::Int) => Logical::Other { name: "time-millis" },
            ("date", Shape::Int) => Logical::Other { name: "date" },
            ("big-decimal", Shape::Bytes) => Logical::Other { name: "big-decimal" },
            ("uuid", Shape::String | Shape::Bytes) => Logical::Other { name: "uuid" },
            ("uuid", Shape::Fixed(fixed)) if fixed.size == 16 => Logical::Other { name: "uuid" },
            ("duration", Shape::Fixed(fixed)) if fixed.size == 12 => Logical::Other { name: "duration" },
            _ => return None,
        })
    }
}

fn decimal(object: &Map<String, Value>) -> Option<Logical> {
    let scale = object.get("scale").map_or(Some(0), Value::as_u64)?;
    let precision = object.get("precision")?.as_u64()?;
    (precision >= scale.max(1)).then_some(Logical::Decimal { precision, scale })
}

impl fmt::Display for Logical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Logical::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Logical::Micros { name } | Logical::Millis { name } | Logical::Other { name } => {
                f.write_str(name)
            }
        }
    }
}
