use proptest::prelude::*;
use tungstenite::{Message, WebSocket, protocol::Role, protocol::WebSocketConfig};

use super::*;
use tradesim_protocol::CloseCode;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const CONTINUATION: u8 = 0;

const FIN: u8 = 0x80;

/// Returns a masked frame; `first` is its first byte.
fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0xa5, 0x00, 0x3c, 0xff];
    let mut frame = header(first, 0x80, payload.len() as u64);
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
    frame
}

/// Returns the first bytes of a frame, up to the mask.
fn header(first: u8, mask_bit: u8, len: u64) -> Vec<u8> {
    match len {
        0..126 => vec![first, mask_bit | len as u8],
        126..=0xffff => [&[first, mask_bit | 126][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[first, mask_bit | 127][..], &len.to_be_bytes()].concat(),
    }
}

fn whole(opcode: u8, payload: &[u8]) -> Vec<u8> {
    raw(FIN | opcode, payload)
}

fn fragment(opcode: u8, payload: &[u8]) -> Vec<u8> {
    raw(opcode, payload)
}

fn text(text: &str) -> Received {
    Received::Text(text.to_owned())
}

fn drained(inbound: &mut Inbound) -> Vec<Received> {
    std::iter::from_fn(|| inbound.poll()).collect()
}

/// Returns the events of these frames, however they are split.
fn received(frames: &[Vec<u8>]) -> Vec<Received> {
    let bytes = frames.concat();
    let at_once = drained(&mut Inbound::new(&bytes));
    let mut inbound = Inbound::new(&[]);
    let mut bytewise = Vec::new();
    for byte in &bytes {
        inbound.feed(&[*byte]);
        bytewise.extend(drained(&mut inbound));
    }
    assert_eq!(at_once, bytewise);
    at_once
}

/// Checks that these frames are rejected with this code, and that nothing after them is read.
#[track_caller]
fn fails(frames: &[Vec<u8>], code: u16, reason: &str) {
    let frames = [frames, &[whole(TEXT, b"behind"), whole(CLOSE, b"")]].concat();
    match &received(&frames)[..] {
        [Received::Failed(close)] => assert_eq!((close.code().number(), close.reason()), (code, reason)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_are_read_masked_whole_and_fragmented() {
    let long = "é".repeat(MESSAGE_BYTES_MAX / 2);
    let frames = [
        whole(TEXT, b"one"),
        whole(TEXT, b""),
        fragment(TEXT, b"t"),
        fragment(CONTINUATION, b""),
        fragment(CONTINUATION, b"w"),
        whole(CONTINUATION, b"o"),
        whole(BINARY, &[0xff; 300]),
        fragment(BINARY, &[0xff]),
        whole(CONTINUATION, &[0xfe]),
        whole(TEXT, long.as_bytes()),
    ];
    let (one, two) = (Received::Binary(vec![0xff; 300]), Received::Binary(vec![0xff, 0xfe]));
    let expected = [text("one"), text(""), text("two"), one, two, text(&long)];
    assert_eq!(received(&frames), expected);
}

#[test]
fn what_came_with_the_handshake_is_read_first() {
    let frame = whole(TEXT, b"early");
    let mut inbound = Inbound::new(&frame[..5]);
    assert_eq!(inbound.poll(), None);
    inbound.feed(&frame[5..]);
    assert_eq!((inbound.poll(), inbound.poll()), (Some(text("early")), None));
}

#[test]
fn control_frames_may_come_between_fragments() {
    let frames = [fragment(TEXT, b"a"), whole(PING, b"p"), whole(PONG, b"q"), whole(CONTINUATION, b"b")];
    let mut inbound = Inbound::new(&frames.concat());
    assert_eq!(drained(&mut inbound), [Received::Ping, Received::Pong(b"q".to_vec()), text("ab")]);
    assert_eq!(inbound.take_outgoing().unwrap(), b"\x8a\x01p");
}

#[test]
fn a_ping_is_answered_with_what_it_carries() {
    for payload in [&b""[..], b"hello", &[0xff; 125]] {
        let mut inbound = Inbound::new(&whole(PING, payload));
        assert_eq!(inbound.poll(), Some(Received::Ping));
        assert_eq!(inbound.take_outgoing().unwrap(), [&[0x8a, payload.len() as u8], payload].concat());
        assert_eq!(inbound.take_outgoing(), None);
    }
}

#[test]
fn of_a_flood_of_pings_only_the_newest_is_answered() {
    let mut inbound = Inbound::new(&[]);
    for n in 0..100_000u32 {
        inbound.feed(&whole(PING, &n.to_be_bytes()));
        assert_eq!(inbound.poll(), Some(Received::Ping));
        assert_eq!(inbound.poll(), None);
    }
    assert_eq!(inbound.take_outgoing().unwrap(), [&[0x8a, 4][..], &99_999u32.to_be_bytes()].concat());
    assert_eq!(inbound.input.capacity(), 0);
}

#[test]
fn an_announced_length_allocates_nothing() {
    let mut inbound = Inbound::new(&header(FIN | TEXT, 0x80, MESSAGE_BYTES_MAX as u64));
    inbound.feed(&[0; 4]);
    assert_eq!(inbound.poll(), None);
    assert!(inbound.input.capacity() < 1024);
}

#[test]
fn reserved_bits_are_a_protocol_error() {
    for bit in [0x40, 0x20, 0x10] {
        for opcode in [TEXT, PING, CLOSE] {
            fails(&[raw(FIN | bit | opcode, b"")], 1002, "a reserved bit is set without an extension");
        }
    }
}

#[test]
fn reserved_opcodes_are_a_protocol_error() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        fails(&[whole(opcode, b"")], 1002, &format!("encountered invalid opcode: {opcode}"));
        fails(
            &[fragment(TEXT, b"a"), whole(opcode, b"")],
            1002,
            &format!("encountered invalid opcode: {opcode}"),
        );
    }
}

#[test]
fn an_unmasked_frame_is_a_protocol_error() {
    for opcode in [TEXT, PING, CLOSE] {
        fails(&[vec![FIN | opcode, 2, 0x03, 0xe8]], 1002, "a client frame is not masked");
    }
}

#[test]
fn a_fault_of_a_header_does_not_wait_for_the_payload() {
    let unmasked = header(FIN | TEXT, 0, 60_000);
    assert!(matches!(Inbound::new(&unmasked).poll(), Some(Received::Failed(_))));
    let long_ping = [header(FIN | PING, 0x80, 126), vec![0; 4]].concat();
    assert!(matches!(Inbound::new(&long_ping).poll(), Some(Received::Failed(_))));
}

#[test]
fn a_fragmented_control_frame_is_a_protocol_error() {
    for opcode in [CLOSE, PING, PONG] {
        fails(&[fragment(opcode, b"")], 1002, "a control frame is fragmented");
    }
}

#[test]
fn a_control_frame_of_more_than_125_bytes_is_a_protocol_error() {
    for opcode in [CLOSE, PING, PONG] {
        for len in [126, 70_000] {
            fails(&[whole(opcode, &vec![b'a'; len])], 1002, "a control frame has more than 125 bytes");
        }
    }
}

#[test]
fn fragments_out_of_order_are_a_protocol_error() {
    fails(&[whole(CONTINUATION, b"a")], 1002, "a continuation frame without a message");
    fails(&[fragment(CONTINUATION, b"a")], 1002, "a continuation frame without a message");
    fails(&[fragment(TEXT, b"a"), whole(TEXT, b"b")], 1002, "a new message inside a fragmented message");
    fails(&[fragment(BINARY, b"a"), fragment(TEXT, b"b")], 1002, "a new message inside a fragmented message");
}

#[test]
fn a_message_over_the_limit_is_too_big_in_one_frame_and_in_many() {
    let reason = "messages are limited to 65536 bytes";
    fails(&[whole(TEXT, &[b'a'; MESSAGE_BYTES_MAX + 1])], 1009, reason);
    fails(&[fragment(BINARY, &[0; MESSAGE_BYTES_MAX]), whole(CONTINUATION, &[0])], 1009, reason);
    fails(&[fragment(TEXT, &[b'a'; 40_000]), fragment(CONTINUATION, &[b'a'; 40_000])], 1009, reason);
    // rejected by its header, before any payload; also a length that exceeds the number of addressable bytes
    for len in [MESSAGE_BYTES_MAX as u64 + 1, 1 << 40, u64::MAX] {
        let header = [header(FIN | TEXT, 0x80, len), vec![0; 4]].concat();
        assert_eq!(Inbound::new(&header).poll(), Some(Received::Failed(Close::too_big(MESSAGE_BYTES_MAX))));
    }
}

#[test]
fn a_character_may_be_split_over_fragments() {
    let bytes = "aé€😀".as_bytes();
    let mut frames: Vec<_> = bytes.iter().map(|byte| fragment(CONTINUATION, &[*byte])).collect();
    frames[0] = fragment(TEXT, &bytes[..1]);
    frames.push(whole(CONTINUATION, b""));
    assert_eq!(received(&frames), [text("aé€😀")]);
}

#[test]
fn text_that_is_not_utf_8_is_invalid_at_once() {
    let reason = "a text message is not UTF-8";
    for bad in [&b"a\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"] {
        fails(&[whole(TEXT, bad)], 1007, reason);
        // the rest of the message is not waited for
        fails(&[fragment(TEXT, bad)], 1007, reason);
    }
    // half a character at the end of a message, or followed by something else
    fails(&[whole(TEXT, b"\xe2\x82")], 1007, reason);
    fails(&[fragment(TEXT, b"\xe2\x82"), whole(CONTINUATION, b"")], 1007, reason);
    fails(&[fragment(TEXT, b"\xe2\x82"), fragment(CONTINUATION, b"a")], 1007, reason);
    assert_eq!(received(&[whole(BINARY, b"\xff")]), [Received::Binary(vec![0xff])]);
}

/// Checks that a close is answered with the same code, and that nothing else is read or written.
#[track_caller]
fn closes(payload: &[u8], code: Option<u16>) {
    let frames = [whole(PING, b"p"), whole(CLOSE, payload), whole(PING, b"q"), whole(TEXT, b"behind")];
    assert_eq!(received(&frames), [Received::Ping, Received::Closed { code }]);
    let mut inbound = Inbound::new(&frames.concat());
    drained(&mut inbound);
    inbound.feed(&whole(PING, b"r"));
    assert_eq!(inbound.poll(), None);
    assert_eq!(inbound.take_outgoing().unwrap(), close::frame(code, ""));
    assert_eq!(inbound.take_outgoing(), None);
}

#[test]
fn a_close_is_answered_with_its_code() {
    closes(b"", None);
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999u16]) {
        closes(&code.to_be_bytes(), Some(code));
        closes(&[&code.to_be_bytes(), "bye, é".as_bytes()].concat(), Some(code));
    }
    closes(&[&1000u16.to_be_bytes()[..], &[b'x'; 123]].concat(), Some(1000));
}

