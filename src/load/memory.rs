//! How much memory this process holds.

use std::fs;

/// Resident memory in bytes that is the process's own: without the pages of mapped archives, which the system takes back
/// as it likes. `None` where the system does not say.
pub(crate) fn resident() -> Option<u64> {
    of_status(&fs::read_to_string("/proc/self/status").ok()?)
}

fn of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Growth from the second tenth of a run to its last, in percent of the former: medians, because a moment says little.
/// `None` for fewer than ten samples.
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
    fn the_system_s_text_is_read() {
        assert_eq!(of_status("Name:\tx\nRssAnon:\t    1234 kB\nRssFile: 9 kB\n"), Some(1234 * 1024));
        assert_eq!(of_status("VmRSS:\t 12 kB\n"), None);
    }

    #[test]
    fn growth_leaves_the_beginning_out() {
        let mut samples = vec![1; 10];
        samples.extend([100; 80]);
        samples.extend([110; 10]);
        samples[95] = 9_000;
        let growth = growth(&samples).unwrap();
        assert!((growth - 10.0).abs() < 1e-9, "{growth}");
        assert_eq!(super::growth(&[1; 9]), None);
    }
}
