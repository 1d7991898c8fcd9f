//! A feed with prepared frames, so that it costs little compared with the bridge.

use std::{
    io::{self, Write},
    sync::Arc,
};

use tradesim_client::testing::{Server, Socket, numbered};
use tungstenite::protocol::frame::{
    Frame,
    coding::{Data, OpCode},
};

/// The size of a write, as in a replay.
const WRITE_BYTES: usize = 32 * 1024;

/// Frames that are sent repeatedly.
#[derive(Debug)]
pub(crate) struct Frames {
    blocks: Vec<Block>,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// The end of each message.
    ends: Vec<usize>,
}

impl Frames {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Frames {
        let mut blocks = vec![Block::default()];
        for text in texts {
            if blocks.last().is_some_and(|block| block.bytes.len() >= WRITE_BYTES) {
                blocks.push(Block::default());
            }
            let block = blocks.last_mut().expect("there is one");
            let frame = Frame::message(text.as_bytes().to_vec(), OpCode::Data(Data::Text), true);
            frame.format(&mut block.bytes).expect("memory takes everything");
            block.ends.push(block.bytes.len());
        }
        Frames { blocks }
    }

    fn write(&self, messages: u64, to: &mut impl Write) -> io::Result<()> {
        let mut left = usize::try_from(messages).expect("a bench is not that long");
        for block in self.blocks.iter().cycle() {
            let count = left.min(block.ends.len());
            let Some(&end) = count.checked_sub(1).and_then(|last| block.ends.get(last)) else { break };
            to.write_all(&block.bytes[..end])?;
            left -= count;
        }
        Ok(())
    }
}

/// Serves so many messages to one client, as one run.
pub(crate) fn serve(frames: Arc<Frames>, run: String, messages: u64) -> Server {
    Server::limited(1, move |_, stream| {
        let mut socket = Socket::accept(stream, |_| numbered("bench", &run, 0));
        frames.write(messages, socket.socket.get_mut()).expect("the client takes everything");
        socket.send_end(messages, messages);
        // until the client has answered the close frame
        socket.close(1000, "delivered");
    })
}
