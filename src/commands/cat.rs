//! `cat`: the messages, one a line.

use tradesim_schemas::MessageEncoder;

use crate::{
    cli::Cat,
    exit::Outcome,
    filter::Filter,
    output::{MessageLines, Stdout},
    signals, source,
};

pub(crate) fn run(args: &Cat) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archive = source::open(&args.file, args.reading)?;
    let mut filter = Filter::of_archive(&args.filter, archive.metadata().provenance())?;
    let mut out = Stdout::new();
    let mut encoder = MessageEncoder::new();
    let shown = MessageLines::of_stdout(args.raw);
    let (mut message, mut lines) = (Vec::new(), Vec::new());
    source::for_each_batch(&archive, &mut filter, |batch| {
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
    Ok(Outcome::Done)
}