#[test]
fn a_close_that_the_rfc_does_not_allow_is_a_protocol_error() {
    fails(&[whole(CLOSE, b"\x03")], 1002, "a close frame with an incomplete code");
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535u16] {
        fails(&[whole(CLOSE, &code.to_be_bytes())], 1002, &format!("close code {code} may not be sent"));
    }
    fails(&[whole(CLOSE, b"\x03\xe8\xff")], 1007, "the close reason is not UTF-8");
}

#[test]
fn a_close_within_a_fragmented_message_closes() {
    assert_eq!(received(&[fragment(TEXT, b"a"), whole(CLOSE, b"")]), [Received::Closed { code: None }]);
}

#[test]
fn after_our_close_only_the_clients_counts_and_nothing_is_answered() {
    let mut inbound = Inbound::new(&whole(PING, b"p"));
    assert_eq!(inbound.poll(), Some(Received::Ping));
    inbound.sent_close();
    let frames = [whole(TEXT, b"late"), fragment(TEXT, b"a"), whole(PING, b"q"), whole(CONTINUATION, b"b")];
    inbound.feed(&frames.concat());
    assert_eq!(inbound.poll(), None);
    inbound.feed(&whole(CLOSE, &1013u16.to_be_bytes()));
    assert_eq!(inbound.poll(), Some(Received::Closed { code: Some(1013) }));
    assert_eq!(inbound.take_outgoing(), None);
}

