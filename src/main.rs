//! The command line of tradesim: glue between the simulator, the archive and the world. It holds no rule of the market
//! and none of the file format.

mod cli;
mod commands;
mod exit;
mod filter;
mod output;
mod parse;
mod progress;
mod report;
mod settings;
mod signals;
mod sink;
mod source;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    exit::report(commands::run(std::env::args_os()))
}
