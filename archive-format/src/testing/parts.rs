//! Takes an archive apart, and puts it together again with correct digests.

use serde_json::json;
use tradesim_schemas::ByteHash;

use super::thrift::{Kind, Value};
use crate::tail;

/// The parts of an archive.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Row groups, in order.
    pub groups: Vec<Vec<ColumnBytes>>,
    /// State frames, which follow the row groups.
    pub frames: Vec<Vec<u8>>,
    /// The footer. [`Parts::seal`] sets the offsets of column chunks and our own values.
    pub footer: Value,
    /// The metadata document. [`Parts::seal`] sets offsets and digests.
    pub metadata: serde_json::Value,
    /// Text that is inserted before the end of the metadata document.
    pub more_metadata: String,
}

/// The bytes of a column chunk.
#[derive(Clone, Debug)]
pub struct ColumnBytes {
    /// All pages.
    pub bytes: Vec<u8>,
    /// The offset of the first data page. If it is not 0, a dictionary page comes first.
    pub data_at: usize,
}

impl Parts {
    /// Takes apart an archive of our own writer. Page indexes are dropped.
    ///
    /// # Panics
    /// Panics if it is not such an archive.
    pub fn take_apart(file: &[u8]) -> Parts {
        let footer_end = file.len() - 8;
        let footer_len = u32::from_le_bytes(file[footer_end..][..4].try_into().expect("four bytes"));
        let mut footer = Value::read(&mut &file[footer_end - footer_len as usize..footer_end]);
        let mut groups = Vec::new();
        for group in footer.field(4).elements() {
            let mut columns = Vec::new();
            for chunk in group.field(1).elements() {
                (4..=7).for_each(|index| drop(chunk.fields().remove(&index)));
                let meta = chunk.field(3);
                let data = meta.field(9).number() as usize;
                let start = meta.fields().get(&11).map_or(data, |start| start.number() as usize);
                let length = meta.field(7).number() as usize;
                columns
                    .push(ColumnBytes { bytes: file[start..start + length].to_vec(), data_at: data - start });
            }
            groups.push(columns);
        }
        let value = value_of(&mut footer, "tradesim.metadata");
        let Value::Binary(document) = value else { panic!("the metadata is a text") };
        let metadata: serde_json::Value = serde_json::from_slice(document).expect("the metadata is JSON");
        let place = |frame: &serde_json::Value, key: &str| frame[key].as_u64().expect("a place") as usize;
        let frames = metadata["state_frames"].as_array().expect("a list");
        let frame = |frame| file[place(frame, "offset")..][..place(frame, "length")].to_vec();
        let frames = frames.iter().map(frame).collect();
        Parts { groups, frames, footer, metadata, more_metadata: String::new() }
    }

    /// Returns the archive of these parts, with correct digests.
    pub fn seal(mut self) -> Vec<u8> {
        let mut file = b"PAR1".to_vec();
        for (index, columns) in self.groups.iter().enumerate() {
            let begin = file.len();
            let group = &mut self.footer.field(4).elements()[index];
            for (column, chunk) in columns.iter().zip(group.field(1).elements()) {
                let meta = chunk.field(3).fields();
                meta.insert(7, Value::i64(column.bytes.len() as u64));
                meta.insert(9, Value::i64((file.len() + column.data_at) as u64));
                meta.remove(&11);
                if column.data_at > 0 {
                    meta.insert(11, Value::i64(file.len() as u64));
                }
                file.extend_from_slice(&column.bytes);
            }
            place(&mut self.metadata["row_groups"][index], begin, &file[begin..]);
        }
        for (index, frame) in self.frames.iter().enumerate() {
            let begin = file.len();
            file.extend_from_slice(frame);
            place(&mut self.metadata["state_frames"][index], begin, frame);
        }
        let mut document = self.metadata.to_string();
        document.pop();
        document += &self.more_metadata;
        document.push('}');
        *value_of(&mut self.footer, "tradesim.metadata") = Value::text(&document);
        let marker = tail::blank_marker(file.len() as u64);
        *value_of(&mut self.footer, tail::TAIL_KEY) = Value::text(&marker);
        let mut footer = Vec::new();
        self.footer.write(&mut footer);
        let len = footer.len() as u32;
        footer.extend_from_slice(&len.to_le_bytes());
        footer.extend_from_slice(b"PAR1");
        tail::seal(&mut footer).expect("there is one marker");
        file.extend_from_slice(&footer);
        file
    }

