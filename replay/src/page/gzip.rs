//! The gzip format (RFC 1952) around a deflate stream.

/// The compression level: the page is compressed once.
const LEVEL: u8 = 9;

/// Compresses a text.
pub(super) fn compress(text: &[u8]) -> Vec<u8> {
    // deflate, no name, no time, unknown operating system: the bytes depend on the text alone
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    out.extend(miniz_oxide::deflate::compress_to_vec(text, LEVEL));
    out.extend(crc32(text).to_le_bytes());
    out.extend((text.len() as u32).to_le_bytes());
    out
}

/// Returns the CRC-32 of ISO 3309.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc: u32, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // the check value that catalogues of CRCs list for CRC-32
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_text_comes_back() {
        for text in [&b""[..], b"a", &b"tradesim ".repeat(5_000)] {
            let packed = compress(text);
            let (body, tail) = packed[10..].split_at(packed.len() - 18);
            assert_eq!(miniz_oxide::inflate::decompress_to_vec(body).unwrap(), text);
            assert_eq!(tail[4..], (text.len() as u32).to_le_bytes());
        }
    }
}