#[test]
fn a_fault_after_our_close_is_still_told() {
    let mut inbound = Inbound::new(&[]);
    inbound.sent_close();
    inbound.feed(&[FIN | TEXT, 0]);
    assert!(
        matches!(inbound.poll(), Some(Received::Failed(close)) if close.code() == CloseCode::ProtocolError)
    );
}

/// Returns the bytes that were given, and then nothing for now.
#[derive(Debug)]
struct Pipe(std::collections::VecDeque<u8>);

impl std::io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.is_empty() {
            true => Err(std::io::ErrorKind::WouldBlock.into()),
            false => self.0.read(buffer),
        }
    }
}

impl std::io::Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns the events that tungstenite reports for the same bytes; an error as its close code.
fn by_tungstenite(bytes: &[u8]) -> Vec<Result<Received, u16>> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = WebSocket::from_raw_socket(Pipe(bytes.to_vec().into()), Role::Server, Some(config));
    let mut all = Vec::new();
    loop {
        let next = match socket.read() {
            Ok(Message::Text(text)) => Ok(Received::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => Ok(Received::Binary(bytes.to_vec())),
            Ok(Message::Ping(_)) => Ok(Received::Ping),
            Ok(Message::Pong(payload)) => Ok(Received::Pong(payload.to_vec())),
            // its result for a code that may not be sent
            Ok(Message::Close(Some(frame))) if frame.reason.as_str() == "Protocol violation" => Err(1002),
            Ok(Message::Close(frame)) => Ok(Received::Closed { code: frame.map(|frame| frame.code.into()) }),
            Ok(Message::Frame(frame)) => panic!("{frame:?}"),
            Err(FrameError::Io(_) | FrameError::ConnectionClosed) => return all,
            Err(FrameError::Protocol(_)) => Err(1002),
            Err(FrameError::Utf8(_)) => Err(1007),
            Err(FrameError::Capacity(_)) => Err(1009),
            Err(fault) => panic!("{fault}"),
        };
        let is_last = matches!(next, Err(_) | Ok(Received::Closed { .. }));
        all.push(next);
        if is_last {
            return all;
        }
    }
}

