//! JSON lines: the messages exactly as `cat` prints them.

use std::io::Write;

use tradesim_archive::Batch;
use tradesim_schemas::MessageEncoder;

use super::sink::Sink;

/// A file of JSON lines.
pub(super) struct LinesExport {
    sink: Sink,
    encoder: MessageEncoder,
    lines: Vec<u8>,
}

impl LinesExport {
    pub(super) fn new(sink: Sink) -> LinesExport {
        LinesExport { sink, encoder: MessageEncoder::new(), lines: Vec::new() }
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        self.lines.clear();
        for row in batch.rows() {
            row.write_message(&mut self.encoder, &mut self.lines);
            self.lines.push(b'\n');
        }
        Ok(self.sink.write_all(&self.lines)?)
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        Ok(self.sink.finish()?)
    }
}
