//! Random values that determine a run. They are always printed.

use rand::{TryRng, rngs::SysRng};

/// Draws a seed of 53 bits, which every JSON parser reads exactly.
pub(crate) fn seed() -> anyhow::Result<u64> {
    Ok(bits()? >> 11)
}

/// Draws the name of a run.
pub(crate) fn run_name() -> anyhow::Result<String> {
    Ok(format!("{:016x}", bits()?))
}

fn bits() -> anyhow::Result<u64> {
    SysRng.try_next_u64().map_err(|error| anyhow::anyhow!("the system has no random numbers: {error}"))
}
