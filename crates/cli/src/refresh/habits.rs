//! When, where and how much customers order: by persona, and by month over all of them.

use bespoke::features::{DayBuckets, HistoryEvent, LocalClock};
use bespoke::types::{EventKind, Money, Timestamp};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use rayon::prelude::*;

use super::input::Input;
use crate::outputs::figures::Month;
use crate::outputs::persona_file::{ChannelOrders, Habits};

/// Months in the record: three years and the month that has just begun.
const MAX_MONTHS: usize = 37;

/// Orders counted for every persona and month. Whole numbers only, so that no order of adding shows.
pub struct Counted {
    groups: Vec<Group>,
    months: Vec<MonthCells>,
    first_month: i32,
}

#[derive(Clone)]
struct Group {
    customers: u64,
    repeaters: u64,
    lines: u64,
    revenue: i128,
    hours: [u64; 24],
    weekdays: [u64; 7],
    channels: Vec<u64>,
}

#[derive(Clone, Copy, Default)]
struct MonthCells {
    customers: u64,
    orders: u64,
    revenue: i128,
}

/// Counts the orders of the scored customers; `group_of` gives the place of each one's persona.
pub fn count(input: &Input, n_groups: usize, group_of: &[Option<usize>]) -> Counted {
    let month_of = |at: Timestamp| month(input.calendar.local(at).day);
    let first = input.tables.events.time.iter().min().map_or(input.as_of, |&t| Timestamp(t));
    let last_month = month_of(Timestamp(input.as_of.0 - 1));
    let first_month = month_of(first).max(last_month - MAX_MONTHS as i32 + 1).min(last_month);
    let empty = || Counted {
        groups: vec![Group::empty(input.tables.events.channel_names.len()); n_groups],
        months: vec![MonthCells::default(); (last_month - first_month + 1) as usize],
        first_month,
    };
    let rows: Vec<(usize, Option<usize>)> = input
        .scored
        .iter()
        .enumerate()
        .map(|(row, &customer)| (customer, group_of.get(row).copied().flatten()))
        .collect();
    let chunk = |rows: &[(usize, Option<usize>)]| {
        let (mut counted, mut clock, mut history) = (empty(), input.calendar.clock(), DayBuckets::default());
        for &(customer, group) in rows {
            counted.add(input, &mut clock, &mut history, customer, group);
        }
        counted
    };
    rows.par_chunks(512).map(chunk).reduce(empty, Counted::merge)
}

impl Counted {
    fn add(
        &mut self,
        input: &Input,
        clock: &mut LocalClock<'_>,
        history: &mut DayBuckets,
        customer: usize,
        group: Option<usize>,
    ) {
        let events = &input.tables.events;
        history.clear();
        for e in events.of_customer_before(customer, input.as_of) {
            if events.kind[e] == EventKind::Purchase {
                let at = Timestamp(events.time[e]);
                history.add(&HistoryEvent {
                    at,
                    local: clock.local(at),
                    kind: events.kind[e],
                    item: None,
                    order: events.order(e),
                    channel: events.channel(e).map(|channel| channel as u32),
                    revenue: events.revenue[e],
                });
            }
        }
        let finished = history.finish(i32::MAX);
        let mut latest = None;
        for day in finished.days {
            let Some(cells) = self.month(day.day) else { continue };
            cells.revenue += day.revenue;
            cells.customers += u64::from(latest != Some(month(day.day)));
            latest = Some(month(day.day));
        }
        for order in finished.orders {
            if let Some(cells) = self.month(order.day) {
                cells.orders += 1;
            }
        }
        let Some(group) = group.and_then(|group| self.groups.get_mut(group)) else { return };
        group.customers += 1;
        group.repeaters += u64::from(finished.orders.len() > 1);
        for day in finished.days {
            group.lines += u64::from(day.n_purchases);
            group.revenue += day.revenue;
        }
        for order in finished.orders {
            group.hours[usize::from(order.hour)] += 1;
            group.weekdays[usize::from(order.weekday)] += 1;
            if let Some(channel) = order.channel {
                group.channels[channel as usize] += 1;
            }
        }
    }

    fn month(&mut self, day: i32) -> Option<&mut MonthCells> {
        usize::try_from(month(day) - self.first_month).ok().and_then(|at| self.months.get_mut(at))
    }

