//! Arguments of the commands that serve a stream.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use tradesim_dialects::{ApiKey, ParseApiKeyError};

use crate::{parse, settings};

/// Options of the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Address or host name to listen on [setting: WS_HOST, default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = settings::host_name)]
    pub(crate) host: Option<String>,
    /// Port to listen on; 0 picks a free port and prints it [setting: WS_PORT, default: 8765]
    #[arg(long, value_name = "PORT", value_parser = parse::port)]
    pub(crate) port: Option<u16>,
    /// Start playback when this many clients are connected; 0 starts at once [default: 1, or 0 for `serve` with a live
    /// clock]
    #[arg(long, value_name = "N", value_parser = parse::waited_clients, allow_negative_numbers = true)]
    pub(crate) wait_clients: Option<usize>,
    /// Start paused
    #[arg(long)]
    pub(crate) start_paused: bool,
    /// Name of this run, for clients that resume it [default: a random name, which is printed]
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    /// Treatment of a client that falls behind
    #[arg(long, value_enum, default_value_t = OnSlowMode::Disconnect)]
    pub(crate) on_slow: OnSlowMode,
    /// Size of the buffer that all clients share; a client that is further behind reads directly from the recording
    #[arg(long, value_name = "SIZE", value_parser = parse::buffer, default_value = "64MiB")]
    pub(crate) buffer: usize,
    /// A client is too slow when it reads nothing for this time although there is something to read
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, default_value = "10s")]
    pub(crate) stall: Duration,
    /// Time to wait, at the end of the stream, for disconnected clients to resume
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, default_value = "10s")]
    pub(crate) linger: Duration,
    /// Maximum number of connected clients
    #[arg(long, value_name = "N", value_parser = parse::clients, default_value = "1024")]
    pub(crate) max_clients: usize,
    /// Maximum number of connected clients per address
    #[arg(long, value_name = "N", value_parser = parse::clients, default_value = "64")]
    pub(crate) max_connections_per_address: usize,
    /// Also accept web pages of this origin, for example `https://example.org`; those of this machine are always accepted;
    /// may be given more than once
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Also answer requests for this host name, for example `charts.example.org`; loopback names and the listening address
    /// are always answered; may be given more than once
    #[arg(long, value_name = "HOST", value_parser = parse::allowed_host)]
    pub(crate) allow_host: Vec<String>,
    /// Do not show browsers the page with timeline and controls at `/`
    #[arg(long)]
    pub(crate) no_page: bool,
    /// Access to `tradesim control` [default: loopback on a loopback address, otherwise off]
    #[arg(long, value_enum)]
    pub(crate) control: Option<ControlMode>,
    /// Read the token of `--control token` from this file [environment: TRADESIM_CONTROL_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub(crate) control_token_file: Option<PathBuf>,
    /// Dialects of vendors to answer on paths of their own: a list of massive (/stocks), alpaca (/v2/FEED) and finnhub
    /// (/finnhub), or none [default: all]
    #[arg(long, value_name = "LIST", value_parser = parse::dialects)]
    pub(crate) dialects: Option<parse::DialectNames>,
    /// Answer clients of the Databento live gateway on this port; 0 picks a free port and prints it [default: off]
    #[arg(long, value_name = "PORT", value_parser = parse::port)]
    pub(crate) databento_port: Option<u16>,
    /// Accept only clients of dialects that present this key [default: any key]
    #[arg(long, value_name = "KEY[:SECRET]", value_parser = api_key)]
    pub(crate) api_key: Option<ApiKey>,
    /// Treatment of clients of dialects at the end of the recording [default: hold for alpaca, whose SDKs reconnect after a
    /// close, otherwise close]
    #[arg(long, value_enum)]
    pub(crate) at_end: Option<AtEndMode>,
}

fn api_key(text: &str) -> Result<ApiKey, ParseApiKeyError> {
    text.parse()
}

/// The treatment of clients of dialects at the end of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtEndMode {
    /// Close their connections
    Close,
    /// Keep their connections open and silent
    Hold,
}

/// The treatment of a client that falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnSlowMode {
    /// Disconnect a client that is too slow, with close code 1013 and its last sequence number; it may resume
    Disconnect,
    /// All clients wait for the slowest one
    Wait,
}

/// Access to the control commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ControlMode {
    /// No one
    Off,
    /// Connections from this machine
    Loopback,
    /// Requests with the token
    Token,
}
