//! The model `stylized/1`: a market with the statistical properties of real ones.
//!
//! Volatility and activity have slow and fast components, which are partly common to all symbols. Orders excite further
//! orders. The signs of trades have a long memory, and the price anticipates it, so that returns do not. Most orders are
//! cancelled, and quotes outnumber trades. docs/adr/0027-a-second-model.md explains the choices.
//!
//! Everything that symbols have in common ([`Common`]) is a function of the seed, the date and its name: a simulation of one
//! symbol creates the same factors as a simulation of all. Everything else belongs to one symbol, with one generator for each
//! purpose. No draw depends on the length of a window.

mod arrivals;
mod calibration;
mod common;
mod factor;
mod leverage;
mod lives;
mod market;
mod path;
mod profile;
mod quote;
mod resting;
mod signs;
mod sizes;
mod weather;

#[cfg(test)]
mod tests;

pub(crate) use common::Common;
pub(crate) use market::{Market, MarketSetup};
pub(crate) use profile::Profile;
