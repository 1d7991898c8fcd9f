//! Laws of a play, whatever is done to it: the parts that decide, put together on a virtual clock without sockets or
//! threads, against a model of what has to come of it.

mod plan;
mod reader;
mod schedules;
mod shape;
mod stage;
mod tape;
