//! `control`: controls a running server over HTTP (docs/PROTOCOL.md, section 6).

use std::{fmt::Display, io};

use anyhow::anyhow;
use serde::Deserialize;
use serde_json::{Value, json};
use tradesim_replay::{Lateness, LoopBounds, Status};
use ureq::{Agent, Error};

use crate::{
    cli::{Control, ControlAction, LoopStart},
    control_token,
    exit::{Failure, Outcome},
    output::{self, grouped},
    signals,
};

/// The limit of a response. The status of a thousand clients is much shorter.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn run(args: &Control) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    // the object of the server is printed as it is: it may have more keys than this version knows
    let (object, status) = ask(args)?;
    output::emit(args.json, &object, |out| {
        out.line(&position(&status))?;
        match args.action {
            ControlAction::Status => details(&status).iter().try_for_each(|line| out.line(line)),
            _ => Ok(()),
        }
    })?;
    Ok(Outcome::Done)
}

/// Sends the request and returns the status from the response, as it was sent and as it is understood.
fn ask(args: &Control) -> anyhow::Result<(Value, Status)> {
    let agent: Agent = Agent::config_builder()
        // a server is never reached through a proxy, and never redirects
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(args.timeout))
        .user_agent(concat!("tradesim/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let (path, body) = request(&args.action)?;
    let url = format!("http://{}{path}", args.url.authority());
    let answer = match (&args.action, body) {
        // reading the status needs no token
        (ControlAction::Status, _) => agent.get(&url).call(),
        (_, body) => {
            let mut request = agent.post(&url);
            if let Some(token) = control_token::find(args.token_file.as_deref())? {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            match body {
                Some(body) => request.header("content-type", "application/json").send(body.to_string()),
                None => request.send_empty(),
            }
        }
    };
    let mut answer = answer.map_err(|error| failure(args, error))?;
    let status = answer.status();
    let text = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_string()
        .map_err(|error| failure(args, error))?;
    let value: serde_json::Result<Value> = serde_json::from_str(&text);
    if status.is_success() {
        let read = value.and_then(|object| Ok((Status::deserialize(&object)?, object)));
        let (status, object) =
            read.map_err(|error| anyhow!("{} is not a server of `replay` or `serve`: {error}", args.url))?;
        return Ok((object, status));
    }
    let value = value.unwrap_or_default();
    Err(match value.pointer("/error/text").and_then(Value::as_str) {
        Some(text) => anyhow!("the server refused: {text}"),
        None => anyhow!("{} answered {status}", args.url),
    })
}

/// Returns the path and the body of a request.
///
/// # Errors
/// Fails on arguments that do not go together.
fn request(action: &ControlAction) -> Result<(&'static str, Option<Value>), Failure> {
    Ok(match action {
        ControlAction::Pause => ("/control/pause", None),
        ControlAction::Resume => ("/control/resume", None),
        ControlAction::Step { messages } => ("/control/step", Some(json!({ "messages": messages }))),
        ControlAction::Seek { place } => ("/control/seek", Some(json!({ "to": place }))),
        ControlAction::Loop { from: LoopStart::At(from), to: Some(to) } => {
            ("/control/loop", Some(json!({ "from": from, "to": to })))
        }
        ControlAction::Loop { from: LoopStart::Off, to: None } => ("/control/loop", None),
        ControlAction::Loop { from: LoopStart::At(_), to: None } => {
            let hint = "for example `loop 09:30 09:45`";
            return Err(Failure::usage_hint("`loop` needs the place where the repetition ends", hint));
        }
        ControlAction::Loop { from: LoopStart::Off, to: Some(_) } => {
            return Err(Failure::usage("`loop off` takes no further place"));
        }
        ControlAction::Speed { speed } => ("/control/speed", Some(json!({ "speed": speed.to_string() }))),
        ControlAction::Status => ("/status", None),
        ControlAction::Stop => ("/control/stop", None),
    })
}

/// Maps an error of the request to its exit code: 69 for an unreachable server, 1 for an invalid response.
fn failure(args: &Control, error: Error) -> anyhow::Error {
    let unreachable = match &error {
        Error::Timeout(_) | Error::HostNotFound | Error::ConnectionFailed => true,
        Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
        _ => false,
    };
    if unreachable {
        let hint = "`tradesim replay FILE` and `tradesim serve` print the URL that they listen on";
        let what = format!("{} cannot be reached: {error}", args.url);
        Failure::Unreachable { what, hint: Some(hint.to_owned()) }.into()
    } else {
        anyhow!("{} is not a server of `replay` or `serve`: {error}", args.url)
    }
}

/// The position of the player, in one line.
fn position(status: &Status) -> String {
    let Status { messages, time, speed, .. } = status;
    let of = messages.map_or_else(String::new, |messages| format!(" of {}", grouped(messages)));
    let time = time.as_ref().map_or_else(String::new, |time| format!(", {time}"));
    let repeats = status.looped.map_or_else(String::new, |LoopBounds { from, to }| {
        format!(", repeats seq {} up to {}", grouped(from.get()), grouped(to.get()))
    });
    format!("{} at seq {}{of}{time}, {speed}{repeats}", status.state.as_str(), grouped(status.seq.get()))
}

/// The rest of a status: a line for each fact, then one for each client.
fn details(status: &Status) -> Vec<String> {
    let line = |name: &str, value: &dyn Display| format!("{name:<10}{value}");
    let mut lines = vec![line("stream", &status.stream), line("run", &status.run)];
    lines.extend(status.digest.iter().map(|digest| line("digest", digest)));
    let sent = format!("{} messages in {:.1} s", grouped(status.sent), status.seconds);
    lines.push(line("sent", &sent));
    lines.extend(status.speed_achieved.map(|speed| format!("{:<10}{speed:.2}x achieved", "speed")));
    lines.extend(status.late_ms.iter().map(|late| line("late", &percentiles(late))));
    lines.push(line("clients", &grouped(status.clients.len() as u64)));
    for client in &status.clients {
        let late = client.late_ms.as_ref().map(|late| format!(", late {}", percentiles(late)));
        lines.push(format!(
            "  {:>3} {:<22}{} seq {}, sent {}, behind {} messages{}",
            client.id,
            client.peer,
            client.protocol.as_ref().map_or_else(String::new, |protocol| format!("{protocol}, ")),
            grouped(client.seq.get()),
            grouped(client.sent),
            grouped(client.lag_messages),
            late.unwrap_or_default(),
        ));
    }
    lines
}

fn percentiles(late: &Lateness) -> String {
    format!("p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", late.p50, late.p99, late.max)
}
