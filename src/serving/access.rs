//! Access to the server: allowed hosts, connection limits and control commands.

use std::net::{IpAddr, SocketAddr};

use tradesim_replay::{Options, Steering};

use crate::{
    cli::{ControlMode, ServerArgs},
    control_token,
    exit::Failure,
    settings::Settings,
};

/// Sets the access options of a server that listens on `address`.
///
/// # Errors
/// Fails on flags that contradict each other or the address, and on a token that cannot be read.
pub(super) fn apply(
    args: &ServerArgs,
    settings: &Settings,
    address: SocketAddr,
    options: Options,
) -> anyhow::Result<Options> {
    let mut hosts = args.allow_host.clone();
    // requests for the configured host name are answered, too
    hosts.extend(Some(settings.host()?).filter(|host| host.parse::<IpAddr>().is_err()));
    if let Some(wanted) = args.wait_clients.filter(|wanted| *wanted > args.max_connections_per_address)
        && address.ip().is_loopback()
    {
        let what = format!(
            "--wait-clients {wanted} would wait forever: one address may have only {} connections",
            args.max_connections_per_address
        );
        let hint = format!("--max-connections-per-address {wanted} allows them from this machine");
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
                format!("--control loopback needs a loopback address, but the server listens on {address}");
            let hint = "through a proxy or a forwarded port, any client appears as a loopback client: use --control token or off";
            Err(Failure::usage_hint(what, hint).into())
        }
        mode @ (ControlMode::Off | ControlMode::Loopback) if args.control_token_file.is_some() => {
            let mode = if mode == ControlMode::Off { "off" } else { "loopback" };
            Err(Failure::usage(format!("--control-token-file cannot be used with --control {mode}")).into())
        }
        ControlMode::Off => Ok(Steering::Off),
        ControlMode::Loopback => Ok(Steering::Loopback),
        ControlMode::Token => match control_token::find(args.control_token_file.as_deref())? {
            Some(token) => Ok(Steering::Token(token.parse().expect("the token was validated"))),
            None => {
                let hint = format!(
                    "use --control-token-file FILE or the environment variable {}",
                    control_token::VARIABLE
                );
                Err(Failure::usage_hint("--control token needs a token", hint).into())
            }
        },
    }
}
