//! RFM: eleven segments from three scores, after Hughes (Strategic Database Marketing, 1994).

/// Scores go from 1 to this: fifths of the customers.
const N_SCORES: usize = 5;

/// What a customer with an order has done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Purchasing {
    /// Days since the last order; fewer are better.
    pub days_since_last_order: f64,
    /// Orders so far.
    pub orders: u32,
    /// Paid so far, in units of the currency.
    pub revenue: f64,
}

/// The scores of a customer, 1 to 5, 5 the best.
///
/// A score is 1 + the number of whole fifths of the customers who do strictly worse. So equal customers have equal
/// scores, ties share the lower one, and some scores may be given to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RfmScores {
    /// By days since the last order.
    pub r: u8,
    /// By orders.
    pub f: u8,
    /// By revenue; `None` when nobody paid anything.
    pub m: Option<u8>,
}

impl RfmScores {
    /// Orders and revenue together: the mean of both scores, halves up; the score of orders where there is no revenue.
    #[must_use]
    pub fn fm(self) -> u8 {
        self.m.map_or(self.f, |m| (self.f + m).div_ceil(2))
    }

    /// The segment of these scores.
    #[must_use]
    pub fn segment(self) -> RfmSegment {
        let place = |score: u8| usize::from(score.clamp(1, 5)) - 1;
        GRID[place(self.r)][place(self.fm())]
    }
}

/// The eleven segments, by falling closeness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RfmSegment {
    /// Bought lately, often and for much.
    Champions,
    /// Buy often and for much.
    Loyal,
    /// Bought lately and more than once or for more than a little.
    PotentialLoyalists,
    /// Bought lately for the first time.
    NewCustomers,
    /// Bought not long ago, and little.
    Promising,
    /// In the middle of everything.
    NeedAttention,
    /// Not long silent, never much.
    AboutToSleep,
    /// Once bought well, silent for long.
    AtRisk,
    /// Once among the best, silent for long.
    CannotLoseThem,
    /// Silent for long, never much.
    Hibernating,
    /// The longest silent with the least.
    Lost,
}

use RfmSegment::{
    AboutToSleep, AtRisk, CannotLoseThem, Champions, Hibernating, Lost, Loyal, NeedAttention, NewCustomers,
    PotentialLoyalists, Promising,
};

/// By R from 1 to 5, then by FM from 1 to 5. The published tables overlap; here every pair has one segment.
const GRID: [[RfmSegment; N_SCORES]; N_SCORES] = [
    [Lost, Hibernating, AtRisk, AtRisk, CannotLoseThem],
    [Hibernating, Hibernating, AtRisk, AtRisk, CannotLoseThem],
    [AboutToSleep, AboutToSleep, NeedAttention, Loyal, Loyal],
    [Promising, PotentialLoyalists, PotentialLoyalists, Loyal, Loyal],
    [NewCustomers, PotentialLoyalists, PotentialLoyalists, Champions, Champions],
];

impl RfmSegment {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Champions,
        Loyal,
        PotentialLoyalists,
        NewCustomers,
        Promising,
        NeedAttention,
        AboutToSleep,
        AtRisk,
        CannotLoseThem,
        Hibernating,
        Lost,
    ];

    /// The name the field has given it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Champions => "Champions",
            Loyal => "Loyal",
            PotentialLoyalists => "Potential Loyalists",
            NewCustomers => "New Customers",
            Promising => "Promising",
            NeedAttention => "Need Attention",
            AboutToSleep => "About to Sleep",
            AtRisk => "At Risk",
            CannotLoseThem => "Can't Lose Them",
            Hibernating => "Hibernating",
            Lost => "Lost",
        }
    }

    /// The scores that lead here: (R, FM), ascending.
    #[must_use]
    pub fn cells(self) -> Vec<(u8, u8)> {
        let pairs = (1..=5u8).flat_map(|r| (1..=5u8).map(move |fm| (r, fm)));
        pairs.filter(|&(r, fm)| GRID[usize::from(r) - 1][usize::from(fm) - 1] == self).collect()
    }
}

/// RFM of a shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Rfm {
    /// By customer, as asked; `None` for a customer without an order.
    pub scores: Vec<Option<RfmScores>>,
    /// By score from 1 to 5, the most days since the last order with which it is given; `None` where nobody has it.
    pub most_days: [Option<f64>; N_SCORES],
    /// By score, the fewest orders with which it is given.
    pub least_orders: [Option<f64>; N_SCORES],
    /// By score, the least revenue with which it is given; all `None` when nobody paid anything.
    pub least_revenue: [Option<f64>; N_SCORES],
}

