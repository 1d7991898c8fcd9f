//! How much worse a metric may be.

use std::str::FromStr;

use crate::threshold::Metric;

/// The tolerance of a metric without one of its own, in percent.
const DEFAULT_PERCENT: f64 = 10.0;
/// The largest tolerance, in percent.
const PERCENT_MAX: f64 = 1e6;

/// A tolerance for the metrics that are judged, or for one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    metric: Option<Metric>,
    /// The tolerated change in percent; `None` for a metric that is not judged.
    percent: Option<f64>,
}

/// The reason why a text is not a tolerance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseToleranceError {
    /// The metric does not exist.
    #[error("{0}")]
    Metric(String),
    /// The value is not a percentage.
    #[error("invalid tolerance {text:?}: expected for example 10%, latency.p99=25% or latency.max=off")]
    Percent {
        /// The text.
        text: String,
    },
}

impl FromStr for Tolerance {
    type Err = ParseToleranceError;

    fn from_str(text: &str) -> Result<Tolerance, ParseToleranceError> {
        let expected = || ParseToleranceError::Percent { text: text.to_owned() };
        let percent = |text: &str| {
            let number: f64 =
                text.strip_suffix('%').ok_or_else(expected)?.trim().parse().map_err(|_| expected())?;
            if (0.0..=PERCENT_MAX).contains(&number) { Ok(number) } else { Err(expected()) }
        };
        let Some((metric, value)) = text.split_once('=') else {
            return Ok(Tolerance { metric: None, percent: Some(percent(text.trim())?) });
        };
        let metric = Metric::parse(metric.trim()).map_err(ParseToleranceError::Metric)?;
        let percent = match value.trim() {
            "off" => None,
            value => Some(percent(value)?),
        };
        Ok(Tolerance { metric: Some(metric), percent })
    }
}

/// The tolerances of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Tolerances(Vec<Tolerance>);

impl Tolerances {
    /// Combines tolerances. Of several for the same, the last one counts.
    pub fn new(tolerances: Vec<Tolerance>) -> Tolerances {
        Tolerances(tolerances)
    }

    /// Returns the tolerance of a metric in percent, or `None` if it is not judged.
    pub(crate) fn of(&self, metric: Metric) -> Option<f64> {
        match self.last(Some(metric)) {
            Some(own) => own.percent,
            None if is_judged(metric) => {
                Some(self.last(None).and_then(|it| it.percent).unwrap_or(DEFAULT_PERCENT))
            }
            None => None,
        }
    }

    /// Returns whether a metric has a tolerance of its own.
    pub(crate) fn names(&self, metric: Metric) -> bool {
        self.last(Some(metric)).is_some()
    }

    fn last(&self, metric: Option<Metric>) -> Option<&Tolerance> {
        self.0.iter().rev().find(|tolerance| tolerance.metric == metric)
    }
}

/// Returns whether a metric is judged without being named. Others depend on a single message, on the events of the scenario, or
/// on when a sample was taken, and vary from run to run.
fn is_judged(metric: Metric) -> bool {
    match metric {
        Metric::LatencyP50
        | Metric::LatencyP90
        | Metric::LatencyP99
        | Metric::LatencyP999
        | Metric::LateP99
        | Metric::Lost
        | Metric::Duplicated
        | Metric::Reordered
        | Metric::Altered
        | Metric::DeadLettered
        | Metric::Disconnects
        | Metric::Throughput
        | Metric::RssMax => true,
        Metric::LatencyP9999
        | Metric::LatencyMax
        | Metric::LateMax
        | Metric::Delivered
        | Metric::BacklogMax
        | Metric::Recovery
        | Metric::Drain
        | Metric::RssGrowth => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str], metric: Metric) -> Option<f64> {
        Tolerances::new(texts.iter().map(|text| text.parse().unwrap()).collect()).of(metric)
    }

    #[test]
    fn a_metric_has_its_own_tolerance_or_the_general_one() {
        assert_eq!(of(&[], Metric::LatencyP99), Some(10.0));
        assert_eq!(of(&["25%"], Metric::LatencyP99), Some(25.0));
        assert_eq!(of(&["25%", "0.5 %"], Metric::LatencyP99), Some(0.5));
        assert_eq!(of(&["latency.p99=50%", "25%"], Metric::LatencyP99), Some(50.0));
        assert_eq!(of(&["latency.p99=off"], Metric::LatencyP99), None);
        assert_eq!(of(&["25%"], Metric::LatencyMax), None, "a single message");
        assert_eq!(of(&["latency.max = 100%"], Metric::LatencyMax), Some(100.0));
    }

    #[test]
    fn other_texts_are_refused_with_examples() {
        for text in ["", "10", "ten%", "-1%", "nan%", "inf%", "1e9%", "latency.p99=", "latency.p99=10"] {
            let error = text.parse::<Tolerance>().unwrap_err().to_string();
            assert!(error.contains("expected for example 10%, latency.p99=25%"), "{text}: {error}");
        }
        let error = "latency.p98=10%".parse::<Tolerance>().unwrap_err().to_string();
        assert!(error.contains("did you mean latency.p9"), "{error}");
    }
}
