//! The speed of a playback.

use std::{fmt, str::FromStr, time::Duration};

/// The speed of a playback: a multiple of the recorded pace, exact to a millionth, or as fast as clients accept
/// messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// Without a schedule.
    Max,
    /// A multiple of the recorded pace.
    Times(Factor),
}

/// A positive factor in millionths: 0.000001 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(u64);

/// The text is not a speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a speed such as 1x, 50x, 0.5x or max (greater than 0, at most 1000000x, at most 6 decimals)"
)]
pub struct ParseSpeedError;

const MILLION: u64 = 1_000_000;

impl Speed {
    /// The recorded pace.
    pub const REAL_TIME: Speed = Speed::Times(Factor(MILLION));

    /// Returns the factor as a number; `None` for max.
    pub fn factor(self) -> Option<f64> {
        match self {
            Speed::Max => None,
            Speed::Times(Factor(millionths)) => Some(millionths as f64 / MILLION as f64),
        }
    }
}

impl Factor {
    /// Returns the time that recorded time takes to play: rounded up to a nanosecond, so that nothing is ever early.
    pub fn wall(self, recorded: Duration) -> Duration {
        nanoseconds((recorded.as_nanos() * u128::from(MILLION)).div_ceil(u128::from(self.0)))
    }

    /// Returns the recorded time that is played in some time, rounded down.
    pub fn recorded(self, wall: Duration) -> Duration {
        nanoseconds(wall.as_nanos() * u128::from(self.0) / u128::from(MILLION))
    }
}

fn nanoseconds(count: u128) -> Duration {
    let nanos = u64::try_from(count).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos)
}

impl FromStr for Speed {
    type Err = ParseSpeedError;

    fn from_str(text: &str) -> Result<Speed, ParseSpeedError> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Speed::Max);
        }
        let number = text.strip_suffix(['x', 'X']).unwrap_or(text);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let well_formed = !whole.is_empty() && digits(whole) && digits(fraction) && !number.ends_with('.');
        if !well_formed || whole.len() > 7 || fraction.len() > 6 {
            return Err(ParseSpeedError);
        }
        let whole: u64 = whole.parse().map_err(|_| ParseSpeedError)?;
        let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| ParseSpeedError)?;
        match whole * MILLION + fraction {
            millionths @ 1..=1_000_000_000_000 => Ok(Speed::Times(Factor(millionths))),
            _ => Err(ParseSpeedError),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Max => f.write_str("max"),
            Speed::Times(Factor(millionths)) => {
                let (whole, fraction) = (millionths / MILLION, millionths % MILLION);
                if fraction == 0 {
                    write!(f, "{whole}x")
                } else {
                    write!(f, "{whole}.{}x", format!("{fraction:06}").trim_end_matches('0'))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn speeds_are_read_and_written() {
        for (text, printed) in [
            ("1x", "1x"),
            ("50", "50x"),
            ("50X", "50x"),
            ("0.5x", "0.5x"),
            ("1.250x", "1.25x"),
            ("0.000001x", "0.000001x"),
            ("1000000x", "1000000x"),
            ("max", "max"),
            ("MAX", "max"),
        ] {
            assert_eq!(text.parse::<Speed>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_speed_is_refused() {
        for text in [
            "",
            "x",
            "0x",
            "0",
            "-1x",
            "+1x",
            "1e3x",
            "1.x",
            ".5x",
            "1000000.1x",
            "0.0000001x",
            "fast",
            "1xx",
            "٣x",
        ] {
            assert_eq!(text.parse::<Speed>(), Err(ParseSpeedError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_early(millionths in 1u64..=1_000_000_000_000, micros in 0u64..100_000_000_000) {
            let factor = Factor(millionths);
            let recorded = Duration::from_micros(micros);
            let wall = factor.wall(recorded);
            if wall < Duration::from_nanos(u64::MAX) {
                prop_assert!(factor.recorded(wall) >= recorded);
                if let Some(earlier) = wall.checked_sub(Duration::from_nanos(1)) {
                    prop_assert!(factor.recorded(earlier) < recorded);
                }
            }
        }
    }
}
