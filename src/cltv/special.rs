//! The few special functions that purchase models need.

/// Below this many factors a product of ratios is summed term by term: exact, and faster than two gamma functions.
const DIRECT: u32 = 50;

/// ln(1 + e^u) without overflow.
pub(crate) fn softplus(u: f64) -> f64 {
    u.max(0.0) + libm::log1p(libm::exp(-u.abs()))
}

/// Sigmoid and softplus from one exponential; softplus to absolute precision.
#[cfg(feature = "train")]
pub(crate) fn sigmoid_and_softplus(u: f64) -> (f64, f64) {
    let e = libm::exp(-u.abs());
    let near = 1.0 / (1.0 + e);
    (if u >= 0.0 { near } else { e * near }, u.max(0.0) + libm::log(1.0 + e))
}

/// 1 / (1 + e^-u) without overflow.
pub(crate) fn sigmoid(u: f64) -> f64 {
    if u >= 0.0 {
        1.0 / (1.0 + libm::exp(-u))
    } else {
        let e = libm::exp(u);
        e / (1.0 + e)
    }
}

/// The digamma function for x > 0: recurrence up to 10, then the asymptotic series (DLMF 5.11.2).
#[cfg(feature = "train")]
pub(crate) fn digamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift -= 1.0 / x;
        x += 1.0;
    }
    let w = 1.0 / (x * x);
    let tail = w
        * (1.0 / 12.0
            - w * (1.0 / 120.0
                - w * (1.0 / 252.0
                    - w * (1.0 / 240.0 - w * (1.0 / 132.0 - w * (691.0 / 32_760.0 - w / 12.0))))));
    shift + libm::log(x) - 0.5 / x - tail
}

/// ln Γ(r + n) - ln Γ(r) for r > 0.
pub(crate) fn ln_rising(r: f64, n: u32) -> f64 {
    if n > DIRECT {
        return libm::lgamma(r + f64::from(n)) - libm::lgamma(r);
    }
    (0..n).map(|j| libm::log(r + f64::from(j))).sum()
}

/// ψ(r + n) - ψ(r) for r > 0.
#[cfg(feature = "train")]
pub(crate) fn digamma_rising(r: f64, n: u32) -> f64 {
    if n > DIRECT {
        return digamma(r + f64::from(n)) - digamma(r);
    }
    (0..n).map(|j| 1.0 / (r + f64::from(j))).sum()
}

/// ln [B(a, b + n) / B(a, b)] for a, b > 0.
pub(crate) fn ln_beta_ratio(a: f64, b: f64, n: u32) -> f64 {
    if n > DIRECT {
        return ln_rising(b, n) - ln_rising(a + b, n);
    }
    (0..n).map(|j| ln_stays(a, b + f64::from(j))).sum()
}

/// ln [b / (a + b)], by the form that does not cancel.
pub(crate) fn ln_stays(a: f64, b: f64) -> f64 {
    if a < b { libm::log1p(-a / (a + b)) } else { libm::log(b / (a + b)) }
}

/// The distribution function of a Beta(a, b) variable in the logit of its argument, with its slope.
pub(crate) struct BetaLogit {
    a: f64,
    b: f64,
    ln_beta: f64,
}

impl BetaLogit {
    /// Beta(a, b) with a, b > 0; `ln_gamma_b` is ln Γ(b), which callers hold fixed over many a.
    pub(crate) fn new(a: f64, b: f64, ln_gamma_b: f64) -> Self {
        Self { a, b, ln_beta: libm::lgamma(a) + ln_gamma_b - libm::lgamma(a + b) }
    }

    /// (I_u(a, b), dI/ds) at u = sigmoid(s), given ln u and ln(1 - u). By the continued fraction DLMF 8.17.22.
    pub(crate) fn at(&self, u: f64, ln_u: f64, ln_1mu: f64) -> (f64, f64) {
        let slope = libm::exp(self.a * ln_u + self.b * ln_1mu - self.ln_beta);
        // Only the part on the near side of the mean converges fast; the other is one minus it.
        let below = u < (self.a + 1.0) / (self.a + self.b + 2.0);
        if slope < 1e-300 {
            return (f64::from(u8::from(!below)), 0.0);
        }
        let cdf = if below {
            slope * fraction(self.a, self.b, u) / self.a
        } else {
            1.0 - slope * fraction(self.b, self.a, libm::exp(ln_1mu)) / self.b
        };
        (cdf.clamp(0.0, 1.0), slope)
    }
}

