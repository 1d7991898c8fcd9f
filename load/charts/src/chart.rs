//! Charts of lines and dots as SVG, coloured by the style sheet of the page.

use std::fmt::Write as _;

use crate::{
    axis::{Axis, decade_below, round_step},
    escaped,
};

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// A chart.
pub struct Chart<'a> {
    /// The title.
    pub title: &'a str,
    /// The horizontal axis.
    pub x: Axis,
    /// The lines, drawn in this order.
    pub lines: Vec<Line<'a>>,
    /// True for a logarithmic vertical axis.
    pub logarithmic: bool,
    /// Returns the label of a value on the vertical axis.
    pub label: &'a dyn Fn(f64) -> String,
    /// Positions of events on the horizontal axis, and their names.
    pub marks: &'a [(f64, String)],
}

impl std::fmt::Debug for Chart<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chart").field("title", &self.title).finish_non_exhaustive()
    }
}

/// The form of the points of a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Connected points.
    Line,
    /// Dots.
    Dots,
}

/// A line of a chart, with gaps where there is no value.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The name in the legend.
    pub name: &'a str,
    /// The colour: 0 to 3 for the classes `line-0` to `line-3` of the style sheet.
    pub colour: usize,
    /// The form of the points.
    pub form: Form,
    /// The points: position on the horizontal axis, and value.
    pub points: Vec<(f64, Option<f64>)>,
}

impl<'a> Line<'a> {
    /// Creates a line of connected points.
    pub fn new(name: &'a str, colour: usize, points: Vec<(f64, Option<f64>)>) -> Line<'a> {
        Line { name, colour, form: Form::Line, points }
    }

    /// Creates a line that is drawn as dots.
    pub fn dots(name: &'a str, colour: usize, points: Vec<(f64, Option<f64>)>) -> Line<'a> {
        Line { name, colour, form: Form::Dots, points }
    }
}

/// The vertical axis.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(chart: &Chart<'_>) -> Scale {
        let values = || {
            chart
                .lines
                .iter()
                .flat_map(|line| &line.points)
                .filter_map(|(_, value)| value.filter(|it| it.is_finite()))
        };
        let high = values().fold(0.0, f64::max);
        if chart.logarithmic {
            let low = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
            let low = decade_below(if low.is_finite() { low } else { 1.0 });
            Scale { low, high: high.max(low * 10.0), logarithmic: true }
        } else {
            let low = values().fold(0.0, f64::min);
            Scale { low, high: if high > low { high } else { 1.0 }, logarithmic: false }
        }
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            let decades = |value: f64| libm::log10(value.max(self.low) / self.low);
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
        let step = round_step((self.high - self.low) / 5.0);
        let first = (self.low / step).ceil();
        (0..=10)
            .map(|number| (first + f64::from(number)) * step)
            .take_while(|tick| *tick <= self.high + step * 1e-4)
            .collect()
    }
}

impl Chart<'_> {
    /// Renders the chart with its title and legend.
    pub fn svg(&self) -> String {
        let scale = Scale::of(self);
        let x = |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * self.x.share(at);
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
        for (at, label) in self.x.ticks() {
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
            let point = |(at, value): &(f64, Option<f64>)| {
                let value = value.filter(|value| value.is_finite())?;
                Some((x(*at), scale.y(value)))
            };
            match line.form {
                Form::Line => {
                    let mut path = String::new();
                    let mut drawn = false;
                    for at in &line.points {
                        let Some((x, y)) = point(at) else {
                            drawn = false;
                            continue;
                        };
                        let command = if drawn { 'L' } else { 'M' };
                        let _ = write!(path, "{command}{x:.1} {y:.1}");
                        drawn = true;
                    }
                    let _ = write!(out, "<path class=\"line-{}\" d=\"{path}\"/>", line.colour);
                }
                Form::Dots => {
                    for (x, y) in line.points.iter().filter_map(point) {
                        let _ = write!(
                            out,
                            "<circle class=\"dot-{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>",
                            line.colour
                        );
                    }
                }
            }
        }
        out + "</svg></figure>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_not_bridged_and_texts_are_escaped() {
        let chart = Chart {
            title: "a < b",
            x: Axis::linear(0.0, 10.0, vec![(0.0, "0".to_owned())]),
            lines: vec![Line::new(
                "\"x\"",
                0,
                vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(100.0)), (3.0, Some(0.0))],
            )],
            logarithmic: true,
            label: &|value| value.to_string(),
            marks: &[(5.0, "<b>".to_owned())],
        };
        let svg = chart.svg();
        assert_eq!(svg.matches('M').count(), 2);
        assert!(svg.contains("a &lt; b") && svg.contains("&quot;x&quot;") && svg.contains("&lt;b&gt;"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn negative_values_lie_below_zero_and_infinite_ones_are_left_out() {
        let chart = Chart {
            title: "",
            x: Axis::round(0.0, 2.0),
            lines: vec![Line::dots("", 1, vec![(0.0, Some(-1.0)), (1.0, Some(f64::NAN)), (2.0, Some(1.0))])],
            logarithmic: false,
            label: &|value| format!("{value:.1}"),
            marks: &[],
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains(">-1.0<") && svg.contains(">0.0<") && svg.contains(">1.0<"), "{svg}");
        assert!(svg.contains("cy=\"194.0\"") && svg.contains("cy=\"10.0\""), "{svg}");
    }
}
