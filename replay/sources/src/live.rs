//! The source of `serve`: a simulated day from some instant on, and the days after it, as messages that are numbered from 0 and
//! can be read from any of them on.

mod market;
mod recent;
mod snapshots;

use std::sync::Arc;

use tradesim_archive::{Cut, Filter};
use tradesim_replay::{
    BlockBuilder, Feed, Filled, Source, SourceError, SourceInfo, StateRequest, StreamState,
};
use tradesim_schemas::{MarketState, OpenOrders, Record, StreamSeq, TimeSpec, Timestamp};
use tradesim_sim::{
    Request, Simulation, SimulationOptions, plan_possible,
    session::{CalendarError, Closed},
};

use crate::{
    message::{Messages, Pace, Timestamps},
    no_place, period,
    phases::{self, Phases, PlannedPhases},
    read_error,
};
pub use market::LiveMarket;
use recent::Recent;
use snapshots::{Limits, Snapshot, Snapshots};

/// The definition of a live stream.
#[derive(Debug)]
pub struct LivePlan {
    /// The options of the first day; later days have the same ones, except for planned events.
    pub options: SimulationOptions,
    /// The planned events of each day, as they are asked for. On later days, those that are not possible then are left out.
    pub events: Vec<Request>,
    /// The instant of the first day at which the stream starts.
    pub start: Timestamp,
    /// The filter of messages.
    pub filter: Filter,
    /// The days after the first one.
    pub days: Days,
}

/// The days after the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    /// None.
    One,
    /// The trading days after it, to the end of the calendar.
    All {
        /// The treatment of dates on which the market is closed.
        closed: Closed,
        /// True if the time between the days is played.
        nights: bool,
    },
}

/// A source of simulated days.
///
/// It stores only snapshots of the simulation, not messages: for a reader of earlier messages, they are simulated again.
#[derive(Debug)]
pub struct LiveSource {
    plan: Arc<LivePlan>,
    snapshots: Arc<Snapshots>,
    /// The messages that were simulated most recently.
    recent: Arc<Recent>,
    /// The orders that are open at the start of the stream.
    first_orders: OpenOrders,
    info: SourceInfo,
}

impl LiveSource {
    /// Creates the source of a plan. `simulation` is its first day in its state at the start, and `market` the state of the
    /// market then, from the events before.
    pub fn new(plan: LivePlan, simulation: Simulation, market: LiveMarket) -> LiveSource {
        debug_assert_eq!(simulation.now(), plan.start);
        let mut symbols = plan.filter.cut().symbols.clone();
        if symbols.is_empty() {
            symbols = simulation.universe().symbols().iter().map(|info| info.symbol).collect();
        }
        let info = SourceInfo { identity: identity(&plan), symbols, ..SourceInfo::default() };
        let LiveMarket { state, orders: first_orders } = market;
        let recent = Arc::new(Recent::new(state.clone()));
        let first =
            Snapshot { seq: StreamSeq(0), starts_segment: false, simulation, market: state, before: None };
        let snapshots = Arc::new(Snapshots::new(first, Limits::USUAL));
        LiveSource { plan: Arc::new(plan), snapshots, recent, first_orders, info }
    }

    /// Returns the messages from `seq` on, as records with the sequence numbers of their days.
    ///
    /// # Errors
    /// Fails with [`SourceError::BeyondEnd`].
    pub fn records(&self, seq: StreamSeq) -> Result<LiveRecords, SourceError> {
        let snapshot = self.snapshots.before_message(seq);
        let mut skip = seq - snapshot.seq;
        let mut records = self.records_from(snapshot);
        while skip > 0 {
            let Some(mut window) = records.next_window()? else {
                return Err(SourceError::BeyondEnd { seq, messages: records.seq.get() });
            };
            let count = skip.min(window.records.len() as u64);
            skip -= count;
            records.before =
                window.records.drain(..count as usize).next_back().map(|last| last.envelope.timestamp);
            if !window.records.is_empty() {
                records.begun = Some(Window { starts_segment: false, ..window });
            }
        }
        Ok(records)
    }

    /// Returns the cut of the first day, if the stream does not contain all of it.
    pub fn cut(&self) -> Option<Cut> {
        let filter = &self.plan.filter;
        (!filter.is_open()).then(|| filter.cut().clone())
    }

