//! The model `gbm/1`: geometric Brownian motion, Poisson arrivals, and orders whose fates are drawn.

mod arrivals;
mod book;
mod market;
mod order_flow;
mod price_process;

pub(crate) use arrivals::Arrivals;
pub(crate) use market::{Market, MarketSetup};
