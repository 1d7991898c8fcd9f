use std::io::Cursor;

use proptest::prelude::*;
use tungstenite::protocol::{
    Role,
    frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::*;

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n";

/// What a server wrote, given in pieces of some sizes; what is written to it is lost.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    next: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].min(buffer.len());
        self.next += 1;
        self.bytes.read(&mut buffer[..size])
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn frame(bytes: &mut Vec<u8>, payload: &[u8], data: Data, is_final: bool) {
    Frame::message(payload.to_vec(), OpCode::Data(data), is_final).format(bytes).unwrap();
}

fn read_all(bytes: Vec<u8>, sizes: Vec<usize>) -> Vec<Message> {
    let pieces = Pieces { bytes: Cursor::new([ANSWER.as_bytes(), &bytes].concat()), sizes, next: 0 };
    let mut stream = AnyText::new(pieces);
    stream.read_exact(&mut [0; ANSWER.len()]).unwrap();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    let mut messages = Vec::new();
    while let Ok(message) = read(&mut socket) {
        messages.push(message);
    }
    assert!(socket.get_ref().marks.texts.is_empty());
    messages
}

#[derive(Clone, Debug)]
struct Sent {
    is_text: bool,
    payload: Vec<u8>,
    /// Of how many frames it is, with a ping behind each but the last.
    frames: usize,
}

fn sent() -> impl Strategy<Value = Sent> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        "\\PC{0,200}".prop_map(String::into_bytes),
        (0usize..3).prop_map(|over| vec![b'x'; 65_535 + over]),
    ];
    (any::<bool>(), payload, 1usize..4).prop_map(|(is_text, payload, frames)| Sent {
        is_text,
        payload,
        frames,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However messages are cut into frames, and the bytes into reads, each comes as it was sent; a text that is no UTF-8
    /// as a binary message.
    #[test]
    fn every_message_comes_with_its_bytes(
        all in proptest::collection::vec(sent(), 0..12),
        sizes in proptest::collection::vec(1usize..5_000, 1..5),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for Sent { is_text, payload, frames } in all {
            let data = if is_text { Data::Text } else { Data::Binary };
            let size = payload.len() / frames + 1;
            for index in 0..frames {
                let part = &payload[(index * size).min(payload.len())..((index + 1) * size).min(payload.len())];
                let opcode = if index == 0 { data } else { Data::Continue };
                frame(&mut bytes, part, opcode, index + 1 == frames);
                if index + 1 < frames {
                    Frame::ping("beside").format(&mut bytes).unwrap();
                    expected.push(Message::Ping("beside".into()));
                }
            }
            expected.push(match String::from_utf8(payload) {
                Ok(text) if is_text => Message::text(text),
                Ok(text) => Message::binary(text.into_bytes()),
                Err(error) => Message::binary(error.into_bytes()),
            });
        }
        prop_assert_eq!(read_all(bytes, sizes), expected);
    }
}

/// What the library would read of an answer and what follows it.
fn passed(answer: &str, behind: &[u8]) -> Vec<u8> {
    let mut bytes = answer.as_bytes().to_vec();
    bytes.extend_from_slice(behind);
    let mut stream = AnyText::new(Cursor::new(bytes));
    let mut read = Vec::new();
    stream.read_to_end(&mut read).unwrap();
    read
}

#[test]
fn only_what_follows_a_switch_of_protocols_is_marked() {
    let mut text = Vec::new();
    frame(&mut text, b"\xff", Data::Text, true);
    let mut binary = Vec::new();
    frame(&mut binary, b"\xff", Data::Binary, true);
    for (answer, behind) in [
        (ANSWER, &binary),
        ("HTTP/1.1 101 Switching Protocols\nA: b\n\n", &binary),
        ("HTTP/1.1 404 Not Found\r\n\r\n", &text),
        ("SSH-2.0\r\n\r\n", &text),
    ] {
        let mut expected = answer.as_bytes().to_vec();
        expected.extend_from_slice(behind);
        assert_eq!(passed(answer, &text), expected, "{answer}");
    }
}

#[test]
fn a_masked_frame_is_left_to_the_library() {
    let mut bytes = vec![0x81, 0x81, 1, 2, 3, 4, 0x81];
    frame(&mut bytes, b"next", Data::Text, true);
    let passed = passed(ANSWER, &bytes).split_off(ANSWER.len());
    // both opcodes, and nothing of the payload between them
    let different: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != passed[*at]).collect();
    assert_eq!(different, [0, 7]);
}
