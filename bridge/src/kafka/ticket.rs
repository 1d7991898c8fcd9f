//! The opaque value that librdkafka keeps with a record and returns with its report: a number, so that it costs no
//! allocation.

use tradesim_bridge_core::Topic;

/// The number of bits of the record's number: enough for far more records than are ever in flight.
const NUMBER_BITS: u32 = 29;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
/// The number of bits of the topic.
const TOPIC_BITS: u32 = 3;

/// The topic, number and time of a record: from the lowest bit on 29 bits of the number, 3 of the topic, and 32 of
/// the microseconds since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

const _: () = assert!(usize::BITS == 64, "a ticket is stored in a pointer");
const _: () = assert!(Topic::ALL.len() <= 1 << TOPIC_BITS);

impl Ticket {
    pub(super) fn new(topic: Topic, number: u64, sent_us: u32) -> Ticket {
        let topic = (topic.index() as u64) << NUMBER_BITS;
        Ticket(number & NUMBER_MASK | topic | u64::from(sent_us) << (NUMBER_BITS + TOPIC_BITS))
    }

    /// Returns the number for librdkafka.
    pub(super) fn to_opaque(self) -> usize {
        self.0 as usize
    }

    /// Returns the ticket in librdkafka's number.
    pub(super) fn from_opaque(opaque: usize) -> Ticket {
        Ticket(opaque as u64)
    }

    pub(super) fn topic(self) -> Topic {
        Topic::ALL[(self.0 >> NUMBER_BITS) as usize & ((1 << TOPIC_BITS) - 1)]
    }

    /// Returns the lowest bits of the record's number.
    pub(super) fn number(self) -> u32 {
        (self.0 & NUMBER_MASK) as u32
    }

    /// Returns the time since it was handed over, up to an hour and eleven minutes.
    pub(super) fn age_us(self, now_us: u32) -> u32 {
        now_us.wrapping_sub((self.0 >> (NUMBER_BITS + TOPIC_BITS)) as u32)
    }
}

/// Returns the full number of a record, given its lowest bits and the number of the next record.
pub(crate) fn whole_number(lowest: u32, next: u64) -> u64 {
    let number = next & !NUMBER_MASK | u64::from(lowest);
    if number >= next { number.saturating_sub(1 << NUMBER_BITS) } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_holds_all_three() {
        for topic in Topic::ALL {
            let ticket = Ticket::from_opaque(Ticket::new(topic, NUMBER_MASK + 5, u32::MAX).to_opaque());
            assert_eq!((ticket.topic(), ticket.number(), ticket.age_us(9)), (topic, 4, 10));
        }
    }

    #[test]
    fn the_whole_number_is_the_last_one_with_these_bits() {
        for number in [0, 1, NUMBER_MASK, NUMBER_MASK + 1, 7 * (NUMBER_MASK + 1) - 1] {
            let lowest = Ticket::new(Topic::DeadLetters, number, 0).number();
            for ahead in [1, 2, 100_000] {
                assert_eq!(whole_number(lowest, number + ahead), number);
            }
        }
    }
}