    fn merge(mut self, other: Self) -> Self {
        for (mine, theirs) in self.groups.iter_mut().zip(&other.groups) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.months.iter_mut().zip(&other.months) {
            mine.customers += theirs.customers;
            mine.orders += theirs.orders;
            mine.revenue += theirs.revenue;
        }
        self
    }

    /// The habits of the persona at `group`.
    pub fn habits(&self, input: &Input, group: usize) -> Habits {
        let group = &self.groups[group];
        let orders: u64 = group.weekdays.iter().sum();
        let per_order = |sum: f64| (orders > 0).then(|| sum / orders as f64);
        let names = &input.tables.events.channel_names;
        let mut channels: Vec<ChannelOrders> = names
            .iter()
            .zip(&group.channels)
            .filter(|(_, n)| **n > 0)
            .map(|(channel, &orders)| ChannelOrders { channel: channel.clone(), orders })
            .collect();
        channels.sort_by(|a, b| b.orders.cmp(&a.orders).then_with(|| a.channel.cmp(&b.channel)));
        // A source of days has all its orders at midnight.
        let has_hours = self.groups.iter().any(|group| group.hours[1..].iter().any(|&n| n > 0));
        Habits {
            orders,
            mean_order_value: per_order(Money::units_of(group.revenue)),
            lines_per_order: per_order(group.lines as f64),
            repeat_share: group.repeaters as f64 / group.customers.max(1) as f64,
            hours: if has_hours { group.hours.to_vec() } else { Vec::new() },
            weekdays: group.weekdays.to_vec(),
            channels,
        }
    }

    /// All months of the log up to the run's instant, oldest first.
    pub fn months(&self, input: &Input) -> Vec<Month> {
        let first = input.tables.events.time.iter().min().copied().unwrap_or_default();
        let record = |(at, cells): (usize, &MonthCells)| {
            let begins = first_day(self.first_month + at as i32);
            let start = input.calendar.start_of_day(days_from_1970(begins));
            let next = first_day(self.first_month + at as i32 + 1);
            let end = input.calendar.start_of_day(days_from_1970(next));
            // The log may begin a little after the month did, and end a little before it does.
            let begun = first <= start.0 + Timestamp::DAY_MS;
            let ended = end.0 <= input.data_end.0 + Timestamp::DAY_MS;
            Month {
                month: begins.strftime("%Y-%m").to_string(),
                customers: cells.customers,
                orders: cells.orders,
                revenue: Money::units_of(cells.revenue),
                whole: begun && ended,
            }
        };
        self.months.iter().enumerate().map(record).collect()
    }
}

impl Group {
    fn empty(n_channels: usize) -> Self {
        Self {
            customers: 0,
            repeaters: 0,
            lines: 0,
            revenue: 0,
            hours: [0; 24],
            weekdays: [0; 7],
            channels: vec![0; n_channels],
        }
    }

    fn merge(&mut self, other: &Self) {
        let add = |mine: &mut [u64], theirs: &[u64]| mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        self.customers += other.customers;
        self.repeaters += other.repeaters;
        self.lines += other.lines;
        self.revenue += other.revenue;
        add(&mut self.hours, &other.hours);
        add(&mut self.weekdays, &other.weekdays);
        add(&mut self.channels, &other.channels);
    }
}

const EPOCH: Date = date(1970, 1, 1);

/// Months since January of year 0 of a day since 1970-01-01; far-off days count as 1970.
fn month(day: i32) -> i32 {
    let date = EPOCH.checked_add(day.days()).unwrap_or(EPOCH);
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

fn first_day(month: i32) -> Date {
    let year = i16::try_from(month.div_euclid(12)).unwrap_or(1970);
    Date::new(year, (month.rem_euclid(12) + 1) as i8, 1).unwrap_or(EPOCH)
}

fn days_from_1970(date: Date) -> i32 {
    (date - EPOCH).get_days()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_days_go_into_each_other() {
        assert_eq!(month(0), 1970 * 12);
        assert_eq!(month(-1), 1969 * 12 + 11);
        for (day, text) in [(0, "1970-01-01"), (14_975, "2011-01-01"), (-1, "1969-12-01")] {
            assert_eq!(first_day(month(day)).to_string(), text);
        }
        assert_eq!(days_from_1970(date(2011, 1, 1)), 14_975);
        assert_eq!(days_from_1970(first_day(month(14_975) + 1)), 14_975 + 31);
    }
}
