//! The content digest from parts: hashes of slices of one input, computed anywhere and in any order, and joined to the digest
//! of the whole.
//!
//! BLAKE3 is a binary tree over chunks of 1,024 bytes, in which the left subtree of a node is always complete. A slice that
//! knows its offset in the input can therefore hash all complete subtrees inside it, and only the chunks at its two ends need
//! bytes of its neighbours. The interface for that is [`blake3::hazmat`]; [`Piece`] keeps its rules: subtrees are aligned to
//! their size, and only [`Piece::finish`] computes a root.

use blake3::{
    CHUNK_LEN, Hasher,
    hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

use super::ContentDigest;

/// The length of a chunk, in bytes.
const CHUNK: u64 = CHUNK_LEN as u64;
/// The largest subtree that is hashed in one call, in bytes. It is enough for the widest kernels, and fits into the cache.
const SUBTREE_BYTES_MAX: u64 = 128 * 1024;
/// The largest exponent of a subtree's number of chunks: an input has less than 2⁶⁴ bytes.
const LEVEL_MAX: u8 = 54;
/// The largest number of subtrees of a piece: two of each size.
const SUBTREES_MAX: usize = 2 * (LEVEL_MAX as usize + 1);

/// A complete subtree of the hash: 2^`level` chunks from the chunk `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// The number of its first chunk, a multiple of its size.
    pub first: u64,
    /// The exponent of its number of chunks.
    pub level: u8,
    /// Its chaining value.
    pub value: ChainingValue,
}

impl Subtree {
    /// Returns the number of the chunk after it.
    fn end(&self) -> u64 {
        self.first + (1 << self.level)
    }

    /// Returns true if `right` is the other half of a larger subtree, of which this one is the left half.
    fn is_left_of(&self, right: &Subtree) -> bool {
        self.level == right.level && self.end() == right.first && self.first.is_multiple_of(2 << self.level)
    }

    fn join(&self, right: &Subtree) -> Subtree {
        Subtree {
            first: self.first,
            level: self.level + 1,
            value: merge_subtrees_non_root(&self.value, &right.value, Mode::Hash),
        }
    }
}

/// The hash of a slice of an input: `len` bytes from `offset` on.
///
/// It has at most some dozens of hashes, however long the slice is. Neighbours can be joined, and all pieces of an input
/// together are its digest.
///
/// ```
/// use tradesim_schemas::{ContentHasher, Piece};
///
/// let mut whole = ContentHasher::new();
/// let mut text = Vec::new();
/// for message in ["one", "two", "three"] {
///     whole.push(message.as_bytes());
///     text.extend_from_slice(&(message.len() as u32).to_le_bytes());
///     text.extend_from_slice(message.as_bytes());
/// }
/// let (left, right) = text.split_at(9);
/// let pieces = [Piece::of(9, right), Piece::of(0, left)];
/// assert_eq!(Piece::combine(pieces)?, whole.finish());
/// # Ok::<(), tradesim_schemas::PieceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    offset: u64,
    len: u64,
    /// The bytes up to the first boundary of chunks after the start: a whole chunk if the slice begins with one. So no subtree
    /// contains the first chunk of an input, whose hash differs if it is the only one.
    head: Vec<u8>,
    /// The complete subtrees after it, in order.
    subtrees: Vec<Subtree>,
    /// The bytes after the last subtree: less than a chunk.
    tail: Vec<u8>,
}

/// Pieces that are not the slices of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PieceError {
    /// Bytes between two pieces, or before the first one, are in no piece.
    #[error("the bytes {from} to {to} are in no piece")]
    Gap {
        /// The offset of the first missing byte.
        from: u64,
        /// The offset after the last missing byte.
        to: u64,
    },
    /// Bytes are in two pieces.
    #[error("the bytes {from} to {to} are in two pieces")]
    Overlap {
        /// The offset of the first repeated byte.
        from: u64,
        /// The offset after the last repeated byte.
        to: u64,
    },
    /// The parts of a piece do not fit its offset and length.
    #[error("a piece of {len} bytes at {offset} is malformed")]
    Malformed {
        /// The offset of the piece.
        offset: u64,
        /// The length that it states.
        len: u64,
    },
}

impl Piece {
    /// Returns the hash of `bytes`, which are at `offset` in the input.
    ///
    /// # Panics
    /// Panics if the slice ends above 2⁶⁴ bytes.
    pub fn of(offset: u64, bytes: &[u8]) -> Piece {
        let mut piece = Piece::empty(offset);
        piece.push(bytes);
        piece
    }

