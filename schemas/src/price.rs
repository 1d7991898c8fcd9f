//! Exact prices: integers in ten-thousandths.

use std::fmt;

/// A decimal of at most 12 digits, 4 of them after the point, stored in units of 0.0001.
///
/// Zero is a valid `Price`, because the contract's pattern allows "0.00". The market rules do not allow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

/// Units of 0.0001 in one currency unit.
const UNITS_PER_ONE: i64 = 10_000;

impl Price {
    /// The largest price, 99,999,999.9999.
    pub const MAX: Price = Price(999_999_999_999);

    /// Creates a price from units of 0.0001, or returns `None` outside `0..=Price::MAX`.
    pub const fn from_units(units: i64) -> Option<Price> {
        if units >= 0 && units <= Price::MAX.0 { Some(Price(units)) } else { None }
    }

    /// Returns the price in units of 0.0001.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Returns the mean of two prices, rounded half up to 0.0001.
    pub const fn mid(bid: Price, ask: Price) -> Price {
        Price((bid.0 + ask.0 + 1) / 2)
    }

    /// Returns `self - other`, or `None` if that is negative.
    pub const fn checked_sub(self, other: Price) -> Option<Price> {
        Price::from_units(self.0 - other.0)
    }

    /// Parses the contract's pattern `^\d+\.\d{2,4}$` (ASCII digits, at most 8 before the point).
    pub fn parse(text: &[u8]) -> Option<Price> {
        let point = text.iter().position(|&byte| byte == b'.')?;
        let (whole, rest) = text.split_at(point);
        let fraction = &rest[1..];
        if !(1..=8).contains(&whole.len()) || !(2..=4).contains(&fraction.len()) {
            return None;
        }
        let mut units = 0i64;
        for &byte in whole.iter().chain(fraction) {
            if !byte.is_ascii_digit() {
                return None;
            }
            units = units * 10 + i64::from(byte - b'0');
        }
        for _ in fraction.len()..4 {
            units *= 10;
        }
        Some(Price(units))
    }

    /// Appends the shortest text with 2 to 4 decimals: "178.50", "178.525".
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        let whole = (self.0 / UNITS_PER_ONE) as u32;
        let fraction = (self.0 % UNITS_PER_ONE) as u32;
        crate::digits::write_u32(whole, out);
        let high = crate::digits::two(fraction / 100);
        let low = crate::digits::two(fraction % 100);
        let text = [b'.', high[0], high[1], low[0], low[1]];
        let len = if fraction.is_multiple_of(100) {
            3
        } else if fraction.is_multiple_of(10) {
            4
        } else {
            5
        };
        out.extend_from_slice(&text[..len]);
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(16);
        self.write(&mut text);
        f.pad(std::str::from_utf8(&text).expect("a price is written in ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::Price;

    #[track_caller]
    fn check(text: &str, units: Option<i64>, written: &str) {
        let price = Price::parse(text.as_bytes());
        assert_eq!(price.map(Price::units), units, "{text}");
        if let Some(price) = price {
            assert_eq!(price.to_string(), written);
        }
    }

    #[test]
    fn prices_are_written_with_two_to_four_decimals() {
        check("178.50", Some(1_785_000), "178.50");
        check("178.5250", Some(1_785_250), "178.525");
        check("0.0001", Some(1), "0.0001");
        check("0.01", Some(100), "0.01");
        check("0.00", Some(0), "0.00");
        check("00178.50", Some(1_785_000), "178.50");
        check("99999999.9999", Some(999_999_999_999), "99999999.9999");
    }

    #[test]
    fn prices_outside_the_pattern_are_refused() {
        for text in [
            "",
            ".",
            "1",
            "1.",
            "1.2",
            "1.23456",
            "123456789.00",
            "-1.00",
            "+1.00",
            "1,00",
            " 1.00",
            "1.00 ",
            "1e2",
            "١.00",
            ".50",
        ] {
            check(text, None, "");
        }
    }

    #[test]
    fn the_middle_is_rounded_half_up() {
        let price = |units| Price::from_units(units).unwrap();
        assert_eq!(Price::mid(price(1), price(2)), price(2));
        assert_eq!(Price::mid(price(100), price(200)), price(150));
    }
}
