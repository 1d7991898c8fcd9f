//! Files of planned events: TOML with one `[[event]]` for each planned event.

use std::{
    fmt::Display,
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use tradesim_schemas::{TimeSpec, text::line_and_column};
use tradesim_sim::{Part, PlanError, Refusal, Request};

/// The largest file that is read.
const BYTES_MAX: u64 = 1 << 20;

/// A file of planned events.
#[derive(Debug)]
pub struct ScenarioFile {
    path: PathBuf,
    text: String,
    events: Vec<Placed>,
}

/// A file of planned events that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioFileError {
    /// It cannot be read.
    #[error("cannot read the scenario file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is too long.
    #[error("the scenario file {} is longer than {BYTES_MAX} bytes", path.display())]
    Long {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is wrong.
    #[error("invalid scenario file {}, line {line}, column {column}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// The reason.
        what: String,
    },
}

/// An event, and where its parts stand in the text.
#[derive(Debug)]
struct Placed {
    request: Request,
    whole: Range<usize>,
    places: Vec<KeyPlace>,
}

/// Where a key and its value stand in the text.
#[derive(Debug)]
struct KeyPlace {
    name: String,
    key: Range<usize>,
    value: Range<usize>,
}

/// Something wrong at a place of the text.
struct Fault(Range<usize>, String);

impl ScenarioFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is longer than a megabyte, or does not have the form of a plan.
    pub fn read(path: &Path) -> Result<ScenarioFile, ScenarioFileError> {
        let path = path.to_owned();
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
        match read {
            Err(source) => Err(ScenarioFileError::Read { path, source }),
            Ok(length) if length as u64 > BYTES_MAX => Err(ScenarioFileError::Long { path }),
            Ok(_) => ScenarioFile::of(path, text),
        }
    }

    fn of(path: PathBuf, text: String) -> Result<ScenarioFile, ScenarioFileError> {
        match parse(&text) {
            Ok(events) => Ok(ScenarioFile { path, text, events }),
            Err(Fault(span, what)) => Err(invalid(&path, &text, span.start, &what)),
        }
    }

    /// Returns the events as they are asked for.
    pub fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        self.events.iter().map(|event| event.request.clone())
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the error for an event of the file, which is counted from 0.
    pub fn error(&self, event: usize, error: &PlanError) -> ScenarioFileError {
        let place = self.events.get(event).map_or(0, |event| {
            let key = match &error.part {
                Part::Kind => "kind",
                Part::Symbol => "symbol",
                Part::Start => "at",
                Part::Parameter(name) => name,
                Part::Whole => "",
            };
            // an unknown parameter is wrong by its name, everything else by its value
            let by_name = matches!(*error.refusal, Refusal::Parameter { .. });
            let place = event.places.iter().find(|place| place.name == key);
            let span = place.map(|place| if by_name { &place.key } else { &place.value });
            span.unwrap_or(&event.whole).start
        });
        invalid(&self.path, &self.text, place, error)
    }
}

fn invalid(path: &Path, text: &str, offset: usize, what: &dyn Display) -> ScenarioFileError {
    let (line, column) = line_and_column(text, offset);
    ScenarioFileError::Invalid { path: path.to_owned(), line, column, what: what.to_string() }
}

fn parse(text: &str) -> Result<Vec<Placed>, Fault> {
    let table = DeTable::parse(text)
        .map_err(|error| Fault(error.span().unwrap_or_default(), error.message().to_owned()))?;
    let mut events = Vec::new();
    for (key, value) in table.get_ref() {
        if key.get_ref() != "event" {
            let what = format!("unknown key {:?}: expected [[event]]", key.get_ref());
            return Err(Fault(key.span(), what));
        }
        let DeValue::Array(list) = value.get_ref() else {
            return Err(Fault(value.span(), "expected [[event]], once for each event".to_owned()));
        };
        for entry in list {
            match entry.get_ref() {
                DeValue::Table(table) => events.push(event(table, entry.span())?),
                _ => return Err(Fault(entry.span(), "expected [[event]], once for each event".to_owned())),
            }
        }
    }
    Ok(events)
}

