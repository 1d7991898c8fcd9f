//! The partition of a key, as Java's default partitioner and librdkafka's `murmur2_random` choose it.
//!
//! Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` and `toPositive`.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// Returns the partition of `key` among `partitions`, which is greater than zero.
pub(super) fn partition(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & 0x7fff_ffff) as i32 % partitions
}

fn murmur2(key: &[u8]) -> u32 {
    let mut hash = SEED ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes(word.try_into().expect("a chunk has four bytes"));
        hash = hash.wrapping_mul(M) ^ mixed(word);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

fn mixed(word: u32) -> u32 {
    let word = word.wrapping_mul(M);
    (word ^ word >> R).wrapping_mul(M)
}

#[cfg(test)]
mod tests {
    use super::{murmur2, partition};

    #[test]
    fn hashes_are_those_of_kafka() {
        // UtilsTest.testMurmur2 of Apache Kafka
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn a_partition_is_one_of_those_there_are() {
        for key in ["", "A", "AAPL", "BRK.B", "GOOGL"] {
            for partitions in [1, 3, 12, 100] {
                assert!((0..partitions).contains(&partition(key.as_bytes(), partitions)));
            }
        }
    }
}