    /// Returns the hash of no bytes at `offset`.
    pub(super) fn empty(offset: u64) -> Piece {
        Piece { offset, len: 0, head: Vec::new(), subtrees: Vec::new(), tail: Vec::new() }
    }

    /// Appends bytes to the slice.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.len = self.len.checked_add(bytes.len() as u64).expect("an input has less than 2⁶⁴ bytes");
        let _end = self.offset.checked_add(self.len).expect("an input has less than 2⁶⁴ bytes");
        let in_head = (self.head_len() - self.head.len() as u64).min(bytes.len() as u64) as usize;
        let (head, mut rest) = bytes.split_at(in_head);
        self.head.extend_from_slice(head);
        if !self.tail.is_empty() {
            let (end, after) = rest.split_at((CHUNK_LEN - self.tail.len()).min(rest.len()));
            self.tail.extend_from_slice(end);
            rest = after;
            if self.tail.len() < CHUNK_LEN {
                return;
            }
            let chunk = std::mem::take(&mut self.tail);
            self.add(subtree(self.next_chunk(), &chunk));
        }
        while rest.len() >= CHUNK_LEN {
            let first = self.next_chunk();
            let whole = 1 << (rest.len() as u64 / CHUNK).ilog2();
            let aligned = 1 << first.trailing_zeros().min(u64::BITS - 1);
            let bytes = whole.min(aligned).min(SUBTREE_BYTES_MAX / CHUNK) * CHUNK;
            let (subtree_bytes, after) = rest.split_at(bytes as usize);
            self.add(subtree(first, subtree_bytes));
            rest = after;
        }
        self.tail.extend_from_slice(rest);
    }

    /// Returns the offset of the slice in the input.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the length of the slice in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns true if the slice has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bytes at the beginning, the subtrees and the bytes at the end, from which [`Piece::from_parts`] restores
    /// the piece.
    pub fn parts(&self) -> (&[u8], &[Subtree], &[u8]) {
        (&self.head, &self.subtrees, &self.tail)
    }

    /// Restores a piece that was stored.
    ///
    /// # Errors
    /// Returns an error if the parts do not have the given length, or are not as a slice at this offset has them.
    pub fn from_parts(
        (offset, len): (u64, u64),
        head: Vec<u8>,
        subtrees: Vec<Subtree>,
        tail: Vec<u8>,
    ) -> Result<Piece, PieceError> {
        let malformed = PieceError::Malformed { offset, len };
        let end = offset.checked_add(len).ok_or(malformed)?;
        let piece = Piece { offset, len, head, subtrees, tail };
        let is_short = piece.head.len() as u64 == len && piece.subtrees.is_empty() && piece.tail.is_empty();
        if len <= piece.head_len() {
            return if is_short { Ok(piece) } else { Err(malformed) };
        }
        let fits = piece.head.len() as u64 == piece.head_len()
            && piece.tail.len() < CHUNK_LEN
            && piece.subtrees.len() <= SUBTREES_MAX;
        if !fits {
            return Err(malformed);
        }
        let mut next = (offset + piece.head_len()) / CHUNK;
        for subtree in &piece.subtrees {
            let is_aligned = subtree.level <= LEVEL_MAX && subtree.first % (1 << subtree.level) == 0;
            if !is_aligned || subtree.first != next {
                return Err(malformed);
            }
            next = subtree.end();
        }
        let stated = u128::from(next) * u128::from(CHUNK) + piece.tail.len() as u128;
        if stated == u128::from(end) { Ok(piece) } else { Err(malformed) }
    }

    /// Joins this piece and the one that follows it.
    ///
    /// # Errors
    /// Returns an error if `next` does not begin where this piece ends.
    pub fn join(mut self, next: &Piece) -> Result<Piece, PieceError> {
        let end = self.offset + self.len;
        if next.offset > end {
            return Err(PieceError::Gap { from: end, to: next.offset });
        }
        if next.offset < end {
            return Err(PieceError::Overlap { from: next.offset, to: end });
        }
        self.push(&next.head);
        for &subtree in &next.subtrees {
            self.add(subtree);
        }
        self.len += next.len - next.head.len() as u64;
        self.tail.extend_from_slice(&next.tail);
        Ok(self)
    }

    /// Returns the digest of an input, of which this piece is all.
    ///
    /// # Errors
    /// Returns an error if the piece does not begin at 0.
    pub fn finish(&self) -> Result<ContentDigest, PieceError> {
        if self.offset > 0 {
            return Err(PieceError::Gap { from: 0, to: self.offset });
        }
        if self.len <= CHUNK {
            return Ok(ContentDigest(*blake3::hash(&self.head).as_bytes()));
        }
        // the two halves of the root must not be joined before, so each subtree is joined only when another one follows
        let mut stack: Vec<Subtree> = vec![subtree(0, &self.head)];
        for &next in &self.subtrees {
            close(&mut stack);
            stack.push(next);
        }
        let mut values: Vec<ChainingValue> = Vec::new();
        if !self.tail.is_empty() {
            close(&mut stack);
            let first = stack.last().map_or(0, Subtree::end);
            values.push(subtree(first, &self.tail).value);
        }
        values.extend(stack.iter().rev().map(|subtree| subtree.value));
        let mut values = values.into_iter();
        let mut right = values.next().expect("more than a chunk");
        let mut left = values.next().expect("more than a chunk");
        for further in values {
            right = merge_subtrees_non_root(&left, &right, Mode::Hash);
            left = further;
        }
        Ok(ContentDigest(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()))
    }

    /// Returns the digest of an input from all its pieces, in any order.
    ///
    /// # Errors
    /// Returns an error if a piece is missing or given twice.
    pub fn combine(pieces: impl IntoIterator<Item = Piece>) -> Result<ContentDigest, PieceError> {
        let mut pieces: Vec<Piece> = pieces.into_iter().collect();
        // an empty piece comes before the one at the same offset
        pieces.sort_by_key(|piece| (piece.offset, piece.len));
        let mut whole = Piece::empty(0);
        for piece in &pieces {
            whole = whole.join(piece)?;
        }
        whole.finish()
    }

    /// Returns the length that the head has when it is full.
    fn head_len(&self) -> u64 {
        CHUNK - self.offset % CHUNK
    }

    /// Returns the number of the first chunk after the head and the subtrees.
    fn next_chunk(&self) -> u64 {
        match self.subtrees.last() {
            Some(last) => last.end(),
            None => (self.offset + self.head_len()) / CHUNK,
        }
    }

    fn add(&mut self, subtree: Subtree) {
        self.subtrees.push(subtree);
        close(&mut self.subtrees);
    }
}

