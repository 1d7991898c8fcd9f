//! The digest of what has to arrive, computed from the recording and the plan of faults, apart from the server.

use tradesim_replay::{BlockBuilder, Filled, LineFault, Source, SourceError};
use tradesim_schemas::{ContentDigest, Digest};

use crate::faults::{Kind, Planted};

/// Returns the digest of what an end point has in the end of the first `messages` of a stream: all of them, in order, each
/// once. Of planted faults, what is missing does not arrive, and what is repeated arrives once. Of a message above the limit
/// only the beginning is kept, in its dead letter, so that no digest of what arrived contains it.
///
/// # Errors
/// Any error of reading the recording.
pub(super) fn digest(
    source: &dyn Source,
    planted: Option<&Planted>,
    messages: u64,
) -> Result<Digest, SourceError> {
    let is_oversize = |seq| {
        planted.and_then(|planted| planted.hits.get(&seq)).is_some_and(|hit| hit.kind == Kind::Oversize)
    };
    let mut digest = ContentDigest::new();
    let mut feed = source.open(0)?;
    let mut builder = BlockBuilder::new(0);
    while builder.next_seq() < messages {
        let filled = feed.fill(&mut builder)?;
        if !builder.is_empty() {
            let block = builder.take();
            for message in 0..block.messages() {
                let seq = block.first_seq() + message as u64;
                if seq < messages && block.fault_at(message) != Some(LineFault::Missing) && !is_oversize(seq)
                {
                    digest.push(block.recorded_text(message));
                }
            }
        }
        if filled == Filled::End {
            break;
        }
    }
    Ok(digest.finish())
}
