//! The `tradesim` binary: command line, settings, output, and the commands that combine the library crates.
// cargo-fuzz has a `main` of its own
#![cfg_attr(fuzzing, no_main, allow(dead_code))]

mod cli;
mod commands;
mod control_token;
mod dialects;
mod embedded;
mod exit;
mod feed;
mod filter;
#[cfg(any(fuzzing, test))]
mod fuzzing;
mod kafka;
mod keys;
mod market;
mod output;
mod parse;
mod planned;
mod progress;
mod random;
#[cfg(test)]
mod reference;
mod report;
mod scratch;
mod serving;
mod settings;
mod signals;
mod sink;
mod source;
mod storage;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    exit::report(commands::run(std::env::args_os()))
}