/// Joins complete subtrees at the end of a list.
fn close(subtrees: &mut Vec<Subtree>) {
    while let [.., left, right] = subtrees[..]
        && left.is_left_of(&right)
    {
        subtrees.truncate(subtrees.len() - 2);
        subtrees.push(left.join(&right));
    }
}

/// Hashes a subtree of complete chunks, or the last chunk of an input.
fn subtree(first: u64, bytes: &[u8]) -> Subtree {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(first * CHUNK).update(bytes);
    let chunks = (bytes.len() as u64).div_ceil(CHUNK);
    Subtree { first, level: chunks.ilog2() as u8, value: hasher.finalize_non_root() }
}

/// Computes the hash of a slice of messages, as [`super::ContentHasher`] computes the digest of all of them.
#[derive(Clone, Debug)]
pub struct SliceHasher {
    piece: Piece,
    block: Vec<u8>,
    messages: u64,
}

impl SliceHasher {
    /// Starts a slice whose first message is at `offset`: the length of all messages before it, each with four more bytes for
    /// its length.
    pub fn new(offset: u64) -> SliceHasher {
        SliceHasher { piece: Piece::empty(offset), block: Vec::new(), messages: 0 }
    }

    /// Adds the message that `write` appends to the given buffer.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        super::append_message(&mut self.block, write);
        self.messages += 1;
        if self.block.len() as u64 >= SUBTREE_BYTES_MAX {
            // up to the end of a subtree of the full size, so that the following ones have it, too
            let position = self.piece.offset + self.piece.len;
            let aligned = (SUBTREE_BYTES_MAX - position % SUBTREE_BYTES_MAX) as usize;
            let taken = aligned.min(self.block.len());
            self.piece.push(&self.block[..taken]);
            self.block.drain(..taken);
        }
    }

    /// Returns the number of messages added so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Returns the hash of the slice.
    pub fn finish(mut self) -> Piece {
        self.piece.push(&self.block);
        self.piece
    }
}

#[cfg(test)]
mod tests;
