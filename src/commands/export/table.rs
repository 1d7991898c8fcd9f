//! One flat table with every field of the contract in a column of its own: plain Parquet and CSV.
//!
//! Unlike an archive it holds all ids as texts, and spread and middle as numbers, so that no tool has to derive
//! anything.

use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Float64Array, RecordBatch, cast::AsArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use tradesim_archive::{Batch, flat_batch};

use super::{csv::CsvWriter, csv_safe::safe_column, sink::Sink};
use crate::cli::ExportPrices;

/// Rows of a Parquet row group.
const ROW_GROUP_ROWS: usize = 262_144;
/// The column of the bytes of raw frames.
const RAW: &str = "raw";
/// The columns that only captured messages have.
const CAPTURED: [&str; 2] = ["received", "opcode"];
/// The time that a message states; a captured one may state none.
const ENVELOPE_TIMESTAMP: &str = "envelope_timestamp";

/// The choices of an exported table.
#[derive(Clone, Copy, Debug)]
struct Style {
    prices: ExportPrices,
    /// True if there is a column with the bytes of raw frames.
    raw: bool,
    /// True if there may be captured messages.
    captured: bool,
    /// True if text cells are protected from being read as formulas.
    safe: bool,
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
            (DataType::Decimal128(_, scale), ExportPrices::Float64) => {
                let one = 10_u32.pow(scale.unsigned_abs().into());
                Ok(Arc::new(floats(column.as_primitive(), one.into())))
            }
            (DataType::Utf8 | DataType::Dictionary(..), _) if self.safe => Ok(safe_column(column)),
            _ => Ok(Arc::clone(column)),
        }
    }
}

/// Prices as numbers. Units and `one`, the number of units in one currency unit, are exact as floats, so the result is the float nearest
/// to the price.
fn floats(units: &Decimal128Array, one: f64) -> Float64Array {
    units.unary(|units| units as f64 / one)
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
        let style = Style { prices, raw: captured, captured, safe: false };
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
    writer: CsvWriter<Sink>,
    style: Style,
}

impl CsvExport {
    /// Begins a file; `captured` says whether there may be captured messages, whose times of receipt and opcodes then have
    /// columns, and `safe` whether no text may be taken for a formula.
    pub(super) fn new(sink: Sink, prices: ExportPrices, captured: bool, safe: bool) -> CsvExport {
        CsvExport { writer: CsvWriter::new(sink), style: Style { prices, raw: false, captured, safe } }
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        Ok(self.writer.write(&self.style.record_batch(batch)?)?)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        // the header is written even if no message passed the filters
        self.writer.write(&self.style.record_batch(&Batch::default())?)?;
        Ok(self.writer.into_inner().finish()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::Price;

    use super::*;

    proptest! {
        #[test]
        fn prices_are_the_nearest_floats(units in 0..=Price::MAX.units()) {
            let exact = Decimal128Array::from(vec![Some(i128::from(units)), None]);
            let exact = exact.with_precision_and_scale(12, 4).unwrap();
            let found: ArrayRef = Arc::new(floats(&exact, 1e4));
            prop_assert_eq!(&arrow_cast::cast(&exact, &DataType::Float64).unwrap(), &found);
            let text = Price::from_units(units).unwrap().to_string();
            prop_assert_eq!(found.as_primitive::<arrow_array::types::Float64Type>().value(0), text.parse::<f64>().unwrap());
        }
    }
}
