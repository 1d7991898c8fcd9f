//! `diff`: shows the first message in which two archives differ, field by field, with the messages before it.
//!
//! Both archives are read in lockstep, so memory use is constant. Only messages are compared: sequence numbers, row groups and
//! metadata may differ.

mod fields;

use std::collections::VecDeque;

use serde::Serialize;
use tradesim_archive::{Content, Row};
use tradesim_schemas::{Envelope, Event, RecordSeq};

use crate::{
    cli::Diff,
    exit::Outcome,
    output::{self, Stdout, grouped},
    report::SCHEMA_VERSION,
    signals,
    source::{self, RowReader},
};
use fields::{FieldDifference, differing_fields, message};

/// The number of messages shown before the first difference.
const CONTEXT: usize = 3;

#[derive(Serialize)]
struct DiffReport {
    schema_version: u32,
    same: bool,
    /// The number of equal messages before the first difference.
    equal: u64,
    difference: Option<Difference>,
}

#[derive(Serialize)]
struct Difference {
    /// The zero-based index of the message in both archives.
    position: u64,
    a: Option<Side>,
    b: Option<Side>,
    fields: Vec<FieldDifference>,
    /// The last messages before it.
    context: Vec<String>,
}

#[derive(Serialize)]
struct Side {
    seq: RecordSeq,
    message: String,
}

pub(crate) fn run(args: &Diff) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archives = [source::open(&args.a, args.reading)?, source::open(&args.b, args.reading)?];
    let [a, b] = &archives;
    let report = compare(&mut RowReader::new(a), &mut RowReader::new(b))?;
    output::emit(args.json, &report, |out| write(&report, out))?;
    Ok(if report.same { Outcome::Done } else { Outcome::Difference })
}

fn compare(a: &mut RowReader, b: &mut RowReader) -> anyhow::Result<DiffReport> {
    let mut equal = 0;
    let mut context: VecDeque<Row> = VecDeque::with_capacity(CONTEXT + 1);
    loop {
        let rows = (a.next_row()?, b.next_row()?);
        match rows {
            (None, None) => {
                return Ok(DiffReport {
                    schema_version: SCHEMA_VERSION,
                    same: true,
                    equal,
                    difference: None,
                });
            }
            (Some(a), Some(b)) if same(&a, &b) => {
                equal += 1;
                context.push_back(a);
                if context.len() > CONTEXT {
                    context.pop_front();
                }
            }
            (a, b) => {
                let fields = match (&a, &b) {
                    (Some(a), Some(b)) => differing_fields(a, b),
                    _ => Vec::new(),
                };
                let difference = Difference {
                    position: equal,
                    a: a.as_ref().map(side),
                    b: b.as_ref().map(side),
                    fields,
                    context: context.iter().map(message).collect(),
                };
                let difference = Some(difference);
                return Ok(DiffReport { schema_version: SCHEMA_VERSION, same: false, equal, difference });
            }
        }
    }
}

fn side(row: &Row) -> Side {
    let seq = match row {
        Row::Event(record) => record.seq,
        Row::Captured(captured) => captured.seq,
    };
    Side { seq, message: message(row) }
}

/// Returns whether two rows are the same message.
fn same(a: &Row, b: &Row) -> bool {
    match (envelope(a), envelope(b)) {
        (Ok(a), Ok(b)) => a == b,
        (Err(a), Err(b)) => a == b,
        _ => message(a) == message(b),
    }
}

/// Returns the envelope of a message that is stored by columns, or else the bytes of the frame.
fn envelope(row: &Row) -> Result<Envelope, &[u8]> {
    match row {
        Row::Event(record) => Ok(record.envelope),
        Row::Captured(captured) => match &captured.content {
            Content::Event(event) => Ok(Envelope { timestamp: captured.timestamp, event: *event }),
            Content::Raw { bytes, .. } => Err(bytes),
        },
    }
}

/// Returns the event of a row, if it has one.
fn event(row: &Row) -> Option<&Event> {
    match row {
        Row::Event(record) => Some(&record.envelope.event),
        Row::Captured(captured) => match &captured.content {
            Content::Event(event) => Some(event),
            Content::Raw { event, .. } => event.as_ref(),
        },
    }
}

fn write(report: &DiffReport, out: &mut Stdout) -> anyhow::Result<()> {
    let mut line = |text: String| out.line(&text);
    match &report.difference {
        None => line(format!("equal: {} messages", grouped(report.equal)))?,
        Some(difference) => {
            line(format!("first difference at message {}", grouped(difference.position)))?;
            for message in &difference.context {
                line(format!("  {message}"))?;
            }
            for (name, side) in [("a", &difference.a), ("b", &difference.b)] {
                line(match side {
                    Some(side) => format!("{name} {}", side.message),
                    None => format!("{name} has ended"),
                })?;
            }
            for FieldDifference { field, a, b } in &difference.fields {
                let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(absent)".to_owned());
                line(format!("{field}: a has {}, b has {}", shown(a), shown(b)))?;
            }
            if let (Some(a), Some(b)) = (&difference.a, &difference.b) {
                line(format!("seq: {} in a, {} in b", a.seq, b.seq))?;
            }
        }
    }
    Ok(())
}
