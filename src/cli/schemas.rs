//! Arguments of `schemas`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::kafka::{AnswerArgs, PrefixArgs, RegistryArgs};

/// Register the Avro schemas, and check them against a registry
#[derive(Debug, Args)]
pub(crate) struct Schemas {
    #[command(subcommand)]
    pub(crate) command: SchemasCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemasCommand {
    Register(SchemasRegister),
    Check(SchemasCheck),
}

/// Register our schemas where they are not registered yet
///
/// All subjects are checked first: where one would break its readers (BACKWARD), nothing is registered, the field is named, and
/// the exit code is 3. Otherwise each subject gets the rule BACKWARD before its schema, whatever the registry's default is, unless it has
/// a rule of its own that includes it.
#[derive(Debug, Args)]
pub(crate) struct SchemasRegister {
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
}

/// Say whether schemas may follow those that are registered
///
/// New readers have to understand old records (BACKWARD). Where they do not, the field is named and the exit code is 3. Nothing is
/// changed.
#[derive(Debug, Args)]
pub(crate) struct SchemasCheck {
    /// Check these files instead of our own schemas; the name of the record tells the subject
    #[arg(value_name = "FILE.avsc")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
}
