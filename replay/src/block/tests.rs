use tradesim_protocol::PHASES_MAX;
use tungstenite::protocol::frame::FrameHeader;

use super::*;

fn meta(opcode: Opcode) -> Meta {
    Meta { at: Timestamp::from_micros(0).unwrap(), kind: None, opcode }
}

#[test]
fn frames_are_those_of_the_rfc_at_every_length() {
    let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
    let mut builder = BlockBuilder::new(StreamSeq(7));
    for (index, len) in lengths.iter().enumerate() {
        let opcode = if index % 2 == 0 { Opcode::Text } else { Opcode::Binary };
        builder.push(meta(opcode), |out| out.resize(out.len() + len, b'a' + index as u8));
    }
    let block = builder.take();
    assert_eq!((block.first_seq(), block.end_seq()), (StreamSeq(7), StreamSeq(15)));
    for (index, len) in lengths.iter().enumerate() {
        let frame = block.frames(index..index + 1);
        let mut cursor = std::io::Cursor::new(frame);
        let (header, stated) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
        assert!(header.is_final && header.mask.is_none());
        assert_eq!(u8::from(header.opcode), if index % 2 == 0 { 1 } else { 2 });
        assert_eq!(stated, *len as u64);
        let text = &frame[cursor.position() as usize..];
        assert_eq!(text, vec![b'a' + index as u8; *len]);
        assert_eq!(block.text(index), text);
        assert_eq!(block.recorded_text(index), text);
    }
    assert_eq!(block.frames(0..8).len(), (0..8).map(|at| block.frames(at..at + 1).len()).sum::<usize>());
}

#[test]
fn shifted_messages_keep_their_recorded_text() {
    let mut builder = BlockBuilder::new(StreamSeq(0));
    for n in 0..3 {
        let write = |text: String| move |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
        builder.push_shifted(meta(Opcode::Text), write(format!("sent {n}")), write(format!("was {n}")));
    }
    let block = builder.take();
    for n in 0..3 {
        assert_eq!(block.text(n), format!("sent {n}").as_bytes());
        assert_eq!(block.recorded_text(n), format!("was {n}").as_bytes());
    }
    builder.push(meta(Opcode::Text), |out| out.extend_from_slice(b"x"));
    assert_eq!(builder.take().first_seq(), StreamSeq(3));
}

#[test]
fn messages_can_be_retimed_and_left_out() {
    let mut builder = BlockBuilder::new(StreamSeq(5));
    for n in 0..4u8 {
        builder.push(meta(Opcode::Text), |out| out.resize(out.len() + 100 * usize::from(n), b'a' + n));
    }
    builder.retime(StreamSeq(6), |seq, _| Timestamp::from_micros(seq.get() as i64 * 10).unwrap());
    builder.truncate(StreamSeq(8));
    builder.truncate(StreamSeq(9));
    assert_eq!(builder.next_seq(), StreamSeq(8));
    let block = builder.take();
    let times: Vec<_> = block.entries().iter().map(|entry| entry.meta.at.micros()).collect();
    assert_eq!(times, [0, 60, 70]);
    assert_eq!(block.text(2), [b'c'; 200]);
    assert_eq!(block.frames(0..3).len(), 2 + 102 + 4 + 200);
}

#[test]
fn phases_are_announced_at_a_message() {
    let phase = |name: &str| {
        Arc::new(EventPhase {
            id: "luld-KO-103112".to_owned(),
            kind: "luld".to_owned(),
            symbol: Symbol::new("KO"),
            phase: name.to_owned(),
            at: Timestamp::from_micros(0).unwrap(),
        })
    };
    let mut builder = BlockBuilder::new(StreamSeq(0));
    let mut push = |names: &[&str]| {
        names.iter().for_each(|name| builder.announce(phase(name)));
        builder.push(meta(Opcode::Text), |out| out.push(b'x'));
    };
    push(&[]);
    push(&["run"]);
    push(&[]);
    push(&["limit", "halt"]);
    for _ in 0..2 * PHASES_MAX {
        builder.announce(phase("many"));
    }
    builder.push(meta(Opcode::Text), |out| out.push(b'x'));
    builder.truncate(StreamSeq(5));
    let block = builder.take();
    let at = |message| block.events_at(message).map(|phase| phase.phase.as_str()).collect::<Vec<_>>();
    assert!(block.has_events() && block.is_regular());
    assert_eq!((at(0), at(1), at(3)), (vec![], vec!["run"], vec!["limit", "halt"]));
    assert_eq!(at(4).len(), PHASES_MAX);
    assert_eq!(
        [0, 1, 2, 4, 5].map(|from| block.next_event(from)),
        [Some(1), Some(1), Some(3), Some(4), None]
    );
    builder.push(meta(Opcode::Text), |_| {});
    assert!(!builder.take().has_events());
}

#[test]
fn a_message_is_due_when_the_player_says_so() {
    let mut builder = BlockBuilder::new(StreamSeq(0));
    builder.push(meta(Opcode::Text), |_| {});
    let block = builder.take();
    assert_eq!(block.due(0), None);
    block.set_due(0, Duration::from_micros(1500));
    assert_eq!(block.due(0), Some(Duration::from_micros(1500)));
}
