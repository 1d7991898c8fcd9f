//! What `serve` plays: a simulated day from some instant on and the days after it, as messages that are numbered from 0
//! and can be read from any of them on.

mod marks;

use std::sync::Arc;

use tradesim_archive::Cut;
use tradesim_replay::{BlockBuilder, Feed, Filled, Source, SourceError, SourceInfo};
use tradesim_schemas::{Record, Timestamp};
use tradesim_sim::{
    Simulation, SimulationOptions,
    session::{CalendarError, Closed},
};

use super::{
    message::{Messages, Pace, Timestamps},
    no_place, read_error,
};
use crate::{
    filter::{self, Filter},
    parse, report,
};
use marks::{Limits, Mark, Marks};

/// What is streamed, fully determined.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The first day. The others have the same options.
    pub(crate) options: SimulationOptions,
    /// The first instant of that day that is streamed.
    pub(crate) start: Timestamp,
    /// What passes, from that instant on.
    pub(crate) filter: Filter,
    pub(crate) days: Days,
}

/// What follows the first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Days {
    /// Nothing.
    One,
    /// The trading days after it, to the end of the calendar.
    All {
        /// What to do with dates on which the market is closed.
        closed: Closed,
        /// Whether the nights between them are played.
        nights: bool,
    },
}

/// Simulated days.
///
/// Nothing of them is kept but the state of the simulation at some places: a message that was played is simulated again
/// for whoever asks for it.
#[derive(Debug)]
pub(crate) struct LiveSource {
    plan: Arc<Plan>,
    marks: Arc<Marks>,
    info: SourceInfo,
}

impl LiveSource {
    /// The source of a plan. `simulation` is the plan's first day at the plan's start.
    pub(crate) fn new(plan: Plan, simulation: Simulation) -> LiveSource {
        debug_assert_eq!(simulation.now(), plan.start);
        let mut symbols = plan.filter.cut().symbols;
        if symbols.is_empty() {
            symbols = simulation.universe().symbols().iter().map(|info| info.symbol).collect();
        }
        let info = SourceInfo { identity: identity(&plan), symbols, ..SourceInfo::default() };
        let first = Mark { seq: 0, starts_segment: false, simulation };
        LiveSource { plan: Arc::new(plan), marks: Arc::new(Marks::new(first, Limits::USUAL)), info }
    }

    /// The messages from `seq` on, as records with the numbers of their days.
    ///
    /// # Errors
    /// [`SourceError::BeyondEnd`].
    pub(crate) fn records(&self, seq: u64) -> Result<Records, SourceError> {
        let mark = self.marks.before_message(seq);
        let mut skip = seq - mark.seq;
        let mut records = self.records_from(mark);
        while skip > 0 {
            let Some(mut window) = records.next_window()? else {
                return Err(SourceError::BeyondEnd { seq, messages: records.seq });
            };
            let count = skip.min(window.records.len() as u64);
            skip -= count;
            window.records.drain(..count as usize);
            if !window.records.is_empty() {
                records.begun = Some(Window { starts_segment: false, ..window });
            }
        }
        Ok(records)
    }

    /// What the stream leaves out of its first day, if it leaves out anything.
    pub(crate) fn cut(&self) -> Option<Cut> {
        let filter = &self.plan.filter;
        (!filter.is_open()).then(|| filter.cut())
    }

    fn records_from(&self, mark: Mark) -> Records {
        Records {
            plan: Arc::clone(&self.plan),
            marks: Arc::clone(&self.marks),
            filter: self.plan.filter.clone(),
            simulation: mark.simulation,
            seq: mark.seq,
            starts_segment: mark.starts_segment,
            begun: None,
        }
    }
}

impl Source for LiveSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: u64) -> Result<Box<dyn Feed>, SourceError> {
        let records = self.records(seq)?;
        let messages = Messages::new(Timestamps::Recorded, Pace::Recorded);
        Ok(Box::new(LiveFeed { records, window: Window::default(), at: 0, messages }))
    }

    /// Exchange time is that of the first day.
    fn find(&self, place: &str) -> Result<u64, SourceError> {
        let time = parse::time(place).map_err(|invalid| no_place(place, invalid.to_string()))?;
        let at = filter::instant(time, &self.plan.options.day);
        let mut records = self.records_from(self.marks.before_time(at));
        loop {
            let before = records.seq;
            let Some(window) = records.next_window()? else {
                return Err(no_place(place, "all messages are earlier"));
            };
            if let Some(index) = window.records.iter().position(|record| record.envelope.timestamp >= at) {
                return Ok(before + index as u64);
            }
        }
    }
}

/// Names what is streamed: everything that decides it, and nothing else.
fn identity(plan: &Plan) -> String {
    let mut cut = plan.filter.cut();
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
    format!("live {identity} from {start}, {days}, cut ({})", report::cut_in_words(&cut))
}

/// Records of one stretch, in order.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) records: Vec<Record>,
    /// Whether the time before the first of them is not played.
    starts_segment: bool,
}

/// A reader of a [`LiveSource`].
#[derive(Debug)]
pub(crate) struct Records {
    plan: Arc<Plan>,
    marks: Arc<Marks>,
    simulation: Simulation,
    filter: Filter,
    /// Of the first message that the simulation has not handed out yet.
    seq: u64,
    /// Whether the time before that message is not played.
    starts_segment: bool,
    /// What is left of a window in which reading began.
    begun: Option<Window>,
}

impl Records {
    /// The records that follow, at least one; `None` after the last.
    ///
    /// # Errors
    /// None that the options of a first day that was made would leave.
    pub(crate) fn next_window(&mut self) -> Result<Option<Window>, SourceError> {
        if let Some(window) = self.begun.take() {
            return Ok(Some(window));
        }
        loop {
            if self.marks.wants(self.seq) {
                let (seq, starts_segment) = (self.seq, self.starts_segment);
                self.marks.learn(Mark { seq, starts_segment, simulation: self.simulation.clone() });
            }
            match self.simulation.next_window() {
                Some(mut records) => {
                    self.filter.retain(&mut records);
                    if !records.is_empty() {
                        self.seq += records.len() as u64;
                        let starts_segment = std::mem::take(&mut self.starts_segment);
                        return Ok(Some(Window { records, starts_segment }));
                    }
                }
                None if self.begin_next_day()? => {}
                None => return Ok(None),
            }
        }
    }

    /// Goes on to the next day, if there is one.
    fn begin_next_day(&mut self) -> Result<bool, SourceError> {
        let Days::All { closed, nights } = self.plan.days else { return Ok(false) };
        let options = self.simulation.options();
        let day = match options.day.following(closed) {
            Ok(day) => day,
            Err(CalendarError::Uncovered { .. }) => return Ok(false),
            Err(error) => return Err(read_error(error)),
        };
        let options = SimulationOptions { day, ..options.clone() };
        self.simulation = Simulation::new(options).map_err(read_error)?;
        self.starts_segment = !nights;
        Ok(true)
    }
}

/// A reader that makes messages.
struct LiveFeed {
    records: Records,
    window: Window,
    /// Records of the window that were handed out.
    at: usize,
    messages: Messages,
}

impl Feed for LiveFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        loop {
            if self.at == self.window.records.len() {
                let Some(window) = self.records.next_window()? else { return Ok(Filled::End) };
                (self.window, self.at) = (window, 0);
                if self.window.starts_segment {
                    block.start_segment();
                }
            }
            self.at += self.messages.push_records(&self.window.records[self.at..], block);
            if block.is_full() {
                return Ok(Filled::More);
            }
        }
    }
}

#[cfg(test)]
mod tests;
