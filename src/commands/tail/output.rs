//! Where messages go: lines, lines for people, or nowhere but the digest.

use tradesim_schemas::{ContentDigest, Digest};

use super::pretty::Pretty;
use crate::{
    cli::Tail,
    output::{MessageLines, Stdout},
};

/// What becomes of messages. All of them go into the digest, which costs little and shows at the end whether they were
/// those that the server meant.
#[derive(Debug)]
pub(super) struct Output {
    lines: Option<Lines>,
    digest: ContentDigest,
    bytes: u64,
}

#[derive(Debug)]
struct Lines {
    out: Stdout,
    pretty: Option<Pretty>,
    shown: MessageLines,
    /// A message as it is written.
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
        Output { lines, digest: ContentDigest::new(), bytes: 0 }
    }

    /// Takes a message.
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

    /// Shows what was taken; called whenever there is nothing more to take for now.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if let Some(lines) = &mut self.lines
            && std::mem::take(&mut lines.unflushed)
        {
            lines.out.flush()?;
        }
        Ok(())
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest.finish()
    }

    /// Bytes of all messages.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
