//! `cat`: the messages, one a line.

use tradesim_archive::{Batch, RowRef};
use tradesim_schemas::MessageEncoder;

use crate::{
    cli::Cat,
    exit::Outcome,
    filter::Filter,
    output::{MessageLines, Stdout, grouped, say},
    report, signals, source,
};

/// Messages that are named when some are more than a line.
const NAMED_MAX: usize = 5;

pub(crate) fn run(args: &Cat) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archive = source::open(&args.file, args.reading)?;
    let mut filter = Filter::of_archive(&args.filter, archive.metadata())?;
    report::say_times_of_cut(&filter);
    let mut out = Stdout::new();
    let mut encoder = MessageEncoder::new();
    let shown = MessageLines::of_stdout(args.raw);
    let (mut message, mut lines) = (Vec::new(), Vec::new());
    let mut broken = Broken::default();
    source::for_each_batch(&archive, &mut filter, |batch| {
        broken.look_at(&batch);
        for row in batch.rows() {
            message.clear();
            row.write_message(&mut encoder, &mut message);
            shown.push(&message, &mut lines);
        }
        out.write(&lines)?;
        lines.clear();
        Ok(())
    })?;
    out.finish()?;
    broken.warn();
    Ok(Outcome::Done)
}

/// Messages that contain line breaks, so that a line of the output is not a message.
#[derive(Debug, Default)]
struct Broken {
    count: u64,
    first: Vec<u64>,
}

impl Broken {
    fn look_at(&mut self, batch: &Batch) {
        // a line break in our own text is always escaped
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
        let seqs: Vec<String> = self.first.iter().map(u64::to_string).collect();
        let more = if self.count > self.first.len() as u64 { ", …" } else { "" };
        let (messages, they) =
            if self.count == 1 { ("message contains", "it is") } else { ("messages contain", "each is") };
        say(format_args!(
            "warning: {} {messages} line breaks, and {they} more than one line here: seq {}{more}",
            grouped(self.count),
            seqs.join(", ")
        ));
    }
}
