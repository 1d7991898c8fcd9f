//! Parsers of the values of flags, environment variables and `.env` files. Each kind of value has one parser, whose error
//! lists the valid forms.

mod dataset;
mod date;
mod dialects;
mod duration;
mod kafka;
mod name;
mod number;
mod output;
mod symbols;

#[cfg(test)]
mod tests;

pub(crate) use dataset::{DateRanges, Seeds, date_ranges, parts, percent, seeds, shard};
pub(crate) use date::{date, instant};
pub(crate) use dialects::{DialectNames, dialect, dialects};
pub(crate) use duration::{burst_duration, burst_interval};
pub(crate) use kafka::{
    acks, base_backoff, batch_size, client_id, compression, dlq_retries, linger_ms, max_backoff,
    registry_auth, registry_url, retries, servers, topic, topic_prefix, ws_uri,
};
pub(crate) use name::{allowed_host, run_name};
pub(crate) use number::{
    boolean, burst_multiplier, clients, limit, port, rate, rounds, seed, symbol_count, threads,
    waited_clients,
};
pub(crate) use output::{is_url, local, output_file};
pub(crate) use symbols::{SymbolChoice, symbol_choice, symbol_list};
pub(crate) use tradesim_replay::parse_buffer as buffer;
pub(crate) use tradesim_schemas::{parse_duration as duration, text::nearest};

use std::borrow::Cow;

/// The text does not have one of the valid forms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub(crate) struct Invalid {
    /// The valid forms, as a noun phrase: "a whole number from 1 to 50".
    pub(crate) expected: Cow<'static, str>,
}

impl Invalid {
    pub(crate) const fn expected(what: &'static str) -> Invalid {
        Invalid { expected: Cow::Borrowed(what) }
    }
}