/// The continued fraction of the incomplete beta function by its convergents, scaled so that every second denominator
/// is 1: one division in the chain per step. All convergents are positive on the near side of the mean.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let (mut a_before, mut b_before) = (1.0, 1.0);
    let (mut value, mut denominator) = (1.0, 1.0 - (a + b) * x / (a + 1.0));
    for m in 1..2_000 {
        let m = f64::from(m);
        let twice = a + 2.0 * m;
        let even = m * (b - m) * x / ((twice - 1.0) * twice);
        let odd = -(a + m) * (a + b + m) * x / (twice * (twice + 1.0));
        let a_even = value + even * a_before;
        let b_even = denominator + even * b_before;
        let a_odd = a_even + odd * value;
        let b_odd = b_even + odd * denominator;
        let scale = 1.0 / b_odd;
        let last = value;
        (a_before, b_before, value, denominator) = (a_even * scale, b_even * scale, a_odd * scale, 1.0);
        if (value - last).abs() < 1e-14 * value.abs() {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "train")]
    #[test]
    fn digamma_at_known_points() {
        // DLMF 5.4.12 to 5.4.15.
        const EULER: f64 = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + EULER).abs() < 2e-15);
        assert!((digamma(0.5) + EULER + 2.0 * std::f64::consts::LN_2).abs() < 4e-15);
        assert!((digamma(11.0) + EULER - 7381.0 / 2520.0).abs() < 2e-15);
        assert!((digamma(1e-4) + 10_000.577_051_183_516).abs() < 1e-11);
        assert!((digamma(1e6) - 13.815_510_057_964_19).abs() < 1e-13);
    }

    #[test]
    fn direct_sums_meet_gamma_functions() {
        for r in [0.01, 0.5, 3.0, 200.0] {
            for n in [1, 7, 50, 51, 400] {
                let slow: f64 = (0..n).map(|j| libm::log(r + f64::from(j))).sum();
                assert!((ln_rising(r, n) - slow).abs() < 1e-12 * (1.0 + slow.abs()), "{r} {n}");
                let fall: f64 = (0..n).map(|j| libm::log1p(-0.8 / (0.8 + r + f64::from(j)))).sum();
                assert!((ln_beta_ratio(0.8, r, n) - fall).abs() < 1e-11 * (1.0 + fall.abs()), "{r} {n}");
            }
        }
    }

    #[test]
    fn incomplete_beta_by_hand() {
        let at = |a: f64, b: f64, u: f64| {
            BetaLogit::new(a, b, libm::lgamma(b)).at(u, libm::log(u), libm::log1p(-u))
        };
        // I_u(1, b) = 1 - (1 - u)^b; I_u(a, 1) = u^a; I_u(2, 2) = u^2 (3 - 2u); symmetry at one half.
        for u in [0.01, 0.3, 0.6, 0.99] {
            assert!((at(1.0, 3.7, u).0 - (1.0 - libm::pow(1.0 - u, 3.7))).abs() < 1e-14);
            assert!((at(6.25, 1.0, u).0 - libm::pow(u, 6.25)).abs() < 1e-14);
            assert!((at(2.0, 2.0, u).0 - u * u * (3.0 - 2.0 * u)).abs() < 1e-14);
            assert!((at(2.0, 2.0, u).1 - 6.0 * u * u * (1.0 - u) * (1.0 - u)).abs() < 1e-13);
        }
        assert!((at(300.0, 300.0, 0.5).0 - 0.5).abs() < 1e-12);
        assert_eq!(at(3000.0, 4.0, 0.01), (0.0, 0.0));
        assert_eq!(at(4.0, 3000.0, 0.99), (1.0, 0.0));
    }
}
