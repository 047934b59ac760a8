//! One instant for everybody, and a window after it.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::{RankingSplit, SplitCounts, SplitRule, Warmth, without};
use crate::error::ParamError;
use crate::features::outcomes::{distinct_items, is_purchase};
use crate::features::snapshot::events_between;
use crate::features::{CustomerItems, interactions};
use crate::params::count_in;
use crate::tables::{EventTable, Partial, Tables};
use crate::types::{Days, Timestamp};

/// Training has everything before `cut`; the test window is `[cut + gap, cut + gap + horizon)`.
///
/// The gap stands for the days by which data come late: nobody learns from it, and nobody is tested on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeSplit {
    cut: Timestamp,
    gap_days: Days,
    horizon_days: Days,
}

/// Longest gap and horizon: beyond any history.
const MAX_DAYS: u32 = 100_000;

impl TimeSplit {
    /// The split at `cut`.
    ///
    /// # Errors
    /// [`ParamError`] unless the gap has at most, and the horizon from 1 to, 100,000 days.
    pub fn new(cut: Timestamp, gap_days: Days, horizon_days: Days) -> Result<Self, ParamError> {
        let most = MAX_DAYS as usize;
        count_in("split.gap_days", gap_days.0 as usize, 0, most, "from 0 to 100000")?;
        count_in("split.horizon_days", horizon_days.0 as usize, 1, most, "from 1 to 100000")?;
        Ok(Self { cut, gap_days, horizon_days })
    }

    /// The split whose test window ends at `end`.
    ///
    /// # Errors
    /// As [`TimeSplit::new`].
    pub fn ending_at(end: Timestamp, gap_days: Days, horizon_days: Days) -> Result<Self, ParamError> {
        let split = Self::new(end, gap_days, horizon_days)?;
        Ok(Self { cut: end.minus(horizon_days).minus(gap_days), ..split })
    }

    /// `n_cuts` splits one horizon apart, the earliest first; the last test window ends at `end`. Windows touch and do
    /// not overlap. One window is one draw of a season: three or more say how far figures move.
    ///
    /// # Errors
    /// As [`TimeSplit::new`], and for `n_cuts` outside 1 to 1,000.
    pub fn series(
        end: Timestamp,
        gap_days: Days,
        horizon_days: Days,
        n_cuts: usize,
    ) -> Result<Vec<Self>, ParamError> {
        count_in("split.n_cuts", n_cuts, 1, 1000, "from 1 to 1000")?;
        let mut splits = vec![Self::ending_at(end, gap_days, horizon_days)?];
        while splits.len() < n_cuts {
            let later = splits[splits.len() - 1];
            splits.push(Self { cut: later.cut.minus(horizon_days), ..later });
        }
        splits.reverse();
        Ok(splits)
    }

    /// The split to choose parameters on: its test window ends where this one's training does, so that this one's
    /// window is opened once.
    #[must_use]
    pub fn for_choosing(self) -> Self {
        Self { cut: self.cut.minus(self.horizon_days).minus(self.gap_days), ..self }
    }

    /// Nothing at or after this instant may be learned from.
    #[must_use]
    pub fn cut(self) -> Timestamp {
        self.cut
    }

    /// Days between training and test.
    #[must_use]
    pub fn gap_days(self) -> Days {
        self.gap_days
    }

    /// Length of the test window.
    #[must_use]
    pub fn horizon_days(self) -> Days {
        self.horizon_days
    }

    /// The first instant of the test window.
    #[must_use]
    pub fn test_from(self) -> Timestamp {
        self.cut.plus(self.gap_days)
    }

    /// The first instant after the test window.
    #[must_use]
    pub fn test_to(self) -> Timestamp {
        self.test_from().plus(self.horizon_days)
    }

    /// Divides purchases: pairs before the cut as by [`interactions`], test items bought in the window, sent back or
    /// not.
    ///
    /// An item counts once per customer. It is new when the customer did not buy it before the test window, the gap
    /// included. Lines of an order that began before the window are left out. Same bytes at any number of threads.
    #[must_use]
    pub fn divide(self, tables: &Tables) -> RankingSplit {
        let of_rows = |rows: Range<usize>| {
            let mut divided = Divided::default();
            rows.for_each(|customer| divided.push(self, tables, customer));
            divided
        };
        let divided = tables.customers.buckets.reduce(of_rows).unwrap_or_default();
        let train = interactions(tables, self.cut);
        let warmth = |(customer, &is_known): (usize, &bool)| {
            Warmth::of(!train.items_of(customer).is_empty(), is_known)
        };
        RankingSplit {
            rule: SplitRule::Time(self),
            warmth: divided.is_known.iter().enumerate().map(warmth).collect(),
            train,
            history: Some(divided.history),
            new_items: without(&divided.all, |customer| divided.before_test.items_of(customer)),
            all: divided.all,
            counts: divided.counts,
        }
    }
}

