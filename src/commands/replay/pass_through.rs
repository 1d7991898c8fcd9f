//! Pass-through: clients of any feed, with or without a script.

use std::sync::Arc;

use tradesim_replay::{Dialects, Options, Script};
use tradesim_sources::{ClientScriptError, read_client_script};

use crate::{cli::Replay, exit::Failure};

/// Returns the script of the clients, if they receive the messages as captured.
///
/// # Errors
/// Fails with exit code 78 if the file of the script cannot be read, and with the place of what is wrong in it.
pub(super) fn script(args: &Replay) -> Result<Option<Arc<Script>>, Failure> {
    let script = match &args.client_script {
        Some(path) => read_client_script(path).map_err(of_file)?,
        None if args.pass_through => Script::default(),
        None => return Ok(None),
    };
    if args.server.api_key.is_some() && args.server.dialects.is_none() && args.server.databento_port.is_none()
    {
        return Err(Failure::usage(
            "--api-key has no effect on clients of a capture: only a dialect asks for a key (--dialects)",
        ));
    }
    Ok(Some(Arc::new(script)))
}

fn of_file(error: ClientScriptError) -> Failure {
    let what = match &error {
        ClientScriptError::Read { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    };
    Failure::Configuration { what, hint: None }
}

/// Adds the script to the options of a server. Only dialects that were asked for have paths of their own then.
pub(super) fn apply(args: &Replay, script: Option<Arc<Script>>, options: Options) -> Options {
    match script {
        None => options,
        Some(_) if args.server.dialects.is_none() => {
            let dialects = Dialects { enabled: Vec::new(), ..options.dialects };
            Options { pass_through: script, dialects, ..options }
        }
        Some(_) => Options { pass_through: script, ..options },
    }
}

/// Describes the script, if there is one.
pub(super) fn describe(args: &Replay, options: &Options) -> Option<String> {
    let script = options.pass_through.as_ref()?;
    let Some(path) = &args.client_script else {
        return Some("pass-through: any path, and what clients send is ignored".to_owned());
    };
    let count = script.rules.len();
    let replies = if count == 1 { "reply" } else { "replies" };
    let start = if script.has_handshake() { "after the handshake" } else { "at once" };
    Some(format!("pass-through: {} with {count} {replies}, clients start {start}", path.display()))
}
