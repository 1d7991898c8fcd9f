//! `cat`: prints the messages, one per line.

use tradesim_archive::{Batch, RowRef};
use tradesim_schemas::{MessageEncoder, RecordSeq};

use crate::{
    cli::Cat,
    exit::Outcome,
    filter,
    output::{MessageLines, Stdout, grouped, say},
    report, signals, source,
};

/// The maximum number of multi-line messages that are listed.
const NAMED_MAX: usize = 5;

pub(crate) fn run(args: &Cat) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archive = source::open(&args.file, args.reading)?;
    let filter = filter::of_archive(&args.filter, archive.metadata())?;
    report::explain_cut_times(&filter);
    let mut out = Stdout::new();
    let mut encoder = MessageEncoder::new();
    let shown = MessageLines::of_stdout(args.raw);
    let (mut message, mut lines) = (Vec::new(), Vec::new());
    let mut broken = Broken::default();
    for batch in archive.filtered(filter) {
        let batch = batch?;
        broken.look_at(&batch);
        for row in batch.rows() {
            message.clear();
            row.write_message(&mut encoder, &mut message);
            shown.push(&message, &mut lines);
        }
        out.write(&lines)?;
        lines.clear();
    }
    out.finish()?;
    broken.warn();
    Ok(Outcome::Done)
}

/// Messages that contain line breaks, and so span several lines of the output.
#[derive(Debug, Default)]
struct Broken {
    count: u64,
    first: Vec<RecordSeq>,
}

impl Broken {
    fn look_at(&mut self, batch: &Batch) {
        // simulated messages contain no line breaks
        if !batch.has_captured() {
            return;
        }
        for row in batch.rows().filter(|row| RowRef::raw(*row).is_some_and(|bytes| bytes.contains(&b'\n'))) {
            self.count += 1;
            if self.first.len() < NAMED_MAX {
                self.first.push(row.seq());
            }
        }
    }

    fn warn(&self) {
        if self.count == 0 {
            return;
        }
        let seqs: Vec<String> = self.first.iter().map(RecordSeq::to_string).collect();
        let more = if self.count > self.first.len() as u64 { ", …" } else { "" };
        let (messages, they) =
            if self.count == 1 { ("message contains", "spans") } else { ("messages contain", "span") };
        say(format_args!(
            "warning: {} {messages} line breaks and {they} several lines: seq {}{more}",
            grouped(self.count),
            seqs.join(", ")
        ));
    }
}
