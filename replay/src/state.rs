//! The state of the market that a client receives before its first message, and after a seek.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use tradesim_protocol::{Notice, ORDERS_MAX, OrderList, StateNotice, StateRequest};
use tradesim_schemas::{
    Coverage, Event, MarketState, MessageEncoder, OpenOrders, OrdersFound, ReadOptions, StreamSeq, Symbol,
    Timestamp, read,
};

use crate::{
    block::BlockBuilder,
    hub::Hub,
    outbox,
    source::{Feed, Filled, SourceError, StreamState},
};

/// The limit of states that are read at the same time.
const READS_MAX: usize = 2;

/// The states of a source, for clients.
#[derive(Debug)]
pub(crate) struct States {
    slots: Arc<Semaphore>,
}

impl States {
    pub(crate) fn new() -> States {
        States { slots: Arc::new(Semaphore::new(READS_MAX)) }
    }

    /// Returns the state before a message.
    ///
    /// # Errors
    /// Any error of the source.
    pub(crate) async fn read(
        &self,
        hub: &Hub,
        seq: StreamSeq,
        request: StateRequest,
    ) -> Result<StreamState, SourceError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let source = Arc::clone(&hub.source);
        // the slot is that of the read, which goes on when the client has left
        let read = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            source.state(seq, request)
        })
        .await;
        read.unwrap_or_else(|_| Err(SourceError::Read("the reader panicked".into())))
    }

    /// Starts to read the state before a message. A read that waits for its slot ends when the result is dropped.
    pub(crate) fn start(hub: &Arc<Hub>, seq: StreamSeq, request: StateRequest) -> PendingState {
        let (mut sender, receiver) = oneshot::channel();
        let hub = Arc::clone(hub);
        tokio::spawn(async move {
            let read = tokio::select! {
                // the client has left; checked first, so that no slot is used for it
                biased;
                () = sender.closed() => return,
                read = hub.states.read(&hub, seq, request) => read,
            };
            let _ = sender.send(read);
        });
        PendingState { receiver, result: None }
    }
}

/// A state that is being read.
#[derive(Debug)]
pub(crate) struct PendingState {
    receiver: oneshot::Receiver<Result<StreamState, SourceError>>,
    result: Option<Result<StreamState, SourceError>>,
}

impl PendingState {
    /// Returns the state once it was read.
    pub(crate) fn take(&mut self) -> Option<Result<StreamState, SourceError>> {
        self.result.take().or_else(|| self.receiver.try_recv().ok())
    }

    /// Waits until it was read.
    pub(crate) async fn ready(&mut self) {
        if self.result.is_none() {
            let read = (&mut self.receiver).await;
            self.result =
                Some(read.unwrap_or_else(|_| Err(SourceError::Read("the reader has ended".into()))));
        }
    }
}

/// Returns the frames of the last books, for a client without the subprotocol, and their number.
pub(crate) fn book_frames(state: &StreamState, selects: impl Fn(Symbol) -> bool) -> (Vec<u8>, u64) {
    let mut encoder = MessageEncoder::new();
    let (mut frames, mut text, mut count) = (Vec::new(), Vec::new(), 0);
    for book in state.market.books.iter().filter(|book| selects(book.event.symbol())) {
        text.clear();
        encoder.write(book, &mut text);
        frames.extend_from_slice(&outbox::frame(1, &text));
        count += 1;
    }
    (frames, count)
}

/// Returns the notice for a client with the subprotocol.
pub(crate) fn notice(state: &StreamState, selects: impl Fn(Symbol) -> bool) -> Notice {
    let market = &state.market;
    let books = market.books.iter().filter_map(|message| match message.event {
        Event::OrderBook(book) if selects(book.symbol) => Some(book),
        _ => None,
    });
    let counted = market.open_orders.iter().filter(|(symbol, _)| selects(*symbol));
    let counted = counted.map(|(_, count)| count).sum();
    let open_orders = state.orders.as_ref().map(|found| order_list(found, &selects, counted));
    let listed = open_orders.as_ref().map_or(0, |list| list.orders.len() as u64);
    Notice::State(StateNotice {
        books: books.collect(),
        candles: market.candles.iter().filter(|candle| selects(candle.symbol)).copied().collect(),
        period: state.period.map(str::to_owned),
        // of a recording that began after some of its orders, more may be listed than were counted
        orders: listed.max(counted),
        open_orders,
    })
}

/// Returns the list of open orders of a client: at most so many as a notice may have, of which `counted` are known to be open.
fn order_list(found: &OrdersFound, selects: impl Fn(Symbol) -> bool, counted: u64) -> OrderList {
    let selected = || found.orders.iter().filter(|order| selects(order.message.event.symbol()));
    let total = selected().count();
    let is_counted = found.coverage != Coverage::Unknown && total as u64 >= counted;
    OrderList {
        orders: selected().skip(total.saturating_sub(ORDERS_MAX)).copied().collect(),
        complete: is_counted && total <= ORDERS_MAX,
    }
}

/// Reads the messages before `seq` from the beginning of a stream.
pub(crate) fn by_reading(
    mut feed: Box<dyn Feed>,
    seq: StreamSeq,
    request: StateRequest,
) -> Result<StreamState, SourceError> {
    let mut market = MarketState::new();
    let mut orders = (request == StateRequest::Orders).then(OpenOrders::new);
    let mut builder = BlockBuilder::new(StreamSeq(0));
    let mut now = Timestamp::MIN;
    let state = |market: &MarketState, orders: Option<OpenOrders>, now| StreamState {
        market: market.view(now),
        period: None,
        orders: orders.map(|orders| OrdersFound { orders: orders.list(), coverage: Coverage::All }),
    };
    loop {
        let filled = feed.fill(&mut builder)?;
        let end = builder.next_seq();
        if !builder.is_empty() {
            let block = builder.take();
            for (index, entry) in block.entries().iter().enumerate() {
                now = entry.meta.at;
                if entry.starts_segment {
                    market.begin_recording();
                    orders.iter_mut().for_each(OpenOrders::begin_recording);
                }
                if block.first_seq() + index as u64 == seq {
                    return Ok(state(&market, orders, now));
                }
                if entry.meta.kind.is_some()
                    && let Ok(message) = read(block.text(index), ReadOptions::default())
                    && let Some(message) = message.to_envelope()
                {
                    market.push(&message);
                    orders.iter_mut().for_each(|orders| orders.push(&message));
                }
            }
        }
        if filled == Filled::End {
            return match end < seq {
                true => Err(SourceError::BeyondEnd { seq, messages: end.get() }),
                false => Ok(state(&market, orders, now)),
            };
        }
    }
}
