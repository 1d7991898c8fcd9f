//! Charts as SVG in one web page, for light and dark mode, without scripts, fonts or resources from elsewhere.
//!
//! [`Chart`] draws lines and dots over a horizontal [`Axis`], [`Matrix`] a square table of numbers as colours, and [`document`]
//! puts them into a page. The output is a function of the input: the same numbers give the same page everywhere.
#![deny(missing_docs)]

mod axis;
mod chart;
mod matrix;
mod page;

pub use axis::{Axis, round_step};
pub use chart::{Chart, Form, Line};
pub use matrix::Matrix;
pub use page::{document, escaped};
