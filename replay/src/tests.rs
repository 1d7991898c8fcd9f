//! Properties of a playback, whatever is done to it: the deciding parts, connected on a virtual clock without sockets
//! or threads, against a model of the expected result.

mod fake_source;
mod plan;
mod reader;
mod schedules;
mod shape;
mod stage;