/// Generates a frame that may follow others: mostly valid.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![20 => prop::sample::select(vec![TEXT, BINARY, CONTINUATION]), 8 => Just(PING),
        4 => Just(PONG), 2 => Just(CLOSE), 1 => 0u8..16];
    let payload = prop_oneof![
        6 => "[a-zé€😀]{0,40}".prop_map(String::into_bytes),
        1 => "[a-z]{100,300}".prop_map(String::into_bytes),
        // half a character and its other half
        2 => prop::sample::select(vec![b"\xe2\x82".to_vec(), b"\xac".to_vec(), b"\xf0\x9f".to_vec()]),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (1000u16..5000, "[a-zé]{0,10}").prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat()),
        1 => prop::sample::select(vec![30_000usize, 65_536, 65_537]).prop_map(|len| vec![b'a'; len]),
    ];
    let bits = prop_oneof![12 => Just(FIN), 8 => Just(0), 1 => Just(FIN | 0x40), 1 => Just(0x10)];
    (opcode, payload, bits, prop::bool::weighted(0.97)).prop_map(|(opcode, payload, bits, masked)| {
        match masked {
            true => raw(bits | opcode, &payload),
            false => [header(bits | opcode, 0, payload.len() as u64), payload].concat(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn verdicts_are_those_of_tungstenite(
        frames in prop::collection::vec(any_frame(), 1..12),
        cut in 1usize..200,
    ) {
        let bytes = frames.concat();
        let mut inbound = Inbound::new(&[]);
        let mut ours = Vec::new();
        for part in bytes.chunks(cut) {
            inbound.feed(part);
            ours.extend(drained(&mut inbound));
            prop_assert!(inbound.input.len() < MESSAGE_BYTES_MAX + 14);
        }
        let ours: Vec<Result<Received, u16>> = ours
            .into_iter()
            .map(|received| match received {
                Received::Failed(close) => Err(close.code().number()),
                received => Ok(received),
            })
            .collect();
        let theirs = by_tungstenite(&bytes);
        prop_assert_eq!(ours.len(), theirs.len());
        for (our, their) in ours.into_iter().zip(theirs) {
            match (&our, &their) {
                // it rejects 1014 (bad gateway), which was registered later
                (Ok(Received::Closed { code: Some(1014) }), Err(1002)) => {}
                // it checks the length of a frame first
                (Err(1002), Err(1009)) => {}
                // a close whose code and reason are both invalid: it checks the reason first
                (Err(1002), Err(1007)) => {}
                _ => prop_assert_eq!(our, their),
            }
        }
    }
}
