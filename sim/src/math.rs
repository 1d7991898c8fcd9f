//! Transcendental functions with bit-identical results on every platform.
//!
//! The functions of the standard library are those of the platform, and differ in the last bit between C libraries. The
//! `libm` crate is plain Rust that uses only `+ - * /`, which IEEE 754 defines exactly.

/// Returns e to the power of `x`.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// Returns e to the power of `x` in the same bits as [`exp`], faster for `x` within ±½ ln 2.
///
/// There, `libm` needs no reduction of the range, and what remains is short enough to be inlined. Source: `libm` 0.2, after
/// FreeBSD's `e_exp.c`; a test compares all bits.
#[inline]
pub(crate) fn exp_of_small(x: f64) -> f64 {
    const P: [f64; 5] = [
        1.666_666_666_666_660_2e-1,
        -2.777_777_777_701_559_3e-3,
        6.613_756_321_437_934e-5,
        -1.653_390_220_546_525_2e-6,
        4.138_136_797_057_238_5e-8,
    ];
    let magnitude = (x.to_bits() >> 32) as u32 & 0x7fff_ffff;
    if !(0x3e30_0001..=0x3fd6_2e42).contains(&magnitude) {
        return exp(x);
    }
    let square = x * x;
    let c = x - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))));
    1.0 + (x * c / (2.0 - c) + x)
}

/// Returns the natural logarithm of `x`.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Returns the greatest integer that is not above `x`. `x` must be well within the range of `i64`.
///
/// `f64::floor` would be a call into the C library on x86-64, whose baseline has no instruction for it.
#[inline]
pub(crate) fn floor(x: f64) -> i64 {
    let towards_zero = x as i64;
    towards_zero - i64::from(towards_zero as f64 > x)
}

/// Returns the least integer that is not below `x`, with the same restriction as [`floor`].
#[inline]
pub(crate) fn ceil(x: f64) -> i64 {
    let towards_zero = x as i64;
    towards_zero + i64::from((towards_zero as f64) < x)
}

/// Returns the quantile of the standard normal distribution for `p` in (0, 1), to about 16 digits.
///
/// Source: M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics
/// 37(3), 1988 (function PPND16).
#[inline]
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * rational(r, &CENTRAL);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-ln(tail)).sqrt();
    let magnitude = if r <= 5.0 { rational(r - 1.6, &MIDDLE) } else { rational(r - 5.0, &FAR) };
    if q < 0.0 { -magnitude } else { magnitude }
}

/// Returns the quantiles of several probabilities, in the same bits as [`normal_quantile`].
///
/// Most of them are in the middle, where the function is one quotient of polynomials; several of those at once keep the
/// processor's multipliers busy.
#[inline]
pub(crate) fn normal_quantiles<const N: usize>(p: [f64; N]) -> [f64; N] {
    let q = p.map(|p| p - 0.5);
    let r = q.map(|q| 0.180625 - q * q);
    let horner = |terms: &[f64; 8]| {
        let mut sums = [0.0; N];
        for term in terms.iter().rev() {
            for (sum, r) in sums.iter_mut().zip(r) {
                *sum = *sum * r + term;
            }
        }
        sums
    };
    let (numerator, denominator) = (horner(&CENTRAL.numerator), horner(&CENTRAL.denominator));
    std::array::from_fn(|index| {
        if q[index].abs() <= 0.425 {
            q[index] * (numerator[index] / denominator[index])
        } else {
            normal_quantile(p[index])
        }
    })
}

/// The coefficients of a rational function, constant term first.
struct Rational {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

#[inline]
fn rational(x: f64, coefficients: &Rational) -> f64 {
    let horner = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * x + term);
    horner(&coefficients.numerator) / horner(&coefficients.denominator)
}

#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "as published")]
const CENTRAL: Rational = Rational {
    numerator: [
        3.387_132_872_796_366_608, 1.331_416_678_917_843_774_5e2, 1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4, 4.592_195_393_154_987_145_7e4, 6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4, 2.509_080_928_730_122_672_7e3,
    ],
    denominator: [
        1.0, 4.231_333_070_160_091_125_2e1, 6.871_870_074_920_579_083e2, 5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4, 3.930_789_580_009_271_061e4, 2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561e3,
    ],
};

