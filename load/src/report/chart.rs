//! Line charts as SVG, coloured by the style sheet of the page.

use std::fmt::Write as _;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// A line chart.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// The end of the horizontal axis, which starts at 0.
    pub(crate) x_max: f64,
    /// Positions on the horizontal axis, and their labels.
    pub(crate) x_ticks: Vec<(f64, String)>,
    pub(crate) lines: Vec<Line<'a>>,
    /// True for a logarithmic vertical axis.
    pub(crate) logarithmic: bool,
    pub(crate) label: &'a dyn Fn(f64) -> String,
    /// Positions of events on the horizontal axis.
    pub(crate) marks: &'a [(f64, String)],
}

/// A line of a chart, with gaps where there is no value.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    /// The colour: 0 to 3 for the classes `line-0` to `line-3` of the style sheet.
    pub(crate) colour: usize,
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// The vertical axis.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(chart: &Chart<'_>) -> Scale {
        let values = || chart.lines.iter().flat_map(|line| &line.points).filter_map(|(_, value)| *value);
        let high = values().fold(0.0, f64::max);
        if chart.logarithmic {
            let low = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
            let low = decade_below(if low.is_finite() { low } else { 1.0 });
            Scale { low, high: high.max(low * 10.0), logarithmic: true }
        } else {
            Scale { low: 0.0, high: if high > 0.0 { high } else { 1.0 }, logarithmic: false }
        }
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            let decades = |value: f64| log10(value.max(self.low) / self.low);
            decades(value) / decades(self.high)
        } else {
            (value - self.low) / (self.high - self.low)
        };
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            return std::iter::successors(Some(self.low), |tick| Some(tick * 10.0))
                .take_while(|tick| *tick <= self.high * 1.0001)
                .collect();
        }
        let step = round_step(self.high / 5.0);
        std::iter::successors(Some(0.0), |tick| Some(tick + step))
            .take_while(|tick| *tick <= self.high * 1.0001)
            .collect()
    }
}

/// Returns the greatest power of ten that is not above a value.
fn decade_below(value: f64) -> f64 {
    let mut decade = 1.0;
    while decade > value {
        decade /= 10.0;
    }
    while decade * 10.0 <= value {
        decade *= 10.0;
    }
    decade
}

/// Returns the smallest of 1, 2 or 5 times a power of ten that is not below a value.
pub(crate) fn round_step(value: f64) -> f64 {
    let decade = decade_below(value.max(1e-9));
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|step| *step >= value)
        .unwrap_or(decade)
}

#[expect(clippy::disallowed_methods, reason = "the last bit of a position in a chart does not matter")]
fn log10(value: f64) -> f64 {
    value.log10()
}

impl Chart<'_> {
    /// Renders the chart with its title and legend.
    pub(crate) fn svg(&self) -> String {
        let scale = Scale::of(self);
        let x = |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * (at / self.x_max.max(1e-9)).clamp(0.0, 1.0);
        let floor = HEIGHT - BOTTOM;
        let mut out = format!("<figure><figcaption>{}", escaped(self.title));
        for line in &self.lines {
            let _ = write!(out, " <span class=\"key line-{}\">{}</span>", line.colour, escaped(line.name));
        }
        let _ = write!(
            out,
            "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(self.title)
        );
        for tick in scale.ticks() {
            let (y, label) = (scale.y(tick), (self.label)(tick));
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"y\" x=\"{}\" y=\"{:.1}\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                escaped(&label)
            );
        }
        for (at, label) in &self.x_ticks {
            let _ = write!(
                out,
                "<text class=\"x\" x=\"{:.1}\" y=\"{}\">{}</text>",
                x(*at),
                HEIGHT - 8.0,
                escaped(label)
            );
        }
        for (at, label) in self.marks {
            let at = x(*at);
            let _ = write!(
                out,
                "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{floor}\"><title>{}</title></line>",
                escaped(label)
            );
        }
        for line in &self.lines {
            let mut path = String::new();
            let mut drawn = false;
            for (at, value) in &line.points {
                let Some(value) = value else {
                    drawn = false;
                    continue;
                };
                let command = if drawn { 'L' } else { 'M' };
                let _ = write!(path, "{command}{:.1} {:.1}", x(*at), scale.y(*value));
                drawn = true;
            }
            let _ = write!(out, "<path class=\"line-{}\" d=\"{path}\"/>", line.colour);
        }
        out + "</svg></figure>"
    }
}

/// Escapes a text for HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (value, step) in [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (4.9, 5.0), (5.1, 10.0), (1250.0, 2000.0)] {
            assert!((round_step(value) - step).abs() < 1e-9 * step, "{value}");
        }
    }

    #[test]
    fn gaps_are_not_bridged_and_texts_are_escaped() {
        let chart = Chart {
            title: "a < b",
            x_max: 10.0,
            x_ticks: vec![(0.0, "0".to_owned())],
            lines: vec![Line {
                name: "\"x\"",
                colour: 0,
                points: vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(100.0)), (3.0, Some(0.0))],
            }],
            logarithmic: true,
            label: &|value| value.to_string(),
            marks: &[(5.0, "<b>".to_owned())],
        };
        let svg = chart.svg();
        assert_eq!(svg.matches('M').count(), 2);
        assert!(svg.contains("a &lt; b") && svg.contains("&quot;x&quot;") && svg.contains("&lt;b&gt;"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
