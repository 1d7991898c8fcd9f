//! Measured values of rows.

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// A number.
    Number(f64),
    /// The data was there, and the quantity does not exist: an exponent of something that does not decay.
    Undefined,
    /// The recording has nothing to measure; the reason.
    Missing(&'static str),
}

/// A row's value, and that of its null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) row: &'static str,
    pub(crate) value: Value,
    /// `None` if the row has no null.
    pub(crate) null: Option<Value>,
    /// The sampling error by which the range is at least as wide, if the row is about a promise.
    pub(crate) error: Option<f64>,
}

impl Measured {
    /// Returns a row with a value; without one, it is undefined.
    pub(crate) fn new(row: &'static str, value: Option<f64>) -> Measured {
        let value = value.filter(|value| value.is_finite()).map_or(Value::Undefined, Value::Number);
        Measured { row, value, null: None, error: None }
    }

    /// Returns a row that the recording says nothing about.
    pub(crate) fn missing(row: &'static str, reason: &'static str) -> Measured {
        Measured { row, value: Value::Missing(reason), null: None, error: None }
    }

    /// Adds the value of the null.
    pub(crate) fn null(mut self, null: Option<f64>) -> Measured {
        if !matches!(self.value, Value::Missing(_)) {
            let null = null.filter(|value| value.is_finite());
            self.null = Some(null.map_or(Value::Undefined, Value::Number));
        }
        self
    }

    /// Returns the row, or a missing one if a condition does not hold.
    pub(crate) fn only_if(self, condition: bool, reason: &'static str) -> Measured {
        if condition { self } else { Measured::missing(self.row, reason) }
    }

    pub(crate) fn with_error(mut self, error: Option<f64>) -> Measured {
        self.error = error;
        self
    }
}
