//! Arguments of `schemas`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::kafka::{AnswerArgs, PrefixArgs, RegistryArgs};

/// Register the Avro schemas, or check them against a registry
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

/// Register the Avro schemas that are not registered yet
///
/// All subjects are checked first. If a schema is not BACKWARD compatible with its subject, nothing is registered, the
/// incompatible field is reported, and the exit code is 3. Otherwise the compatibility level of each subject is set to
/// BACKWARD before its schema is registered, whatever the default of the registry is, unless the subject already has a
/// level that includes BACKWARD.
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

/// Check whether schemas are compatible with the registered ones
///
/// New readers must be able to read old records (BACKWARD). If they cannot, the incompatible field is reported and the exit
/// code is 3. Nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct SchemasCheck {
    /// Schemas to check instead of those of tradesim; the name of the record determines the subject
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