/// Scores every customer among all who have ordered; `None` for those who have not. O(n log n).
#[must_use]
pub fn rfm(customers: &[Option<Purchasing>]) -> Rfm {
    let known: Vec<Purchasing> = customers.iter().flatten().copied().collect();
    // As falling silence, so that more is better in all three.
    let days = Ranking::of(known.iter().map(|one| -one.days_since_last_order));
    let orders = Ranking::of(known.iter().map(|one| f64::from(one.orders)));
    let paid = known.iter().any(|one| one.revenue != 0.0);
    let revenue = paid.then(|| Ranking::of(known.iter().map(|one| one.revenue)));
    let score = |one: &Purchasing| RfmScores {
        r: days.score(-one.days_since_last_order),
        f: orders.score(f64::from(one.orders)),
        m: revenue.as_ref().map(|revenue| revenue.score(one.revenue)),
    };
    Rfm {
        scores: customers.iter().map(|customer| customer.as_ref().map(score)).collect(),
        most_days: days.least().map(|least| least.map(|negative| -negative)),
        least_orders: orders.least(),
        least_revenue: revenue.as_ref().map_or([None; N_SCORES], Ranking::least),
    }
}

/// Cells in ascending order.
struct Ranking {
    sorted: Vec<f64>,
}

impl Ranking {
    fn of(cells: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = cells.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self { sorted }
    }

    fn score(&self, cell: f64) -> u8 {
        let n_worse = self.sorted.partition_point(|&other| other < cell);
        (N_SCORES * n_worse / self.sorted.len().max(1)).min(N_SCORES - 1) as u8 + 1
    }

    /// The least cell of every score.
    fn least(&self) -> [Option<f64>; N_SCORES] {
        let mut least = [None; N_SCORES];
        for &cell in self.sorted.iter().rev() {
            least[usize::from(self.score(cell)) - 1] = Some(cell);
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(days: f64, orders: u32, revenue: f64) -> Option<Purchasing> {
        Some(Purchasing { days_since_last_order: days, orders, revenue })
    }

    #[test]
    fn fifths_by_hand() {
        let customers: Vec<Option<Purchasing>> = (0..10u32)
            .map(|i| customer(f64::from(100 - 10 * i), i + 1, 10.0 * f64::from(i)))
            .chain([None])
            .collect();
        let found = rfm(&customers);
        let r: Vec<u8> = found.scores.iter().flatten().map(|scores| scores.r).collect();
        assert_eq!(r, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(found.scores[9], Some(RfmScores { r: 5, f: 5, m: Some(5) }));
        assert_eq!(found.scores[10], None);
        assert_eq!(found.most_days, [100.0, 80.0, 60.0, 40.0, 20.0].map(Some));
        assert_eq!(found.least_orders, [1.0, 3.0, 5.0, 7.0, 9.0].map(Some));
        assert_eq!(found.least_revenue, [0.0, 20.0, 40.0, 60.0, 80.0].map(Some));
    }

    #[test]
    fn ties_share_the_lower_score_and_leave_scores_out() {
        // Six of ten ordered once: nobody does worse than they, and six tenths do worse than everybody else.
        let orders = [1, 1, 1, 1, 1, 1, 2, 2, 2, 3];
        let customers: Vec<_> = orders.into_iter().map(|n| customer(1.0, n, 0.0)).collect();
        let found = rfm(&customers);
        let f: Vec<u8> = found.scores.iter().flatten().map(|scores| scores.f).collect();
        assert_eq!(f, [1, 1, 1, 1, 1, 1, 4, 4, 4, 5]);
        assert_eq!(found.least_orders, [Some(1.0), None, None, Some(2.0), Some(3.0)]);
        assert!(found.scores.iter().flatten().all(|scores| scores.r == 1 && scores.m.is_none()));
        assert_eq!(found.least_revenue, [None; 5]);
    }

    #[test]
    fn every_pair_of_scores_has_one_of_the_eleven_segments() {
        let mut seen = [false; 25];
        for segment in RfmSegment::ALL {
            assert!(!segment.cells().is_empty(), "{}", segment.name());
            for (r, fm) in segment.cells() {
                assert_eq!(RfmScores { r, f: fm, m: None }.segment(), segment);
                let cell = &mut seen[usize::from(r - 1) * 5 + usize::from(fm - 1)];
                assert!(!*cell);
                *cell = true;
            }
        }
        assert!(seen.iter().all(|&seen| seen));
        let scores = |r, f, m| RfmScores { r, f, m: Some(m) }.segment();
        assert_eq!(scores(5, 5, 3), Champions);
        assert_eq!(scores(1, 1, 1), Lost);
        assert_eq!(scores(1, 5, 4), CannotLoseThem);
        assert_eq!(scores(3, 2, 3), NeedAttention);
    }

    #[test]
    fn nobody_and_one_have_an_answer() {
        assert!(rfm(&[]).scores.is_empty());
        assert_eq!(rfm(&[None]).scores, [None]);
        let one = rfm(&[customer(3.0, 7, 12.5)]);
        assert_eq!(one.scores, [Some(RfmScores { r: 1, f: 1, m: Some(1) })]);
        assert_eq!(one.most_days[0], Some(3.0));
    }
}
