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

/// The bytes of a server, in pieces of some sizes; what is written to it is discarded.
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

/// Returns the messages in bytes, the first of which arrived with the handshake.
fn read_all(bytes: Vec<u8>, rest: usize, sizes: Vec<usize>, limits: (u64, u64)) -> Vec<Received> {
    let rest = rest.min(bytes.len());
    let pieces = Pieces { bytes: Cursor::new(bytes[rest..].to_vec()), sizes, next: 0 };
    let mut socket =
        WebSocket::from_raw_socket(Inbound::with_limits(pieces, &bytes[..rest], limits), Role::Client, None);
    let mut messages = Vec::new();
    while let Ok(message) = read(&mut socket) {
        messages.push(message);
    }
    assert!(socket.get_mut().frames.take_mark().whole.is_none());
    messages
}

#[derive(Clone, Debug)]
struct Sent {
    is_text: bool,
    payload: Vec<u8>,
    /// The number of its frames, with a ping after each but the last.
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

fn limits() -> impl Strategy<Value = (u64, u64)> {
    prop_oneof![
        Just((MESSAGE_BYTES_MAX, BEGINNING_BYTES)),
        (0u64..300, 2u64..200).prop_map(|(beginning, more)| (beginning + more, beginning)),
        Just((65_536, 65_534)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// However messages are split into frames, and the bytes into reads, each is received as it was sent: a text that
    /// is not UTF-8 as a binary message, and one above the limit as its beginning, its length and its hash.
    #[test]
    fn every_message_comes_with_its_bytes(
        all in proptest::collection::vec(sent(), 0..12),
        sizes in proptest::collection::vec(1usize..5_000, 1..5),
        rest in 0usize..400,
        limits in limits(),
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
                    expected.push(Ok(Message::Ping("beside".into())));
                }
            }
            let is_oversize = payload.len() as u64 > limits.0;
            let (length, hash) = (payload.len() as u64, blake3::hash(&payload));
            expected.push(match String::from_utf8(payload) {
                Ok(text) if is_oversize => {
                    Err(Oversize { beginning: text.into_bytes()[..limits.1 as usize].to_vec().into(), length, hash })
                }
                Err(error) if is_oversize => {
                    Err(Oversize { beginning: error.as_bytes()[..limits.1 as usize].to_vec().into(), length, hash })
                }
                Ok(text) if is_text => Ok(Message::text(text)),
                Ok(text) => Ok(Message::binary(text.into_bytes())),
                Err(error) => Ok(Message::binary(error.into_bytes())),
            });
        }
        let found: Vec<Result<Message, Oversize>> = read_all(bytes, rest, sizes, limits)
            .into_iter()
            .map(|received| match received {
                Received::Message(message) => Ok(message),
                Received::Oversize(oversize) => Err(oversize),
            })
            .collect();
        // a message of several frames may have passed more than the beginning before it became too long
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            match (found, expected) {
                (Err(found), Err(expected)) => {
                    prop_assert_eq!((found.length, found.hash), (expected.length, expected.hash));
                    prop_assert!(found.beginning.starts_with(&expected.beginning));
                }
                (found, expected) => prop_assert_eq!(found, expected),
            }
        }
    }
}

/// Returns the bytes that the library would read.
fn passed(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Inbound::new(Cursor::new(bytes), &[]);
    let mut read = Vec::new();
    stream.read_to_end(&mut read).unwrap();
    read
}

#[test]
fn a_masked_frame_is_left_to_the_library() {
    let mut bytes = vec![0x81, 0x81, 1, 2, 3, 4, 0x81];
    frame(&mut bytes, b"next", Data::Text, true);
    let passed = passed(&bytes);
    // the second frame's opcode, and nothing else
    let different: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != passed[*at]).collect();
    assert_eq!(different, [7]);
}

#[test]
fn a_message_that_is_far_too_long_is_read_without_being_kept() {
    // more than the memory of the test: only the header states it, and then a part of it arrives
    let mut bytes = vec![0x82, 127];
    bytes.extend_from_slice(&(1u64 << 40).to_be_bytes());
    bytes.extend_from_slice(&vec![7; 3 << 20]);
    let passed = passed(&bytes);
    assert_eq!(passed.len() as u64, 10 + BEGINNING_BYTES);
    assert_eq!((passed[0], passed[1]), (0x02, 127), "it is not over yet");
}

#[test]
fn endless_fragments_are_one_message_that_is_too_long() {
    let mut bytes = Vec::new();
    let part = vec![b'x'; 1 << 20];
    for index in 0..40 {
        let opcode = if index == 0 { Data::Text } else { Data::Continue };
        frame(&mut bytes, &part, opcode, index == 39);
    }
    frame(&mut bytes, b"next", Data::Text, true);
    let mut received = read_all(bytes, 0, vec![100_000], (MESSAGE_BYTES_MAX, BEGINNING_BYTES)).into_iter();
    let Some(Received::Oversize(oversize)) = received.next() else { panic!("the message is too long") };
    assert_eq!((oversize.length, oversize.beginning.len()), (40 << 20, 64 << 10));
    assert_eq!(oversize.hash, blake3::hash(&part.repeat(40)));
    let Some(Received::Message(Message::Text(next))) = received.next() else {
        panic!("the next message is received")
    };
    assert_eq!(next, "next");
}
