//! `completions`: prints a completion script.

use clap::CommandFactory;

use crate::{
    cli::{Cli, Completions},
    exit::Outcome,
    output::Stdout,
};

pub(crate) fn run(args: &Completions) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tradesim", &mut script);
    let mut out = Stdout::new();
    out.write(&script)?;
    out.finish()?;
    Ok(Outcome::Done)
}