    /// Returns the state before a message, and the time of the message, from the nearest snapshot.
    fn simulate_state(&self, seq: StreamSeq) -> Result<(MarketState, Timestamp), SourceError> {
        let snapshot = self.snapshots.before_message(seq);
        let (mut market, mut next) = (snapshot.market.clone(), snapshot.seq);
        let mut last = snapshot.simulation.now().max(self.plan.start);
        let mut records = self.records_from(snapshot);
        while let Some(window) = records.next_window()? {
            for record in &window.records {
                last = record.envelope.timestamp;
                if next == seq {
                    return Ok((market, last));
                }
                market.push(&record.envelope);
                next += 1;
            }
        }
        if next == seq {
            Ok((market, last))
        } else {
            Err(SourceError::BeyondEnd { seq, messages: next.get() })
        }
    }

    fn records_from(&self, snapshot: Snapshot) -> LiveRecords {
        let phases = phases_of(&self.plan, &snapshot.simulation);
        LiveRecords {
            plan: Arc::clone(&self.plan),
            snapshots: Arc::clone(&self.snapshots),
            recent: Arc::clone(&self.recent),
            filter: self.plan.filter.clone(),
            simulation: snapshot.simulation,
            market: snapshot.market,
            seq: snapshot.seq,
            starts_segment: snapshot.starts_segment,
            before: snapshot.before,
            phases,
            begun: None,
        }
    }
}

impl Source for LiveSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        let records = self.records(seq)?;
        let messages = Messages::new(Timestamps::Recorded, Pace::Recorded);
        let phases = Phases::after(Arc::clone(&records.phases), records.before);
        Ok(Box::new(LiveFeed { records, window: Window::default(), at: 0, messages, phases }))
    }

    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        let (market, at) = match self.recent.before(seq) {
            Some(found) => found,
            None => self.simulate_state(seq)?,
        };
        let mut market = market.view(at);
        period::keep_passing(&mut market, &self.plan.filter);
        let orders = match request {
            StateRequest::Books => None,
            StateRequest::Orders => {
                let counted = market.open_orders.iter().map(|(_, count)| count).sum();
                let mut found = self.orders_before(seq, counted)?;
                period::keep_passing_orders(&mut found.orders, &self.plan.filter);
                Some(found)
            }
        };
        // each day that is simulated is one on which the market is open
        let period = period::period_at(at, self.plan.options.market_hours, Closed::Allow);
        Ok(StreamState { market, period: Some(period), orders })
    }

    /// Exchange time refers to the first day.
    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        let at = self.plan.options.day.resolve(time);
        let mut records = self.records_from(self.snapshots.before_time(at));
        loop {
            let before = records.seq;
            let Some(window) = records.next_window()? else {
                return Err(no_place(time, "all messages are earlier"));
            };
            if let Some(index) = window.records.iter().position(|record| record.envelope.timestamp >= at) {
                return Ok(before + index as u64);
            }
        }
    }
}

/// Returns the identity of the stream: everything that determines its messages, and nothing else.
fn identity(plan: &LivePlan) -> String {
    let mut cut = plan.filter.cut().clone();
    cut.from = None;
    cut.symbols.sort_unstable();
    let days = match plan.days {
        Days::One => "one day",
        Days::All { closed: Closed::Refuse, nights: true } => "trading days with nights",
        Days::All { closed: Closed::Refuse, nights: false } => "trading days",
        Days::All { closed: Closed::Allow, nights: true } => "all days with nights",
        Days::All { closed: Closed::Allow, nights: false } => "all days",
    };
    let (identity, start) = (plan.options.identity(), plan.start);
    // the identity of the first day has its events; those of later days follow from what is asked for
    let events = match plan.days {
        Days::All { .. } if !plan.events.is_empty() => {
            let events: Vec<String> = plan.events.iter().map(Request::to_string).collect();
            format!(", events ({})", events.join("; "))
        }
        _ => String::new(),
    };
    format!("live {identity} from {start}, {days}{events}, cut ({cut})")
}

/// Returns the phases of the planned events of a day.
fn phases_of(plan: &LivePlan, day: &Simulation) -> PlannedPhases {
    let labels = phases::archived(day.options().labels());
    phases::of_labels(&labels, plan.filter.cut(), Timestamps::Recorded)
}

