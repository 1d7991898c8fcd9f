//! Several archives one after the other, once, several times or without an end.

use std::{fmt, sync::Arc};

use tradesim_replay::{
    BlockBuilder, Feed, Filled, Mark, Outline, OutlineOptions, Source, SourceError, SourceInfo, StateRequest,
    StreamState,
};

use tradesim_schemas::{StreamSeq, TimeSpec};

use crate::{ArchiveSource, Timestamps, read_error};

/// The number of times that a playlist is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// This many times.
    Times(u64),
    /// Until the server stops.
    Endless,
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rounds::Times(times) => write!(f, "{times}x"),
            Rounds::Endless => f.write_str("endless"),
        }
    }
}

/// Archives one after the other. Sequence numbers continue over archives and rounds. The time between two archives is skipped.
#[derive(Debug)]
pub struct Playlist {
    order: Arc<Order>,
    info: SourceInfo,
}

/// The archives in the order in which they are played.
#[derive(Debug)]
struct Order {
    /// At least one.
    parts: Vec<ArchiveSource>,
    rounds: Rounds,
}

/// A position in a playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    round: u64,
    part: usize,
    /// The sequence number in the part.
    seq: StreamSeq,
}

impl Playlist {
    /// Creates a playlist of at least one archive.
    pub fn new(parts: Vec<ArchiveSource>, rounds: Rounds, timestamps: Timestamps) -> Playlist {
        let one_round: Option<u64> = parts.iter().map(|part| part.info().messages).sum();
        let is_single = parts.len() == 1 && rounds == Rounds::Times(1);
        let identities: Vec<&str> = parts.iter().map(|part| part.info().identity.as_str()).collect();
        let mut symbols = Vec::new();
        for part in &parts {
            symbols.extend_from_slice(&part.info().symbols);
        }
        if parts.iter().any(|part| part.info().symbols.is_empty()) {
            symbols.clear();
        }
        symbols.sort_unstable();
        symbols.dedup();
        let info = SourceInfo {
            identity: match is_single {
                true => identities[0].to_owned(),
                false => format!("playlist {rounds} [{}]", identities.join("; ")),
            },
            messages: match rounds {
                Rounds::Times(times) => one_round.and_then(|messages| messages.checked_mul(times)),
                Rounds::Endless => None,
            },
            digest: parts[0].info().digest.filter(|_| is_single && timestamps == Timestamps::Recorded),
            symbols,
        };
        Playlist { order: Arc::new(Order { parts, rounds }), info }
    }

    /// Returns the number of messages, or `None` for an endless playlist. With filters, they are counted once.
    ///
    /// # Errors
    /// Returns errors of reading.
    pub fn count(&self) -> Result<Option<u64>, tradesim_archive::Error> {
        let Rounds::Times(times) = self.order.rounds else { return Ok(None) };
        let round: u64 = self.order.parts.iter().map(ArchiveSource::count).sum::<Result<_, _>>()?;
        Ok(round.checked_mul(times))
    }
}

impl Order {
    /// Returns the number of messages in a round, if it is already known.
    fn round_messages(&self) -> Option<u64> {
        self.parts.iter().map(ArchiveSource::known_count).sum()
    }

    /// Returns the number of whole rounds before message `seq`, and the number of messages in them.
    fn whole_rounds(&self, seq: StreamSeq) -> (u64, u64) {
        match self.round_messages() {
            None | Some(0) => (0, 0),
            Some(messages) => {
                let rounds = match self.rounds {
                    Rounds::Times(times) => (seq.get() / messages).min(times),
                    Rounds::Endless => seq.get() / messages,
                };
                (rounds, rounds * messages)
            }
        }
    }

    /// Finds the position of message `seq`, and opens the part there; the feed is `None` after the last round.
    fn locate(&self, seq: StreamSeq) -> Result<(Position, Option<Box<dyn Feed>>), SourceError> {
        let (mut round, mut before) = self.whole_rounds(seq);
        let mut part = 0;
        loop {
            let position = Position { round, part, seq: seq - before };
            let part_messages = match self.open(position) {
                Ok(None) if StreamSeq(before) < seq => {
                    return Err(SourceError::BeyondEnd { seq, messages: before });
                }
                Ok(feed) => return Ok((position, feed)),
                Err(SourceError::BeyondEnd { messages, .. }) => messages,
                Err(error) => return Err(error),
            };
            before += part_messages;
            part += 1;
            if part == self.parts.len() {
                part = 0;
                round += 1;
                if round == 1 {
                    // all lengths are known after the first round
                    (round, before) = match self.round_messages() {
                        Some(0) => return Err(SourceError::BeyondEnd { seq, messages: 0 }),
                        _ => self.whole_rounds(seq),
                    };
                }
            }
        }
    }

    /// Returns the position of the part after that of a position.
    fn after(&self, Position { round, part, .. }: Position) -> Position {
        let is_last = part + 1 == self.parts.len();
        Position {
            round: round + u64::from(is_last),
            part: if is_last { 0 } else { part + 1 },
            seq: StreamSeq(0),
        }
    }

