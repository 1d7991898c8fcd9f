//! The outlines of archives: their messages by time and type, and what their metadata says about times and messages.

use tradesim_archive::{Archive, Batches, Counts, Error, Filter, Label, Provenance, Start, TimeBins};
use tradesim_replay::{Bins, MARKS_MAX, Mark, MarkKind, Outline, OutlineOptions, Segment, Span, SpanKind};
use tradesim_schemas::{RecordSeq, StreamSeq, Timestamp};
use tradesim_sim::session::{Closed, TradingDay, date_at, parse_date};

use crate::period::follows_market_hours;

/// The number of stretches of time: more than the pixels that a page usually has for them.
const BINS_MAX: usize = 1_500;
/// The limit of trading days whose periods are listed. Over a longer time a page could not show them.
const DAYS_MAX: usize = 40;

/// Returns the outline of an archive, or of the part of it that passes a filter in its initial state; `None` if it was
/// cancelled.
///
/// # Errors
/// Errors of reading.
pub(crate) fn of_archive(
    archive: &Archive,
    filter: &Filter,
    options: OutlineOptions<'_>,
) -> Result<Option<Outline>, Error> {
    let wanted = Marks::of(archive.metadata().provenance());
    let (bins, marks) = if filter.is_open() {
        let Some(bins) = archive.time_bins(BINS_MAX, options.threads, options.cancelled)? else {
            return Ok((!(options.cancelled)()).then(|| Outline { rounds: Some(1), ..Outline::default() }));
        };
        (bins, wanted.by_row(archive)?)
    } else {
        let Some(counted) = count_filtered(archive, filter.clone(), wanted, options)? else {
            return Ok(None);
        };
        counted
    };
    let provenance = archive.metadata().provenance();
    let mut outline = Outline { rounds: Some(1), ..Outline::default() };
    outline.segments.push(segment(bins, provenance));
    let total = marks.total;
    outline.add_marks(marks.found, total);
    Ok(Some(outline))
}

/// Reads the rows that pass a filter one by one: what passes depends on more than time and type.
fn count_filtered(
    archive: &Archive,
    mut filter: Filter,
    wanted: Marks,
    options: OutlineOptions<'_>,
) -> Result<Option<(TimeBins, FoundMarks)>, Error> {
    let (Some((_, first)), Some((_, last))) = (archive.metadata().first(), archive.metadata().last()) else {
        return Ok(Some((
            TimeBins::over(Timestamp::default(), Timestamp::default(), BINS_MAX),
            FoundMarks::default(),
        )));
    };
    let cut = filter.cut();
    let mut bins = TimeBins::over(
        cut.from.filter(|_| filter.from().is_some()).map_or(first, |from| from.max(first)),
        cut.to.filter(|_| !filter.goes_by_stated_times()).map_or(last, |to| to.min(last)),
        BINS_MAX,
    );
    let mut wanted = wanted.0.into_iter().peekable();
    let mut found = FoundMarks::default();
    let mut seq = StreamSeq(0);
    let batches: Batches = archive.batches(filter.from().map_or(Start::Beginning, Start::Time));
    for batch in batches {
        if (options.cancelled)() {
            return Ok(None);
        }
        let batch = filter.retain_rows(batch?);
        for row in batch.rows() {
            bins.add(row.timestamp(), row.event().map(|event| event.event_type()));
            while let Some((wanted_seq, kind, name)) =
                wanted.next_if(|(wanted_seq, ..)| *wanted_seq <= row.seq())
            {
                // a fault is in its message alone; messages that are missing are missing before whatever comes next
                if kind == MarkKind::Gap || wanted_seq == row.seq() {
                    found.push(Mark { kind, seq, name });
                }
            }
            seq += 1;
        }
        if filter.has_ended() {
            break;
        }
    }
    Ok(Some((bins, found)))
}

/// The messages of an archive that the metadata names, by seq.
struct Marks(Vec<(RecordSeq, MarkKind, String)>);

#[derive(Default)]
struct FoundMarks {
    found: Vec<Mark>,
    total: u64,
}

impl FoundMarks {
    fn push(&mut self, mark: Mark) {
        self.total += 1;
        if self.found.len() < MARKS_MAX {
            self.found.push(mark);
        }
    }
}

