//! Shared by the tests and benches of all crates: proptest strategies for events and for texts that contain them, a
//! serde_json encoder as the oracle of [`crate::MessageEncoder`], and mutations of arbitrary inputs.

mod layout;
mod mutants;
mod mutation;
mod oracle;
mod strategies;

pub use layout::{Json, Noise, foreign_text};
pub use mutants::mutant;
pub use mutation::mutated_text;
pub use oracle::{OracleEnvelope, OraclePayload};
pub use strategies::{
    any_envelope, any_market_data, any_order_book, any_price, any_symbol, any_timestamp, any_trade,
    market_envelope,
};
