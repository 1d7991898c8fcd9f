//! Arguments for foreign feeds: headers, subscriptions, pings and heartbeats.

use std::time::Duration;

use clap::Args;
use tradesim_client::{
    dialogue::{Answer, Pattern},
    header::HeaderText,
};

use crate::parse;

/// Additional headers of the handshake.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The feed")]
pub(crate) struct HeaderArgs {
    /// Send this header in the handshake, for example 'Authorization: Bearer …'; may be given more than once. For secrets
    /// the value may be @FILE or env:NAME
    // parsed by the command, whose errors do not contain secrets
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) header: Vec<HeaderText>,
}

/// The dialogue with a feed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The feed")]
pub(crate) struct FeedArgs {
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    /// Send this text on each new connection, for example a subscription; may be given more than once
    #[arg(long, value_name = "TEXT")]
    pub(crate) send: Vec<String>,
    /// Send this text periodically, for feeds that close idle connections
    #[arg(long, value_name = "TEXT", requires = "ping_every")]
    pub(crate) ping: Option<String>,
    /// The interval of --ping, for example 20s
    #[arg(long, value_name = "DURATION", requires = "ping", value_parser = ping_every)]
    pub(crate) ping_every: Option<Duration>,
    /// Reply to messages that match PATTERN, and do not deliver them: '{"ping":*}={"pong":*}'. A star matches any text,
    /// and in REPLY it stands for that text; may be given more than once
    #[arg(long, value_name = "PATTERN=REPLY")]
    pub(crate) answer: Vec<Answer>,
    /// Do not deliver messages that match PATTERN, only count them: '*"type":"heartbeat"*'; may be given more than once
    #[arg(long, value_name = "PATTERN")]
    pub(crate) ignore: Vec<Pattern>,
}

fn header(text: &str) -> Result<HeaderText, std::convert::Infallible> {
    Ok(text.into())
}

fn ping_every(text: &str) -> Result<Duration, parse::Invalid> {
    parse::duration(text)
        .ok()
        .filter(|time| (Duration::from_millis(100)..=Duration::from_secs(3_600)).contains(time))
        .ok_or(parse::Invalid::expected("a duration such as 20s or 1m, from 100ms to 1h"))
}
