use proptest::{collection::vec, prelude::*};

use super::*;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn digest(bytes: &[u8]) -> ContentDigest {
    ContentDigest(*blake3::hash(bytes).as_bytes())
}

/// Cuts an input at the given places, which may repeat.
fn cut(bytes: &[u8], places: &[usize]) -> Vec<Piece> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| Piece::of(pair[0] as u64, &bytes[pair[0]..pair[1]])).collect()
}

#[test]
fn every_length_around_a_boundary_has_the_digest_of_the_whole() {
    let lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 127, 128, 129, 255, 256, 257];
    for chunks in lengths {
        for length in [chunks * CHUNK_LEN, chunks * CHUNK_LEN + 1, (chunks + 1) * CHUNK_LEN - 1] {
            let bytes = bytes(length);
            assert_eq!(Piece::of(0, &bytes).finish(), Ok(digest(&bytes)), "{length}");
            let pieces = cut(&bytes, &[1, 1_023, 1_024, 1_025, 2_047, 2_048, 65_536, 131_071, 131_073]);
            assert_eq!(Piece::combine(pieces), Ok(digest(&bytes)), "{length} in pieces");
        }
    }
}

proptest! {
    #[test]
    fn any_cuts_in_any_order_have_the_digest_of_the_whole(
        length in prop_oneof![0..5_000_usize, 0..400_000_usize],
        places in vec(any::<usize>(), 0..40),
        rotation in any::<usize>(),
    ) {
        let bytes = bytes(length);
        let mut pieces = cut(&bytes, &places);
        for piece in &pieces {
            let (head, subtrees, tail) = piece.parts();
            let stored = (head.to_vec(), subtrees.to_vec(), tail.to_vec());
            let restored = Piece::from_parts((piece.offset(), piece.len()), stored.0, stored.1, stored.2);
            prop_assert_eq!(restored.as_ref(), Ok(piece));
        }
        let count = pieces.len();
        pieces.rotate_left(rotation % count);
        prop_assert_eq!(Piece::combine(pieces), Ok(digest(&bytes)));
    }

    #[test]
    fn a_lost_or_repeated_piece_is_an_error(
        length in 2..100_000_usize,
        places in vec(any::<usize>(), 1..10),
        choice in any::<usize>(),
    ) {
        let bytes = bytes(length);
        let mut pieces: Vec<Piece> =
            cut(&bytes, &places).into_iter().filter(|piece| !piece.is_empty()).collect();
        let choice = choice % pieces.len();
        let repeated: Vec<Piece> = [&pieces[..], &pieces[choice..=choice]].concat();
        let is_overlap = matches!(Piece::combine(repeated), Err(PieceError::Overlap { .. }));
        prop_assert!(is_overlap);
        let lost = pieces.remove(choice);
        // without the last piece, the rest is an input of its own, which only the expected length can tell
        if choice < pieces.len() {
            let expected = PieceError::Gap { from: lost.offset(), to: lost.offset() + lost.len() };
            prop_assert_eq!(Piece::combine(pieces), Err(expected));
        }
    }

    #[test]
    fn a_changed_piece_is_malformed_or_has_another_digest(
        length in 5_000..50_000_usize,
        place in any::<usize>(),
        what in 0..5_u8,
    ) {
        let bytes = bytes(length);
        let pieces = cut(&bytes, &[place]);
        let piece = pieces.iter().max_by_key(|piece| piece.len()).unwrap();
        let (head, subtrees, tail) = piece.parts();
        let (mut head, mut subtrees, mut tail) = (head.to_vec(), subtrees.to_vec(), tail.to_vec());
        let mut len = piece.len();
        match what {
            0 => head[0] ^= 1,
            1 => subtrees[0].value[0] ^= 1,
            2 => subtrees[0].first += 1,
            3 => tail.push(0),
            _ => len += 1,
        }
        let changed = Piece::from_parts((piece.offset(), len), head, subtrees, tail);
        if what < 2 {
            let others = pieces.iter().filter(|other| other.offset() != piece.offset());
            let all: Vec<Piece> = others.cloned().chain(changed.ok()).collect();
            prop_assert_ne!(Piece::combine(all), Ok(digest(&bytes)));
        } else {
            prop_assert!(changed.is_err());
        }
    }
}

#[test]
fn slices_of_messages_have_the_digest_of_all_messages() {
    let messages: Vec<String> =
        (0..9_000_usize).map(|n| format!("message {n} {}", "x".repeat(n % 301))).collect();
    let expected = ContentDigest::of(&messages);
    for slices in [1, 2, 7, 96, 5_000] {
        let mut offset = 0;
        let mut pieces = Vec::new();
        for slice in messages.chunks(messages.len().div_ceil(slices)) {
            let mut hasher = SliceHasher::new(offset);
            slice
                .iter()
                .for_each(|message| hasher.push_with(|out| out.extend_from_slice(message.as_bytes())));
            assert_eq!(hasher.messages(), slice.len() as u64);
            let piece = hasher.finish();
            offset += piece.len();
            pieces.push(piece);
        }
        assert_eq!(Piece::combine(pieces), Ok(expected), "{slices} slices");
    }
}
