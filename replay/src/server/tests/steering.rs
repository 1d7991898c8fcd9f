//! Commands: seeks, loops, steps and stops.

use super::*;

#[tokio::test]
async fn a_seek_is_a_notice_or_a_close() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    let mut v1 = server.connect_v1("").await;
    let (mut plain, _) = server.connect("").await;
    server.handle.command(Command::Step(10)).await.unwrap();
    let got = receive(&mut plain, 10).await;
    assert_eq!(got.numbers(), (0..10).collect::<Vec<_>>());
    server.handle.command(Command::Seek("1970-01-01T00:00:00.009Z".parse().unwrap())).await.unwrap();
    assert_eq!(all(&mut plain).await.close, Some((1012, "seek to seq 900".to_owned())));
    let (mut back, response) = server.connect("").await;
    assert_eq!(header(&response, "tradesim-start-seq"), "900");
    assert!(server.handle.command(Command::Seek(Position::Seq(StreamSeq(1_001)))).await.is_err());
    server.handle.command(Command::Resume).await.unwrap();
    let expected: Vec<u64> = (0..10).chain(900..1_000).collect();
    let got = all(&mut v1).await;
    assert_eq!(got.numbers(), expected);
    assert!(got.notices.contains(&Notice::Seek { seq: StreamSeq(900) }));
    assert!(matches!(got.notices.last(), Some(Notice::End { seq: StreamSeq(1_000), digest: None, .. })));
    assert_eq!(all(&mut back).await.numbers(), (900..1_000).collect::<Vec<_>>());
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

fn repeat(from: u64, to: u64) -> Command {
    let [from, to] = [from, to].map(|seq| Position::Seq(StreamSeq(seq)));
    Command::Loop(Some(LoopRange { from, to }))
}

#[tokio::test]
async fn a_loop_repeats_its_messages_until_it_is_ended() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    let mut v1 = server.connect_v1("").await;
    server.handle.command(Command::Step(1)).await.unwrap();
    let status = server.handle.command(repeat(10, 13)).await.unwrap();
    let bounds = LoopBounds { from: StreamSeq(10), to: StreamSeq(13) };
    assert_eq!((status.seq, status.looped, status.digest_sent), (StreamSeq(10), Some(bounds), None));
    // steps go on at the beginning
    let status = server.handle.command(Command::Step(5)).await.unwrap();
    assert_eq!((status.seq, status.state), (StreamSeq(12), State::Paused));
    server.handle.command(Command::Resume).await.unwrap();
    let got = receive(&mut v1, 10).await;
    assert_eq!(got.numbers(), [0, 10, 11, 12, 10, 11, 12, 10, 11, 12]);
    assert!(got.notices.contains(&Notice::Seek { seq: StreamSeq(10) }));
    // with a seek to another place the rest follows
    let status = server.handle.command(Command::Seek(Position::Seq(StreamSeq(990)))).await.unwrap();
    assert_eq!(status.looped, None);
    let rest = all(&mut v1).await;
    assert_eq!(rest.numbers()[rest.texts.len() - 10..], (990..1_000).collect::<Vec<_>>());
    assert_eq!(rest.close, Some((1000, "delivered".to_owned())));
    // the end of the stream can be the end of a loop, and a loop begins again after the end
    let status = server.handle.command(repeat(998, 1_000)).await.unwrap();
    assert_eq!(status.state, State::Playing);
    let status = server.handle.command(Command::Loop(None)).await.unwrap();
    assert_eq!(status.looped, None);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn a_loop_needs_messages_that_exist() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    for (from, to, code) in [(13, 13, "empty_loop"), (13, 10, "empty_loop"), (10, 1_001, "beyond_end")] {
        let error = server.handle.command(repeat(from, to)).await.unwrap_err();
        assert_eq!(error.code(), code, "{from} {to}: {error}");
        assert!(!error.is_conflict());
    }
    assert_eq!(server.handle.status().looped, None);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn a_seek_before_the_first_message_moves_those_who_wait_for_it() {
    let sample = Sample::new(1_000, 10);
    let digest = sample.digest(900..1_000);
    let server = start(sample, Options { start_paused: true, ..options() });
    let mut socket = server.connect_v1("").await;
    // the first notice promises message 0
    let first = timeout(TIMEOUT, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(
        Notice::parse(first.to_text().unwrap()),
        Ok(Some(Notice::Start { seq: StreamSeq(0), .. }))
    ));
    timeout(TIMEOUT, async {
        while server.handle.status().state != State::Paused {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    server.handle.command(Command::Seek(Position::Seq(StreamSeq(900)))).await.unwrap();
    server.handle.command(Command::Resume).await.unwrap();
    let got = all(&mut socket).await;
    assert!(got.notices.contains(&Notice::Seek { seq: StreamSeq(900) }));
    assert_eq!(got.numbers(), (900..1_000).collect::<Vec<_>>());
    let report = server.report().await;
    assert_eq!((report.first_seq, report.digest), (StreamSeq(900), Some(digest)));
}

#[tokio::test]
async fn a_stop_that_comes_before_the_play_ends_it_too() {
    let source = Arc::new(Sample::new(10, 10));
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), source, options()).unwrap();
    server.handle().command(Command::Stop).await.unwrap();
    let report = timeout(TIMEOUT, server.run()).await.unwrap().unwrap();
    assert_eq!((report.complete, report.status.sent), (false, 0));
}

#[tokio::test]
async fn a_stop_closes_clients_with_the_next_seq() {
    let server = start(Sample::new(1_000, 10), Options { start_paused: true, ..options() });
    let (mut socket, _) = server.connect("").await;
    server.handle.command(Command::Step(5)).await.unwrap();
    assert_eq!(receive(&mut socket, 5).await.texts.len(), 5);
    server.handle.command(Command::Stop).await.unwrap();
    assert_eq!(all(&mut socket).await.close, Some((1001, "the server stops; next seq 5".to_owned())));
    let report = server.report().await;
    assert!(!report.complete);
    assert_eq!(report.digest, Some(Sample::new(1_000, 10).digest(0..5)));
}

#[tokio::test]
async fn a_step_is_answered_with_how_things_stand_after_it() {
    let server = start(Sample::new(3_000, 10), Options { start_paused: true, stay: true, ..options() });
    let (mut socket, _) = server.connect("").await;
    let mut seq = 0;
    // over several blocks at a time, to the end and past it
    for steps in [1, 1, 700, 1_500, 797] {
        let status = server.handle.command(Command::Step(steps)).await.unwrap();
        seq += steps;
        assert_eq!((status.seq, status.sent, status.state), (StreamSeq(seq), seq, State::Paused));
        assert_eq!(receive(&mut socket, steps as usize).await.texts.len(), steps as usize);
    }
    let status = server.handle.command(Command::Step(5)).await.unwrap();
    assert_eq!((status.seq, status.state), (StreamSeq(3_000), State::Ended));
    let status = server.handle.command(Command::Seek(Position::Seq(StreamSeq(10)))).await.unwrap();
    assert_eq!((status.seq, status.state), (StreamSeq(10), State::Paused));
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}
