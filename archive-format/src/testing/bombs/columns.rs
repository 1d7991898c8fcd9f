//! Hostile pages.

use serde_json::json;

use super::{
    super::{
        parts::{Parts, data_page, dictionary_page, list_of},
        thrift::{Kind, Value, varint},
    },
    Bomb, ROWS, Refusal, changed,
};

const PLAIN: i32 = 0;
const DELTA_BINARY_PACKED: i32 = 5;
const DELTA_BYTE_ARRAY: i32 = 7;
const RLE_DICTIONARY: i32 = 8;
const MIB: usize = 1 << 20;
/// The maximum number of rows of a row group.
const MANY_ROWS: u64 = 1 << 19;

pub(super) const BOMBS: &[Bomb] = &[
    ("page-delta-byte-array", Refusal::Reading("a page has encoding 7"), || {
        changed(|parts| {
            // one text of 9 KB, and 60,000 that repeat it
            let body = [levels(1), vec![b'x'; 9_000]].concat();
            plain_page(parts, "symbol", DELTA_BYTE_ARRAY, body);
        })
    }),
    (
        "page-raw-gigabyte",
        Refusal::Reading("a page has 1073741840 bytes, more than the limit of 92274688"),
        || {
            changed(|parts| {
                let len = (1 << 30) as u32;
                let mut page = ZstdFrame::new(23);
                page.raw(&[levels(1), len.to_le_bytes().to_vec()].concat());
                page.zeros(1 << 30);
                let data = data_page(ROWS as i32, PLAIN, (1 << 30) + 16, &page.finish());
                parts.set_column("raw", true, &[], &data);
            })
        },
    ),
    ("page-frame-too-long", Refusal::Reading("a frame has more than 16 MiB"), || {
        one_group_of_frames(&[17 * MIB, 1, 1, 1, 1, 1, 1, 1])
    }),
    (
        "page-frames-too-many",
        Refusal::Reading("column `raw`: a page has 117440550 bytes, more than the limit of 92274688"),
        || one_group_of_frames(&[14 * MIB; ROWS as usize]),
    ),
    (
        "pages-of-frames-too-many",
        Refusal::Reading("column `raw`: a page has 117440592 bytes, more than the limit"),
        || {
            // each of the pages is within the limit
            changed(|parts| {
                let pages: Vec<u8> = (0..8).flat_map(|_| page_of_frames(&[14 * MIB])).collect();
                parts.set_column("raw", true, &[], &pages);
            })
        },
    ),
    ("page-longer-than-stated", Refusal::Reading("a page does not decompress to the 64 bytes"), || {
        changed(|parts| {
            let mut page = ZstdFrame::new(20);
            page.zeros(1 << 30);
            parts.set_column("seq", true, &[], &data_page(ROWS as i32, PLAIN, 64, &page.finish()));
        })
    }),
    ("page-shorter-than-stated", Refusal::Reading("a page does not decompress to the 1000000 bytes"), || {
        changed(|parts| {
            let mut page = ZstdFrame::new(20);
            page.zeros(64);
            let data = data_page(ROWS as i32, PLAIN, 1_000_000, &page.finish());
            parts.set_column("seq", true, &[], &data);
        })
    }),
    ("page-frame-longer-than-stated", Refusal::Reading("column `raw`: invalid content of a page"), || {
        changed(|parts| {
            let mut page = ZstdFrame::new(20);
            page.raw(&levels(1));
            for _ in 0..ROWS {
                page.raw(&[0; 4]);
            }
            page.zeros(1 << 30);
            let len = levels(1).len() as i32 + 4 * ROWS as i32;
            parts.set_column("raw", true, &[], &data_page(ROWS as i32, PLAIN, len, &page.finish()));
        })
    }),
    ("page-zstd-window", Refusal::Reading("column `raw`: a page does not decompress"), || {
        changed(|parts| {
            let mut page = ZstdFrame::new(31);
            page.raw(&[levels(1), vec![0; 4 * ROWS as usize]].concat());
            let len = levels(1).len() as i32 + 4 * ROWS as i32;
            parts.set_column("raw", true, &[], &data_page(ROWS as i32, PLAIN, len, &page.finish()));
        })
    }),
    ("page-too-large", Refusal::Reading("a page has 67108864 bytes, more than the limit of 2097152"), || {
        changed(|parts| {
            let mut page = ZstdFrame::new(20);
            page.zeros(64 * MIB);
            parts.set_column(
                "seq",
                true,
                &[],
                &data_page(ROWS as i32, PLAIN, 64 * MIB as i32, &page.finish()),
            );
        })
    }),
    ("page-frame-repeated", Refusal::Reading("column `raw`: a page has encoding 0"), || {
        changed(|parts| {
            let len = (16 * MIB) as u32;
            let mut frame = ZstdFrame::new(20);
            frame.raw(&len.to_le_bytes());
            frame.zeros(16 * MIB);
            let dictionary = dictionary_page(1, 16 * MIB as i32 + 4, &frame.finish());
            let data = data_page(ROWS as i32, RLE_DICTIONARY, 13, &zstd(&codes(&[0; ROWS as usize])));
            parts.set_column("raw", true, &dictionary, &data);
        })
    }),
    ("dictionary-long-text", Refusal::Reading("a text has more than 64 bytes"), || {
        changed(|parts| {
            let len = (16 * MIB) as u32;
            let mut text = ZstdFrame::new(20);
            text.raw(&len.to_le_bytes());
            text.zeros(16 * MIB);
            let dictionary = dictionary_page(1, 16 * MIB as i32 + 4, &text.finish());
            let body = codes(&[0; ROWS as usize]);
            let data = data_page(ROWS as i32, RLE_DICTIONARY, body.len() as i32, &zstd(&body));
            parts.set_column("symbol", true, &dictionary, &data);
        })
    }),
    (
        "dictionary-values",
        Refusal::Reading("a dictionary has 1000000 values, more than the 8 rows of the row group"),
        || {
            changed(|parts| {
                let mut values = ZstdFrame::new(20);
                values.zeros(8_000_000);
                let dictionary = dictionary_page(1_000_000, 8_000_000, &values.finish());
                let body = codes(&[0; ROWS as usize]);
                let data = data_page(ROWS as i32, RLE_DICTIONARY, body.len() as i32, &zstd(&body));
                parts.set_column("price", true, &dictionary, &data);
            })
        },
    ),
    ("dictionary-two", Refusal::Reading("a dictionary is not the first page"), || {
        changed(|parts| {
            let one = dictionary_page(1, 8, &[0; 8]);
            let data = data_page(ROWS as i32, PLAIN, 6, &levels(0));
            parts.set_column("price", false, &one, &[one.clone(), data].concat());
        })
    }),
    ("dictionaries-large", Refusal::Reading("more than the limit of 33554432"), dictionaries_large),
    ("codes-beyond-dictionary", Refusal::Reading("a code is beyond the dictionary"), || {
        changed(|parts| {
            let body = codes(&[1; ROWS as usize]);
            let data = data_page(ROWS as i32, RLE_DICTIONARY, body.len() as i32, &body);
            parts.set_column("price", false, &dictionary_page(1, 8, &[0; 8]), &data);
        })
    }),
    ("codes-packed-beyond-dictionary", Refusal::Reading("row group 0"), || {
        changed(|parts| {
            // a width of 32 bits, and eight codes of all ones
            let body = [levels(1), vec![32, 1 << 1 | 1], vec![0xff; 32]].concat();
            let data = data_page(ROWS as i32, RLE_DICTIONARY, body.len() as i32, &body);
            parts.set_column("symbol", false, &dictionary_page(1, 5, &[1, 0, 0, 0, b'A']), &data);
        })
    }),
    ("codes-long-run", Refusal::Reading("a run is empty or longer than the page"), || {
        changed(|parts| {
            let mut body = [levels(1), vec![1]].concat();
            varint((1 << 40) << 1, &mut body);
            body.push(0);
            let data = data_page(ROWS as i32, RLE_DICTIONARY, body.len() as i32, &body);
            parts.set_column("price", false, &dictionary_page(1, 8, &[0; 8]), &data);
        })
    }),
    ("levels-long-run", Refusal::Reading("a run is empty or longer than the page"), || {
        changed(|parts| {
            let mut run = Vec::new();
            varint((1 << 31) << 1, &mut run);
            run.push(1);
            let body = [(run.len() as u32).to_le_bytes().to_vec(), run].concat();
            plain_page(parts, "price", PLAIN, body);
        })
    }),
    ("levels-empty-runs", Refusal::Reading("a run is empty or longer than the page"), || {
        changed(|parts| {
            let runs = vec![0; 2 * MIB - 100];
            let body = [(runs.len() as u32).to_le_bytes().to_vec(), runs].concat();
            plain_page(parts, "price", PLAIN, body);
        })
    }),
    ("delta-blocks", Refusal::Reading("its delta blocks have an invalid size"), || {
        changed(|parts| {
            let mut body = Vec::new();
            [1u64 << 62, 1 << 30, u64::from(ROWS), 0].iter().for_each(|&value| varint(value, &mut body));
            let data = data_page(ROWS as i32, DELTA_BINARY_PACKED, body.len() as i32, &body);
            parts.set_column("seq", false, &[], &data);
        })
    }),
    ("delta-values", Refusal::Reading("it does not have as many values as its header states"), || {
        changed(|parts| {
            let mut body = Vec::new();
            [128u64, 4, 1 << 50, 0].iter().for_each(|&value| varint(value, &mut body));
            let data = data_page(ROWS as i32, DELTA_BINARY_PACKED, body.len() as i32, &body);
            parts.set_column("seq", false, &[], &data);
        })
    }),
    (
        "pages-without-rows",
        Refusal::Reading("the number of rows of the pages differs from that of the row group"),
        || {
            changed(|parts| {
                let empty = data_page(0, PLAIN, 0, &[]);
                parts.set_column("seq", false, &[], &empty.repeat(100_000));
            })
        },
    ),
    (
        "pages-with-too-many-rows",
        Refusal::Reading("the number of rows of the pages differs from that of the row group"),
        || changed(|parts| parts.set_column("seq", false, &[], &data_page(i32::MAX, PLAIN, 64, &[0; 64]))),
    ),
    ("pages-trailing", Refusal::Reading("bytes follow the last page"), || {
        changed(|parts| {
            let body: Vec<u8> = (0..u64::from(ROWS)).flat_map(u64::to_le_bytes).collect();
            let pages = [data_page(ROWS as i32, PLAIN, 64, &body), vec![0; MIB]].concat();
            parts.set_column("seq", false, &[], &pages);
        })
    }),
    ("page-header-long", Refusal::Reading("a page header is longer than the limit of 16384 bytes"), || {
        changed(|parts| {
            let statistics = Value::Binary(vec![0; MIB]);
            let header = Value::of([(1, Value::i32(0)), (2, Value::i32(64)), (4, statistics)]);
            header_only(parts, &header);
        })
    }),
    ("page-header-lists", Refusal::Reading("a list has 2147483647 elements"), || {
        changed(|parts| {
            let header = Value::of([(1, Value::i32(0)), (100, list_of(Kind::False, (1 << 31) - 1))]);
            header_only(parts, &header);
        })
    }),
    ("page-of-version-2", Refusal::Reading("a page has type 3"), || {
        changed(|parts| {
            let of_version = Value::of([(1, Value::i32(ROWS as i32)), (5, Value::i32(i32::MAX))]);
            header_only(parts, &Value::of([(1, Value::i32(3)), (8, of_version)]));
        })
    }),
    ("state-frame", Refusal::Opening("the uncompressed length of a state frame is 1099511627776"), || {
        changed(|parts| parts.metadata["state_frames"][0]["content_length"] = json!(1u64 << 40))
    }),
    ("frames-large", Refusal::Never, || {
        let frames = [16 * MIB, 16 * MIB, 16 * MIB, 16 * MIB, 15 * MIB, 1, 1, 1];
        one_group_of_frames(&frames)
    }),
    ("frames-large-pages", Refusal::Never, || {
        changed(|parts| {
            let frames = [16 * MIB, 16 * MIB, 16 * MIB, 16 * MIB, 15 * MIB, 0, 1, 2];
            let pages: Vec<u8> = frames.iter().flat_map(|&len| page_of_frames(&[len])).collect();
            parts.set_column("raw", true, &[], &pages);
            state_digest(parts, &frames);
        })
    }),
];

