//! The scenarios that come with tradesim.

/// A scenario that comes with tradesim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shipped {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// All of them.
        pub(crate) const SHIPPED: &[Shipped] =
            &[$(Shipped { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) }),*];
    };
}

// the one that kills a broker comes last, so that whoever runs all of them has the others on brokers that are well
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
    use crate::load::Scenario;

    #[test]
    fn each_is_a_scenario_in_both_forms_and_names_its_recording() {
        for Shipped { name, text } in SHIPPED {
            for short in [false, true] {
                let scenario = Scenario::read(text, name, short).unwrap();
                assert_eq!(scenario.name, *name);
                assert!(!scenario.about.is_empty() && !scenario.thresholds.is_empty(), "{name}");
                assert!(scenario.recording.digest.is_some(), "{name} names no digest");
            }
        }
    }
}
