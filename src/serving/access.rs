//! Who may connect and steer, by the flags and by where the server listens.

use std::net::{IpAddr, SocketAddr};

use tradesim_replay::{Options, Steering};

use crate::{
    cli::{ControlMode, ServerArgs},
    control_token,
    exit::Failure,
    settings::Settings,
};

/// Puts what the flags say of connections and commands into the options of a server that listens on `address`.
///
/// # Errors
/// Flags that contradict each other or the address, and a token that cannot be had.
pub(super) fn apply(
    args: &ServerArgs,
    settings: &Settings,
    address: SocketAddr,
    options: Options,
) -> anyhow::Result<Options> {
    let mut hosts = args.allow_host.clone();
    // the name that it was told to listen on is one by which it may be called
    hosts.extend(Some(settings.host()?).filter(|host| host.parse::<IpAddr>().is_err()));
    if let Some(wanted) = args.wait_clients.filter(|wanted| *wanted > args.max_connections_per_address)
        && address.ip().is_loopback()
    {
        let what = format!(
            "--wait-clients {wanted} would wait for ever: one address has at most {} connections",
            args.max_connections_per_address
        );
        let hint = format!("--max-connections-per-address {wanted} lets them in from this machine");
        return Err(Failure::usage_hint(what, hint).into());
    }
    Ok(Options {
        hosts,
        per_address_max: args.max_connections_per_address,
        steering: steering(args, address)?,
        ..options
    })
}

fn steering(args: &ServerArgs, address: SocketAddr) -> anyhow::Result<Steering> {
    let is_loopback = address.ip().to_canonical().is_loopback();
    let by_default = match (&args.control_token_file, is_loopback) {
        (Some(_), _) => ControlMode::Token,
        (None, true) => ControlMode::Loopback,
        (None, false) => ControlMode::Off,
    };
    match args.control.unwrap_or(by_default) {
        ControlMode::Loopback if !is_loopback => {
            let what =
                format!("--control loopback is for servers on a loopback address, and not for {address}");
            let hint =
                "a proxy or a forwarded port makes anybody a loopback peer: use --control token, or off";
            Err(Failure::usage_hint(what, hint).into())
        }
        mode @ (ControlMode::Off | ControlMode::Loopback) if args.control_token_file.is_some() => {
            let mode = if mode == ControlMode::Off { "off" } else { "loopback" };
            Err(Failure::usage(format!("--control {mode} has no use for --control-token-file")).into())
        }
        ControlMode::Off => Ok(Steering::Off),
        ControlMode::Loopback => Ok(Steering::Loopback),
        ControlMode::Token => match control_token::find(args.control_token_file.as_deref())? {
            Some(token) => Ok(Steering::Token(token.parse().expect("it was found to be a token"))),
            None => {
                let hint = format!(
                    "--control-token-file FILE, or the environment variable {}",
                    control_token::VARIABLE
                );
                Err(Failure::usage_hint("--control token needs a token", hint).into())
            }
        },
    }
}
