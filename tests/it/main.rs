//! What only a process can show.
