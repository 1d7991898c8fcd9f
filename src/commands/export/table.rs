//! One flat table with every field of the contract in a column of its own: plain Parquet and CSV.
//!
//! Unlike an archive it holds all ids as texts, and spread and middle as numbers, so that no tool has to derive
//! anything.

mod columns;

use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use tradesim_archive::Batch;

use super::sink::Sink;
use crate::cli::ExportPrices;
use columns::{Style, record_batch, schema};

/// Rows of a Parquet row group.
const ROW_GROUP_ROWS: usize = 262_144;

/// A plain Parquet file.
pub(super) struct ParquetExport {
    writer: ArrowWriter<Sink>,
    style: Style,
}

impl ParquetExport {
    pub(super) fn new(sink: Sink, prices: ExportPrices) -> anyhow::Result<ParquetExport> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            // the crate's own name would tie the bytes to its version
            .set_created_by(format!("tradesim version {} (build 0)", env!("CARGO_PKG_VERSION")))
            .build();
        let style = Style { prices, utc: "UTC" };
        Ok(ParquetExport { writer: ArrowWriter::try_new(sink, schema(style), Some(properties))?, style })
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        Ok(self.writer.write(&record_batch(batch, self.style)?)?)
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
    pub(super) fn new(sink: Sink, prices: ExportPrices) -> CsvExport {
        let writer = arrow::csv::WriterBuilder::new()
            .with_header(true)
            .with_timestamp_tz_format("%Y-%m-%dT%H:%M:%S%.6fZ".to_owned())
            .build(sink);
        // the CSV writer knows time zones by offset only
        CsvExport { writer, style: Style { prices, utc: "+00:00" } }
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        Ok(self.writer.write(&record_batch(batch, self.style)?)?)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        // the header stands even where no message passed the filters
        self.writer.write(&record_batch(&Batch::default(), self.style)?)?;
        Ok(self.writer.into_inner().finish()?)
    }
}
