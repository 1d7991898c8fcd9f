//! Hostile footers.

use serde_json::json;

use super::{
    super::{
        parts::list_of,
        thrift::{Kind, Value},
    },
    Bomb, Refusal, changed,
};

pub(super) const BOMBS: &[Bomb] = &[
    ("schema-nested", Refusal::Opening("more than the limit of 257"), || schema_nested(20_000)),
    ("schema-groups", Refusal::Opening("its schema is not a flat list of columns"), || schema_nested(200)),
    ("schema-lists", Refusal::Opening("its schema is not a flat list of columns"), schema_with_lists),
    ("schema-columns", Refusal::Opening("more than the limit of 257"), || more_columns(300)),
    ("footer-boolean-lists", Refusal::Opening("a list has 2147483647 elements"), || {
        changed(|parts| {
            for id in 100..110 {
                parts.footer.fields().insert(id, list_of(Kind::False, (1 << 31) - 1));
            }
        })
    }),
    ("footer-long-list", Refusal::Opening("a list has 4611686018427387904 elements"), || {
        changed(|parts| drop(parts.footer.fields().insert(7, list_of(Kind::Struct, 1 << 62))))
    }),
    ("footer-deep", Refusal::Opening("values are nested deeper than 16 levels"), || {
        changed(|parts| {
            let deep = [vec![0x1c; 100_000], vec![0; 100_001]].concat();
            parts.footer.fields().insert(100, Value::Raw(Kind::Struct, deep));
        })
    }),
    ("footer-deep-lists", Refusal::Opening("values are nested deeper than 16 levels"), || {
        changed(|parts| {
            parts.footer.fields().insert(100, Value::Raw(Kind::List, vec![0x19; 1_000_000]));
        })
    }),
    ("footer-values-twice", Refusal::Opening("there is not exactly one `tradesim.metadata`"), || {
        changed(|parts| {
            let entry = Value::of([(1, Value::text("tradesim.metadata")), (2, Value::text("{}"))]);
            parts.footer.field(5).elements().extend(vec![entry; 100_000]);
        })
    }),
    ("group-rows", Refusal::Opening("the number of rows of a row group is 1099511627776"), || {
        changed(|parts| parts.set_rows(1 << 40))
    }),
    ("group-beyond-file", Refusal::Opening("a column is outside of its row group"), || {
        let mut file = changed(|_| ());
        // increases the first chunk's length, which is field 7 of its metadata, in place
        stretch_first_chunk(&mut file);
        file
    }),
    ("group-elsewhere", Refusal::Opening("it is in another file"), || {
        changed(|parts| {
            let chunk = &mut parts.footer.field(4).elements()[0].field(1).elements()[0];
            chunk.fields().insert(1, Value::text("/etc/passwd"));
        })
    }),
    ("group-codec", Refusal::Opening("another codec than zstd"), || {
        changed(|parts| {
            let chunk = &mut parts.footer.field(4).elements()[0].field(1).elements()[0];
            chunk.field(3).fields().insert(4, Value::i32(2));
        })
    }),
    ("unknown-columns", Refusal::Never, || more_columns(200)),
    ("unknown-footer-fields", Refusal::Never, || {
        changed(|parts| {
            let booleans = Value::List(Kind::False, vec![Value::Bool(true); 1_000]);
            parts.footer.fields().insert(99, booleans);
            parts.metadata["a later key"] = json!([[[1, 2, 3]]]);
        })
    }),
];

/// Columns in nested groups of one.
fn schema_nested(depth: usize) -> Vec<u8> {
    changed(|parts| {
        let schema = parts.footer.field(2).elements();
        let children = schema.len() as i32;
        schema[0].fields().insert(5, Value::i32(children));
        let group = |depth: usize| {
            Value::of([(3, Value::i32(1)), (4, Value::text(&format!("g{depth}"))), (5, Value::i32(1))])
        };
        schema.extend((0..depth).map(group));
        schema.push(Value::of([(1, Value::i32(1)), (3, Value::i32(1)), (4, Value::text("leaf"))]));
    })
}

/// A column with many values per row.
fn schema_with_lists() -> Vec<u8> {
    changed(|parts| drop(parts.footer.field(2).elements()[3].fields().insert(3, Value::i32(2))))
}

/// Columns that a later version may have added, without pages, because they are not read.
fn more_columns(count: usize) -> Vec<u8> {
    changed(|parts| {
        let schema = parts.footer.field(2).elements();
        let name = |n: usize| Value::text(&format!("later{n}"));
        let columns = (0..count)
            .map(|n| Value::of([(1, Value::i32(1)), (3, Value::i32(1)), (4, name(n))]))
            .collect::<Vec<_>>();
        let children = schema.len() - 1 + count;
        schema[0].fields().insert(5, Value::i32(children as i32));
        schema.extend(columns);
        let chunks = parts.footer.field(4).elements()[0].field(1).elements();
        let last = chunks.last().expect("there are columns").clone();
        for n in 0..count {
            let mut chunk = last.clone();
            chunk.field(3).fields().insert(3, Value::List(Kind::Binary, vec![name(n)]));
            chunks.push(chunk);
            parts.groups[0].push(super::super::parts::ColumnBytes { bytes: vec![0; 10], data_at: 0 });
        }
    })
}

/// Increases the length of the first chunk, and seals the file again.
fn stretch_first_chunk(file: &mut Vec<u8>) {
    let end = file.len() - 8;
    let len = u32::from_le_bytes(file[end..][..4].try_into().expect("four bytes")) as usize;
    let mut footer = Value::read(&mut &file[end - len..end]);
    let chunk = &mut footer.field(4).elements()[0].field(1).elements()[0];
    let length = chunk.field(3).field(7).number();
    chunk.field(3).fields().insert(7, Value::i64(length as u64 + (1 << 40)));
    file.truncate(end - len);
    let mut bytes = Vec::new();
    footer.write(&mut bytes);
    file.extend_from_slice(&bytes);
    file.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    file.extend_from_slice(b"PAR1");
    assert!(super::super::reseal(file), "the marker is where it was");
}
