//! Corrects the digests of a file that was changed in place, for example by a fuzzer.

use tradesim_schemas::ByteHash;

use crate::tail;

/// Recomputes the digests of a changed archive and writes them in place, as far as they can still be found: those of row
/// groups and state frames, and that of the tail. Returns true if the tail was sealed.
pub fn reseal(file: &mut [u8]) -> bool {
    let Some(footer_end) = file.len().checked_sub(8) else { return false };
    let footer_len = u32::from_le_bytes(file[footer_end..][..4].try_into().expect("four bytes")) as usize;
    let Some(footer_start) = footer_end.checked_sub(footer_len) else { return false };
    for (digest_at, offset, length) in parts(&file[footer_start..footer_end]) {
        let Some(part) = offset.checked_add(length).and_then(|end| file.get(offset..end)) else { continue };
        let digest = ByteHash::of(part).to_string();
        file[footer_start + digest_at..][..digest.len()].copy_from_slice(digest.as_bytes());
    }
    let Ok(marker) = tail::find_marker(&file[footer_start..footer_end]) else { return false };
    let offset = usize::try_from(marker.offset).unwrap_or(usize::MAX);
    offset <= footer_start && tail::seal(&mut file[offset..]).is_some()
}

/// Finds the digests of parts in a footer, with the offsets and lengths that precede them in the same object.
fn parts(footer: &[u8]) -> Vec<(usize, usize, usize)> {
    const DIGEST: &[u8] = b"\"digest\":\"";
    let digest_len = ByteHash::of(b"").to_string().len();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = footer[at..].iter().position(|&byte| byte == b'{') {
        let begin = at + open + 1;
        at = begin;
        let rest = &footer[begin..];
        let end = rest.iter().position(|&byte| matches!(byte, b'{' | b'}')).unwrap_or(rest.len());
        let object = &rest[..end];
        let key = |key: &[u8]| object.windows(key.len()).position(|window| window == key);
        let number = |name: &str| -> Option<usize> {
            let name = format!("\"{name}\":");
            let digits = &object[key(name.as_bytes())? + name.len()..];
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            std::str::from_utf8(&digits[..count]).ok()?.parse().ok()
        };
        if let (Some(digest), Some(offset), Some(length)) = (key(DIGEST), number("offset"), number("length"))
        {
            let digest_at = begin + digest + DIGEST.len();
            if footer.len() >= digest_at + digest_len {
                found.push((digest_at, offset, length));
            }
        }
    }
    found
}
