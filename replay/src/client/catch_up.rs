//! What was played before a client came, read from the source for it alone.

use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver};

use crate::{block::Block, hub::Hub, producer::Produced};

/// A reader of the source for one client, if it needs one.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    blocks: Option<Receiver<Produced>>,
    /// What came and is not used up.
    block: Option<Arc<Block>>,
    failure: Option<String>,
    /// The channel is over: nothing more will come.
    over: bool,
}

impl CatchUp {
    /// The block that holds the message of `seq`, which follows on those of the block before; `None` if it is not there
    /// yet.
    ///
    /// # Errors
    /// A source that cannot be read, as a text.
    pub(super) fn block(&mut self, hub: &Arc<Hub>, seq: u64) -> Result<Option<Arc<Block>>, String> {
        if self.blocks.is_none() {
            self.blocks = Some(hub.readers.start(&hub.source, seq));
        }
        loop {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if let Some(block) = &self.block {
                if seq < block.end_seq() {
                    return Ok(Some(Arc::clone(block)));
                }
                self.block = None;
            }
            let blocks = self.blocks.as_mut().expect("it was started");
            match blocks.try_recv() {
                Ok(produced) => self.take(produced),
                Err(mpsc::error::TryRecvError::Empty) => return Ok(None),
                Err(mpsc::error::TryRecvError::Disconnected) if self.over => return Ok(None),
                Err(mpsc::error::TryRecvError::Disconnected) => return Err("its reader is gone".to_owned()),
            }
        }
    }

    fn take(&mut self, produced: Produced) {
        match produced {
            Produced::Block(block) => self.block = Some(block),
            Produced::End | Produced::Nothing => self.over = true,
            Produced::Failed(error) => {
                self.over = true;
                self.failure = Some(error.with_cause());
            }
        }
    }

    /// Comes back when there is something new, if something is awaited.
    pub(super) async fn ready(&mut self) {
        let waits = self.block.is_none() && self.failure.is_none() && !self.over;
        match &mut self.blocks {
            Some(blocks) if waits => match blocks.recv().await {
                Some(produced) => self.take(produced),
                None => self.over = true,
            },
            _ => std::future::pending().await,
        }
    }

    /// Ends the reading.
    pub(super) fn stop(&mut self) {
        if self.blocks.is_some() {
            *self = CatchUp::default();
        }
    }
}
