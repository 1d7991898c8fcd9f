//! Thresholds, such as `latency.p99 < 500ms`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use tradesim_schemas::{
    parse_duration,
    text::{bytes, grouped, nearest},
};

macro_rules! metrics {
    ($($metric:ident $name:literal $unit:ident,)*) => {
        /// A metric of a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Metric {
            $($metric,)*
        }

        impl Metric {
            /// All metrics.
            pub(crate) const ALL: &[Metric] = &[$(Metric::$metric,)*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Metric::$metric => $name,)*
                }
            }

            pub(crate) fn unit(self) -> Unit {
                match self {
                    $(Metric::$metric => Unit::$unit,)*
                }
            }
        }
    };
}

// all metrics, with their names and units
metrics! {
    LatencyP50 "latency.p50" Milliseconds,
    LatencyP90 "latency.p90" Milliseconds,
    LatencyP99 "latency.p99" Milliseconds,
    LatencyP999 "latency.p99.9" Milliseconds,
    LatencyP9999 "latency.p99.99" Milliseconds,
    LatencyMax "latency.max" Milliseconds,
    LateP99 "late.p99" Milliseconds,
    LateMax "late.max" Milliseconds,
    Lost "lost" Count,
    Duplicated "duplicated" Count,
    Reordered "reordered" Count,
    Altered "altered" Count,
    DeadLettered "dead_lettered" Count,
    Disconnects "disconnects" Count,
    Delivered "delivered" Count,
    Throughput "throughput" PerSecond,
    BacklogMax "backlog_max" Count,
    Recovery "recovery" Milliseconds,
    Drain "drain" Milliseconds,
    RssGrowth "rss_growth" Percent,
    RssMax "rss_max" Bytes,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds; written as `500ms`, `2s`.
    Milliseconds,
    /// A number.
    Count,
    /// Written as `1000/s`.
    PerSecond,
    /// Written as `10%`.
    Percent,
    /// Written as `256MB`, powers of 1,000.
    Bytes,
}

impl Metric {
    /// Returns whether it is measured only by reading the topics.
    pub(crate) fn needs_kafka(self) -> bool {
        matches!(self, Metric::Duplicated | Metric::Reordered | Metric::Altered | Metric::DeadLettered)
    }

    /// Returns whether it needs instants at which messages are due.
    pub(crate) fn needs_schedule(self) -> bool {
        self.name().starts_with("latency.") || self.name().starts_with("late.")
    }

    /// Returns whether a greater value is better.
    pub(crate) fn is_higher_better(self) -> bool {
        matches!(self, Metric::Throughput | Metric::Delivered)
    }

    /// Returns the share of messages above a percentile of latency; `None` for other metrics.
    pub(crate) fn share_above(self) -> Option<f64> {
        match self {
            Metric::LatencyP50 => Some(0.5),
            Metric::LatencyP90 => Some(0.1),
            Metric::LatencyP99 | Metric::LateP99 => Some(0.01),
            Metric::LatencyP999 => Some(0.001),
            Metric::LatencyP9999 => Some(0.0001),
            _ => None,
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Metric, String> {
        let names = || Metric::ALL.iter().map(|metric| metric.name());
        let found = Metric::ALL.iter().find(|metric| metric.name() == text).copied();
        found.ok_or_else(|| match nearest(text, names()) {
            Some(name) => format!("unknown metric {text:?}; did you mean {name}?"),
            None => {
                format!("unknown metric {text:?}: expected one of {}", names().collect::<Vec<_>>().join(", "))
            }
        })
    }
}

impl Unit {
    fn parse(self, text: &str) -> Option<f64> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        match self {
            // a number without a unit would mean seconds, which is rarely intended here
            Unit::Milliseconds if text.ends_with(|end: char| end.is_ascii_digit()) => None,
            Unit::Milliseconds => parse_duration(text).ok().map(|time| time.as_secs_f64() * 1e3),
            Unit::Count => number(text),
            Unit::PerSecond => number(text.strip_suffix("/s").unwrap_or(text)),
            Unit::Percent => number(text.strip_suffix('%')?),
            Unit::Bytes => {
                let units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1.0)];
                units.iter().find_map(|(unit, factor)| Some(number(text.strip_suffix(unit)?)? * factor))
            }
        }
    }

    /// Returns the name in comparisons.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Unit::Milliseconds => "ms",
            Unit::Count => "count",
            Unit::PerSecond => "per_second",
            Unit::Percent => "percent",
            Unit::Bytes => "bytes",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Unit::Milliseconds => "a duration such as 500ms",
            Unit::Count => "a number",
            Unit::PerSecond => "a rate such as 1000/s",
            Unit::Percent => "a percentage such as 10%",
            Unit::Bytes => "a size such as 256MB",
        }
    }

    /// Formats a value for people.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Unit::Milliseconds if value >= 1_000.0 => format!("{:.2} s", value / 1e3),
            Unit::Milliseconds if value >= 100.0 => format!("{value:.0} ms"),
            Unit::Milliseconds => format!("{value:.2} ms"),
            Unit::Count => grouped(value.round() as u64),
            Unit::PerSecond => format!("{}/s", grouped(value.round() as u64)),
            Unit::Percent => format!("{value:.1} %"),
            Unit::Bytes => bytes(value as u64),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    /// Longer texts come first, because `<` is a prefix of `<=`.
    const ALL: [(&'static str, Comparison); 5] = [
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("==", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Comparison::Less => value < limit,
            Comparison::LessOrEqual => value <= limit,
            Comparison::Equal => value == limit,
            Comparison::GreaterOrEqual => value >= limit,
            Comparison::Greater => value > limit,
        }
    }
}

