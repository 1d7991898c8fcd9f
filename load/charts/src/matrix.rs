//! A square table of numbers as colours.

use std::fmt::Write as _;

use crate::escaped;

/// The width of the picture.
const WIDTH: f64 = 920.0;
/// The space for names on the left and at the top.
const NAMES: f64 = 60.0;

/// A square matrix with named rows and columns, such as correlations.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// The title.
    pub title: &'a str,
    /// The names of rows and columns.
    pub names: &'a [String],
    /// The values, row by row; as many as names, squared.
    pub values: &'a [f64],
    /// The magnitude that is drawn in the full colour.
    pub full: f64,
}

impl Matrix<'_> {
    /// Renders the matrix. Positive values have one colour, negative ones another.
    pub fn svg(&self) -> String {
        let count = self.names.len();
        let cell = ((WIDTH - NAMES) / count.max(1) as f64).min(40.0);
        let size = NAMES + cell * count as f64;
        let mut out = format!(
            "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {size:.0}\" role=\"img\" aria-label=\"{}\">",
            escaped(self.title),
            escaped(self.title)
        );
        for (at, name) in self.names.iter().enumerate() {
            let middle = NAMES + (at as f64 + 0.5) * cell;
            let name = escaped(name);
            let _ = write!(
                out,
                "<text class=\"y\" x=\"{}\" y=\"{:.1}\">{name}</text><text class=\"y\" transform=\"rotate(90 {middle:.1} {})\" \
                 x=\"{middle:.1}\" y=\"{:.1}\">{name}</text>",
                NAMES - 4.0,
                middle + 4.0,
                NAMES - 4.0,
                NAMES,
            );
        }
        for (at, value) in self.values.iter().enumerate() {
            let (row, column) = (at / count, at % count);
            let class = if *value < 0.0 { 3 } else { 1 };
            let _ = write!(
                out,
                "<rect class=\"cell-{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" \
                 fill-opacity=\"{:.2}\"><title>{} {} {value:.2}</title></rect>",
                NAMES + column as f64 * cell,
                NAMES + row as f64 * cell,
                (value.abs() / self.full).clamp(0.0, 1.0),
                escaped(&self.names[row]),
                escaped(&self.names[column]),
            );
        }
        out + "</svg></figure>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_cell() {
        let names = ["<A>".to_owned(), "B".to_owned()];
        let svg = Matrix { title: "t", names: &names, values: &[1.0, -0.5, 0.25, 9.0], full: 1.0 }.svg();
        assert_eq!(svg.matches("<rect").count(), 4);
        assert_eq!(svg.matches("cell-3").count(), 1);
        assert!(svg.contains("&lt;A&gt;") && !svg.contains("<A>"));
        assert!(svg.contains("fill-opacity=\"0.50\"") && svg.contains("fill-opacity=\"1.00\""));
    }
}
