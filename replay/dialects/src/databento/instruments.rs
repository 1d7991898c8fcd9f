//! Instrument ids and publishers.

use tradesim_schemas::{Exchange, Symbol};

use crate::reference::Reference;

/// Returns the id of a symbol: its place in the stream's table, from 1. A symbol that the table does not have receives an
/// id from its text, above all of those.
pub(super) fn id(reference: &Reference, symbol: Symbol) -> u32 {
    const OUTSIDE: u32 = 1 << 31;
    reference.ordinal(symbol).map_or_else(|| OUTSIDE | fnv1a(symbol.as_bytes()), |ordinal| ordinal + 1)
}

/// Returns the FNV-1a hash of 32 bits.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Returns the publisher of an exchange's data in the dataset EQUS.SIP.
pub(super) fn publisher(exchange: Exchange) -> u16 {
    match exchange {
        Exchange::Amex => 111,
        Exchange::Nyse => 122,
        Exchange::Arca => 123,
        Exchange::Nasdaq => 124,
        Exchange::Bats => 129,
    }
}
