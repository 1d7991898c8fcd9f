//! `export`: an archive in another format, chosen by the extension of the output.

mod avro;
mod lines;
mod sink;
mod table;

use std::path::Path;

use serde::Serialize;
use tradesim_archive::{Batch, NewFile, RowRef};

use crate::{
    cli::Export,
    exit::{Failure, Outcome},
    filter::Filter,
    output::{self, grouped, say},
    progress::Progress,
    report::{self, SCHEMA_VERSION},
    signals::Stop,
    source,
};
use avro::AvroExport;
use lines::LinesExport;
use sink::{FileError, Sink};
use table::{CsvExport, ParquetExport};

/// Messages named when some cannot be expressed.
const NAMED_MAX: usize = 5;

/// A format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    JsonLines,
    Csv,
    Avro,
    Parquet,
}

impl Format {
    const FORMS: &str = ".jsonl, .jsonl.zst, .csv, .csv.zst, .avro or .parquet";

    /// The format that a file name asks for, and whether it is to be compressed as a whole.
    fn of(path: &Path) -> Result<(Format, bool), Failure> {
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

    fn name(self) -> &'static str {
        match self {
            Format::JsonLines => "JSON lines",
            Format::Csv => "CSV",
            Format::Avro => "Avro",
            Format::Parquet => "Parquet",
        }
    }

    /// Whether the format can hold the row. Those of a simulated archive always fit. A raw frame has a column of its own
    /// in Parquet, has to be one line of JSON in JSON lines, and has to state an event elsewhere.
    fn expresses(self, row: RowRef<'_>) -> bool {
        match (self, row.raw()) {
            (Format::JsonLines, Some(bytes)) => {
                !bytes.contains(&b'\n') && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
            }
            (Format::Parquet, _) => true,
            _ => row.event().is_some(),
        }
    }
}

/// A file being written in some format.
enum Exporter {
    Lines(LinesExport),
    Csv(Box<CsvExport>),
    Avro(Box<AvroExport>),
    Parquet(Box<ParquetExport>),
}

impl Exporter {
    fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        match self {
            Exporter::Lines(export) => export.write(batch),
            Exporter::Csv(export) => export.write(batch),
            Exporter::Avro(export) => export.write(batch),
            Exporter::Parquet(export) => export.write(batch),
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Exporter::Lines(export) => export.finish(),
            Exporter::Csv(export) => export.finish(),
            Exporter::Avro(export) => export.finish(),
            Exporter::Parquet(export) => export.finish(),
        }
    }
}

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    file: String,
    format: &'static str,
    messages: u64,
    /// Captured messages that were left out.
    skipped: u64,
    bytes: u64,
}

pub(crate) fn run(args: &Export) -> anyhow::Result<Outcome> {
    let path = &args.output.output;
    let (format, compressed) = Format::of(path)?;
    let archive = source::open(&args.file, args.reading)?;
    let mut filter = Filter::of_archive(&args.filter, archive.metadata().provenance())?;
    let stop = Stop::on_signals()?;
    let file = NewFile::create(path, args.output.force)?;
    let file_error = FileError::default();
    // what the file refused is said as such, whatever the format's writer made of it
    let failed = |error: anyhow::Error| match file_error.take() {
        Some(source) => file.write_error(source).into(),
        None => error.context(format!("cannot write {}", path.display())),
    };
    let sink =
        Sink::new(file.handle()?, compressed, file_error.clone()).map_err(|error| failed(error.into()))?;
    let has_raw = archive.metadata().columns().captured;
    let mut exporter = match format {
        Format::JsonLines => Exporter::Lines(LinesExport::new(sink)),
        Format::Csv => Exporter::Csv(Box::new(CsvExport::new(sink, args.prices))),
        Format::Avro => Exporter::Avro(Box::new(AvroExport::new(
            sink,
            filter.event_types(),
            archive.metadata().digest(),
        )?)),
        Format::Parquet => Exporter::Parquet(Box::new(ParquetExport::new(sink, args.prices, has_raw)?)),
    };
    let mut progress = Progress::new("exporting", archive.metadata().counts().total());
    let mut messages = 0;
    let mut inexpressible = Inexpressible::default();
    source::for_each_batch(&archive, &mut filter, |batch| {
        stop.check()?;
        let batch = inexpressible.leave_out(format, batch);
        exporter.write(&batch).map_err(failed)?;
        messages += batch.len() as u64;
        progress.at(messages, messages);
        Ok(())
    })?;
    if inexpressible.count > 0 {
        if !args.skip_raw {
            return Err(anyhow::anyhow!("{}", inexpressible.sentence(format)).context(format!(
                "cannot make {} without loss (--skip-raw leaves them out)",
                path.display()
            )));
        }
        say(format_args!("warning: {}; they are left out", inexpressible.sentence(format)));
    }
    exporter.finish().map_err(failed)?;
    stop.check()?;
    let bytes = file.publish()?;
    let seconds = progress.finish().as_secs_f64();
    report::warn_of_emptiness(&filter, messages, source::range(archive.metadata()));
    if args.json {
        output::print_json(&Report {
            schema_version: SCHEMA_VERSION,
            file: path.display().to_string(),
            format: format.name(),
            messages,
            skipped: inexpressible.count,
            bytes,
        })?;
    }
    say(format_args!(
        "exported {} messages as {} in {seconds:.2} s: {}, {}",
        grouped(messages),
        format.name(),
        path.display(),
        output::bytes(bytes)
    ));
    Ok(Outcome::Done)
}

/// Captured messages that the format cannot hold.
#[derive(Debug, Default)]
struct Inexpressible {
    count: u64,
    first: Vec<u64>,
}

impl Inexpressible {
    /// The batch without them.
    fn leave_out(&mut self, format: Format, batch: Batch) -> Batch {
        if !batch.has_captured() {
            return batch;
        }
        let mut kept = Batch::default();
        for row in batch.rows() {
            if format.expresses(row) {
                kept.push(row.to_row());
            } else {
                self.count += 1;
                if self.first.len() < NAMED_MAX {
                    self.first.push(row.seq());
                }
            }
        }
        kept
    }

    fn sentence(&self, format: Format) -> String {
        let seqs: Vec<String> = self.first.iter().map(u64::to_string).collect();
        let more = if self.count > self.first.len() as u64 { " and more" } else { "" };
        format!(
            "{} captured messages cannot be written as {}: seq {}{more}",
            grouped(self.count),
            format.name(),
            seqs.join(", ")
        )
    }
}
