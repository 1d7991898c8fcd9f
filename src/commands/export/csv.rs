//! CSV as in RFC 4180, except that lines end in a line feed: absent values are empty, and a text is quoted only where it must be.

use std::io::{self, Write};

use arrow_array::{
    Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
    cast::AsArray,
    types::{Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::{DataType, TimeUnit};
use tradesim_schemas::Timestamp;

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Units of a price in one currency unit: a price has four decimals.
const UNITS_PER_ONE: u64 = 10_000;

/// Writes batches of one schema, after a header line with the names of the columns.
pub(super) struct CsvWriter<W> {
    out: W,
    buffer: Vec<u8>,
    has_header: bool,
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(out: W) -> CsvWriter<W> {
        CsvWriter { out, buffer: Vec::with_capacity(2 * BUFFER_BYTES), has_header: false }
    }

    /// Writes the rows of a batch, and flushes them. The first batch, even an empty one, writes the header.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        if !self.has_header {
            self.has_header = true;
            for (index, field) in batch.schema_ref().fields().iter().enumerate() {
                self.separate(index);
                push_text(&mut self.buffer, field.name());
            }
            self.buffer.push(b'\n');
        }
        let columns: Vec<Column<'_>> = batch.columns().iter().map(|column| Column::of(column)).collect();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                self.separate(index);
                column.push(row, &mut self.buffer);
            }
            self.buffer.push(b'\n');
            if self.buffer.len() >= BUFFER_BYTES {
                self.drain()?;
            }
        }
        self.drain()?;
        self.out.flush()
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.buffer.push(b',');
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// A column by its type.
enum Column<'a> {
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Time(&'a TimestampMicrosecondArray),
    Price(&'a Decimal128Array),
    Float(&'a Float64Array),
    Text(&'a StringArray),
    /// Keys of a dictionary, and its texts.
    Coded(&'a Int32Array, &'a StringArray),
}

impl Column<'_> {
    fn of(array: &dyn Array) -> Column<'_> {
        match array.data_type() {
            DataType::Int32 => Column::Int32(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Column::Int64(array.as_primitive::<Int64Type>()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Column::Time(array.as_primitive::<TimestampMicrosecondType>())
            }
            DataType::Decimal128(_, 4) => Column::Price(array.as_primitive::<Decimal128Type>()),
            DataType::Float64 => Column::Float(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Column::Text(array.as_string()),
            DataType::Dictionary(..) => {
                let dictionary = array.as_dictionary::<Int32Type>();
                Column::Coded(dictionary.keys(), dictionary.values().as_string())
            }
            other => unreachable!("the table has no column of type {other}"),
        }
    }

    /// Appends the value of a row, or nothing if the row has none.
    fn push(&self, row: usize, out: &mut Vec<u8>) {
        fn number(number: impl std::fmt::Display, out: &mut Vec<u8>) {
            write!(out, "{number}").expect("memory takes all bytes");
        }
        match self {
            Column::Int32(values) if values.is_valid(row) => number(values.value(row), out),
            Column::Int64(values) if values.is_valid(row) => number(values.value(row), out),
            Column::Time(values) if values.is_valid(row) => {
                let time =
                    Timestamp::from_micros(values.value(row)).expect("the column was made of such times");
                out.extend_from_slice(&time.text());
            }
            // never negative
            Column::Price(values) if values.is_valid(row) => {
                let units = values.value(row) as u64;
                number(format_args!("{}.{:04}", units / UNITS_PER_ONE, units % UNITS_PER_ONE), out);
            }
            // as text that reads back as the same number: `{:?}` of 100 is 100.0
            Column::Float(values) if values.is_valid(row) => {
                number(format_args!("{:?}", values.value(row)), out)
            }
            Column::Text(values) if values.is_valid(row) => push_text(out, values.value(row)),
            Column::Coded(keys, values) if keys.is_valid(row) => {
                push_text(out, values.value(keys.value(row) as usize));
            }
            _ => {}
        }
    }
}

/// Appends a text, in quotes if it contains a separator, a quote or the end of a line.
fn push_text(out: &mut Vec<u8>, text: &str) {
    if !text.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, DictionaryArray};
    use proptest::{collection::vec, option, prelude::*};
    use tradesim_schemas::Price;

    use super::*;

    /// A batch with a column of each type that the table has.
    fn any_batch() -> impl Strategy<Value = RecordBatch> {
        let text = || option::of("[a-z ,\"\r\n'=é]{0,4}");
        let price = || option::of(0..=Price::MAX.units());
        let time = || option::of(Timestamp::MIN.micros()..=Timestamp::MAX.micros());
        let row = (any::<i64>(), any::<Option<i32>>(), time(), price(), price(), text(), text());
        vec(row, 0..20).prop_map(|rows| {
            let prices = rows.iter().map(|row| row.3.map(i128::from)).collect::<Decimal128Array>();
            let floats =
                rows.iter().map(|row| row.4.map(|units| units as f64 / 1e4)).collect::<Float64Array>();
            let times = rows.iter().map(|row| row.2).collect::<TimestampMicrosecondArray>();
            let coded: DictionaryArray<Int32Type> = rows.iter().map(|row| row.5.as_deref()).collect();
            let columns: [(&str, ArrayRef); 7] = [
                ("seq", Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>())),
                ("quantity", Arc::new(rows.iter().map(|row| row.1).collect::<Int32Array>())),
                ("time", Arc::new(times.with_timezone("+00:00"))),
                ("price", Arc::new(prices.with_precision_and_scale(12, 4).unwrap())),
                ("float", Arc::new(floats)),
                ("coded, with a comma", Arc::new(coded)),
                ("text", Arc::new(rows.iter().map(|row| row.6.as_deref()).collect::<StringArray>())),
            ];
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
                .unwrap()
        })
    }

    proptest! {
        #[test]
        fn the_text_is_that_of_arrows_writer(first in any_batch(), second in any_batch()) {
            let mut oracle = arrow_csv::WriterBuilder::new()
                .with_header(true)
                .with_timestamp_tz_format("%Y-%m-%dT%H:%M:%S%.6fZ".to_owned())
                .build(Vec::new());
            let mut ours = CsvWriter::new(Vec::new());
            for batch in [&first, &second] {
                oracle.write(batch).unwrap();
                ours.write(batch).unwrap();
            }
            let (ours, oracle) = (ours.into_inner(), oracle.into_inner());
            prop_assert_eq!(String::from_utf8(ours).unwrap(), String::from_utf8(oracle).unwrap());
        }
    }

    #[test]
    fn the_header_is_there_without_rows() {
        let mut writer = CsvWriter::new(Vec::new());
        let empty =
            RecordBatch::try_from_iter([("a", Arc::new(Int32Array::from(vec![0; 0])) as ArrayRef)]).unwrap();
        writer.write(&empty).unwrap();
        writer.write(&empty).unwrap();
        assert_eq!(writer.into_inner(), b"a\n");
    }
}
