//! The bundled scenarios.

/// A bundled scenario.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// All bundled scenarios.
        pub const SHIPPED: &[Shipped] =
            &[$(Shipped { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) }),*];
    };
}

// the one that kills a broker is last, so that the others run on healthy brokers when all of them are run in order
shipped!(
    "steady",
    "burst",
    "soak",
    "open-auction",
    "peak-second",
    "one-symbol-storm",
    "malformed",
    "stall",
    "recovery",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    #[test]
    fn each_bundled_scenario_is_valid_in_both_forms_and_has_a_digest() {
        for Shipped { name, text } in SHIPPED {
            for short in [false, true] {
                let scenario = Scenario::read(text, name, short).unwrap();
                assert_eq!(scenario.name, *name);
                assert!(!scenario.about.is_empty() && !scenario.thresholds.is_empty(), "{name}");
                assert!(scenario.recording.digest.is_some(), "{name} has no digest");
            }
        }
    }
}
