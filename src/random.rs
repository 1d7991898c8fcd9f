//! The one place where randomness comes from outside.

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

/// Returns a random number from 0 to 1 for delays, so that clients that were disconnected together do not all reconnect at the
/// same time.
pub(crate) fn jitter() -> f64 {
    f64::from(SysRng.try_next_u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