impl fmt::Display for TimeSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "split at {} for everybody, gap {} d, horizon {} d",
            self.cut, self.gap_days.0, self.horizon_days.0
        )
    }
}

/// Both sides of consecutive customers.
#[derive(Default)]
struct Divided {
    /// Bought before the cut.
    history: CustomerItems,
    /// Bought before the test window.
    before_test: CustomerItems,
    all: CustomerItems,
    /// Whether anything at all happened before the cut.
    is_known: Vec<bool>,
    counts: SplitCounts,
}

impl Partial for Divided {
    fn merge(&mut self, later: Self) {
        self.history.merge(later.history);
        self.before_test.merge(later.before_test);
        self.all.merge(later.all);
        self.is_known.extend(later.is_known);
        self.counts.n_duplicates += later.counts.n_duplicates;
        self.counts.n_straddling += later.counts.n_straddling;
    }
}

impl Divided {
    /// Adds the next customer.
    fn push(&mut self, split: TimeSplit, tables: &Tables, customer: usize) {
        let events = &tables.events;
        let past = events.of_customer_before(customer, split.cut);
        let before_test = events.of_customer_before(customer, split.test_from());
        self.is_known.push(!past.is_empty());
        let mut items = Vec::new();
        distinct_items(events, past, &mut items);
        self.history.push(&items);
        distinct_items(events, before_test.clone(), &mut items);
        self.before_test.push(&items);
        let begun = orders(events, before_test);
        let straddles = |&e: &usize| events.order(e).is_some_and(|order| begun.binary_search(&order).is_ok());
        let test = events_between(tables, customer, split.test_from(), split.test_to());
        let lines = test.filter(|&e| is_purchase(events, e) && events.item(e).is_some());
        let (late, lines): (Vec<usize>, Vec<usize>) = lines.partition(straddles);
        items.clear();
        items.extend(lines.iter().filter_map(|&e| events.item(e)).map(|item| item as u32));
        items.sort_unstable();
        items.dedup();
        self.all.push(&items);
        self.counts.n_straddling += late.len();
        self.counts.n_duplicates += lines.len() - items.len();
    }
}

/// The orders that have a line in these events, ascending.
fn orders(events: &EventTable, range: Range<usize>) -> Vec<u32> {
    let mut orders: Vec<u32> =
        range.filter(|&e| is_purchase(events, e)).filter_map(|e| events.order(e)).collect();
    orders.sort_unstable();
    orders.dedup();
    orders
}

#[cfg(test)]
mod tests {
    use super::super::TestTable;
    use super::*;
    use crate::tables::{NewEvent, TablesBuilder};
    use crate::types::{EventKind, Money};

    fn day(day: i64) -> Timestamp {
        Timestamp(day * Timestamp::DAY_MS)
    }

