use super::*;
use crate::block::{BlockBuilder, Meta, Opcode};

fn second(at: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000 * at).unwrap()
}

/// A message for each second from 100 on.
fn seconds(count: i64) -> Arc<Block> {
    let mut builder = BlockBuilder::new(StreamSeq(0));
    for at in 100..100 + count {
        builder.push(Meta { at: second(at), kind: None, opcode: Opcode::Text }, |_| {});
    }
    Arc::new(builder.take())
}

#[test]
fn a_schedule_that_began_before_is_where_it_would_have_been() {
    let at = Duration::from_secs;
    let options = Options { start_at: Some(second(90)), wait_clients: 0, ..Options::new("test") };
    let mut playback = Playback::new(&options, StreamSeq(0));
    playback.begin_at(at(13), at(1));
    playback.clients(0, at(1));
    assert!(matches!(playback.poll(at(1)), Step::WaitForBlock));
    // the first block takes two seconds: five messages are due then, and the sixth is in time
    playback.push_block(seconds(10));
    let Step::Release { messages, .. } = playback.poll(at(3)) else { panic!("nothing is due") };
    assert_eq!(messages, 0..6);
    let Step::WaitUntil(next) = playback.poll(at(3)) else { panic!("nothing is pending") };
    assert_eq!((next, playback.played(at(3))), (at(4), at(15)));
    // a paused playback resumes where it stopped
    playback.pause(at(3));
    playback.resume(at(100));
    let Step::WaitUntil(next) = playback.poll(at(100)) else { panic!("nothing is pending") };
    assert_eq!(next, at(101));
}

#[test]
fn a_schedule_that_is_stopped_before_it_began_begins_where_it_is_let_go() {
    let at = Duration::from_secs;
    let options = Options { start_at: Some(second(99)), start_paused: true, ..Options::new("test") };
    let mut playback = Playback::new(&options, StreamSeq(0));
    playback.begin_at(at(50), at(0));
    playback.clients(1, at(0));
    playback.push_block(seconds(2));
    playback.resume(at(10));
    let Step::WaitUntil(next) = playback.poll(at(10)) else { panic!("nothing is pending") };
    assert_eq!(next, at(11));
}

fn release(playback: &mut Playback, now: Duration) -> Range<usize> {
    let Step::Release { messages, .. } = playback.poll(now) else { panic!("nothing is released") };
    messages
}

#[test]
fn steps_are_no_speed() {
    let at = Duration::from_secs;
    let options = Options { speed: "2x".parse().unwrap(), ..Options::new("test") };
    let mut playback = Playback::new(&options, StreamSeq(0));
    playback.clients(1, at(0));
    playback.push_block(seconds(1_000));
    // two seconds of playback are four recorded seconds
    assert_eq!(release(&mut playback, at(0)), 0..1);
    assert_eq!(release(&mut playback, at(2)), 1..5);
    playback.step(600, at(2));
    assert_eq!(release(&mut playback, at(2)), 5..605);
    assert_eq!((playback.played(at(2)), playback.elapsed(at(2))), (at(4), at(2)));
    playback.resume(at(50));
    assert!(matches!(playback.poll(at(50)), Step::WaitUntil(_)));
    assert_eq!(release(&mut playback, at(53)), 605..611);
    assert_eq!((playback.played(at(53)), playback.elapsed(at(53))), (at(10), at(5)));
}

#[test]
fn a_paused_play_that_is_moved_to_its_end_and_back_is_still_paused() {
    let at = Duration::from_secs;
    let mut playback = Playback::new(&Options::new("test"), StreamSeq(0));
    playback.clients(1, at(0));
    playback.push_block(seconds(10));
    assert_eq!(release(&mut playback, at(0)), 0..1);
    playback.pause(at(1));
    playback.seek(StreamSeq(10), at(1));
    playback.source_ended();
    assert!(matches!(playback.poll(at(2)), Step::WaitForCommand));
    assert_eq!(playback.state(), State::Paused);
    playback.seek(StreamSeq(0), at(3));
    playback.push_block(seconds(10));
    assert!(matches!(playback.poll(at(4)), Step::WaitForCommand));
    assert_eq!(playback.state(), State::Paused);
    // steps over the last message end it, and a jump back leaves it paused as it was
    playback.step(10, at(5));
    assert_eq!(release(&mut playback, at(5)), 0..10);
    assert!(playback.is_stepping(), "it is not known yet if there is more");
    playback.source_ended();
    assert!(matches!(playback.poll(at(6)), Step::End));
    assert_eq!((playback.state(), playback.is_stepping()), (State::Ended, false));
    playback.seek(StreamSeq(0), at(7));
    assert_eq!(playback.state(), State::Paused);
    // a playback that runs at the end runs again after a jump back
    playback.push_block(seconds(10));
    playback.resume(at(8));
    assert_eq!(release(&mut playback, at(8)), 0..1);
    assert_eq!(release(&mut playback, at(18)), 1..10);
    playback.source_ended();
    assert!(matches!(playback.poll(at(18)), Step::End));
    playback.seek(StreamSeq(0), at(19));
    assert_eq!(playback.state(), State::Playing);
}
