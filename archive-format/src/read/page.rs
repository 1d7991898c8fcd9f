//! Reads the page headers of a column chunk, and checks that pages match them.
//!
//! Everything is checked before a decoder of the `parquet` crate sees it, because the decoders trust counts and lengths.

mod body;

use bytes::Bytes;

use super::footer::Chunk;
use crate::{
    layout::{Column, Kind as ColumnKind},
    limits,
    thrift::{Field, Kind, Reader, ThriftError},
};

pub(super) use body::{check_data, check_dictionary, levels};

/// The reason for which a page is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("a page header is not well-formed: {0}")]
    Header(#[from] ThriftError),
    #[error("a page header is longer than the limit of {limit} bytes")]
    LongHeader { limit: usize },
    #[error("a page has type {found}, which is not supported in an archive")]
    Type { found: i32 },
    #[error("a page has encoding {found}, which is not supported for the column")]
    Encoding { found: i32 },
    #[error("a number of a page header is negative")]
    Negative,
    #[error("a page has {found} bytes, more than the limit of {limit}")]
    TooLarge { found: u64, limit: u64 },
    #[error("a page is longer than its column chunk")]
    BeyondChunk,
    #[error("a dictionary is not the first page")]
    LateDictionary,
    #[error("a dictionary has {found} values, more than the {rows} rows of the row group")]
    LargeDictionary { found: u64, rows: u64 },
    #[error("the number of rows of the pages differs from that of the row group, {rows}")]
    Rows { rows: u64 },
    #[error("bytes follow the last page")]
    Trailing,
    #[error("a page does not decompress to the {expected} bytes of its header: {found}")]
    Decompress { expected: u64, found: String },
    #[error("invalid content of a page: {what}")]
    Content { what: &'static str },
}

/// The encoding of a page's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Dictionary,
    Delta,
}

/// A page, found by its header.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) is_dictionary: bool,
    pub(super) coding: Coding,
    /// The number of rows of a data page, or of values of a dictionary.
    pub(super) values: u32,
    /// The length in bytes, uncompressed.
    pub(super) len: usize,
    /// The bytes as stored.
    pub(super) stored: Bytes,
}

/// Iterates over the pages of a column chunk.
#[derive(Clone, Debug)]
pub(super) struct PageCursor {
    column: Column,
    zstd: bool,
    bytes: Bytes,
    rows: u64,
    rows_left: u64,
    begun: bool,
    has_dictionary: bool,
}

impl PageCursor {
    /// Creates the cursor of a chunk with these bytes, in a row group of `rows` rows.
    pub(super) fn new(chunk: &Chunk, bytes: Bytes, rows: u64) -> PageCursor {
        PageCursor {
            column: chunk.column,
            zstd: chunk.zstd,
            bytes,
            rows,
            rows_left: rows,
            begun: false,
            has_dictionary: false,
        }
    }

    pub(super) fn column(&self) -> Column {
        self.column
    }

    pub(super) fn is_zstd(&self) -> bool {
        self.zstd
    }

    /// Returns the next page, or `None` after the last one. Checks that the pages have all rows.
    pub(super) fn next_page(&mut self) -> Result<Option<Page>, PageError> {
        if self.rows_left == 0 {
            return if self.bytes.is_empty() { Ok(None) } else { Err(PageError::Trailing) };
        }
        if self.bytes.is_empty() {
            return Err(PageError::Rows { rows: self.rows });
        }
        let head = &self.bytes[..self.bytes.len().min(limits::PAGE_HEADER_BYTES_MAX)];
        let mut reader = Reader::new(head);
        let header = match Header::read(&mut reader) {
            Err(ThriftError::End) if head.len() == limits::PAGE_HEADER_BYTES_MAX => {
                return Err(PageError::LongHeader { limit: limits::PAGE_HEADER_BYTES_MAX });
            }
            header => header?,
        };
        let header_len = head.len() - reader.left();
        let page = self.page(&header, header_len)?;
        let _ = self.bytes.split_to(header_len + page.stored.len());
        if page.is_dictionary {
            self.has_dictionary = true;
        } else {
            self.rows_left -= u64::from(page.values);
        }
        self.begun = true;
        Ok(Some(page))
    }

