//! Catching up: messages that were played before a client connected, read from the source for this client.

use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver};
use tradesim_schemas::StreamSeq;

use crate::{block::Block, hub::Hub, producer::Produced};

/// The reader of the source for one client, if the client needs one.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    blocks: Option<Receiver<Produced>>,
    /// The block that was received and is not yet used up.
    block: Option<Arc<Block>>,
    failure: Option<String>,
    /// True if the channel is closed and no more blocks will arrive.
    over: bool,
}

impl CatchUp {
    /// Returns the block that holds the message of `seq`, which follows the messages of the previous block; `None` if
    /// it has not arrived yet.
    ///
    /// # Errors
    /// The text of an error of the source.
    pub(super) fn block(&mut self, hub: &Arc<Hub>, seq: StreamSeq) -> Result<Option<Arc<Block>>, String> {
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
            let blocks = self.blocks.as_mut().expect("a reader was started");
            match blocks.try_recv() {
                Ok(produced) => self.take(produced),
                Err(mpsc::error::TryRecvError::Empty) => return Ok(None),
                Err(mpsc::error::TryRecvError::Disconnected) if self.over => return Ok(None),
                Err(mpsc::error::TryRecvError::Disconnected) => return Err("the reader has ended".to_owned()),
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

    /// Waits for the next block if one is expected.
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

    /// Stops reading.
    pub(super) fn stop(&mut self) {
        if self.blocks.is_some() {
            *self = CatchUp::default();
        }
    }
}
