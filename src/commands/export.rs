//! `export`: converts an archive to another format, which the extension of the output determines.

mod avro;
mod csv;
mod csv_safe;
mod format;
mod lines;
mod sink;
mod table;

use std::io::{self, Write};

use serde::Serialize;
use tradesim_archive::{Batch, NewFile};
use tradesim_schemas::RecordSeq;

use crate::{
    cli::Export,
    exit::{Failure, Outcome},
    filter,
    output::{self, grouped, say},
    progress::Progress,
    report::{self, SCHEMA_VERSION},
    signals::{self, Stop},
    source,
};
use avro::AvroExport;
use format::{Format, Target};
use lines::LinesExport;
use sink::{FileError, Sink};
use table::{CsvExport, ParquetExport};

/// The maximum number of inexpressible messages that are listed.
const NAMED_MAX: usize = 5;

/// The writer of a format.
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
struct ExportReport {
    schema_version: u32,
    file: String,
    format: &'static str,
    messages: u64,
    /// Captured messages that were skipped.
    skipped: u64,
    bytes: u64,
}

/// The destination of an export.
enum Destination {
    /// A file, which is created only when it is complete.
    File { file: NewFile, stop: Stop },
    /// Standard output.
    Stream,
}

impl Destination {
    fn open(args: &Export, target: Target) -> anyhow::Result<Destination> {
        if target.is_stream {
            signals::end_at_once()?;
            return Ok(Destination::Stream);
        }
        let stop = Stop::on_signals()?;
        Ok(Destination::File { file: NewFile::create(&args.output.output, args.output.force)?, stop })
    }

    fn out(&self) -> anyhow::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Destination::File { file, .. } => Box::new(file.handle()?),
            Destination::Stream => Box::new(io::stdout()),
        })
    }

    /// Fails after a signal.
    fn check(&self) -> Result<(), Failure> {
        match self {
            Destination::File { stop, .. } => stop.check(),
            Destination::Stream => Ok(()),
        }
    }

    /// Returns the error of an export. A write error of the file is reported as such, however the writer of the format wrapped it.
    fn error(&self, error: anyhow::Error, refused: Option<io::Error>) -> anyhow::Error {
        match (self, refused) {
            (Destination::File { file, .. }, Some(source)) => file.write_error(source).into(),
            (Destination::File { file, .. }, None) => {
                error.context(format!("cannot write {}", file.path().display()))
            }
            (Destination::Stream, Some(source)) => output::stdout_failure(source),
            (Destination::Stream, None) => error.context("cannot write to standard output"),
        }
    }

    fn name(&self) -> String {
        match self {
            Destination::File { file, .. } => file.path().display().to_string(),
            Destination::Stream => "standard output".to_owned(),
        }
    }
}

pub(crate) fn run(args: &Export) -> anyhow::Result<Outcome> {
    let target = Target::of(args)?;
    let format = target.format;
    let archive = source::open(&args.file, args.reading)?;
    let filter = filter::of_archive(&args.filter, archive.metadata())?;
    report::explain_cut_times(&filter);
    let destination = Destination::open(args, target)?;
    let file_error = FileError::default();
    let failed = |error: anyhow::Error| destination.error(error, file_error.take());
    let sink = Sink::new(destination.out()?, target.compressed, file_error.clone())
        .map_err(|error| failed(error.into()))?;
    let captured = archive.metadata().columns().captured;
    let mut exporter = match format {
        Format::JsonLines => Exporter::Lines(LinesExport::new(sink)),
        Format::Csv => Exporter::Csv(Box::new(CsvExport::new(sink, args.prices, captured, args.csv_safe))),
        Format::Avro => Exporter::Avro(Box::new(AvroExport::new(
            sink,
            filter.event_types(),
            captured,
            archive.metadata().digest(),
        )?)),
        Format::Parquet => Exporter::Parquet(Box::new(ParquetExport::new(sink, args.prices, captured)?)),
    };
    let mut progress = Progress::new("exporting", archive.metadata().counts().total());
    let mut messages = 0;
    let mut inexpressible = Inexpressible::default();
    let with_loss = |inexpressible: &Inexpressible| {
        anyhow::anyhow!("{}", inexpressible.sentence(format))
            .context(format!("cannot write {} without loss (--skip-raw skips them)", destination.name()))
    };
    for batch in archive.filtered(filter.clone()) {
        destination.check()?;
        let batch = inexpressible.leave_out(format, batch?);
        // a file is checked at the end and not created; a stream must stop here
        if target.is_stream && inexpressible.count > 0 && !args.skip_raw {
            return Err(with_loss(&inexpressible));
        }
        exporter.write(&batch).map_err(failed)?;
        messages += batch.len() as u64;
        progress.at(messages, messages);
    }
    if inexpressible.count > 0 {
        if !args.skip_raw {
            return Err(with_loss(&inexpressible));
        }
        say(format_args!("warning: {}; they are skipped", inexpressible.sentence(format)));
    }
    exporter.finish().map_err(failed)?;
    destination.check()?;
    let name = destination.name();
    let bytes = match destination {
        Destination::File { file, .. } => Some(file.publish()?),
        Destination::Stream => None,
    };
    let seconds = progress.finish().as_secs_f64();
    report::warn_if_empty(&filter, messages, source::range(archive.metadata()));
    let report = ExportReport {
        schema_version: SCHEMA_VERSION,
        file: name.clone(),
        format: format.name(),
        messages,
        skipped: inexpressible.count,
        bytes: bytes.unwrap_or(0),
    };
    output::emit(args.json, &report, |_| Ok(()))?;
    say(format_args!(
        "exported {} messages as {} in {seconds:.2} s: {name}{}",
        grouped(messages),
        format.name(),
        bytes.map_or_else(String::new, |bytes| format!(", {}", output::bytes(bytes)))
    ));
    Ok(Outcome::Done)
}

/// Captured messages that the format cannot express.
#[derive(Debug, Default)]
struct Inexpressible {
    count: u64,
    first: Vec<RecordSeq>,
}

impl Inexpressible {
    /// Returns the batch without them.
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
        let seqs: Vec<String> = self.first.iter().map(RecordSeq::to_string).collect();
        let more = if self.count > self.first.len() as u64 { " and more" } else { "" };
        format!(
            "{} captured messages cannot be written as {}: seq {}{more}",
            grouped(self.count),
            format.name(),
            seqs.join(", ")
        )
    }
}
