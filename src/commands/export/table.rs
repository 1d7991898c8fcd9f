//! One flat table with every field of the contract in a column of its own: plain Parquet and CSV.
//!
//! Unlike an archive it holds all ids as texts, and spread and middle as numbers, so that no tool has to derive
//! anything.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::{DataType, Field, Schema, TimestampMicrosecondType},
    error::ArrowError,
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use tradesim_archive::{Batch, flat_batch};

use super::{csv_safe::safe_column, sink::Sink};
use crate::cli::ExportPrices;

/// Rows of a Parquet row group.
const ROW_GROUP_ROWS: usize = 262_144;
/// The column of the bytes of raw frames.
const RAW: &str = "raw";
/// The columns that only captured messages have.
const CAPTURED: [&str; 2] = ["received", "opcode"];
/// The time that a message states; a captured one may state none.
const ENVELOPE_TIMESTAMP: &str = "envelope_timestamp";

/// How the table states what can be stated in more than one way.
#[derive(Clone, Copy, Debug)]
struct Style {
    prices: ExportPrices,
    /// Whether there is a column of the bytes of raw frames.
    raw: bool,
    /// True if there may be captured messages.
    captured: bool,
    /// True if text cells are protected from being read as formulas.
    safe: bool,
    /// The name of UTC in the type of times.
    utc: &'static str,
}

impl Style {
    fn record_batch(self, batch: &Batch) -> Result<RecordBatch, ArrowError> {
        let flat = flat_batch(batch)?;
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for (field, column) in flat.schema().fields().iter().zip(flat.columns()) {
            let name = field.name().as_str();
            if name == RAW && !self.raw || CAPTURED.contains(&name) && !self.captured {
                continue;
            }
            let column = self.column(column)?;
            let nullable = field.is_nullable() && (name != ENVELOPE_TIMESTAMP || self.captured);
            fields.push(Field::new(name, column.data_type().clone(), nullable));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    fn column(self, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match (column.data_type(), self.prices) {
            (DataType::Decimal128(..), ExportPrices::Float64) => cast(column, &DataType::Float64),
            (DataType::Timestamp(..), _) => {
                let times = column.as_primitive::<TimestampMicrosecondType>().clone();
                Ok(Arc::new(times.with_timezone(self.utc)))
            }
            (DataType::Utf8 | DataType::Dictionary(..), _) if self.safe => Ok(safe_column(column)),
            _ => Ok(Arc::clone(column)),
        }
    }
}

/// A plain Parquet file.
pub(super) struct ParquetExport {
    writer: ArrowWriter<Sink>,
    style: Style,
}

impl ParquetExport {
    /// Begins a file; `captured` says whether there may be captured messages, whose bytes, times of receipt and opcodes
    /// then have columns.
    pub(super) fn new(sink: Sink, prices: ExportPrices, captured: bool) -> anyhow::Result<ParquetExport> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            // the crate's own name would tie the bytes to its version
            .set_created_by(format!("tradesim version {} (build 0)", env!("CARGO_PKG_VERSION")))
            .build();
        let style = Style { prices, raw: captured, captured, safe: false, utc: "UTC" };
        let schema = style.record_batch(&Batch::default())?.schema();
        Ok(ParquetExport { writer: ArrowWriter::try_new(sink, schema, Some(properties))?, style })
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        Ok(self.writer.write(&self.style.record_batch(batch)?)?)
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        Ok(self.writer.into_inner()?.finish()?)
    }
}

/// A CSV file with a header line; absent values are empty.
pub(super) struct CsvExport {
    writer: arrow::csv::Writer<Sink>,
    style: Style,
}

impl CsvExport {
    /// Begins a file; `captured` says whether there may be captured messages, whose times of receipt and opcodes then have
    /// columns, and `safe` whether no text may be taken for a formula.
    pub(super) fn new(sink: Sink, prices: ExportPrices, captured: bool, safe: bool) -> CsvExport {
        let writer = arrow::csv::WriterBuilder::new()
            .with_header(true)
            .with_timestamp_tz_format("%Y-%m-%dT%H:%M:%S%.6fZ".to_owned())
            .build(sink);
        // the CSV writer knows time zones by offset only
        CsvExport { writer, style: Style { prices, raw: false, captured, safe, utc: "+00:00" } }
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        Ok(self.writer.write(&self.style.record_batch(batch)?)?)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        // the header stands even where no message passed the filters
        self.writer.write(&self.style.record_batch(&Batch::default())?)?;
        Ok(self.writer.into_inner().finish()?)
    }
}
