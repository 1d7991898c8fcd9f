//! The output of messages: lines, readable lines, or only the digest.

use tradesim_protocol::{Notice, StateNotice};
use tradesim_schemas::{ContentDigest, ContentHasher};

use super::pretty::Pretty;
use crate::{
    cli::Tail,
    output::{MessageLines, Stdout},
};

/// The output of messages. All of them are hashed, which costs little, so that the digest can be compared with that of the
/// server.
#[derive(Debug)]
pub(super) struct Output {
    lines: Option<Lines>,
    digest: ContentHasher,
    bytes: u64,
}

#[derive(Debug)]
struct Lines {
    out: Stdout,
    pretty: Option<Pretty>,
    shown: MessageLines,
    /// The buffer of a line.
    line: Vec<u8>,
    unflushed: bool,
}

impl Output {
    pub(super) fn new(args: &Tail) -> Output {
        let lines = (!args.digest).then(|| Lines {
            out: Stdout::new(),
            pretty: args.pretty.then(Pretty::of_process),
            shown: MessageLines::of_stdout(args.raw),
            line: Vec::new(),
            unflushed: false,
        });
        Output { lines, digest: ContentHasher::new(), bytes: 0 }
    }

    /// Outputs a message.
    pub(super) fn message(&mut self, message: &[u8]) -> anyhow::Result<()> {
        self.digest.push(message);
        self.bytes += message.len() as u64;
        if let Some(lines) = &mut self.lines {
            lines.unflushed = true;
            lines.line.clear();
            match lines.pretty {
                Some(pretty) => MessageLines::Raw.push(pretty.line(message).as_bytes(), &mut lines.line),
                None => lines.shown.push(message, &mut lines.line),
            }
            lines.out.write(&lines.line)?;
        }
        Ok(())
    }

    /// Outputs the state of the market before the next message. It is not part of the digest.
    pub(super) fn state(&mut self, state: StateNotice) -> anyhow::Result<()> {
        if let Some(lines) = &mut self.lines {
            let texts = match lines.pretty {
                Some(pretty) => pretty.state(&state),
                None => vec![Notice::State(state).text()],
            };
            // readable lines may have colours, and are safe already
            let shown = if lines.pretty.is_some() { &mut MessageLines::Raw } else { &mut lines.shown };
            lines.line.clear();
            texts.iter().for_each(|text| shown.push(text.as_bytes(), &mut lines.line));
            lines.unflushed = true;
            lines.out.write(&lines.line)?;
        }
        Ok(())
    }

    /// Flushes the output; called whenever no more messages are available for now.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if let Some(lines) = &mut self.lines
            && std::mem::take(&mut lines.unflushed)
        {
            lines.out.flush()?;
        }
        Ok(())
    }

    pub(super) fn digest(&self) -> ContentDigest {
        self.digest.finish()
    }

    /// Returns the bytes of all messages.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
