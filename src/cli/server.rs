//! Arguments of the commands that serve a stream.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use crate::{parse, settings};

/// How a stream is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Address or host name to listen on [setting: WS_HOST, default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = settings::host_name)]
    pub(crate) host: Option<String>,
    /// Port to listen on; 0 picks a free one and prints it [setting: WS_PORT, default: 8765]
    #[arg(long, value_name = "PORT", value_parser = parse::port)]
    pub(crate) port: Option<u16>,
    /// Wait for this many clients before time starts; 0 starts at once [default: 1, and 0 for `serve` with a live clock]
    #[arg(long, value_name = "N", value_parser = parse::waited_clients, allow_negative_numbers = true)]
    pub(crate) wait_clients: Option<usize>,
    /// Begin paused
    #[arg(long)]
    pub(crate) start_paused: bool,
    /// Name of this run, for clients that come back to it [default: drawn and printed]
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    /// What becomes of a client that cannot follow
    #[arg(long, value_enum, default_value_t = OnSlowMode::Disconnect)]
    pub(crate) on_slow: OnSlowMode,
    /// Bytes that are held for all clients together; one that is further behind reads the recording by itself
    #[arg(long, value_name = "SIZE", value_parser = parse::buffer, default_value = "64MiB")]
    pub(crate) buffer: usize,
    /// How long a client may take nothing at all although there is something for it
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, default_value = "10s")]
    pub(crate) stall: Duration,
    /// How long to wait, at the end, for clients that left before it to come back
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, default_value = "10s")]
    pub(crate) linger: Duration,
    /// Clients at once
    #[arg(long, value_name = "N", value_parser = parse::clients, default_value = "1024")]
    pub(crate) max_clients: usize,
    /// Clients of one address at once
    #[arg(long, value_name = "N", value_parser = parse::clients, default_value = "64")]
    pub(crate) max_connections_per_address: usize,
    /// Let pages of this origin in, as `https://example.org`, besides those of this machine; may be given more than once
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Answer requests for this host, as `replay` or `charts.example.org`, besides loopback names and the address that is
    /// listened on; may be given more than once
    #[arg(long, value_name = "HOST", value_parser = parse::allowed_host)]
    pub(crate) allow_host: Vec<String>,
    /// Who may steer with `tradesim control` [default: loopback where only this machine can connect, otherwise off]
    #[arg(long, value_enum)]
    pub(crate) control: Option<ControlMode>,
    /// Read the token of `--control token` from this file [environment: TRADESIM_CONTROL_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub(crate) control_token_file: Option<PathBuf>,
}

/// What becomes of a client that cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnSlowMode {
    /// One that takes nothing is closed with 1013 and its last seq, and may resume
    Disconnect,
    /// Everybody waits for it
    Wait,
}

/// Who may steer a play over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ControlMode {
    /// Nobody
    Off,
    /// Who connects from this machine
    Loopback,
    /// Who sends the token
    Token,
}