impl Marks {
    fn of(provenance: &Provenance) -> Marks {
        let gaps = provenance.gaps().into_iter().map(|seq| (seq, MarkKind::Gap, "gap".to_owned()));
        let planted = provenance.faults.iter().flat_map(|faults| faults.planted.iter().flatten());
        let faults = planted
            .flat_map(|of_kind| of_kind.seqs.iter().map(|&seq| (seq, MarkKind::Fault, of_kind.kind.clone())));
        let mut marks: Vec<_> = gaps.chain(faults).collect();
        marks.sort();
        Marks(marks)
    }

    /// Converts seqs to stream sequence numbers, which are the indexes of the rows of a whole archive.
    fn by_row(self, archive: &Archive) -> Result<FoundMarks, Error> {
        let total = self.0.len() as u64;
        let groups = archive.metadata().row_groups();
        let mut found = Vec::new();
        let (mut group, mut rows_before) = (0, 0);
        for (seq, kind, name) in self.0.into_iter().take(MARKS_MAX) {
            while group < groups.len() && groups[group].last.0 < seq {
                rows_before += groups[group].rows;
                group += 1;
            }
            let row = match groups.get(group) {
                None => continue,
                Some(at) if seq <= at.first.0 => rows_before,
                // a row group without holes, which is usual, need not be read
                Some(at) if at.last.0.since(at.first.0) + 1 == at.rows => rows_before + seq.since(at.first.0),
                Some(_) => archive.rows_before(Start::Seq(seq))?,
            };
            found.push(Mark { kind, seq: StreamSeq(row), name });
        }
        Ok(FoundMarks { found, total })
    }
}

fn segment(bins: TimeBins, provenance: &Provenance) -> Segment {
    let from_us = bins.from.micros();
    let to_us = from_us.saturating_add((bins.bins.len() as i64).saturating_mul(bins.width_us as i64));
    let column = |count: fn(&Counts) -> u64| bins.bins.iter().map(count).collect();
    let mut spans = periods(from_us, to_us, provenance);
    let bursts = provenance.bursts.iter().map(|burst| Span {
        kind: SpanKind::Burst,
        from_us: burst.from.micros(),
        to_us: burst.to.micros(),
        name: format!("burst {}x", burst.multiplier),
        symbol: burst.symbol.map(|symbol| symbol.to_string()),
    });
    let spans_of_events = provenance.labels.iter().flat_map(phases);
    let added = bursts.chain(spans_of_events);
    spans.extend(added.filter(|span| span.from_us < to_us && span.to_us > from_us).take(MARKS_MAX));
    Segment {
        seq: StreamSeq(0),
        from_us,
        bin_us: bins.width_us,
        bins: Bins {
            trade: column(|counts| counts.trade),
            orderbook: column(|counts| counts.orderbook),
            marketdata: column(|counts| counts.marketdata),
            other: column(|counts| counts.raw),
        },
        spans,
    }
}

/// Returns the phases of a planned event. Each of them lasts until the next one.
fn phases(label: &Label) -> impl Iterator<Item = Span> + '_ {
    let ends = label.phases.iter().skip(1).map(|next| next.at).chain([label.to]);
    let phases = label.phases.iter().zip(ends).filter(|(phase, end)| phase.at < *end);
    phases.map(|(phase, end)| Span {
        kind: SpanKind::Event,
        from_us: phase.at.micros(),
        to_us: end.micros(),
        name: format!("{} {}", label.kind, phase.name),
        symbol: label.symbol.map(|symbol| symbol.to_string()),
    })
}

/// Returns the periods of the trading days in a time; none outside the calendar.
fn periods(from_us: i64, to_us: i64, provenance: &Provenance) -> Vec<Span> {
    let market_hours = follows_market_hours(provenance);
    // a simulated day may be a holiday that is treated as if the market were open
    let simulated = provenance.date.as_deref().and_then(parse_date);
    let (Some(from), Some(to)) = (Timestamp::from_micros(from_us), Timestamp::from_micros(to_us)) else {
        return Vec::new();
    };
    let last = date_at(to);
    let dates = date_at(from).iter_days().take_while(|date| *date <= last).take(DAYS_MAX + 1);
    let mut days = Vec::new();
    for date in dates {
        let closed = if simulated == Some(date) { Closed::Allow } else { Closed::Refuse };
        days.extend(TradingDay::new(date, closed));
    }
    if days.len() > DAYS_MAX {
        return Vec::new();
    }
    let spans = days.iter().flat_map(|day| day.periods(market_hours)).map(|span| Span {
        kind: SpanKind::Period,
        from_us: span.from.micros(),
        to_us: span.to.micros(),
        name: span.period.as_str().to_owned(),
        symbol: None,
    });
    spans.filter(|span| span.from_us < to_us && span.to_us > from_us).collect()
}
