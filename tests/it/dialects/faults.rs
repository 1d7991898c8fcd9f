//! Faults of sessions.

use super::{ALPACA, MASSIVE, cat, replay, speaker::Speaker};
use crate::support::Folder;

#[test]
fn sessions_end_where_the_plan_says_and_clients_that_return_continue() {
    let folder = Folder::new();
    folder.write(
        "plan.toml",
        "fault = [
            { kind = 'connection-limit', at = 40 }, { kind = 'slow-client', at = 80 }, { kind = 'auth-failed', at = 120 },
        ]",
    );
    let whole = cat(&folder, &super::CUT);
    assert!(whole.lines().count() > 200);
    for (path, subscribe, errors) in [
        ("/stocks", MASSIVE, ["max_connections", "slow_consumer", "auth_failed"]),
        ("/v2/sip", ALPACA, [r#""code":406"#, r#""code":407"#, r#""code":402"#]),
    ] {
        let server = replay(
            &folder,
            &["--faults", "plan.toml", "--at-end", "close", "--on-slow", "wait", "--linger", "30s", "--json"],
        );
        let plain = {
            let url = server.url.clone();
            std::thread::spawn(move || Speaker::connect(&url).rest())
        };
        let (own, code) = plain.join().unwrap();
        assert!(
            own.iter().eq(whole.lines()) && code == Some(1000),
            "clients of our own protocol do not notice"
        );
        let run = server.end();
        assert_eq!(run.code, 0, "{}", run.stderr);

        // slow enough that clients come back in time
        let server = replay(
            &folder,
            &["--faults", "plan.toml", "--at-end", "close", "--speed", "40x", "--linger", "0s", "--json"],
        );
        let url = format!("{}{path}", server.url);
        let (messages, code) = Speaker::subscribed(&url, &subscribe).rest();
        assert!(messages.last().unwrap().contains(errors[0]), "{path}: {:?}", messages.last());
        assert_eq!(code, Some(1008), "{path}");
        let (messages, code) = Speaker::subscribed(&url, &subscribe).rest();
        assert!(messages.last().unwrap().contains(errors[1]), "{path}: {:?}", messages.last());
        assert_eq!(code, Some(1013), "{path}");
        // the connection breaks, and the key is refused once
        let (messages, code) = Speaker::subscribed(&url, &subscribe).rest();
        assert!(!messages.last().unwrap().contains("error"), "{path}: {:?}", messages.last());
        assert_eq!(code, None, "{path}");
        let mut speaker = Speaker::connect(&url);
        speaker.next();
        speaker.send(subscribe[0]);
        let (messages, code) = speaker.rest();
        assert!(messages.last().unwrap().contains(errors[2]), "{path}: {messages:?}");
        assert_eq!(code, Some(1008), "{path}");
        let speaker = Speaker::subscribed(&url, &subscribe);
        folder.ok(&["control", &server.url, "speed", "max"]);
        let (messages, code) = speaker.rest();
        assert!(!messages.is_empty() && code == Some(1000), "{path}");
        let run = server.end();
        let report = run.json();
        assert_eq!(report["faults"]["planted"].as_array().unwrap().len(), 3, "{report}");
    }
}

#[test]
fn an_archive_cannot_contain_faults_of_sessions() {
    let folder = Folder::new();
    folder.write("plan.toml", "fault = [{ kind = 'auth-failed', at = 1 }]");
    let run =
        folder.run(&["plant", crate::support::day_text(), "--faults", "plan.toml", "-o", "faulty.parquet"]);
    run.fails(78, "it is a fault of the connection");
}