    /// Replaces the pages of a column of the first row group. `dictionary` may be empty.
    ///
    /// # Panics
    /// Panics if the column does not exist.
    pub fn set_column(&mut self, name: &str, zstd: bool, dictionary: &[u8], data: &[u8]) {
        let group = &mut self.footer.field(4).elements()[0];
        let is_named = |chunk: &mut Value| chunk.field(3).field(3).elements()[..] == [Value::text(name)];
        let chunks = group.field(1).elements();
        let place = chunks.iter_mut().position(is_named).expect("the column exists");
        let codec = if zstd { 6 } else { 0 };
        chunks[place].field(3).fields().insert(4, Value::i32(codec));
        let bytes = [dictionary, data].concat();
        self.groups[0][place] = ColumnBytes { bytes, data_at: dictionary.len() };
    }

    /// Sets the number of rows of the only row group, all of them raw frames.
    pub fn set_rows(&mut self, rows: u64) {
        let group = &mut self.footer.field(4).elements()[0];
        group.fields().insert(3, Value::i64(rows));
        for chunk in group.field(1).elements() {
            chunk.field(3).fields().insert(5, Value::i64(rows));
        }
        self.metadata["row_groups"][0]["rows"] = json!(rows);
        self.metadata["counts"] =
            json!({"trade": 0, "orderbook": 0, "marketdata": 0, "raw": rows, "total": rows});
    }
}

/// Returns the value of a key in the footer.
fn value_of<'a>(footer: &'a mut Value, key: &str) -> &'a mut Value {
    let entries = footer.field(5).elements().iter_mut();
    let mut of_key = entries.filter_map(|entry| {
        let is_it = *entry.field(1) == Value::text(key);
        is_it.then(|| entry.field(2))
    });
    of_key.next().expect("the key exists")
}

/// Sets the location and the digest of a part in the document.
fn place(part: &mut serde_json::Value, offset: usize, bytes: &[u8]) {
    part["offset"] = json!(offset);
    part["length"] = json!(bytes.len());
    part["digest"] = json!(ByteHash::of(bytes).to_string());
}

/// Returns a data page: its header and the given body.
pub fn data_page(rows: i32, encoding: i32, uncompressed: i32, body: &[u8]) -> Vec<u8> {
    let header =
        Value::of([(1, Value::i32(rows)), (2, Value::i32(encoding)), (3, Value::i32(3)), (4, Value::i32(3))]);
    page(0, 5, header, uncompressed, body)
}

/// Returns a dictionary page: its header and the given body.
pub fn dictionary_page(values: i32, uncompressed: i32, body: &[u8]) -> Vec<u8> {
    let header = Value::of([(1, Value::i32(values)), (2, Value::i32(0))]);
    page(2, 7, header, uncompressed, body)
}

fn page(page_type: i32, field: i16, header: Value, uncompressed: i32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Value::of([
        (1, Value::i32(page_type)),
        (2, Value::i32(uncompressed)),
        (3, Value::i32(i32::try_from(body.len()).expect("a page is short"))),
        (field, header),
    ])
    .write(&mut out);
    out.extend_from_slice(body);
    out
}

/// Returns the header of a list of `elements` elements, without the elements.
pub(super) fn list_of(kind: Kind, elements: u64) -> Value {
    let mut bytes = vec![0xf0 | kind as u8];
    super::thrift::varint(elements, &mut bytes);
    Value::Raw(Kind::List, bytes)
}
