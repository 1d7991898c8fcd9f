//! Planned events as users write them: `KIND[:SYMBOL][@TIME][,key=value…]`.

use std::{fmt, str::FromStr};

use tradesim_schemas::TimeSpec;

/// A planned event as it was asked for. What is left out is drawn from the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The name of the kind.
    pub kind: String,
    /// The name of the symbol.
    pub symbol: Option<String>,
    /// The start.
    pub at: Option<TimeSpec>,
    /// Parameters and values.
    pub parameters: Vec<(String, String)>,
}

/// A text that is not a planned event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is longer than any planned event.
    #[error("expected at most {} characters", Request::BYTES_MAX)]
    Long,
    /// The time has no valid form.
    #[error("expected a time after @, such as luld:KO@10:31:12 or luld:KO@2026-02-18T15:31:12Z")]
    Time,
    /// A parameter has no value.
    #[error("expected key=value after a comma, such as luld:KO@10:31:12,direction=down")]
    Parameter,
    /// There is no kind, or an empty symbol.
    #[error("expected KIND[:SYMBOL][@TIME][,key=value...], such as luld:KO@10:31:12")]
    Form,
}

impl Request {
    /// The longest text that is parsed.
    pub const BYTES_MAX: usize = 1_000;
}

/// Writes the request in the form in which it is parsed.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(symbol) = &self.symbol {
            write!(f, ":{symbol}")?;
        }
        if let Some(at) = self.at {
            write!(f, "@{at}")?;
        }
        self.parameters.iter().try_for_each(|(name, value)| write!(f, ",{name}={value}"))
    }
}

impl FromStr for Request {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Request, RequestError> {
        if text.len() > Request::BYTES_MAX {
            return Err(RequestError::Long);
        }
        let mut parts = text.split(',');
        let head = parts.next().unwrap_or_default();
        let parameters = parts
            .map(|part| {
                let (name, value) = part.split_once('=').ok_or(RequestError::Parameter)?;
                let (name, value) = (name.trim(), value.trim());
                if name.is_empty() || value.is_empty() {
                    return Err(RequestError::Parameter);
                }
                Ok((name.to_owned(), value.to_owned()))
            })
            .collect::<Result<_, _>>()?;
        let (what, at) = match head.split_once('@') {
            Some((what, at)) => (what, Some(at.trim().parse().map_err(|_| RequestError::Time)?)),
            None => (head, None),
        };
        let (kind, symbol) = match what.split_once(':') {
            Some((kind, symbol)) => (kind.trim(), Some(symbol.trim().to_owned())),
            None => (what.trim(), None),
        };
        if kind.is_empty() || symbol.as_ref().is_some_and(String::is_empty) {
            return Err(RequestError::Form);
        }
        Ok(Request { kind: kind.to_owned(), symbol, at, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_kind_and_may_have_the_rest() {
        let request: Request = "luld:KO@10:31:12,direction=down,run=20".parse().unwrap();
        assert_eq!((request.kind.as_str(), request.symbol.as_deref()), ("luld", Some("KO")));
        assert_eq!(request.at.map(|at| at.to_string()).as_deref(), Some("10:31:12"));
        assert_eq!(request.parameters[1], ("run".to_owned(), "20".to_owned()));
        assert_eq!(request.to_string(), "luld:KO@10:31:12,direction=down,run=20");
        let request: Request = "flash-crash".parse().unwrap();
        assert_eq!(request.to_string(), "flash-crash");
        assert_eq!((request.symbol, request.at, request.parameters.len()), (None, None, 0));
        let request: Request = "news@2026-02-18T15:31:12Z".parse().unwrap();
        assert!(matches!(request.at, Some(TimeSpec::Instant(_))));
        assert_eq!(request.to_string().parse(), Ok(request));
        for (text, error) in [
            ("", RequestError::Form),
            (":KO", RequestError::Form),
            ("luld:", RequestError::Form),
            ("luld@", RequestError::Time),
            ("luld@25:00", RequestError::Time),
            ("luld,run", RequestError::Parameter),
            ("luld,=1", RequestError::Parameter),
            (&"x".repeat(2_000), RequestError::Long),
        ] {
            assert_eq!(text.parse::<Request>(), Err(error), "{text}");
        }
    }
}