#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "as published")]
const MIDDLE: Rational = Rational {
    numerator: [
        1.423_437_110_749_683_577_34, 4.630_337_846_156_545_295_9, 5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04, 1.270_458_252_452_368_382_58, 2.417_807_251_774_506_117_7e-1,
        2.272_384_498_926_918_458_33e-2, 7.745_450_142_783_414_076_4e-4,
    ],
    denominator: [
        1.0, 2.053_191_626_637_758_821_87, 1.676_384_830_183_803_849_4, 6.897_673_349_851_000_045_5e-1,
        1.481_039_764_274_800_745_9e-1, 1.519_866_656_361_645_719_66e-2, 5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
};

#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "as published")]
const FAR: Rational = Rational {
    numerator: [
        6.657_904_643_501_103_777_2, 5.463_784_911_164_114_369_9, 1.784_826_539_917_291_335_8,
        2.965_605_718_285_048_912_3e-1, 2.653_218_952_657_612_309_3e-2, 1.242_660_947_388_078_438_6e-3,
        2.711_555_568_743_487_578_15e-5, 2.010_334_399_292_288_132_65e-7,
    ],
    denominator: [
        1.0, 5.998_322_065_558_879_376_9e-1, 1.369_298_809_227_358_053_1e-1, 1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591e-4, 1.846_318_317_510_054_681_8e-5, 1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn floor_and_ceil_are_those_of_ieee_754() {
        for step in -4_000..4_000 {
            for x in [f64::from(step) / 8.0, f64::from(step) * 1e9, f64::from(step) / 1e9] {
                for x in [x, x.next_up(), x.next_down()] {
                    assert_eq!((floor(x), ceil(x)), (x.floor() as i64, x.ceil() as i64), "{x}");
                }
            }
        }
    }

    #[test]
    fn quantiles_agree_with_tables() {
        // values of Python's statistics.NormalDist().inv_cdf
        for (p, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.025, -1.959_963_984_540_054),
            (0.9, 1.281_551_565_544_600_4),
            (0.999, 3.090_232_306_167_812_5),
            (1e-9, -5.997_807_015_008_182),
            (1e-15, -7.941_345_326_170_998),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-12, "{p}: {}", normal_quantile(p));
        }
    }

    #[test]
    fn the_exponential_of_small_numbers_has_the_bits_of_the_library() {
        let mut stream = Stream::new(1, Purpose::Price, "exp");
        for _ in 0..200_000 {
            // all magnitudes, and the edges of the range in which the short way is taken
            let small = stream.between(-0.5, 0.5) * exp(-30.0 * stream.unit());
            for x in
                [small, stream.between(-0.36, 0.36), stream.between(-0.3466, -0.3465), -40.0 * stream.unit()]
            {
                assert_eq!(exp_of_small(x).to_bits(), exp(x).to_bits(), "{x:e}");
            }
        }
        let half = f64::from_bits(0x3fd6_2e42_ffff_ffff);
        for x in
            [0.0, -0.0, half, -half, half.next_up(), -half.next_up(), 3.725_290_298_461_914e-9, -800.0, 800.0]
        {
            for x in [x, x.next_up(), x.next_down()] {
                assert_eq!(exp_of_small(x).to_bits(), exp(x).to_bits(), "{x:e}");
            }
        }
        assert!(exp_of_small(f64::NAN).is_nan());
    }

    #[test]
    fn quantiles_at_once_have_the_bits_of_each() {
        let mut stream = Stream::new(2, Purpose::Price, "quantiles");
        for _ in 0..50_000 {
            let tail = stream.unit() * 1e-9;
            let p = [stream.unit(), stream.unit(), tail, stream.between(0.074, 0.076), 1.0 - tail];
            assert_eq!(
                normal_quantiles(p).map(f64::to_bits),
                p.map(|p| normal_quantile(p).to_bits()),
                "{p:?}"
            );
        }
        let edges = [0.075, 0.925, 0.075_f64.next_down(), 0.925_f64.next_up(), 0.5];
        assert_eq!(normal_quantiles(edges).map(f64::to_bits), edges.map(|p| normal_quantile(p).to_bits()));
    }

    #[test]
    fn values_have_known_bits() {
        assert_eq!(exp(0.1).to_bits(), 0x3ff1_aec7_b35a_00d4);
        assert_eq!(ln(0.1).to_bits(), 0xc002_6bb1_bbb5_5515);
    }
}
