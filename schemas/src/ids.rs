//! Identifiers, and the functions that derive the ids of a simulated archive from its identity.

use std::{fmt, num::NonZeroU64};

use crate::{Symbol, digits};

/// A trade id: a UUID with the layout of version 4, written in lower-case hex with dashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeId([u8; 16]);

impl TradeId {
    /// The length in bytes of the text that [`TradeId::write`] appends.
    pub const TEXT_LEN: usize = 36;

    /// Creates a trade id from its 16 bytes, or returns `None` if version and variant are not those of a version 4 UUID.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<TradeId> {
        if bytes[6] >> 4 == 4 && bytes[8] >> 6 == 0b10 { Some(TradeId(bytes)) } else { None }
    }

    /// Returns the 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Parses the lower-case text with dashes. Upper case and other versions are refused, as the contract requires.
    pub fn parse(text: &[u8]) -> Option<TradeId> {
        let text: &[u8; TradeId::TEXT_LEN] = text.try_into().ok()?;
        let mut bytes = [0; 16];
        let mut gathered = 0;
        let mut at = 0;
        for (index, byte) in bytes.iter_mut().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                if text[at] != b'-' {
                    return None;
                }
                at += 1;
            }
            let (high, low) = (digits::nibble(text[at]), digits::nibble(text[at + 1]));
            gathered |= high | low;
            *byte = high << 4 | low;
            at += 2;
        }
        if gathered & digits::NO_DIGIT != 0 { None } else { TradeId::from_bytes(bytes) }
    }

    /// Appends the text.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut text = [b'-'; TradeId::TEXT_LEN];
        let mut at = 0;
        for (index, &byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at..at + 2].copy_from_slice(&crate::digits::hex(byte));
            at += 2;
        }
        out.extend_from_slice(&text);
    }
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&uuid::Uuid::from_bytes(self.0), f)
    }
}

impl fmt::Debug for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id that all events of an order share, written as `corr-` and 16 hex digits.
///
/// The contract allows any text here. A captured message with a different form is stored as a raw frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrelationId(pub u64);

impl CorrelationId {
    /// The length in bytes of the text that [`CorrelationId::write`] appends.
    pub const TEXT_LEN: usize = 21;

    /// Parses `corr-` and 16 lower-case hex digits.
    pub fn parse(text: &[u8]) -> Option<CorrelationId> {
        let hex: &[u8; 16] = text.strip_prefix(b"corr-")?.try_into().ok()?;
        let (mut value, mut gathered) = (0, 0);
        for &byte in hex {
            let digit = digits::nibble(byte);
            gathered |= digit;
            value = value << 4 | u64::from(digit);
        }
        (gathered & digits::NO_DIGIT == 0).then_some(CorrelationId(value))
    }

    /// Appends the text.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        let mut text = *b"corr-0000000000000000";
        for (index, byte) in self.0.to_be_bytes().into_iter().enumerate() {
            let at = 5 + 2 * index;
            text[at..at + 2].copy_from_slice(&crate::digits::hex(byte));
        }
        out.extend_from_slice(&text);
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corr-{:016x}", self.0)
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A trader, written as `TRD-` and five digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraderId(u32);

impl TraderId {
    /// The largest number of five digits.
    pub const NUMBER_MAX: u32 = 99_999;

