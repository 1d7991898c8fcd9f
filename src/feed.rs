//! Builds the request to a feed, and the dialogue with it, from arguments.

use tradesim_client::{
    Dialogue, Endpoint,
    dialogue::Ping,
    header::{Header, HeaderError},
};
use tradesim_schemas::StreamSeq;

use crate::{
    cli::{FeedArgs, HeaderArgs},
    exit::Failure,
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

/// Returns the first message to ask for: `flag`, or the parameter of the URL, which is removed from it.
pub(crate) fn from_seq(flag: Option<u64>, endpoint: &mut Endpoint) -> Result<Option<StreamSeq>, Failure> {
    match (flag, endpoint.take("from_seq")) {
        (seq, None) => Ok(seq.map(StreamSeq)),
        (None, Some(text)) => match text.parse() {
            Ok(seq) => Ok(Some(seq)),
            Err(_) => {
                Err(Failure::usage(format!("invalid from_seq={text} in the URL: expected a sequence number")))
            }
        },
        (Some(_), Some(_)) => {
            Err(Failure::usage("--from-seq and from_seq in the URL cannot be used together"))
        }
    }
}
