//! Dictionary-encoded column chunks, written page by page.
//!
//! Parquet's own encoder hashes every text of every row. Here a text is already a small number, so a row costs a table
//! look-up and a few bits. This saves a third of the total cost of writing.

mod pack;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, PageType},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats},
        statistics::Statistics,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};
use zstd::bulk::Compressor;

use crate::layout::ZSTD_LEVEL;

/// The number of rows after which a page ends, at the end of a chunk.
const PAGE_ROWS: usize = 32_768;

/// The type of the values of a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Texts.
    Texts,
    /// Texts, with bounds in the column's statistics.
    BoundedTexts,
    /// INT32, with bounds in the column's statistics.
    Int32,
    /// INT64, with bounds in the column's statistics.
    Int64,
}

/// A column chunk that is being written.
pub(crate) struct DictionaryColumn {
    descr: ColumnDescPtr,
    values: Values,
    /// The dictionary page: all values in PLAIN encoding, in the order of their codes.
    dictionary: Vec<u8>,
    distinct: u32,
    bounds: Option<(i64, i64)>,
    text_bounds: Option<(String, String)>,
    /// The current page: a code for every value, and the rows that have a value.
    codes: Vec<u32>,
    present: BooleanBufferBuilder,
    pages: Vec<DataPage>,
    rows: u64,
    nulls: u64,
}

struct DataPage {
    page: CompressedPage,
    rows: usize,
}

/// A finished column chunk.
pub(crate) struct DictionaryChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

impl DictionaryColumn {
    pub(crate) fn new(descr: ColumnDescPtr, values: Values) -> DictionaryColumn {
        DictionaryColumn {
            descr,
            values,
            dictionary: Vec::new(),
            distinct: 0,
            bounds: None,
            text_bounds: None,
            codes: Vec::new(),
            present: BooleanBufferBuilder::new(PAGE_ROWS),
            pages: Vec::new(),
            rows: 0,
            nulls: 0,
        }
    }

    /// Adds a text to the dictionary, and returns its code.
    pub(crate) fn add_text(&mut self, text: &str) -> u32 {
        debug_assert!(matches!(self.values, Values::Texts | Values::BoundedTexts));
        if self.values == Values::BoundedTexts {
            let (min, max) = self.text_bounds.get_or_insert_with(|| (text.to_owned(), text.to_owned()));
            if text < min.as_str() {
                text.clone_into(min);
            } else if text > max.as_str() {
                text.clone_into(max);
            }
        }
        let len = u32::try_from(text.len()).expect("texts are short");
        self.dictionary.extend_from_slice(&len.to_le_bytes());
        self.dictionary.extend_from_slice(text.as_bytes());
        self.added()
    }

    /// Adds a number to the dictionary, and returns its code.
    pub(crate) fn add_number(&mut self, value: i64) -> u32 {
        match self.values {
            Values::Int32 => self.dictionary.extend_from_slice(&(value as i32).to_le_bytes()),
            _ => self.dictionary.extend_from_slice(&value.to_le_bytes()),
        }
        let (min, max) = self.bounds.unwrap_or((value, value));
        self.bounds = Some((min.min(value), max.max(value)));
        self.added()
    }

    fn added(&mut self) -> u32 {
        self.distinct += 1;
        self.distinct - 1
    }

    /// Adds a value by its code.
    #[inline]
    pub(crate) fn push(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// Ends a chunk of rows: `present` are the rows that have the values pushed since the last call, `None` for all.
    pub(crate) fn end_chunk(&mut self, rows: usize, present: Option<&BooleanBuffer>) {
        match present {
            Some(present) => {
                self.present.append_buffer(present);
                self.nulls += (rows - present.count_set_bits()) as u64;
            }
            None => self.present.append_n(rows, true),
        }
        self.rows += rows as u64;
    }

    /// Ends the page if it is full.
    pub(crate) fn end_full_page(&mut self, zstd: &mut Compressor<'static>) -> Result<(), ParquetError> {
        if self.present.len() >= PAGE_ROWS { self.end_page(zstd) } else { Ok(()) }
    }

    fn end_page(&mut self, zstd: &mut Compressor<'static>) -> Result<(), ParquetError> {
        let present = self.present.finish();
        let rows = present.len();
        let mut body = Vec::with_capacity(2 * self.codes.len() + rows / 8 + 16);
        if self.descr.max_def_level() > 0 {
            body.extend_from_slice(&[0; 4]);
            pack::levels(&present, &mut body);
            let len = u32::try_from(body.len() - 4).expect("a page is small");
            body[..4].copy_from_slice(&len.to_le_bytes());
        }
        pack::codes(&self.codes, self.distinct, &mut body);
        self.codes.clear();
        let page = Page::DataPage {
            buf: Bytes::from(zstd.compress(&body)?),
            num_values: u32::try_from(rows).expect("a page is small"),
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.pages.push(DataPage { page: CompressedPage::new(page, body.len()), rows });
        Ok(())
    }

    /// Ends the column chunk.
    pub(crate) fn close(mut self, zstd: &mut Compressor<'static>) -> Result<DictionaryChunk, ParquetError> {
        if !self.present.is_empty() || self.pages.is_empty() {
            self.end_page(zstd)?;
        }
        let mut out = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut out);
        let dictionary = Page::DictionaryPage {
            buf: Bytes::from(zstd.compress(&self.dictionary)?),
            num_values: self.distinct,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let first = writer.write_page(CompressedPage::new(dictionary, self.dictionary.len()))?;
        let mut uncompressed = first.uncompressed_size;
        let mut index = OffsetIndexBuilder::new();
        let count = self.pages.len();
        let mut data_page_offset = None;
        for DataPage { page, rows } in self.pages.drain(..) {
            let written = writer.write_page(page)?;
            uncompressed += written.uncompressed_size;
            data_page_offset.get_or_insert(written.offset);
            index.append_row_count(rows as i64);
            index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        }
        writer.close()?;
        let bytes = out.into_inner()?;
        let metadata = self.metadata(&bytes, uncompressed, data_page_offset, count)?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(index.build()),
        };
        Ok(DictionaryChunk { bytes: Bytes::from(bytes), close })
    }

    fn metadata(
        &self,
        bytes: &[u8],
        uncompressed: usize,
        data_page_offset: Option<u64>,
        pages: usize,
    ) -> Result<ColumnChunkMetaData, ParquetError> {
        let stats = |page_type, encoding, count: usize| PageEncodingStats {
            page_type,
            encoding,
            count: count as i32,
        };
        let level = parquet::basic::ZstdLevel::try_new(ZSTD_LEVEL)?;
        let mut builder = ColumnChunkMetaData::builder(self.descr.clone())
            .set_compression(Compression::ZSTD(level))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_page_encoding_stats(vec![
                stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
                stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, pages),
            ])
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(data_page_offset.map_or(0, |offset| offset as i64));
        let (min, max) = (self.bounds.map(|(min, _)| min), self.bounds.map(|(_, max)| max));
        let nulls = Some(self.nulls);
        match self.values {
            Values::Texts => {}
            Values::BoundedTexts => {
                let text = |text: &String| ByteArray::from(text.as_bytes().to_vec());
                let (min, max) = self.text_bounds.as_ref().map(|(min, max)| (text(min), text(max))).unzip();
                builder = builder.set_statistics(Statistics::byte_array(min, max, None, nulls, false));
            }
            Values::Int64 => {
                builder = builder.set_statistics(Statistics::int64(min, max, None, nulls, false))
            }
            Values::Int32 => {
                let narrow = |value: Option<i64>| value.map(|value| value as i32);
                let statistics = Statistics::int32(narrow(min), narrow(max), None, nulls, false);
                builder = builder.set_statistics(statistics);
            }
        }
        builder.build()
    }
}

