//! The formats of an export, and the messages that each of them can express.

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
    /// True if the whole file is compressed.
    pub(super) compressed: bool,
    /// True if the output is standard output.
    pub(super) is_stream: bool,
}

impl Target {
    /// Returns the target given by the command line.
    ///
    /// # Errors
    /// Fails on an unknown extension, on standard output without a format, and on options that do not fit the format.
    pub(super) fn of(args: &Export) -> Result<Target, Failure> {
        let path = args.output.output.as_path();
        let is_stream = path == "-";
        let (format, compressed) = match (args.format, is_stream) {
            (Some(format), true) => (Format::from(format), false),
            (None, true) => {
                return Err(Failure::usage_hint("-o - needs a format", "use --format jsonl or --format csv"));
            }
            (Some(_), false) => {
                return Err(Failure::usage_hint(
                    "--format is only for standard output; the extension determines the format of a file",
                    format!("use -o -, or one of the extensions {}", Format::FORMS),
                ));
            }
            (None, false) => Format::of_name(path)?,
        };
        if args.csv_safe && format != Format::Csv {
            return Err(Failure::usage(format!(
                "--csv-safe is only for CSV, but the format is {}",
                format.name()
            )));
        }
        if args.json && is_stream {
            return Err(Failure::usage_hint(
                "--json cannot be used with -o -, which prints messages",
                "without --json, a summary is printed on standard error",
            ));
        }
        Ok(Target { format, compressed, is_stream })
    }
}

impl Format {
    const FORMS: &str = ".jsonl, .jsonl.zst, .csv, .csv.zst, .avro or .parquet";

    /// Returns the format of a file name, and whether the whole file is compressed.
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
                format!("unknown format: {}", path.display()),
                format!("use one of the extensions {}", Format::FORMS),
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

    /// Returns whether the format can express the row, which is true for all simulated rows. A raw frame has its own column in
    /// Parquet, must be JSON in UTF-8 for JSON lines, and must contain an event for the other formats.
    pub(super) fn expresses(self, row: RowRef<'_>) -> bool {
        match (self, row.raw()) {
            (Format::JsonLines, Some(bytes)) => {
                // checked first, because `IgnoredAny` accepts any bytes in strings
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