    fn page(&self, header: &Header, header_len: usize) -> Result<Page, PageError> {
        const DATA: i32 = 0;
        const DICTIONARY: i32 = 2;
        let is_dictionary = header.page_type == DICTIONARY;
        if !matches!(header.page_type, DATA | DICTIONARY) || header.values.is_none() {
            return Err(PageError::Type { found: header.page_type });
        }
        let number = |value: i32| u64::try_from(value).map_err(|_| PageError::Negative);
        let (len, stored) = (number(header.uncompressed)?, number(header.compressed)?);
        let values = number(header.values.unwrap_or(0))?;
        let limit = match (self.column, is_dictionary) {
            (Column::Raw, _) => limits::GROUP_RAW_PAGE_BYTES_MAX,
            (_, true) => limits::GROUP_DICTIONARY_BYTES_MAX,
            (_, false) => limits::PAGE_BYTES_MAX,
        };
        if len > limit {
            return Err(PageError::TooLarge { found: len, limit });
        }
        let coding = self.coding(header, is_dictionary)?;
        if is_dictionary {
            if self.begun {
                return Err(PageError::LateDictionary);
            }
            if values > self.rows {
                return Err(PageError::LargeDictionary { found: values, rows: self.rows });
            }
        } else if values == 0 || values > self.rows_left {
            return Err(PageError::Rows { rows: self.rows });
        }
        if !self.zstd && len != stored {
            let found = format!("it is not compressed and has {stored} bytes");
            return Err(PageError::Decompress { expected: len, found });
        }
        if stored > (self.bytes.len() - header_len) as u64 {
            return Err(PageError::BeyondChunk);
        }
        let stored = self.bytes.slice(header_len..header_len + stored as usize);
        Ok(Page { is_dictionary, coding, values: values as u32, len: len as usize, stored })
    }

    /// Returns the encoding of a page, if the format allows it for the column (FORMAT.md, 9.1).
    fn coding(&self, header: &Header, is_dictionary: bool) -> Result<Coding, PageError> {
        const PLAIN: i32 = 0;
        const PLAIN_DICTIONARY: i32 = 2;
        const RLE: i32 = 3;
        const DELTA_BINARY_PACKED: i32 = 5;
        const RLE_DICTIONARY: i32 = 8;
        let kind = self.column.kind();
        let can_have_dictionary = !matches!(kind, ColumnKind::Uuid | ColumnKind::Bytes);
        let is_number = can_have_dictionary && kind != ColumnKind::Text;
        let coding = match (is_dictionary, header.encoding) {
            (true, PLAIN | PLAIN_DICTIONARY) if can_have_dictionary => Coding::Plain,
            (false, PLAIN) => Coding::Plain,
            (false, PLAIN_DICTIONARY | RLE_DICTIONARY) if self.has_dictionary => Coding::Dictionary,
            (false, DELTA_BINARY_PACKED) if is_number => Coding::Delta,
            _ => return Err(PageError::Encoding { found: header.encoding }),
        };
        if !is_dictionary && self.column.nullable() && header.levels != RLE {
            return Err(PageError::Encoding { found: header.levels });
        }
        Ok(coding)
    }
}

/// The relevant fields of a page header.
#[derive(Debug, Default)]
struct Header {
    page_type: i32,
    uncompressed: i32,
    compressed: i32,
    values: Option<i32>,
    encoding: i32,
    levels: i32,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Header, ThriftError> {
        let mut header = Header { page_type: -1, ..Header::default() };
        reader.structure(|reader, field| {
            match field.id {
                1 => header.page_type = reader.i32(field)?,
                2 => header.uncompressed = reader.i32(field)?,
                3 => header.compressed = reader.i32(field)?,
                // the header of a data page or of a dictionary, depending on the type
                5 if header.page_type == 0 => header.read_inner(reader, field)?,
                7 if header.page_type == 2 => header.read_inner(reader, field)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(header)
    }

    fn read_inner(&mut self, reader: &mut Reader<'_>, field: Field) -> Result<(), ThriftError> {
        let is_data = self.page_type == 0;
        reader.nested(field, |reader, field| {
            match field.id {
                1 => self.values = Some(reader.i32(field)?),
                2 => self.encoding = reader.i32(field)?,
                3 if is_data && field.kind == Kind::I32 => self.levels = reader.i32(field)?,
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}
