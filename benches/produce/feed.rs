//! A feed whose frames were made beforehand, so that it costs little beside the bridge.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
};

use tungstenite::handshake::derive_accept_key;

/// Bytes of a write: what a replay writes at once.
const WRITE_BYTES: usize = 32 * 1024;

/// Frames to be sent over and over.
#[derive(Debug)]
pub(crate) struct Frames {
    blocks: Vec<Block>,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where each of its messages ends.
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
            frame(&mut block.bytes, text.as_bytes());
            block.ends.push(block.bytes.len());
        }
        Frames { blocks }
    }

    fn write(&self, messages: u64, to: &mut impl Write) -> io::Result<()> {
        let mut left = usize::try_from(messages).expect("a bench is not that long");
        for block in self.blocks.iter().cycle() {
            let count = left.min(block.ends.len());
            let Some(&end) = count.checked_sub(1).and_then(|last| block.ends.get(last)) else {
                return Ok(());
            };
            to.write_all(&block.bytes[..end])?;
            left -= count;
        }
        Ok(())
    }
}

/// Serves one client so many messages, as a run of its own. Returns where, and what waits until the client has left.
pub(crate) fn serve(
    frames: std::sync::Arc<Frames>,
    run: String,
    messages: u64,
) -> io::Result<(String, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}", listener.local_addr()?);
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        shake_hands(&mut stream, &run)?;
        frames.write(messages, &mut stream)?;
        let mut rest = Vec::new();
        let end = format!(r#"{{"notice":"end","seq":{messages},"sent":{messages},"digest":null}}"#);
        frame(&mut rest, end.as_bytes());
        // a close with 1000
        rest.extend_from_slice(&[0x88, 2, 0x03, 0xe8]);
        stream.write_all(&rest)?;
        // until the client has answered
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    });
    Ok((url, serving))
}

fn shake_hands(stream: &mut TcpStream, run: &str) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: tradesim.v1\r\ntradesim-stream: bench\r\n\
         tradesim-run: {run}\r\ntradesim-start-seq: 0\r\n\r\n"
    )
}

/// A whole text message in a frame (RFC 6455, section 5.2).
fn frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x81);
    match text.len() {
        len @ 0..=125 => out.push(len as u8),
        len => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(len).expect("a message is short").to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}
