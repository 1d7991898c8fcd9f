//! Admission of clients: where a client begins, as its URL requests.

use std::{net::SocketAddr, sync::Arc};

use tradesim_dialects::{Handshake, Script};
use tradesim_protocol::{HandshakeHeaders, Refusal, SUBPROTOCOL, StateRequest};
use tradesim_schemas::StreamSeq;

use crate::{
    client::{Admitted, DialectClient, FirstState, ScriptClient},
    client_registry::Start,
    counts::Counted,
    http::{Asks, ClientRequest, DialectRequest},
    hub::{Hub, stream_id},
    query::Join,
    selection::Selection,
    source::StreamState,
    state::book_frames,
};

/// An admitted client, and the headers of the answer to its handshake.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) client: Admitted,
}

/// Decides what a client receives. A refused client is admitted too, so that it can be sent the reason.
pub(crate) async fn admit(hub: &Arc<Hub>, request: ClientRequest) -> Admission {
    let ClientRequest { query, wants_v1: v1, peer, asks } = request;
    match asks {
        Asks::Own => admit_to_stream(hub, &query, v1, peer).await,
        Asks::Dialect(asked) => admit_in_dialect(hub, asked, query, peer),
        Asks::AsCaptured(script) => admit_by_script(hub, script, peer),
    }
}

/// Admits a client that receives the messages as they were captured: from the player's position on, whatever its query says.
fn admit_by_script(hub: &Arc<Hub>, script: Arc<Script>, peer: SocketAddr) -> Admission {
    let script = Some(Box::new(ScriptClient::new(script)));
    let client = Admitted { script, ..Admitted::from_here(hub, peer) };
    Admission { headers: Vec::new(), client }
}

impl Admitted {
    /// Returns a client that receives the whole stream from the player's position on.
    pub(crate) fn from_here(hub: &Arc<Hub>, peer: SocketAddr) -> Admitted {
        let seq = hub.published.head().seq;
        let outcome = Ok((Selection::all(), Start { seq, source_seq: seq, resumes: false }));
        let stream = hub.stream.clone();
        Admitted { peer, v1: false, stream, outcome, state: None, dialect: None, script: None }
    }
}

/// Admits a client that speaks a dialect: from the player's position on, as from a vendor.
fn admit_in_dialect(hub: &Arc<Hub>, asked: DialectRequest, query: String, peer: SocketAddr) -> Admission {
    let DialectRequest { dialect, headers } = asked;
    let handshake = Handshake { query, headers, challenge: String::new() };
    let session = dialect.session(handshake, &hub.reference, &hub.options.dialects.access);
    let dialect = Some(Box::new(DialectClient::new(dialect, session)));
    let client = Admitted { dialect, ..Admitted::from_here(hub, peer) };
    Admission { headers: Vec::new(), client }
}

async fn admit_to_stream(hub: &Arc<Hub>, query: &str, v1: bool, peer: SocketAddr) -> Admission {
    let (outcome, state) = match decide(hub, query, v1).await {
        Ok((selection, start, state)) => (Ok((selection, start)), state),
        Err(refusal) => (Err(refusal), None),
    };
    let mut headers = HandshakeHeaders { run: Some(hub.options.run.clone()), ..HandshakeHeaders::default() };
    let mut stream = hub.stream.clone();
    if let Ok((selection, start)) = &outcome {
        let info = hub.source.info();
        if !selection.is_whole_stream() {
            stream = stream_id(&info.identity, &selection.identity());
        } else {
            headers.digest = info.digest;
        }
        headers.start_seq = Some(start.seq);
        // with the subprotocol it is a notice, and nothing comes before the stream
        let books = |state: &StreamState| if v1 { 0 } else { book_frames(state, |s| selection.selects(s)).1 };
        headers.state = state.as_ref().map(|first| books(&first.state));
    }
    headers.stream = Some(stream.clone());
    Admission {
        headers: headers.pairs(),
        client: Admitted { peer, v1, stream, outcome, state, dialect: None, script: None },
    }
}

async fn decide(
    hub: &Arc<Hub>,
    query: &str,
    v1: bool,
) -> Result<(Selection, Start, Option<FirstState>), Refusal> {
    let join = Join::parse(query, hub.source.info().digest, &hub.known_symbols)?;
    let state = join.state;
    if state == Some(StateRequest::Orders) && !v1 {
        let text = format!("state: a list of orders requires the subprotocol {SUBPROTOCOL}");
        return Err(Refusal::new("needs_subprotocol", text));
    }
    let (selection, start) = place(hub, join).await?;
    let state = match state {
        None => None,
        // a stream that is being made would have to be made up to there
        Some(_) if hub.source.info().messages.is_none() && start.source_seq > hub.published.head().seq => {
            let text = format!("state: message {} was not played yet", start.seq);
            return Err(Refusal::new("state_unknown", text));
        }
        Some(request) => {
            let read = hub.states.read(hub, start.source_seq, request).await;
            let state = read.map_err(|error| Refusal::new("source_failed", error.with_cause()))?;
            Some(FirstState { state, request })
        }
    };
    Ok((selection, start, state))
}

/// Finds where a client begins.
async fn place(hub: &Arc<Hub>, join: Join) -> Result<(Selection, Start), Refusal> {
    let Join { from_seq, selection, .. } = join;
    let info = hub.source.info();
    let head = hub.published.head();
    let resumes = from_seq.is_some();
    if let (Some(seq), Some(messages)) = (from_seq, info.messages)
        && seq > StreamSeq(messages)
    {
        return Err(beyond(seq, messages));
    }
    if selection.is_whole_stream() {
        let seq = from_seq.unwrap_or(head.seq);
        return Ok((selection, Start { seq, source_seq: seq, resumes }));
    }
    // the sequence numbers of a filtered stream are only known by counting
    let bound = if resumes { info.messages.map_or(StreamSeq::MAX, StreamSeq) } else { head.seq };
    match hub.counts.locate(&selection, from_seq, bound).await {
        Ok(Counted { source_seq, seq }) => match from_seq {
            Some(wanted) if seq < wanted => Err(beyond(wanted, seq.get())),
            _ => Ok((selection, Start { seq, source_seq, resumes })),
        },
        Err(error) => Err(Refusal::new("source_failed", error.with_cause())),
    }
}

fn beyond(seq: StreamSeq, messages: u64) -> Refusal {
    Refusal::new(
        "beyond_end",
        format!("from_seq: {seq} is past the end of the stream: it has {messages} messages"),
    )
}
