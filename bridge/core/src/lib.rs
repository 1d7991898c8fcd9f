//! What a bridge from messages to Kafka does next, as values that are told what happens and the time.
//!
//! [`Delivery`] decides: when to connect and from which message on, when a producer is made, what goes into a
//! transaction, when it is committed, and what becomes of it all when something fails. Nothing here reads a clock or a
//! random number, holds a socket or knows Kafka's library, so that a test can put it through every fault there is.
#![deny(missing_docs)]

mod backoff;
mod continuity;
mod dead_letter;
mod delivery;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod position;
mod route;
mod window;

pub use backoff::Backoff;
pub use continuity::{Continuity, Flaw};
pub use dead_letter::{DeadLetter, Original, Verdict, Whole};
pub use delivery::{
    Action, Admission, Counts, Delivery, Ending, Finish, Greeting, Guarantee, Input, Moment, Note, Options,
};
pub use position::{Identity, ParsePositionError, Position, SEQ_END, is_name};
pub use route::{Topic, Topics};
pub use window::Window;
