//! The tables as they stood at an instant.

use std::ops::Range;
use std::sync::Arc;

use super::calendar::{BusinessCalendar, LocalClock};
use super::day_buckets::{DayBuckets, HistoryEvent};
use super::families::{Family, Resolved, demographics, numeric_families};
use super::plan::{FeatureOptions, FeaturePlan, WINDOWS_DAYS};
use super::survey::Survey;
use super::{Column, FeatureTable, SPEC_VERSION};
use crate::error::SpecMismatch;
use crate::tables::buckets::GROUP;
use crate::tables::{Buckets, N_BUCKETS, Tables};
use crate::types::Timestamp;

/// What is known of every customer at an instant: nothing that happens at or after `as_of` is read.
///
/// Two exceptions lie with the tables, which keep only the latest statement: attributes of customers and categories
/// of items.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    tables: &'a Tables,
    as_of: Timestamp,
    calendar: &'a BusinessCalendar,
    last_day: i32,
}

impl<'a> Snapshot<'a> {
    /// The tables as they stood at `as_of` (exclusive), with days by `calendar`.
    #[must_use]
    pub fn new(tables: &'a Tables, as_of: Timestamp, calendar: &'a BusinessCalendar) -> Self {
        Self { tables, as_of, calendar, last_day: last_day(as_of, calendar) }
    }

    /// Nothing at or after this instant is seen.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The business day of the last instant before `as_of`, days since 1970-01-01; windows and ages end here.
    #[must_use]
    pub fn last_day(&self) -> i32 {
        self.last_day
    }

    /// Decides the columns from what was there to be measured before `as_of`.
    ///
    /// A family without any input has no columns: no views, no browsing; all purchases at midnight (sources with
    /// dates only), no parts of the day. Categories and channels are chosen by the number of their customers, ties
    /// by name, and listed by name. A trend needs a log of twice its window.
    #[must_use]
    pub fn plan(&self, options: &FeatureOptions) -> FeaturePlan {
        let (tables, survey) = (self.tables, Survey::of(self.tables, self.as_of, self.calendar));
        let log_days = survey
            .first_at
            .map_or(0, |first| i64::from(self.last_day) - i64::from(self.calendar.local(first).day) + 1);
        let chosen = |names: &[String], customers: &[u32], n: usize| {
            most_common(names, customers, n, options.min_customers)
        };
        let categories = survey.customers_of_category.iter().any(|&n| n > 0).then(|| {
            chosen(&tables.items.category_names, &survey.customers_of_category, options.n_categories)
        });
        FeaturePlan {
            version: SPEC_VERSION,
            currency: tables.currency.clone(),
            purchases: survey.purchases,
            items: survey.items,
            categories,
            trend_windows_days: WINDOWS_DAYS.into_iter().filter(|&w| log_days >= 2 * i64::from(w)).collect(),
            refunds: survey.refunds,
            channels: chosen(&tables.events.channel_names, &survey.customers_of_channel, options.n_channels),
            hours: survey.hours,
            views: survey.views,
            cart_adds: survey.cart_adds,
            attributes: tables
                .customers
                .attributes
                .iter()
                .map(|attribute| demographics::plan(attribute, options.min_customers))
                .collect(),
        }
    }

    /// The features of every customer in table order, with the columns of [`Snapshot::plan`].
    ///
    /// A customer without events before `as_of` has zero counts and amounts and missing ages, averages and shares.
    /// Same bytes at any number of threads.
    #[must_use]
    pub fn features(&self, options: &FeatureOptions) -> FeatureTable {
        self.features_by(&self.plan(options)).expect("the plan is of these tables")
    }

    /// The features of every customer in table order, with the columns of a plan made earlier.
    ///
    /// A category or channel that the plan does not know adds to no column; an unknown attribute level is the pooled
    /// level where the plan has one, else missing.
    ///
    /// # Errors
    /// [`SpecMismatch`] when the plan is of another version or currency, or names an attribute that the tables do
    /// not have with that type.
    pub fn features_by(&self, plan: &FeaturePlan) -> Result<FeatureTable, SpecMismatch> {
        let differs = |column: &str, model: String, table: String| {
            Err(SpecMismatch { column: column.to_owned(), model, table })
        };
        if plan.version != SPEC_VERSION {
            return differs("version", plan.version.to_string(), SPEC_VERSION.to_string());
        }
        if plan.currency != self.tables.currency {
            return differs("currency", plan.currency.clone(), self.tables.currency.clone());
        }
        let attributes = &self.tables.customers.attributes;
        let latest = self.tables.events.latest();
        let data_last_day = latest.map_or(self.last_day, |latest| self.calendar.local(latest).day);
        let demographics: Vec<Column> = plan
            .attributes
            .iter()
            .map(|attribute| demographics::column(attribute, attributes, self.last_day, data_last_day))
            .collect::<Result<_, _>>()?;
        let spec = Arc::new(plan.spec());
        let mut columns = self.numbers(&self.rows(plan), spec.features.len() - demographics.len());
        columns.extend(demographics);
        Ok(FeatureTable::new(spec, columns, self.tables.customers.buckets.clone()))
    }

