//! Nodes of Gauss-Legendre integration.

/// Positive nodes and their shares of the 16-point rule on [-1, 1] (DLMF 3.5.v); the negative ones mirror them.
pub(super) const NODES: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_79),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_894),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_096),
];

#[cfg(test)]
mod tests {
    use super::NODES;

    #[test]
    fn polynomials_of_degree_31_are_exact() {
        for degree in (0..=30).step_by(2) {
            let got: f64 = NODES.iter().map(|&(x, share)| 2.0 * share * x.powi(degree)).sum();
            assert!((got - 2.0 / f64::from(degree + 1)).abs() < 1e-15, "{degree} {got}");
        }
    }
}
