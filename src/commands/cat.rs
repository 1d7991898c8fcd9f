//! `cat`: prints the messages, one per line.

use std::sync::Arc;

use tradesim_archive::{Batch, Metadata, RowRef};
use tradesim_dialects::{Dialect, Encode, Frames, Input, read_event};
use tradesim_schemas::{MessageEncoder, RecordSeq, StreamSeq};

use crate::{
    cli::Cat,
    dialects::{self, Listings},
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
    let mut translator = args.dialect.map(|dialect| Translator::new(dialect, archive.metadata()));
    for batch in archive.filtered(filter) {
        let batch = batch?;
        broken.look_at(&batch);
        for row in batch.rows() {
            message.clear();
            row.write_message(&mut encoder, &mut message);
            match &mut translator {
                None => shown.push(&message, &mut lines),
                Some(translator) => translator.each(&message, |frame| shown.push(frame, &mut lines)),
            }
        }
        out.write(&lines)?;
        lines.clear();
    }
    out.finish()?;
    broken.warn();
    Ok(Outcome::Done)
}

/// Turns messages into those of a dialect.
struct Translator {
    encoder: Box<dyn Encode>,
    frames: Frames,
    next: StreamSeq,
}

impl Translator {
    fn new(dialect: &Dialect, metadata: &Metadata) -> Translator {
        let mut listings = Listings::new();
        dialects::add_listings(metadata, &mut listings);
        // the ids of symbols are not in the text of any dialect
        let reference = Arc::new(dialects::reference(&[], listings));
        let encoder = (dialect.wires[0].encoder)(&reference);
        Translator { encoder, frames: Frames::default(), next: StreamSeq(0) }
    }

    /// Calls `show` for each message of the dialect that the next message of the stream stands for.
    fn each(&mut self, message: &[u8], mut show: impl FnMut(&[u8])) {
        let seq = self.next;
        self.next += 1;
        let Some(event) = read_event(message) else { return };
        self.frames.clear();
        let recorded_at = event.timestamp();
        self.encoder.encode(&Input { seq, event: &event, recorded_at }, &mut self.frames);
        for (_, frame) in self.frames.iter() {
            show(frame);
        }
    }
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
