//! Provides a row group to the decoders of the `parquet` crate: finds, decompresses and checks the pages.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::RowGroups,
    basic::Encoding,
    column::page::{Page as ParquetPage, PageIterator, PageMetadata, PageReader},
    errors::ParquetError,
    file::metadata::{ParquetMetaData, RowGroupMetaData},
};
use zstd::bulk::Decompressor;

use super::{
    footer::Chunk,
    page::{Coding, Page, PageCursor, PageError, check_data, check_dictionary},
};
use crate::{layout::Column, limits};

/// The bytes of a row group after the check of their hash, and the locations of its columns.
#[derive(Clone, Debug)]
pub(super) struct GroupBytes {
    pub(super) rows: u64,
    /// The offset of the first byte in the file.
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
    pub(super) chunks: Arc<[Chunk]>,
}

impl GroupBytes {
    /// Returns the pages of a column. Its chunk is within the bytes: this was checked when the file was opened.
    pub(super) fn pages(&self, column: Column) -> PageCursor {
        let chunk = self.chunks.iter().find(|chunk| chunk.column == column);
        let chunk = chunk.expect("every row group has every known column");
        let start = (chunk.start - self.offset) as usize;
        PageCursor::new(chunk, self.bytes.slice(start..start + chunk.length as usize), self.rows)
    }

    /// Checks the total size of all dictionaries, because they are all in memory at the same time.
    pub(super) fn check_dictionaries(&self, columns: &[Column]) -> Result<(), PageError> {
        let mut bytes = 0;
        for &column in columns {
            if let Some(page) = self.pages(column).next_page()?
                && page.is_dictionary
            {
                bytes += page.len as u64;
            }
        }
        let limit = limits::GROUP_DICTIONARY_BYTES_MAX;
        if bytes <= limit { Ok(()) } else { Err(PageError::TooLarge { found: bytes, limit }) }
    }
}

/// A source of checked pages for the decoders.
pub(super) struct GroupSource<'a> {
    pub(super) group: &'a GroupBytes,
    /// The columns of the decoders' schema.
    pub(super) columns: &'a [Column],
    /// The schema, without row groups.
    pub(super) metadata: &'a ParquetMetaData,
}

impl RowGroups for GroupSource<'_> {
    fn num_rows(&self) -> usize {
        self.group.rows as usize
    }

    fn column_chunks(&self, i: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        let pages = Pages::new(self.group.pages(self.columns[i]))?;
        Ok(Box::new(OneChunk(Some(Box::new(pages)))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.metadata
    }
}

/// The only column chunk of a column.
struct OneChunk(Option<Box<dyn PageReader>>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for OneChunk {}

/// The decompressed and checked pages of a column chunk.
struct Pages {
    cursor: PageCursor,
    /// The next page, if it was peeked at.
    next: Option<Page>,
    /// The number of values of the dictionary.
    distinct: u32,
    zstd: Option<Decompressor<'static>>,
}

impl Pages {
    fn new(cursor: PageCursor) -> Result<Pages, ParquetError> {
        let zstd = if cursor.is_zstd() { Some(Decompressor::new()?) } else { None };
        Ok(Pages { cursor, next: None, distinct: 0, zstd })
    }

    fn take_next(&mut self) -> Result<Option<Page>, PageError> {
        match self.next.take() {
            Some(page) => Ok(Some(page)),
            None => self.cursor.next_page(),
        }
    }

    fn content(&mut self, page: &Page) -> Result<Bytes, PageError> {
        match &mut self.zstd {
            Some(zstd) => decompress(zstd, &page.stored, page.len).map(Bytes::from),
            None => Ok(page.stored.clone()),
        }
    }

    fn checked(&mut self, page: &Page) -> Result<ParquetPage, PageError> {
        let buf = self.content(page)?;
        let column = self.cursor.column();
        if page.is_dictionary {
            check_dictionary(column, &buf, page.values)?;
            self.distinct = page.values;
            let (num_values, encoding) = (page.values, Encoding::PLAIN);
            return Ok(ParquetPage::DictionaryPage { buf, num_values, encoding, is_sorted: false });
        }
        check_data(column, &buf, page.values, page.coding, self.distinct)?;
        let encoding = match page.coding {
            Coding::Plain => Encoding::PLAIN,
            Coding::Dictionary => Encoding::RLE_DICTIONARY,
            Coding::Delta => Encoding::DELTA_BINARY_PACKED,
        };
        Ok(ParquetPage::DataPage {
            buf,
            num_values: page.values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })
    }

    fn named(&self, error: PageError) -> ParquetError {
        ParquetError::General(named(self.cursor.column(), &error))
    }
}

/// Returns the text of an error of a page, with its column.
pub(super) fn named(column: Column, error: &PageError) -> String {
    format!("column `{}`: {error}", column.name())
}

/// Decompresses a page. The result must have exactly the length that the page header states, which has a limit.
fn decompress(zstd: &mut Decompressor<'static>, stored: &[u8], len: usize) -> Result<Vec<u8>, PageError> {
    let mut content = Vec::with_capacity(len);
    let fault = |found: String| PageError::Decompress { expected: len as u64, found };
    let found = zstd.decompress_to_buffer(stored, &mut content).map_err(|error| fault(error.to_string()))?;
    if found == len { Ok(content) } else { Err(fault(format!("it has {found}"))) }
}

impl Iterator for Pages {
    type Item = Result<ParquetPage, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<ParquetPage>, ParquetError> {
        let Some(page) = self.take_next().map_err(|error| self.named(error))? else { return Ok(None) };
        self.checked(&page).map(Some).map_err(|error| self.named(error))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        if self.next.is_none() {
            self.next = self.cursor.next_page().map_err(|error| self.named(error))?;
        }
        Ok(self.next.as_ref().map(|page| PageMetadata {
            num_rows: None,
            num_levels: (!page.is_dictionary).then_some(page.values as usize),
            is_dict: page.is_dictionary,
        }))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.take_next().map(drop).map_err(|error| self.named(error))
    }
}