/// A condition on a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) metric: Metric,
    comparison: Comparison,
    limit: f64,
    text: String,
}

impl Threshold {
    /// Evaluates the condition. It does not hold for a metric that was not measured.
    pub(crate) fn judge(&self, value: Option<f64>) -> Verdict {
        Verdict {
            threshold: self.text.clone(),
            value,
            shown: value.map_or_else(|| "not measured".to_owned(), |value| self.metric.unit().show(value)),
            ok: value.is_some_and(|value| self.comparison.holds(value, self.limit)),
        }
    }
}

/// The result of a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The text in the scenario.
    pub threshold: String,
    /// The measured value in the unit of the metric: milliseconds, a count, messages per second, percent or bytes.
    pub value: Option<f64>,
    /// The value for people.
    pub shown: String,
    /// True if the condition holds.
    pub ok: bool,
}

impl std::str::FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Threshold, String> {
        let found = Comparison::ALL
            .iter()
            .filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, *comparison)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
        let Some((at, sign, comparison)) = found else {
            return Err(format!("invalid threshold {text:?}: expected for example latency.p99 < 500ms"));
        };
        let metric = Metric::parse(text[..at].trim())?;
        let value = text[at + sign.len()..].trim();
        let limit = metric.unit().parse(value).ok_or_else(|| {
            format!("invalid value {value:?} for {}: expected {}", metric.name(), metric.unit().example())
        })?;
        let text = format!("{} {sign} {value}", metric.name());
        Ok(Threshold { metric, comparison, limit, text })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Threshold, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_and_judged() {
        for (text, holds, fails) in [
            ("latency.p99 < 500ms", 499.9, 500.0),
            ("latency.p99.99<=2s", 2000.0, 2000.1),
            ("lost == 0", 0.0, 1.0),
            ("rss_growth < 10%", -3.0, 10.0),
            ("recovery < 60s", 59_000.0, 60_000.0),
            ("throughput >= 1000/s", 1000.0, 999.9),
            ("rss_max < 256MB", 255e6, 256e6),
            ("delivered > 5", 6.0, 5.0),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert!(threshold.judge(Some(holds)).ok && !threshold.judge(Some(fails)).ok, "{text}");
            assert!(!threshold.judge(None).ok, "{text}");
        }
        let shown = "lost==0".parse::<Threshold>().unwrap().judge(Some(1234.0));
        assert_eq!((shown.threshold.as_str(), shown.shown.as_str()), ("lost == 0", "1,234"));
    }

    #[test]
    fn invalid_thresholds_are_refused_with_an_example() {
        for (text, part) in [
            ("lost", "expected for example latency.p99 < 500ms"),
            ("lots == 0", "did you mean lost?"),
            ("weather == 0", "latency.p50, latency.p90"),
            ("latency.p99 < 500", "a duration such as 500ms"),
            ("rss_growth < 10", "a percentage such as 10%"),
            ("rss_max < 10 apples", "a size such as 256MB"),
            ("lost == none", "a number"),
            ("throughput > nan/s", "a rate such as 1000/s"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn every_metric_has_a_name() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Ok(*metric));
        }
    }
}
