//! Mutations of inputs, as a fuzzer without instrumentation makes them. Seeded, so that a failure can be repeated.

/// Bytes that matter more often than others: bounds, and the structure of texts and frames.
const BYTES: &[u8] = b"\x00\x01\x7f\x80\xfe\xff\"\\{}[],:\n\r -+.0e%&=";
/// Numbers that are likely to exceed a bound.
const NUMBERS: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xffff, i32::MAX as u64, u32::MAX as u64, 1 << 53, i64::MAX as u64, u64::MAX];
/// The maximum number of changes of one mutant.
const CHANGES_MAX: usize = 6;
/// The maximum number of bytes that a change inserts or removes.
const PIECE_MAX: usize = 64;

/// Returns a changed copy of one of the inputs. The seed decides the input and the changes.
///
/// # Panics
/// Panics if `inputs` is empty.
pub fn mutant(inputs: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..=dice.below(CHANGES_MAX) {
        change(&mut bytes, inputs, &mut dice);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, inputs: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let piece = dice.below(PIECE_MAX) + 1;
    let end = (at + piece).min(bytes.len());
    match dice.below(9) {
        0 if at < end => bytes[at] ^= 1 << dice.below(8),
        1 if at < end => bytes[at] = dice.below(256) as u8,
        2 if at < end => bytes[at] = BYTES[dice.below(BYTES.len())],
        3 => bytes.insert(at, BYTES[dice.below(BYTES.len())]),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let copied = bytes[at..end].to_vec();
            let to = dice.below(bytes.len() + 1);
            bytes.splice(to..to, copied);
        }
        6 => {
            let number = NUMBERS[dice.below(NUMBERS.len())].wrapping_sub(dice.below(3) as u64);
            let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
            let width = 1 << dice.below(4);
            let number = if dice.below(2) == 0 { &little[..width] } else { &big[8 - width..] };
            let end = (at + width).min(bytes.len());
            bytes.splice(at..end, number.iter().copied());
        }
        7 => {
            let other = &inputs[dice.below(inputs.len())];
            let from = dice.below(other.len() + 1);
            let piece = other[from..(from + piece).min(other.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        8 => bytes.truncate(at),
        _ => {}
    }
}

/// Random numbers (splitmix64, Steele and others, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_and_most_mutants_differ() {
        let inputs = [b"{\"a\":1}".to_vec(), Vec::new(), vec![0; 300]];
        let mutants: std::collections::BTreeSet<Vec<u8>> =
            (0..1_000).map(|seed| mutant(&inputs, seed)).collect();
        assert!(mutants.len() > 500, "{}", mutants.len());
        assert_eq!(mutant(&inputs, 7), mutant(&inputs, 7));
    }
}