    /// Returns the position of the part before that of a position; `None` before the first.
    fn before(&self, Position { round, part, .. }: Position) -> Option<Position> {
        let (round, part) = match part.checked_sub(1) {
            Some(part) => (round, part),
            None => (round.checked_sub(1)?, self.parts.len() - 1),
        };
        Some(Position { round, part, seq: StreamSeq(0) })
    }

    /// Returns true after the last round.
    fn is_over(&self, position: Position) -> bool {
        matches!(self.rounds, Rounds::Times(times) if position.round >= times)
    }

    /// Opens the part at a position. Returns `None` after the last round.
    fn open(&self, position: Position) -> Result<Option<Box<dyn Feed>>, SourceError> {
        match self.is_over(position) {
            true => Ok(None),
            false => self.parts[position.part].open(position.seq).map(Some),
        }
    }
}

impl Source for Playlist {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        let (position, feed) = self.order.locate(seq)?;
        Ok(Box::new(PlaylistFeed {
            order: Arc::clone(&self.order),
            position,
            starts_segment: position.seq == StreamSeq(0) && (position.round, position.part) != (0, 0),
            feed,
        }))
    }

    /// Candles and orders start again with each archive and round. The books of symbols that did not occur since are those of
    /// the archives before.
    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        let parts = &self.order.parts;
        let (mut position, feed) = self.order.locate(seq)?;
        let mut state = if feed.is_none() {
            // after the last message, the state is that of the last archive
            StreamState::default()
        } else {
            // the message after the last one of an archive is the first of the next one that has any
            let mut next = position;
            for _ in 0..=parts.len() {
                if !parts[next.part].ends_at(next.seq)? {
                    position = next;
                    break;
                }
                next = self.order.after(next);
                if self.order.is_over(next) {
                    break;
                }
            }
            parts[position.part].state(position.seq, request)?
        };
        // a whole round before it states everything
        for _ in 0..parts.len() {
            let is_complete = self
                .info
                .symbols
                .iter()
                .all(|symbol| state.market.books.iter().any(|book| book.event.symbol() == *symbol));
            let Some(before) = self.order.before(position) else { break };
            if is_complete && !self.info.symbols.is_empty() {
                break;
            }
            position = before;
            let earlier = parts[position.part].final_state()?;
            if feed.is_none() && state == StreamState::default() {
                state = match request {
                    StateRequest::Books => earlier.clone(),
                    StateRequest::Orders => {
                        let end = StreamSeq(parts[position.part].count().map_err(read_error)?);
                        parts[position.part].state(end, request)?
                    }
                };
            }
            state.market.fill_books(&earlier.market.books);
        }
        Ok(state)
    }

    /// Finds the position in the first round.
    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        let (last, others) = self.order.parts.split_last().expect("a playlist has an archive");
        let mut before = 0;
        for part in others {
            match part.find(time) {
                Err(SourceError::InvalidPosition { .. }) => before += part.count().map_err(read_error)?,
                found => return Ok(found? + before),
            }
        }
        Ok(last.find(time)? + before)
    }

    fn outline(&self, options: OutlineOptions<'_>) -> Result<Option<Outline>, SourceError> {
        let rounds = match self.order.rounds {
            Rounds::Times(times) => Some(times),
            Rounds::Endless => None,
        };
        let mut whole = Outline { rounds, ..Outline::default() };
        let mut before = 0;
        for part in &self.order.parts {
            let Some(outline) = part.outline(options)? else { return Ok(None) };
            let Outline { segments, marks, marks_total, .. } = outline;
            whole.add_marks(
                marks.into_iter().map(|mark| Mark { seq: mark.seq + before, ..mark }),
                marks_total,
            );
            let first = before;
            for mut segment in segments {
                segment.seq += first;
                before += segment.bins.total();
                whole.segments.push(segment);
            }
        }
        Ok(Some(whole))
    }
}

struct PlaylistFeed {
    order: Arc<Order>,
    /// The position at which reading the current part started.
    position: Position,
    /// True if the next message is the first of a part.
    starts_segment: bool,
    /// The feed of the current part; `None` after the end.
    feed: Option<Box<dyn Feed>>,
}

impl Feed for PlaylistFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        // consecutive parts without messages: a whole round of them would never end
        let mut empty_parts = 0;
        while let Some(feed) = &mut self.feed {
            if self.starts_segment {
                block.start_segment();
            }
            let first = block.next_seq();
            let filled = feed.fill(block)?;
            if block.next_seq() > first {
                self.starts_segment = false;
                empty_parts = 0;
            }
            if filled == Filled::End {
                empty_parts += 1;
                self.feed = if empty_parts > self.order.parts.len() { None } else { self.next_part()? };
            }
            if block.is_full() && self.feed.is_some() {
                return Ok(Filled::More);
            }
        }
        Ok(Filled::End)
    }
}

impl PlaylistFeed {
    fn next_part(&mut self) -> Result<Option<Box<dyn Feed>>, SourceError> {
        self.position = self.order.after(self.position);
        self.starts_segment = true;
        self.order.open(self.position)
    }
}
