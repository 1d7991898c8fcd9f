//! The one place where randomness comes from outside; what is drawn is printed.

use rand::{TryRng, rngs::SysRng};

/// A seed. It has 53 bits, so that every reader of JSON gets it exactly.
pub(crate) fn seed() -> anyhow::Result<u64> {
    Ok(bits()? >> 11)
}

/// The name of a run that was given none.
pub(crate) fn run_name() -> anyhow::Result<String> {
    Ok(format!("{:016x}", bits()?))
}

fn bits() -> anyhow::Result<u64> {
    SysRng.try_next_u64().map_err(|error| anyhow::anyhow!("the system gives no random number: {error}"))
}
