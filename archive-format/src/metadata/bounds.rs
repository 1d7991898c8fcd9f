//! Bounds of the metadata document. They are checked before it is parsed, because a value of two bytes takes fifty bytes of
//! memory.

use crate::limits;

/// The error of a document that exceeds a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoundsError {
    #[error("it has {found} bytes, more than the limit of {}", limits::METADATA_BYTES_MAX)]
    Bytes { found: usize },
    #[error("it has more than {} values", limits::METADATA_VALUES_MAX)]
    Values,
    #[error("it is nested deeper than {} levels", limits::METADATA_DEPTH_MAX)]
    Depth,
}

/// Checks the length, the number of values and the nesting of a JSON document, in one pass and without an allocation.
///
/// A text that is not JSON may pass: the parser rejects it later.
pub(crate) fn check_bounds(text: &str) -> Result<(), BoundsError> {
    if text.len() as u64 > limits::METADATA_BYTES_MAX {
        return Err(BoundsError::Bytes { found: text.len() });
    }
    let (mut values, mut depth) = (0usize, 0usize);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                values += 1;
                depth += 1;
                if depth > limits::METADATA_DEPTH_MAX {
                    return Err(BoundsError::Depth);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if values > limits::METADATA_VALUES_MAX {
            return Err(BoundsError::Values);
        }
    }
    Ok(())
}

impl BoundsError {
    /// Returns the message for the caller of the writer.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BoundsError::Bytes { .. } => "it is longer than 24 MiB",
            BoundsError::Values => "it has more than 1,048,576 values",
            BoundsError::Depth => {
                "its sources are nested too deeply: filter or merge the original archives instead"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_nesting_are_counted_outside_of_texts() {
        assert_eq!(check_bounds("{\"a\":[1,2,{}],\"b\":\"[[[[,,,,\\\"]]\"}"), Ok(()));
        let commas = ",".repeat(limits::METADATA_VALUES_MAX);
        assert_eq!(check_bounds(&format!("[1{commas}]")), Err(BoundsError::Values));
        assert_eq!(check_bounds(&format!("\"{commas}\\\",,\"")), Ok(()));
        let deep = limits::METADATA_DEPTH_MAX;
        assert_eq!(check_bounds(&"[".repeat(deep)), Ok(()));
        assert_eq!(check_bounds(&"[".repeat(deep + 1)), Err(BoundsError::Depth));
        assert_eq!(check_bounds(&"[]".repeat(deep + 1)), Ok(()));
        let long = " ".repeat(limits::METADATA_BYTES_MAX as usize + 1);
        assert_eq!(check_bounds(&long), Err(BoundsError::Bytes { found: long.len() }));
    }
}
