//! Purchase histories reduced to what purchase models need.

/// Customers with at least one purchase before `as_of`, reduced to sufficient statistics (`repeat_orders` = x,
/// `age_at_last_order_days` = t_x, `age_days` = T of the buy-till-you-die literature).
///
/// Purchases of one customer on one business day count as one. All vectors have one cell per row; rows are in
/// customer order. `x = 0` exactly when `t_x = 0`, and `0 <= t_x <= T`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurchaseSummary {
    /// Row in the customer table.
    pub customers: Vec<u32>,
    /// Distinct purchase days less one.
    pub repeat_orders: Vec<u32>,
    /// Days from the first to the last purchase day.
    pub age_at_last_order_days: Vec<f64>,
    /// Days from the first purchase day to the business day of the last instant before `as_of`.
    pub age_days: Vec<f64>,
    /// Mean spend per repeat purchase day in units of the currency, over days with a positive amount;
    /// `None` without such a day.
    pub mean_repeat_spend: Vec<Option<f64>>,
    /// Repeat purchase days with a positive amount, over which the mean is taken.
    pub n_spend_days: Vec<u32>,
}

impl PurchaseSummary {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }
}
