//! Where a client begins, by what its URL asks for.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    block::BlockBuilder,
    client::Admitted,
    hub::{Hub, Start, stream_id},
    query::Join,
    refusal::Refusal,
    selection::Selection,
    source::{Filled, Source, SourceError},
};

/// A client that may come in, and the headers that tell it so.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) client: Admitted,
}

/// Decides what a client gets. Whoever is refused comes in all the same, to be told why.
pub(crate) async fn admit(hub: &Arc<Hub>, query: &str, v1: bool, peer: SocketAddr) -> Admission {
    let outcome = decide(hub, query).await;
    let mut headers = vec![("tradesim-run", hub.options.run.clone())];
    let mut stream = hub.stream.clone();
    if let Ok((selection, start)) = &outcome {
        let info = hub.source.info();
        if !selection.is_whole_stream() {
            stream = stream_id(&info.identity, &selection.identity());
        } else if let Some(digest) = info.digest {
            headers.push(("tradesim-digest", digest.to_string()));
        }
        headers.push(("tradesim-start-seq", start.seq.to_string()));
    }
    headers.push(("tradesim-stream", stream.clone()));
    Admission { headers, client: Admitted { peer, v1, stream, outcome } }
}

async fn decide(hub: &Arc<Hub>, query: &str) -> Result<(Selection, Start), Refusal> {
    let info = hub.source.info();
    let Join { from_seq, selection } = Join::parse(query, info.digest, &hub.known_symbols)?;
    let head = *hub.head.borrow();
    let resumes = from_seq.is_some();
    if let (Some(seq), Some(messages)) = (from_seq, info.messages)
        && seq > messages
    {
        return Err(beyond(seq, messages));
    }
    if selection.is_whole_stream() {
        let seq = from_seq.unwrap_or(head.seq);
        return Ok((selection, Start { seq, source_seq: seq, resumes }));
    }
    // the numbers of a filtered stream are only known by counting
    let bound = if resumes { info.messages.unwrap_or(head.seq) } else { head.seq };
    let counted = selection.clone();
    let source = Arc::clone(&hub.source);
    let _permit = hub.readers.acquire().await;
    let count = tokio::task::spawn_blocking(move || count(source.as_ref(), &counted, from_seq, bound)).await;
    match count {
        Ok(Ok(Counted { source_seq, seq })) => match from_seq {
            Some(wanted) if seq < wanted => Err(beyond(wanted, seq)),
            _ => Ok((selection, Start { seq, source_seq, resumes })),
        },
        Ok(Err(error)) => Err(Refusal::new("source_failed", error.to_string())),
        Err(_) => Err(Refusal::new("source_failed", "the reader panicked")),
    }
}

fn beyond(seq: u64, messages: u64) -> Refusal {
    Refusal::new("beyond_end", format!("from_seq: {seq} is behind the end, which is at {messages}"))
}

/// A place in a filtered stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    source_seq: u64,
    /// Messages before it that pass the filter.
    seq: u64,
}

/// Counts the messages before `bound` that pass, at most up to the message with the number `wanted`.
fn count(
    source: &dyn Source,
    selection: &Selection,
    wanted: Option<u64>,
    bound: u64,
) -> Result<Counted, SourceError> {
    let mut counted = Counted { source_seq: 0, seq: 0 };
    if bound == 0 || wanted == Some(0) {
        return Ok(counted);
    }
    let mut feed = source.open(0)?;
    let mut builder = BlockBuilder::new(0);
    loop {
        let filled = feed.fill(&mut builder)?;
        if !builder.is_empty() {
            for entry in builder.take().entries() {
                if counted.source_seq == bound {
                    return Ok(counted);
                }
                counted.source_seq += 1;
                counted.seq += u64::from(selection.in_stream(entry.meta.kind));
                if Some(counted.seq) == wanted {
                    return Ok(counted);
                }
            }
        }
        if filled == Filled::End {
            return Ok(counted);
        }
    }
}
