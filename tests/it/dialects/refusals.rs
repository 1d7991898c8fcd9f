//! Clients that do something wrong.

use super::{ALPACA, CUT, MASSIVE, replay, speaker::Speaker};
use crate::support::{Folder, day_text, listening::Listening, send_signal};

/// Sends messages to a fresh connection, and returns everything that is answered, and the close code.
fn answers(server: &Listening, path: &str, messages: &[&str]) -> (Vec<String>, Option<u16>) {
    let mut speaker = Speaker::connect(&format!("{}{path}", server.url));
    for message in messages {
        speaker.send(message);
    }
    speaker.rest()
}

#[test]
fn who_is_not_authenticated_receives_the_error_of_the_vendor() {
    let folder = Folder::new();
    let server = replay(&folder, &["--api-key", "right:secret", "--stay", "--databento-port", "0"]);
    for (path, messages, expected) in [
        ("/stocks", &[r#"{"action":"auth","params":"wrong"}"#][..], "auth_failed"),
        ("/v2/sip", &[r#"{"action":"auth","key":"right","secret":"wrong"}"#], r#""code":402"#),
        ("/v2/sip", &[r#"{"action":"auth","key":"wrong","secret":"secret"}"#], r#""code":402"#),
        ("/finnhub?token=wrong", &[], "Invalid API key"),
        ("/finnhub", &[], "Invalid API key"),
    ] {
        let (answers, code) = answers(&server, path, messages);
        assert!(answers.last().unwrap().contains(expected), "{path}: {answers:?}");
        assert_eq!(code, Some(1008), "{path}");
    }
    // before the authentication nothing is subscribed to; the connection stays open
    for (path, subscribe, auth, expected, welcome) in [
        ("/stocks", MASSIVE[1], r#"{"action":"auth","params":"right"}"#, "not authenticated", "auth_success"),
        (
            "/v2/sip",
            ALPACA[1],
            r#"{"action":"auth","key":"right","secret":"secret"}"#,
            r#""code":401"#,
            "authenticated",
        ),
    ] {
        let mut speaker = Speaker::connect(&format!("{}{path}", server.url));
        speaker.next();
        speaker.send(subscribe);
        // one answer, or one for each entry
        assert!(speaker.next().contains(expected), "{path}");
        assert_eq!(speaker.silence(), None, "{path}");
        speaker.send(auth);
        assert!(speaker.next().contains(welcome), "{path}");
        speaker.close();
    }
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}

#[test]
fn what_is_invalid_is_answered_and_what_is_too_large_closes() {
    let folder = Folder::new();
    let server = replay(&folder, &["--stay"]);
    let mut speaker = Speaker::connect(&format!("{}/v2/iex", server.url));
    speaker.next();
    for (message, expected) in [
        ("{", r#""code":400"#),
        (r#"{"action":"listen"}"#, r#""code":400"#),
        (ALPACA[0], "authenticated"),
        (ALPACA[0], r#""code":403"#),
        (r#"{"action":"subscribe","dreams":["AAPL"]}"#, r#""code":410"#),
        (r#"{"action":"subscribe","trades":[7]}"#, r#""code":400"#),
    ] {
        speaker.send(message);
        let answer = speaker.next();
        assert!(answer.contains(expected), "{message}: {answer}");
    }
    speaker.close();
    let mut speaker = Speaker::connect(&format!("{}/stocks", server.url));
    speaker.next();
    for (message, expected) in [
        ("[]", "error"),
        (MASSIVE[0], "auth_success"),
        (r#"{"action":"subscribe","params":"X.*"}"#, "unknown subscription: X.*"),
        (r#"{"action":"subscribe","params":"T.TOOLONGASYMBOL"}"#, "unknown subscription"),
    ] {
        speaker.send(message);
        let answer = speaker.next();
        assert!(answer.contains(expected), "{message}: {answer}");
    }
    let long = format!(r#"{{"action":"subscribe","params":"{}"}}"#, "T.A,".repeat(20_000));
    speaker.send(&long);
    assert_eq!(speaker.rest().1, Some(1009));
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}

#[test]
fn paths_of_dialects_that_are_off_do_not_exist() {
    let folder = Folder::new();
    for (dialects, path, found) in [
        ("none", "/stocks", false),
        ("none", "/v2/sip", false),
        ("massive,finnhub", "/stocks", true),
        ("massive,finnhub", "/v2/sip", false),
        ("alpaca", "/v2/sip", true),
        ("alpaca", "/v2/nonsense", false),
        ("alpaca", "/v2", false),
    ] {
        let server = replay(&folder, &["--dialects", dialects, "--stay"]);
        let connected = tungstenite::connect(format!("{}{path}", server.url));
        match connected {
            Ok(_) => assert!(found, "{dialects}: {path}"),
            Err(tungstenite::Error::Http(answer)) => {
                assert_eq!((found, answer.status().as_u16()), (false, 404), "{dialects}: {path}");
            }
            Err(error) => panic!("{error}"),
        }
        send_signal("TERM", &server.child);
        server.end();
    }
    let run = folder.run(&["replay", day_text(), CUT[0], CUT[1], "--dialects", "alpac"]);
    run.fails(2, "did you mean alpaca?");
    folder.run(&["replay", day_text(), "--api-key", ":"]).fails(2, "expected KEY or KEY:SECRET");
}