    /// (customer, item, order, kind, day)
    type Line = (&'static str, &'static str, Option<&'static str>, EventKind, i64);

    fn tables(lines: &[Line]) -> Tables {
        let mut builder = TablesBuilder::default();
        // Items are ordered by id, so "i3" is item 3.
        for item in 0..6 {
            builder.item(&format!("i{item}"));
        }
        for &(customer, item, order, kind, on) in lines {
            let event = NewEvent {
                customer: Some(builder.customer(customer)),
                item: Some(builder.item(item)),
                order: order.map(|order| builder.order(order)),
                channel: None,
                time: day(on),
                kind,
                quantity: 1,
                revenue: Money(10_000),
            };
            builder.event(event);
        }
        builder.finish("EUR".to_owned())
    }

    const BOUGHT: EventKind = EventKind::Purchase;

    #[test]
    fn both_tables_by_hand() {
        let tables = tables(&[
            ("ann", "i0", None, BOUGHT, 9),
            ("ann", "i1", None, BOUGHT, 10), // at the cut: in the gap
            ("ann", "i5", None, BOUGHT, 11), // in the gap
            ("ann", "i0", None, BOUGHT, 12), // first instant of the window: again
            ("ann", "i1", None, BOUGHT, 13), // again, since the gap counts as past
            ("ann", "i2", None, BOUGHT, 13),
            ("ann", "i2", None, BOUGHT, 16), // twice counts once
            ("ann", "i3", None, BOUGHT, 17), // after the window
            ("ann", "i4", None, EventKind::View, 13),
            ("bob", "i0", None, EventKind::View, 1),
            ("bob", "i1", None, BOUGHT, 14),
            ("cid", "i1", None, BOUGHT, 15),
            ("cid", "i1", None, EventKind::Refund, 16),
        ]);
        let split = TimeSplit::new(day(10), Days(2), Days(5)).unwrap().divide(&tables);
        let row = |id| tables.customers.find(id).unwrap();
        let taken = |table, id| split.test(table).items_of(row(id)).to_vec();
        assert_eq!(taken(TestTable::All, "ann"), [0, 1, 2]);
        assert_eq!(taken(TestTable::NewItems, "ann"), [2]);
        assert_eq!((taken(TestTable::All, "bob"), taken(TestTable::All, "cid")), (vec![1], vec![1]));
        assert_eq!((split.train().items_of(row("ann")), split.history_of(row("ann"))), (&[0][..], &[0][..]));
        let warmth = ["ann", "bob", "cid"].map(|id| split.warmth()[row(id)]);
        assert_eq!(warmth, [Warmth::Hot, Warmth::Warm, Warmth::Cold]);
        assert_eq!(split.counts(), SplitCounts { n_duplicates: 1, n_straddling: 0 });
        assert_eq!(split.train().as_of, day(10));
    }

    #[test]
    fn what_was_sent_back_is_history_all_the_same() {
        let sent_back = [("ann", "i3", None, BOUGHT, 1), ("ann", "i3", None, EventKind::Refund, 2)];
        let tables = tables(&[&sent_back[..], &[("ann", "i3", None, BOUGHT, 11)]].concat());
        let split = TimeSplit::new(day(10), Days(0), Days(5)).unwrap().divide(&tables);
        assert!(split.train().items_of(0).is_empty());
        assert_eq!((split.history_of(0), split.warmth()), (&[3][..], &[Warmth::Warm][..]));
        assert_eq!(split.test(TestTable::All).items_of(0), [3]);
        assert!(split.test(TestTable::NewItems).items_of(0).is_empty());
    }

    #[test]
    fn an_order_that_began_before_the_window_is_no_test() {
        let tables = tables(&[
            ("ann", "i0", Some("o1"), BOUGHT, 9),
            ("ann", "i1", Some("o1"), BOUGHT, 10),
            ("ann", "i2", Some("o2"), BOUGHT, 10),
        ]);
        let split = TimeSplit::new(day(10), Days(0), Days(5)).unwrap().divide(&tables);
        assert_eq!(split.test(TestTable::All).items_of(0), [2]);
        assert_eq!(split.counts(), SplitCounts { n_duplicates: 0, n_straddling: 1 });
    }

    #[test]
    fn cuts_are_one_horizon_apart_and_windows_touch() {
        let series = TimeSplit::series(day(100), Days(3), Days(10), 3).unwrap();
        assert_eq!(series.iter().map(|split| split.cut()).collect::<Vec<_>>(), [day(67), day(77), day(87)]);
        assert!(series.windows(2).all(|pair| pair[0].test_to() == pair[1].test_from()));
        assert_eq!(series[2].test_to(), day(100));
        let earlier = series[2].for_choosing();
        assert_eq!((earlier.cut(), earlier.test_to()), (day(74), day(87)));
        assert_eq!(
            series[0].to_string(),
            "split at 1970-03-09T00:00:00Z for everybody, gap 3 d, horizon 10 d"
        );
    }

    #[test]
    fn every_refusal_names_its_field() {
        let new = |gap, horizon| TimeSplit::new(day(1), Days(gap), Days(horizon));
        assert_eq!(new(0, 0).unwrap_err().field, "split.horizon_days");
        assert_eq!(new(0, 100_001).unwrap_err().field, "split.horizon_days");
        assert_eq!(new(100_001, 1).unwrap_err().field, "split.gap_days");
        assert_eq!(TimeSplit::ending_at(day(1), Days(0), Days(0)).unwrap_err().field, "split.horizon_days");
        for n_cuts in [0, 1001] {
            let refused = TimeSplit::series(day(1), Days(0), Days(1), n_cuts).unwrap_err();
            assert_eq!(refused.field, "split.n_cuts");
        }
    }

    #[test]
    fn no_customers_are_an_answer() {
        let split = TimeSplit::new(day(1), Days(0), Days(1)).unwrap().divide(&tables(&[]));
        assert!(split.judged(TestTable::All).is_empty() && split.warmth().is_empty());
    }
}