fn event(table: &DeTable<'_>, whole: Range<usize>) -> Result<Placed, Fault> {
    let mut request = Request { kind: String::new(), symbol: None, at: None, parameters: Vec::new() };
    let mut places = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let text = scalar(value)?;
        match name {
            "kind" => request.kind = text,
            "symbol" => request.symbol = Some(text),
            "at" => {
                let parsed = text.parse::<TimeSpec>();
                request.at = Some(parsed.map_err(|error| Fault(value.span(), error.to_string()))?);
            }
            _ => request.parameters.push((name.to_owned(), text)),
        }
        places.push(KeyPlace { name: name.to_owned(), key: key.span(), value: value.span() });
    }
    if request.kind.is_empty() {
        return Err(Fault(
            whole,
            "an event without a kind: expected kind = \"luld\", for example".to_owned(),
        ));
    }
    Ok(Placed { request, whole, places })
}

/// Returns a text, a number or a time as text.
fn scalar(value: &Spanned<DeValue<'_>>) -> Result<String, Fault> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| Fault(value.span(), "expected a number of at most 64 bits".to_owned())),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        _ => Err(Fault(value.span(), "expected a text, a number or a time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use tradesim_sim::EventKind;

    use super::*;

    fn of(text: &str) -> Result<Vec<Request>, String> {
        let file =
            ScenarioFile::of("plan.toml".into(), text.to_owned()).map_err(|error| error.to_string())?;
        Ok(file.requests().collect())
    }

    #[test]
    fn an_event_has_a_kind_and_parameters_of_several_types() {
        let text = "[[event]]\nkind = \"luld\"\nsymbol = \"KO\"\nat = 10:31:12\nmove = -0.01\nrun = 20\n\n\
                    [[event]]\nkind = \"rebalance\"\n";
        let requests = of(text).unwrap();
        assert_eq!(requests[0], "luld:KO@10:31:12,move=-0.01,run=20".parse().unwrap());
        assert_eq!(requests[1], "rebalance".parse().unwrap());
        let text = "[[event]]\nkind = \"news\"\nat = \"2026-02-18T15:31:12Z\"";
        assert_eq!(of(text).unwrap(), ["news@2026-02-18T15:31:12Z".parse().unwrap()]);
        assert_eq!(of("").unwrap(), []);
    }

    #[test]
    fn integers_of_every_radix_are_read_as_their_value() {
        for (text, value) in [
            ("0b11", "3"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("+5", "5"),
            ("-5", "-5"),
            ("1_000", "1000"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            let request = of(&format!("[[event]]\nkind = \"split\"\nratio = {text}")).unwrap().remove(0);
            assert_eq!(request.parameters, [("ratio".to_owned(), value.to_owned())], "{text}");
        }
        for text in ["9223372036854775808", "0xffff_ffff_ffff_ffff"] {
            let error = of(&format!("[[event]]\nkind = \"split\"\nratio = {text}")).unwrap_err();
            assert!(error.contains("line 3, column 9: expected a number of at most 64 bits"), "{error}");
        }
    }

    #[test]
    fn a_wrong_name_is_at_the_key_and_a_wrong_value_at_the_value() {
        let text = "[[event]]\nkind = \"luld\"\n move = 0.5\n";
        let file = ScenarioFile::of("plan.toml".into(), text.to_owned()).unwrap();
        let (kind, name) = (EventKind::Luld, "move".to_owned());
        for (refusal, place) in [
            (Refusal::Parameter { kind, name: name.clone(), expected: String::new() }, "line 3, column 2:"),
            (
                Refusal::Value { kind, name: name.clone(), value: "0.5".to_owned(), expected: String::new() },
                "line 3, column 9:",
            ),
        ] {
            let part = Part::Parameter(name.clone());
            let error = file.error(0, &PlanError { request: 0, part, refusal: Box::new(refusal) });
            assert!(error.to_string().contains(place), "{error}");
        }
    }

    #[test]
    fn errors_have_line_and_column() {
        for (text, expected) in [
            ("[[event]]\nkind = ", "line 2, column 8"),
            ("[[events]]\nkind = \"luld\"", "line 1, column 3: unknown key \"events\""),
            (
                "[[event]]\nkind = \"luld\"\n\n[[event]]\nsymbol = \"KO\"",
                "line 4, column 1: an event without a kind",
            ),
            ("[[event]]\nkind = \"luld\"\n  at = \"soon\"", "line 3, column 8: expected a time"),
            ("[[event]]\nkind = [1]", "line 2, column 8: expected a text, a number or a time"),
            ("event = 3", "line 1, column 9: expected [[event]]"),
        ] {
            let found = of(text).unwrap_err();
            assert!(found.contains(expected), "{found}");
        }
    }
}
