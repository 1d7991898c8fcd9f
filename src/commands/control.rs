//! `control`: controls a running server over HTTP (docs/PROTOCOL.md, section 6).

use std::io;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use ureq::{Agent, Error};

use crate::{
    cli::{Control, ControlAction, LoopStart},
    control_token,
    exit::{Failure, Outcome},
    output::{self, Stdout, grouped},
    signals,
};

/// The limit of a response. The status of a thousand clients is much shorter.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn run(args: &Control) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let status = ask(args)?;
    if args.json {
        output::print_json(&status)?;
    } else {
        let mut out = Stdout::new();
        out.line(&position(&status))?;
        if matches!(args.action, ControlAction::Status) {
            for line in details(&status) {
                out.line(&line)?;
            }
        }
        out.finish()?;
    }
    Ok(Outcome::Done)
}

/// Sends the request and returns the status from the response.
fn ask(args: &Control) -> anyhow::Result<Value> {
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
    let value: Option<Value> = serde_json::from_str(&text).ok();
    if status.is_success() {
        let value = value.filter(|value| value.get("state").is_some_and(Value::is_string));
        return value.with_context(|| format!("{} is not a server of `replay` or `serve`", args.url));
    }
    let error = value.as_ref().and_then(|value| value.get("error"));
    Err(match error.and_then(|error| error.get("text")).and_then(Value::as_str) {
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

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Where the player stands, in one line.
fn position(status: &Value) -> String {
    let mut line =
        format!("{} at seq {}", text(status, "state").unwrap_or("?"), grouped(number(status, "seq")));
    if let Some(messages) = status.get("messages").and_then(Value::as_u64) {
        line.push_str(&format!(" of {}", grouped(messages)));
    }
    for part in [text(status, "time"), text(status, "speed")].into_iter().flatten() {
        line.push_str(", ");
        line.push_str(part);
    }
    if let Some(bounds) = status.get("loop").filter(|bounds| bounds.is_object()) {
        let (from, to) = (grouped(number(bounds, "from")), grouped(number(bounds, "to")));
        line.push_str(&format!(", repeats seq {from} up to {to}"));
    }
    line
}

/// The rest of a status: a line for each fact, then one for each client.
fn details(status: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for name in ["stream", "run", "digest"] {
        lines.extend(text(status, name).map(|value| format!("{name:<10}{value}")));
    }
    let seconds = status.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
    lines.push(format!("{:<10}{} messages in {seconds:.1} s", "sent", grouped(number(status, "sent"))));
    let achieved = status.get("speed_achieved").and_then(Value::as_f64);
    lines.extend(achieved.map(|speed| format!("{:<10}{speed:.2}x achieved", "speed")));
    lines.extend(late(status).map(|late| format!("{:<10}{late}", "late")));
    let clients = status.get("clients").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    lines.push(format!("{:<10}{}", "clients", grouped(clients.len() as u64)));
    for client in clients {
        let late = late(client).map_or_else(String::new, |late| format!(", late {late}"));
        lines.push(format!(
            "  {:>3} {:<22}{} seq {}, sent {}, behind {} messages{late}",
            number(client, "id"),
            text(client, "peer").unwrap_or("?"),
            text(client, "protocol").map_or_else(String::new, |protocol| format!("{protocol}, ")),
            grouped(number(client, "seq")),
            grouped(number(client, "sent")),
            grouped(number(client, "lag_messages")),
        ));
    }
    lines
}

fn late(value: &Value) -> Option<String> {
    let late = value.get("late_ms")?;
    let ms = |name: &str| late.get(name).and_then(Value::as_f64);
    Some(format!("p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", ms("p50")?, ms("p99")?, ms("max")?))
}