/// Creates the compressor of pages. This costs as much as a small page, so every thread keeps one for all of its columns.
pub(crate) fn compressor() -> std::io::Result<Compressor<'static>> {
    Compressor::new(ZSTD_LEVEL)
}

/// Assigns codes to small numbers in the order of appearance, such as those of enums, symbols and traders.
#[derive(Debug, Default)]
pub(crate) struct SmallNumbers {
    /// Codes plus one, indexed by number; 0 means no code yet.
    codes: Vec<u32>,
}

impl SmallNumbers {
    /// Returns the code of a number, and calls `add` for a new one.
    #[inline]
    pub(crate) fn code(&mut self, number: u32, add: impl FnOnce() -> u32) -> u32 {
        match self.codes.get(number as usize) {
            Some(&code) if code != 0 => code - 1,
            _ => self.insert(number, add()),
        }
    }

    #[cold]
    fn insert(&mut self, number: u32, code: u32) -> u32 {
        if self.codes.len() <= number as usize {
            self.codes.resize(number as usize + 1, 0);
        }
        self.codes[number as usize] = code + 1;
        code
    }
}

/// Assigns codes to any numbers, with an open-addressing hash table.
#[derive(Debug)]
pub(crate) struct LargeNumbers {
    /// Numbers and their codes plus one; 0 is a free slot. The length is a power of two, and at most half is in use.
    places: Vec<(i64, u32)>,
    used: usize,
}

impl LargeNumbers {
    pub(crate) fn new() -> LargeNumbers {
        LargeNumbers { places: vec![(0, 0); 1_024], used: 0 }
    }

    /// Returns the code of a number, and calls `add` for a new one.
    #[inline]
    pub(crate) fn code(&mut self, number: i64, add: impl FnOnce() -> u32) -> u32 {
        let place = self.find(number);
        match self.places[place] {
            (_, 0) => self.insert(place, number, add()),
            (_, code) => code - 1,
        }
    }

    #[inline]
    fn find(&self, number: i64) -> usize {
        let shift = 64 - self.places.len().trailing_zeros();
        let mut place = ((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize;
        while self.places[place].1 != 0 && self.places[place].0 != number {
            place = (place + 1) & (self.places.len() - 1);
        }
        place
    }

    #[cold]
    fn insert(&mut self, place: usize, number: i64, code: u32) -> u32 {
        self.places[place] = (number, code + 1);
        self.used += 1;
        if 2 * self.used > self.places.len() {
            let grown = vec![(0, 0); 2 * self.places.len()];
            for (number, code) in std::mem::replace(&mut self.places, grown) {
                if code != 0 {
                    let place = self.find(number);
                    self.places[place] = (number, code);
                }
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_codes_in_order_of_appearance() {
        let mut large = LargeNumbers::new();
        let mut small = SmallNumbers::default();
        let numbers: Vec<i64> = (0..10_000).map(|n: i64| n * 7_919 % 10_007).collect();
        for round in 0..2 {
            let mut next = 0;
            for (expected, &number) in numbers.iter().enumerate() {
                let add = || {
                    next += 1;
                    next - 1
                };
                assert_eq!(large.code(number - 5_000, add), expected as u32, "round {round}");
            }
            let mut next = 0;
            for (expected, &number) in numbers.iter().enumerate() {
                let add = || {
                    next += 1;
                    next - 1
                };
                assert_eq!(small.code(number as u32, add), expected as u32, "round {round}");
            }
        }
    }
}
