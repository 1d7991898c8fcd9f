//! Memory use of this process.

use std::fs;

/// Returns the anonymous resident memory in bytes: without the pages of mapped archives, which the system can reclaim. `None` if
/// the system does not report it.
pub(crate) fn resident() -> Option<u64> {
    of_status(&fs::read_to_string("/proc/self/status").ok()?)
}

fn of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Returns the growth from the second tenth of a run to its last tenth, in percent. It compares medians, because single samples
/// vary. `None` for fewer than ten samples.
pub(crate) fn growth(samples: &[u64]) -> Option<f64> {
    if samples.len() < 10 {
        return None;
    }
    let tenth = samples.len() / 10;
    let early = median(&samples[tenth..2 * tenth]);
    let late = median(&samples[samples.len() - tenth..]);
    Some((late / early - 1.0) * 100.0)
}

fn median(samples: &[u64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle] as f64
    } else {
        (sorted[middle - 1] + sorted[middle]) as f64 / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_the_system_is_parsed() {
        assert_eq!(of_status("Name:\tx\nRssAnon:\t    1234 kB\nRssFile: 9 kB\n"), Some(1234 * 1024));
        assert_eq!(of_status("VmRSS:\t 12 kB\n"), None);
    }

    #[test]
    fn growth_ignores_the_first_tenth() {
        let mut samples = vec![1; 10];
        samples.extend([100; 80]);
        samples.extend([110; 10]);
        samples[95] = 9_000;
        let growth = growth(&samples).unwrap();
        assert!((growth - 10.0).abs() < 1e-9, "{growth}");
        assert_eq!(super::growth(&[1; 9]), None);
    }
}