    /// Creates a trader id, or returns `None` above [`TraderId::NUMBER_MAX`].
    pub const fn new(number: u32) -> Option<TraderId> {
        if number <= TraderId::NUMBER_MAX { Some(TraderId(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Parses `TRD-` and five digits.
    pub fn parse(text: &[u8]) -> Option<TraderId> {
        let number = parse_digits(text.strip_prefix(b"TRD-")?, 5)?;
        Some(TraderId(number))
    }
}

impl fmt::Display for TraderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TRD-{:05}", self.0)
    }
}

/// An account, written as `ACC-` and four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u16);

impl AccountId {
    /// The largest number of four digits.
    pub const NUMBER_MAX: u16 = 9_999;

    /// Creates an account id, or returns `None` above [`AccountId::NUMBER_MAX`].
    pub const fn new(number: u16) -> Option<AccountId> {
        if number <= AccountId::NUMBER_MAX { Some(AccountId(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Parses `ACC-` and four digits.
    pub fn parse(text: &[u8]) -> Option<AccountId> {
        let number = parse_digits(text.strip_prefix(b"ACC-")?, 4)?;
        Some(AccountId(number as u16))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ACC-{:04}", self.0)
    }
}

fn parse_digits(text: &[u8], len: usize) -> Option<u32> {
    if text.len() != len {
        return None;
    }
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

/// An order reference: the number of an order within its symbol, from 0, and the number of an event within the order,
/// from 0.
///
/// An archive stores it instead of the ids, which derive from it and cannot be compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderRef(NonZeroU64);

/// Set in every packed [`OrderRef`], so that `Option<OrderRef>` is not larger than an `OrderRef`.
const ORDER_REF_MARK: u64 = 1 << 63;

impl OrderRef {
    /// The largest order number, 2⁴⁸−1.
    pub const ORDER_MAX: u64 = (1 << 48) - 1;

    /// Creates a reference, or returns `None` for an order number above [`OrderRef::ORDER_MAX`].
    #[inline]
    pub const fn new(order: u64, event: u8) -> Option<OrderRef> {
        if order > OrderRef::ORDER_MAX {
            return None;
        }
        match NonZeroU64::new(ORDER_REF_MARK | order << 8 | event as u64) {
            Some(packed) => Some(OrderRef(packed)),
            None => None,
        }
    }

    /// Returns the number of the order within its symbol.
    #[inline]
    pub const fn order(self) -> u64 {
        (self.0.get() & !ORDER_REF_MARK) >> 8
    }

    /// Returns the number of the event within the order.
    #[inline]
    pub const fn event(self) -> u8 {
        self.0.get() as u8
    }
}

impl fmt::Debug for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.order(), self.event())
    }
}

/// The key of a simulated archive, from which all of its ids derive.
///
/// It is derived from the *identity*: one line of text in the archive's metadata that names generator version, model,
/// seed, date and options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveKey([u8; 32]);

/// The BLAKE3 key derivation context of [`ArchiveKey`]. Part of the archive format.
const KEY_CONTEXT: &str = "tradesim 2026-11 archive key from identity";

impl ArchiveKey {
    /// Derives the key from an identity: BLAKE3 in key derivation mode over the identity's UTF-8.
    pub fn derive(identity: &str) -> ArchiveKey {
        ArchiveKey(blake3::derive_key(KEY_CONTEXT, identity.as_bytes()))
    }

    /// Returns the id functions of one symbol. `ordinal` is the symbol's index in the archive's symbol table, from 0.
    pub fn symbol_ids(&self, symbol: Symbol, ordinal: u16) -> SymbolIds {
        let bytes = blake3::keyed_hash(&self.0, symbol.as_bytes());
        let correlation = blake3::keyed_hash(&self.0, b"");
        let word = |hash: &blake3::Hash, index: usize| {
            let bytes = hash.as_bytes()[8 * index..8 * index + 8].try_into().expect("a hash has four words");
            u64::from_le_bytes(bytes)
        };
        SymbolIds {
            trade: [word(&bytes, 0), word(&bytes, 1)],
            correlation: [word(&correlation, 0), word(&correlation, 1)],
            ordinal: u64::from(ordinal) << 48,
        }
    }
}

/// The id functions of one symbol of a simulated archive: pure functions of the archive's key, the symbol, the symbol's
/// order number and the event's number within the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolIds {
    trade: [u64; 2],
    correlation: [u64; 2],
    ordinal: u64,
}

impl SymbolIds {
    /// Returns the trade id of an event: two mixed words, big-endian, with version and variant of UUID version 4 set.
    #[inline]
    pub fn trade_id(&self, at: OrderRef) -> TradeId {
        let high = mix(at.order() << 8 | u64::from(at.event()), self.trade[0]);
        let low = mix(high, self.trade[1]);
        // four bits of the version and two of the variant, as RFC 9562 has them in section 5.4
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        TradeId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// Returns the correlation id of an order. Different orders of an archive have different ids: the function is a bijection
    /// of (ordinal, order number).
    #[inline]
    pub fn correlation_id(&self, at: OrderRef) -> CorrelationId {
        let word = mix(self.ordinal | at.order(), self.correlation[0]);
        CorrelationId(mix(word, self.correlation[1]))
    }
}

/// A bijection of 64 bits: exclusive or with the key, then the finalizer of SplitMix64 (Stafford's variant 13).
#[inline]
fn mix(value: u64, key: u64) -> u64 {
    let value = value ^ key;
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(symbol: &str, ordinal: u16) -> SymbolIds {
        ArchiveKey::derive("test").symbol_ids(Symbol::new(symbol).unwrap(), ordinal)
    }

    #[test]
    fn trade_ids_are_unique_version_4_uuids() {
        let mut seen = BTreeSet::new();
        for (ordinal, symbol) in ["AAPL", "MSFT"].into_iter().enumerate() {
            for order in 0..5_000 {
                for event in 0..4 {
                    let at = OrderRef::new(order, event).unwrap();
                    let id = ids(symbol, ordinal as u16).trade_id(at);
                    let uuid = uuid::Uuid::from_bytes(*id.as_bytes());
                    assert_eq!(uuid.get_version_num(), 4);
                    assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
                    assert!(seen.insert(id));
                }
            }
        }
    }

    #[test]
    fn ids_have_the_values_of_the_format() {
        // known answers: FORMAT.md describes the functions, the Python reader computes them independently
        let at = OrderRef::new(7, 2).unwrap();
        assert_eq!(ids("AAPL", 0).trade_id(at).to_string(), "bd38d1ee-b913-4d5b-8acb-8aa8d38bcc4e");
        assert_eq!(ids("AAPL", 0).correlation_id(at).to_string(), "corr-c07880dd056584f0");
        assert_ne!(ids("AAPL", 1).correlation_id(at), ids("AAPL", 0).correlation_id(at));
    }

    #[test]
    fn texts_are_read_back() {
        let at = OrderRef::new(123, 1).unwrap();
        let (trade, correlation) = (ids("MSFT", 3).trade_id(at), ids("MSFT", 3).correlation_id(at));
        let mut text = Vec::new();
        trade.write(&mut text);
        assert_eq!(trade.to_string().as_bytes(), text);
        assert_eq!(TradeId::parse(&text), Some(trade));
        text.clear();
        correlation.write(&mut text);
        assert_eq!(correlation.to_string().as_bytes(), text);
        assert_eq!(CorrelationId::parse(&text), Some(correlation));
        assert_eq!(TraderId::parse(b"TRD-00042").map(|id| id.to_string()).as_deref(), Some("TRD-00042"));
        assert_eq!(AccountId::parse(b"ACC-0008").map(|id| id.to_string()).as_deref(), Some("ACC-0008"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "550E8400-E29B-41D4-A716-446655440000",
            "550e8400-e29b-11d4-a716-446655440000",
            "550e8400-e29b-41d4-c716-446655440000",
            "550e8400e29b41d4a716446655440000",
            "{550e8400-e29b-41d4-a716-44665544000}",
            "550e8400-e29b-41d4-a716-44665544000g",
        ] {
            assert_eq!(TradeId::parse(text.as_bytes()), None, "{text}");
        }
        for text in ["corr-", "corr-00112233445566778", "corr-001122334455667G", "CORR-0011223344556677"] {
            assert_eq!(CorrelationId::parse(text.as_bytes()), None, "{text}");
        }
        for text in ["TRD-1", "TRD-000001", "TRD-0000a", "trd-00001"] {
            assert_eq!(TraderId::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn an_order_reference_costs_eight_bytes() {
        assert_eq!(size_of::<Option<OrderRef>>(), 8);
        let at = OrderRef::new(OrderRef::ORDER_MAX, 255).unwrap();
        assert_eq!((at.order(), at.event()), (OrderRef::ORDER_MAX, 255));
        assert_eq!(OrderRef::new(OrderRef::ORDER_MAX + 1, 0), None);
    }
}
