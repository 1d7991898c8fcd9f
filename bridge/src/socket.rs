//! What lies below the messages of a WebSocket client: a stream that says when it would have to wait, TLS, and texts that
//! are no UTF-8. The feed of the bridge and the clients of the command line share it.

pub mod any_text;
mod line;
mod wire;

pub use any_text::AnyText;
pub use line::{Line, tls_error};
pub use wire::{Wire, is_would_block};