/// The levels of all rows, if all or none of them have a value.
fn levels(level: u8) -> Vec<u8> {
    levels_of(u64::from(ROWS), level)
}

fn levels_of(rows: u64, level: u8) -> Vec<u8> {
    let mut run = Vec::new();
    varint(rows << 1, &mut run);
    run.push(level);
    [(run.len() as u32).to_le_bytes().to_vec(), run].concat()
}

/// Levels, and runs of codes of one byte each.
fn codes(codes: &[u8]) -> Vec<u8> {
    let mut body = levels_of(codes.len() as u64, 1);
    body.push(8);
    codes.iter().for_each(|&code| body.extend_from_slice(&[1 << 1, code]));
    body
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("memory can be compressed")
}

/// A column of one page that is not compressed.
fn plain_page(parts: &mut Parts, name: &str, encoding: i32, body: Vec<u8>) {
    let data = data_page(ROWS as i32, encoding, body.len() as i32, &body);
    parts.set_column(name, false, &[], &data);
}

/// A column of a page header and nothing else.
fn header_only(parts: &mut Parts, header: &Value) {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.extend_from_slice(&[0; 64]);
    parts.set_column("seq", false, &[], &bytes);
}

/// A page of frames of zeros.
fn page_of_frames(frames: &[usize]) -> Vec<u8> {
    let mut page = ZstdFrame::new(21);
    let levels = levels_of(frames.len() as u64, 1);
    page.raw(&levels);
    for &len in frames {
        page.raw(&(len as u32).to_le_bytes());
        page.zeros(len);
    }
    let len = levels.len() + 4 * frames.len() + frames.iter().sum::<usize>();
    data_page(frames.len() as i32, PLAIN, len as i32, &page.finish())
}

