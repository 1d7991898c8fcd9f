//! Builds the dialogue with a feed from arguments, and schedules its pings.

use tradesim_bridge::socket::{
    Dialogue,
    dialogue::Ping,
    header::{Header, HeaderError},
};

use crate::{
    cli::{FeedArgs, HeaderArgs},
    exit::Failure,
    progress::Stopwatch,
};

/// Returns the headers, with the values from files and variables.
///
/// # Errors
/// An invalid header, or a value that cannot be read.
pub(crate) fn headers(args: &HeaderArgs) -> Result<Vec<Header>, Failure> {
    Header::read_all(&args.header).map_err(|error| {
        let is_place = matches!(error, HeaderError::Secret { .. });
        let what = format!("--header: {:#}", anyhow::Error::new(error));
        if is_place { Failure::Configuration { what, hint: None } } else { Failure::usage(what) }
    })
}

/// Returns the dialogue with a feed.
///
/// # Errors
/// The errors of [`headers`].
pub(crate) fn dialogue(args: &FeedArgs) -> Result<Dialogue, Failure> {
    let ping = args.ping.clone().zip(args.ping_every).map(|(text, every)| Ping { text, every });
    Ok(Dialogue {
        headers: headers(&args.headers)?,
        send: args.send.clone(),
        ping,
        answers: args.answer.clone(),
        ignored: args.ignore.clone(),
    })
}

/// The schedule of a connection's pings.
#[derive(Debug)]
pub(crate) struct Pings {
    since: Stopwatch,
}

impl Pings {
    /// Starts the schedule of a new connection.
    pub(crate) fn new() -> Pings {
        Pings { since: Stopwatch::start() }
    }

    /// Returns the text if a ping is due.
    pub(crate) fn due<'a>(&mut self, dialogue: &'a Dialogue) -> Option<&'a str> {
        let ping = dialogue.ping.as_ref().filter(|ping| self.since.elapsed() >= ping.every)?;
        self.since = Stopwatch::start();
        Some(&ping.text)
    }
}
