//! The formats of an export, and what each of them can hold.

use std::path::Path;

use tradesim_archive::RowRef;

use crate::{
    cli::{Export, StreamFormat},
    exit::Failure,
};

/// A format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    JsonLines,
    Csv,
    Avro,
    Parquet,
}

/// The format and the destination of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) format: Format,
    /// True if it is compressed as a whole.
    pub(super) compressed: bool,
    /// Returns true if it goes to the standard output.
    pub(super) is_stream: bool,
}

impl Target {
    /// What the command line asks for.
    ///
    /// # Errors
    /// A name that no format has, a standard output whose format is not said, and options that do not fit the format.
    pub(super) fn of(args: &Export) -> Result<Target, Failure> {
        let path = args.output.output.as_path();
        let is_stream = path == "-";
        let (format, compressed) = match (args.format, is_stream) {
            (Some(format), true) => (Format::from(format), false),
            (None, true) => {
                return Err(Failure::usage_hint(
                    "the standard output names no format",
                    "--format jsonl or --format csv names it",
                ));
            }
            (Some(_), false) => {
                return Err(Failure::usage_hint(
                    "--format names the format of the standard output; a file has that of its extension",
                    format!("write to -o -, or end the name in {}", Format::FORMS),
                ));
            }
            (None, false) => Format::of_name(path)?,
        };
        if args.csv_safe && format != Format::Csv {
            return Err(Failure::usage(format!("--csv-safe is for CSV, and this is {}", format.name())));
        }
        if args.json && is_stream {
            return Err(Failure::usage_hint(
                "--json prints a report where -o - prints messages",
                "leave out --json: the summary goes to the standard error",
            ));
        }
        Ok(Target { format, compressed, is_stream })
    }
}

impl Format {
    const FORMS: &str = ".jsonl, .jsonl.zst, .csv, .csv.zst, .avro or .parquet";

    /// The format that a file name asks for, and whether it is to be compressed as a whole.
    fn of_name(path: &Path) -> Result<(Format, bool), Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (stem, compressed) = match name.strip_suffix(".zst") {
            Some(stem) => (stem, true),
            None => (name.as_str(), false),
        };
        let format = match stem.rsplit_once('.').map(|(_, extension)| extension) {
            Some("jsonl") => Some(Format::JsonLines),
            Some("csv") => Some(Format::Csv),
            Some("avro") if !compressed => Some(Format::Avro),
            Some("parquet") if !compressed => Some(Format::Parquet),
            _ => None,
        };
        let format = format.ok_or_else(|| {
            Failure::usage_hint(
                format!("the extension of {} names no format", path.display()),
                format!("end the name in {}", Format::FORMS),
            )
        })?;
        Ok((format, compressed))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Format::JsonLines => "JSON lines",
            Format::Csv => "CSV",
            Format::Avro => "Avro",
            Format::Parquet => "Parquet",
        }
    }

    /// Whether the format can hold the row. Those of a simulated archive always fit. A raw frame has a column of its own
    /// in Parquet, has to be JSON in UTF-8 in JSON lines, and has to state an event elsewhere.
    pub(super) fn expresses(self, row: RowRef<'_>) -> bool {
        match (self, row.raw()) {
            (Format::JsonLines, Some(bytes)) => {
                // a parser that skips values takes any bytes inside their strings
                std::str::from_utf8(bytes)
                    .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
            }
            (Format::Parquet, _) => true,
            _ => row.event().is_some(),
        }
    }
}

impl From<StreamFormat> for Format {
    fn from(format: StreamFormat) -> Format {
        match format {
            StreamFormat::Jsonl => Format::JsonLines,
            StreamFormat::Csv => Format::Csv,
        }
    }
}