/// A capture of frames of zeros in one page.
fn one_group_of_frames(frames: &[usize]) -> Vec<u8> {
    changed(|parts| {
        parts.set_column("raw", true, &[], &page_of_frames(frames));
        state_digest(parts, frames);
    })
}

/// Sets the content digest of frames of zeros.
fn state_digest(parts: &mut Parts, frames: &[usize]) {
    let mut digest = tradesim_schemas::ContentHasher::default();
    frames.iter().for_each(|&len| digest.push_with(|out| out.extend(std::iter::repeat_n(0, len))));
    parts.metadata["digest"] = json!(digest.finish().to_string());
}

/// Row groups whose dictionaries claim that every number is different.
fn dictionaries_large() -> Vec<u8> {
    changed(|parts| {
        parts.set_rows(MANY_ROWS);
        for name in
            ["payload_ts", "price", "order_ref", "bid_price", "spread", "open", "high", "low", "volume"]
        {
            let len = 8 * MANY_ROWS as usize;
            let mut values = ZstdFrame::new(20);
            values.zeros(len);
            let dictionary = dictionary_page(MANY_ROWS as i32, len as i32, &values.finish());
            let body = [levels_of(MANY_ROWS, 0), vec![20]].concat();
            let data = data_page(MANY_ROWS as i32, RLE_DICTIONARY, body.len() as i32, &zstd(&body));
            parts.set_column(name, true, &dictionary, &data);
        }
    })
}

/// A zstd frame of stored and repeated bytes, without its content size.
struct ZstdFrame {
    bytes: Vec<u8>,
}

impl ZstdFrame {
    /// With a window of two to the power of `window_log` bytes.
    fn new(window_log: u8) -> ZstdFrame {
        // magic; a descriptor without content size, checksum and dictionary; the window
        ZstdFrame { bytes: vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3] }
    }

    fn raw(&mut self, content: &[u8]) {
        self.block(content.len(), 0);
        self.bytes.extend_from_slice(content);
    }

    fn zeros(&mut self, len: usize) {
        const BLOCK: usize = 128 << 10;
        for at in (0..len).step_by(BLOCK) {
            self.block(BLOCK.min(len - at), 1);
            self.bytes.push(0);
        }
    }

    fn block(&mut self, len: usize, kind: u8) {
        let header = (len as u32) << 3 | u32::from(kind) << 1;
        self.bytes.extend_from_slice(&header.to_le_bytes()[..3]);
    }

    fn finish(mut self) -> Vec<u8> {
        // the last block: empty, and stored
        self.bytes.extend_from_slice(&[1, 0, 0]);
        self.bytes
    }
}
