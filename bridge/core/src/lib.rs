//! Decides what a bridge from a feed to Kafka does next: values that receive events and the time.
//!
//! [`Delivery`] decides when to connect and from which message on, when a producer is created, what belongs to a
//! transaction, when it is committed, and what to do after a failure. Nothing here reads a clock or a random number,
//! holds a socket or uses Kafka's library, so that a test can simulate every fault.
#![deny(missing_docs)]

mod continuity;
mod dead_letter;
mod delivery;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod position;
mod route;
mod window;

pub use continuity::{Continuity, Flaw};
pub use dead_letter::{DeadLetter, Original, Verdict, Whole};
pub use delivery::{
    Action, Admission, Counts, Delivery, DisconnectReason, Finish, Guarantee, HandshakeInfo, Input, Note,
    Now, Options,
};
pub use position::{Identity, ParsePositionError, Position};
pub use route::{Topic, Topics};
pub use tradesim_protocol::Backoff;
pub use window::Window;
