//! The digest of the messages that must arrive, computed from the recording and the fault plan, independently of the server.

use tradesim_replay::{BlockBuilder, Filled, LineFault, Source, SourceError};
use tradesim_schemas::{ContentDigest, ContentHasher, StreamSeq};
use tradesim_sources::{FaultKind, Planted};

/// Returns the digest of the first `messages` of a stream as an end point must receive them: in order, each once. Messages that
/// are dropped by planted faults are not part of it, and repeated ones are part of it once. Messages above the size limit are
/// not part of it either, because their dead letters contain only their beginning.
///
/// # Errors
/// Returns errors of reading the recording.
pub(crate) fn digest(
    source: &dyn Source,
    planted: Option<&Planted>,
    messages: u64,
) -> Result<ContentDigest, SourceError> {
    let is_oversize = |seq| {
        planted.and_then(|planted| planted.hits.get(&seq)).is_some_and(|hit| hit.kind == FaultKind::Oversize)
    };
    let mut digest = ContentHasher::new();
    let mut feed = source.open(StreamSeq(0))?;
    let mut builder = BlockBuilder::new(StreamSeq(0));
    while builder.next_seq() < StreamSeq(messages) {
        let filled = feed.fill(&mut builder)?;
        if !builder.is_empty() {
            let block = builder.take();
            for message in 0..block.messages() {
                let seq = block.first_seq().get() + message as u64;
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
