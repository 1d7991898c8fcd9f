//! A feed with prepared frames, so that it costs little compared with the bridge.

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::JoinHandle,
};

use tungstenite::{
    WebSocket, accept_hdr,
    handshake::server::{Request, Response},
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
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

/// Serves so many messages to one client, as one run. Returns the address, and a handle that waits until the client has left.
pub(crate) fn serve(frames: Arc<Frames>, run: String, messages: u64) -> io::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}", listener.local_addr()?);
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client comes");
        let mut socket = accept(stream, &run);
        frames.write(messages, socket.get_mut()).expect("the client takes everything");
        let end = format!(r#"{{"notice":"end","seq":{messages},"sent":{messages},"digest":null}}"#);
        socket.send(end.into()).expect("the client takes the end");
        let delivered = CloseFrame { code: CloseCode::Normal, reason: "delivered".into() };
        socket.close(Some(delivered)).expect("the client is there");
        // until the client has answered the close frame
        while socket.read().is_ok() {}
    });
    Ok((url, serving))
}

fn accept(stream: TcpStream, run: &str) -> WebSocket<TcpStream> {
    let headers = [
        ("sec-websocket-protocol", "tradesim.v1"),
        ("tradesim-stream", "bench"),
        ("tradesim-run", run),
        ("tradesim-start-seq", "0"),
    ];
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let socket = accept_hdr(stream, |_: &Request, mut response: Response| {
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().expect("a header's value"));
        }
        Ok(response)
    });
    socket.expect("a handshake")
}