    /// What turns one customer's history into the numeric cells of `plan` that come from events.
    #[must_use]
    pub fn rows(&self, plan: &FeaturePlan) -> FeatureRows {
        let slots = |names: &[String], chosen: &[String]| {
            names.iter().map(|name| chosen.iter().position(|c| c == name)).collect()
        };
        let resolved = Resolved {
            category_of_item: self.tables.items.categories.clone(),
            slot_of_category: slots(
                &self.tables.items.category_names,
                plan.categories.as_deref().unwrap_or_default(),
            ),
            slot_of_channel: slots(&self.tables.events.channel_names, &plan.channels),
        };
        FeatureRows { families: numeric_families(plan, &resolved), last_day: self.last_day }
    }

    /// The history of a customer (row in table order) in `[from, as_of)`, a part that merges with those of other
    /// stretches of time.
    #[must_use]
    pub fn history(&self, customer: usize, from: Timestamp) -> DayBuckets {
        let mut history = DayBuckets::default();
        let range = events_between(self.tables, customer, from, self.as_of);
        collect(self.tables, range, &mut self.calendar.clock(), &mut history);
        history
    }

    /// Fills the numeric columns, groups of buckets in parallel, one customer's history in memory per thread.
    fn numbers(&self, rows: &FeatureRows, n_columns: usize) -> Vec<Column> {
        let buckets = &self.tables.customers.buckets;
        let mut columns = vec![vec![f64::NAN; buckets.n_rows()]; n_columns];
        let fill = |(group, mut cells): (Range<usize>, Vec<&mut [f64]>)| {
            let mut clock = self.calendar.clock();
            let (mut history, mut row) = (DayBuckets::default(), Vec::with_capacity(n_columns));
            for (at, customer) in group.enumerate() {
                history.clear();
                let events = self.tables.events.of_customer_before(customer, self.as_of);
                collect(self.tables, events, &mut clock, &mut history);
                rows.fill(&mut history, &mut row);
                for (column, &cell) in cells.iter_mut().zip(&row) {
                    column[at] = cell;
                }
            }
        };
        let groups = by_group(buckets, &mut columns);
        #[cfg(feature = "train")]
        {
            use rayon::prelude::*;
            groups.into_par_iter().with_max_len(1).for_each(fill);
        }
        #[cfg(not(feature = "train"))]
        groups.into_iter().for_each(fill);
        columns.into_iter().map(Column::Number).collect()
    }
}

/// A plan bound to tables and an instant: histories in, cells out.
pub struct FeatureRows {
    families: Vec<Box<dyn Family>>,
    last_day: i32,
}

impl FeatureRows {
    /// The cells of one customer, in the order of the specification and without demographics.
    #[must_use]
    pub fn row(&self, history: &mut DayBuckets) -> Vec<f64> {
        let mut row = Vec::new();
        self.fill(history, &mut row);
        row
    }

    fn fill(&self, history: &mut DayBuckets, row: &mut Vec<f64>) {
        row.clear();
        let history = history.finish(self.last_day);
        for family in &self.families {
            family.cells(&history, row);
        }
    }
}

/// The business day of the last instant before `as_of`.
pub(super) fn last_day(as_of: Timestamp, calendar: &BusinessCalendar) -> i32 {
    calendar.local(Timestamp(as_of.0.saturating_sub(1))).day
}

/// Events of a customer in `[from, to)`.
pub(super) fn events_between(
    tables: &Tables,
    customer: usize,
    from: Timestamp,
    to: Timestamp,
) -> Range<usize> {
    let end = tables.events.of_customer_before(customer, to).end;
    tables.events.of_customer_before(customer, from).end.min(end)..end
}

/// Adds events of one customer to a history.
pub(super) fn collect(
    tables: &Tables,
    range: Range<usize>,
    clock: &mut LocalClock<'_>,
    history: &mut DayBuckets,
) {
    let events = &tables.events;
    for e in range {
        let at = Timestamp(events.time[e]);
        history.add(&HistoryEvent {
            at,
            local: clock.local(at),
            kind: events.kind[e],
            item: events.item(e).map(|item| item as u32),
            order: events.order(e),
            channel: events.channel(e).map(|channel| channel as u32),
            revenue: events.revenue[e],
        });
    }
}

/// Rows and column pieces of every group of buckets.
fn by_group<'c>(buckets: &Buckets, columns: &'c mut [Vec<f64>]) -> Vec<(Range<usize>, Vec<&'c mut [f64]>)> {
    let mut rest: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
    let mut groups = Vec::with_capacity(N_BUCKETS / GROUP);
    for g in 0..N_BUCKETS / GROUP {
        let rows = buckets.rows(g * GROUP).start..buckets.rows((g + 1) * GROUP - 1).end;
        let pieces = rest
            .iter_mut()
            .map(|rest| {
                let (head, tail) = std::mem::take(rest).split_at_mut(rows.len());
                *rest = tail;
                head
            })
            .collect();
        groups.push((rows, pieces));
    }
    groups
}

/// The names with the most customers, at most `n` of those with at least `min`, in the order of names.
fn most_common(names: &[String], customers: &[u32], n: usize, min: usize) -> Vec<String> {
    let mut ranked: Vec<(u32, &String)> =
        customers.iter().copied().zip(names).filter(|&(c, _)| c > 0 && c as usize >= min).collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut chosen: Vec<String> = ranked.into_iter().take(n).map(|(_, name)| name.clone()).collect();
    chosen.sort_unstable();
    chosen
}