/// The records of a window of time, in order.
#[derive(Debug, Default)]
pub struct Window {
    /// At least one record.
    pub records: Vec<Record>,
    /// True if the time before the first record is skipped.
    starts_segment: bool,
    /// The phases of the planned events of the day.
    phases: PlannedPhases,
}

/// A reader of a [`LiveSource`].
#[derive(Debug)]
pub struct LiveRecords {
    plan: Arc<LivePlan>,
    snapshots: Arc<Snapshots>,
    recent: Arc<Recent>,
    simulation: Simulation,
    /// The state of the market before the next message of the simulation.
    market: MarketState,
    filter: Filter,
    /// The sequence number of the next message of the simulation.
    seq: StreamSeq,
    /// True if the time before that message is skipped.
    starts_segment: bool,
    /// The time of the message before the next one that is returned.
    before: Option<Timestamp>,
    /// The phases of the planned events of the simulated day.
    phases: PlannedPhases,
    /// The rest of the window in which reading started.
    begun: Option<Window>,
}

impl LiveRecords {
    /// Returns the next records, at least one, or `None` after the last.
    ///
    /// # Errors
    /// Does not fail if the first day could be simulated.
    pub fn next_window(&mut self) -> Result<Option<Window>, SourceError> {
        if let Some(window) = self.begun.take() {
            self.before = window.records.last().map(|last| last.envelope.timestamp);
            return Ok(Some(window));
        }
        loop {
            if self.snapshots.wants(self.seq) {
                let (seq, starts_segment) = (self.seq, self.starts_segment);
                let (simulation, market) = (self.simulation.clone(), self.market.clone());
                let before = self.before;
                self.snapshots.learn(Snapshot { seq, starts_segment, simulation, market, before });
            }
            match self.simulation.next_window() {
                Some(mut records) => {
                    self.filter.retain(&mut records);
                    if !records.is_empty() {
                        self.recent.add(self.seq, &records);
                        records.iter().for_each(|record| self.market.push(&record.envelope));
                        self.seq += records.len() as u64;
                        let starts_segment = std::mem::take(&mut self.starts_segment);
                        self.before = records.last().map(|last| last.envelope.timestamp);
                        let phases = Arc::clone(&self.phases);
                        return Ok(Some(Window { records, starts_segment, phases }));
                    }
                }
                None if self.begin_next_day()? => {}
                None => return Ok(None),
            }
        }
    }

    /// Starts the next day. Returns false if there is none.
    fn begin_next_day(&mut self) -> Result<bool, SourceError> {
        let Days::All { closed, nights } = self.plan.days else { return Ok(false) };
        let options = self.simulation.options();
        let day = match options.day.following(closed) {
            Ok(day) => day,
            Err(CalendarError::Uncovered { .. }) => return Ok(false),
            Err(error) => return Err(read_error(error)),
        };
        let options = SimulationOptions { day, planned_events: Vec::new(), ..options.clone() };
        let planned_events = plan_possible(&self.plan.events, &options);
        let options = SimulationOptions { planned_events, ..options };
        self.simulation = Simulation::new(options).map_err(read_error)?;
        self.phases = phases_of(&self.plan, &self.simulation);
        self.starts_segment = !nights;
        Ok(true)
    }
}

/// The feed of a [`LiveSource`].
struct LiveFeed {
    records: LiveRecords,
    window: Window,
    /// The number of records of the window that were returned.
    at: usize,
    messages: Messages,
    phases: Phases,
}

impl Feed for LiveFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        loop {
            if self.at == self.window.records.len() {
                let Some(window) = self.records.next_window()? else { return Ok(Filled::End) };
                if !self.phases.are_of(&window.phases) {
                    self.phases = Phases::after(Arc::clone(&window.phases), None);
                }
                (self.window, self.at) = (window, 0);
                if self.window.starts_segment {
                    block.start_segment();
                }
            }
            let records = &self.window.records[self.at..];
            let count = self.phases.announce(records, block);
            self.at += self.messages.push_records(&records[..count], block);
            if block.is_full() {
                return Ok(Filled::More);
            }
        }
    }
}

#[cfg(test)]
mod tests;
