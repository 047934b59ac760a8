//! The lines of a source of events: what happened to whom, when, for how much, and which rows stay out.

use bespoke::types::EventKind;
use bespoke_io::{CellShape, known_event};

use super::facts::Facts;
use super::proposal::{Rule, line};
use super::roles::Confidence::{High, Low, Medium};
use super::roles::Role;
use super::rules::{self, Columns};
use super::sources::Source;
use super::times::{Order, TimeGuess};
use super::{people, placeholders};
use crate::outputs::count;

impl Source<'_, '_> {
    pub(super) fn events(&mut self) {
        self.kind();
        if self.facts(Role::EventId).is_some_and(|facts| facts.n_missing() == 0) {
            self.map(Role::EventId);
        }
        for role in [Role::Customer, Role::Item, Role::Time, Role::Quantity, Role::Price, Role::Revenue] {
            self.map(role);
        }
        for role in [Role::Order, Role::Title, Role::Category, Role::Channel] {
            if self.facts(Role::Item).is_some() || matches!(role, Role::Order | Role::Channel) {
                self.map(role);
            }
        }
        self.one_currency();
        self.ids();
        self.guests();
        self.time();
        self.duplicates();
        self.rules();
        self.rows_without(Role::Item, "without_item", "item");
        self.rows_without(Role::Event, "without_event", "name of an event");
        self.rows_without_amount();
        let of_customers =
            |place: &usize| !self.used.contains(place) && people::is_of_customers(&self.all[*place]);
        let places: Vec<usize> = (0..self.all.len()).filter(of_customers).collect();
        for place in places {
            self.used.push(place);
            people::attribute(&self.all[place], self.whole, &mut self.proposal);
        }
        if self.facts(Role::Item).is_none() {
            self.proposal.warnings.push("no column names items: there will be no recommendations".to_owned());
        }
        if self.facts(Role::Price).is_none() && self.facts(Role::Revenue).is_none() {
            self.proposal
                .warnings
                .push("no column holds amounts: customers will have no value in money".to_owned());
        }
    }

    fn guests(&mut self) {
        let Some(facts) = self.facts(Role::Customer) else {
            let evidence = "no column names customers: nobody can be scored";
            self.proposal.choose("", "guests", true, Low, evidence);
            return;
        };
        let nobody = placeholders::find(facts);
        let means_something = |text: &String| {
            let mapped = |(place, other): &(usize, &Facts<'_>)| {
                (self.used.contains(place) || people::is_of_customers(other)) && other.name() != facts.name()
            };
            let others = self.all.iter().enumerate().filter(mapped);
            others.map(|(_, other)| other).any(|other| other.cells().any(|(_, cell)| cell == text))
        };
        let (elsewhere, nulls): (Vec<_>, Vec<_>) =
            nobody.into_iter().partition(|(text, _)| means_something(text));
        let n_nobody: usize = nulls.iter().map(|(_, n)| n).sum();
        if !elsewhere.is_empty() {
            self.proposal.rules.push(placeholders::rule(facts, &elsewhere));
        }
        if !nulls.is_empty() {
            self.proposal.nobody = nulls;
        }
        if facts.n_missing() + n_nobody > 0 {
            let share = 100.0 * (facts.n_missing() + n_nobody) as f64 / facts.n_rows as f64;
            let evidence =
                format!("{share:.1} % of the rows have no customer: they count for popularity only");
            self.proposal.choose("", "guests", true, High, evidence);
        }
    }

    /// What every row of a source must have where its column is mapped: rows without are kept out by name, not rejected.
    fn rows_without(&mut self, role: Role, name: &'static str, what: &str) {
        let Some(facts) = self.facts(role).filter(|facts| facts.n_missing() > 0) else { return };
        let is_null = |cell: &String| facts.nulls.contains(cell);
        let rows: Vec<usize> =
            (0..facts.n_rows).filter(|&row| facts.column.cells[row].as_ref().is_none_or(is_null)).collect();
        let mut evidence = format!(
            "{} of {} rows have no {what} and would be rejected; without this column in the job they stay",
            count(rows.len() as u64),
            count(facts.n_rows as u64)
        );
        if let Some(event) = self.facts(Role::Event).filter(|_| role != Role::Event) {
            let n = |name: &str| {
                rows.iter().filter(|&&row| event.column.cells[row].as_deref() == Some(name)).count()
            };
            let kinds = event.top.iter().map(|(name, all)| (name, n(name), all)).filter(|(_, n, _)| *n > 0);
            let kinds: Vec<String> =
                kinds.take(6).map(|(name, n, all)| format!("{} {n} of {all}", super::words(name))).collect();
            evidence += &format!(": {}", kinds.join(", "));
        }
        let when = toml::Table::from_iter([
            ("column".to_owned(), facts.name().into()),
            ("missing".to_owned(), true.into()),
        ]);
        self.proposal.rules.push(Rule { name, when, then: "set_aside", confidence: Low, evidence });
    }

    /// Purchases must have an amount.
    fn rows_without_amount(&mut self) {
        let amounts: Vec<&Facts<'_>> =
            [Role::Price, Role::Revenue].into_iter().filter_map(|role| self.facts(role)).collect();
        let event = self.facts(Role::Event);
        let is_sold = |row: &usize| match event {
            Some(event) => {
                event.column.cells[*row].as_deref().and_then(known_event) == Some(EventKind::Purchase)
            }
            None => self.proposal.choices.iter().any(|choice| choice.value.as_str() == Some("purchase")),
        };
        let is_empty = |row: &usize| amounts.iter().all(|facts| facts.column.cells[*row].is_none());
        let n_rows = self.all.first().map_or(0, |facts| facts.n_rows);
        let n = (0..n_rows).filter(is_empty).filter(is_sold).count();
        if n > 0 && !amounts.is_empty() {
            self.proposal
                .warnings
                .push(format!("{} purchases have no amount and will be rejected", count(n as u64)));
        }
    }

    fn time(&mut self) {
        let Some(facts) = self.facts(Role::Time) else { return };
        let Some(guess) = &facts.time else { return };
        let typed = matches!(facts.column.shape, CellShape::Instant | CellShape::Local);
        let confidence = match (guess.order, guess.n_bad) {
            (Order::Open, _) => Low,
            (Order::Likely, _) | (Order::Settled, 1..) => Medium,
            (Order::Settled, 0) => High,
        };
        if guess.n_bad > 0 {
            self.proposal.warnings.push(format!(
                "{} cells of \"{}\" are not times of this format and will be rejected",
                count(guess.n_bad as u64),
                super::words(facts.name())
            ));
        }
        if !typed {
            let format = guess.format.as_str();
            let choice = self.proposal.choose("time", "format", format, confidence, guess.evidence.clone());
            choice.instead.extend(guess.instead.as_ref().map(|other| line("format", &other.as_str().into())));
        }
        if facts.n_missing() > 0 {
            self.proposal
                .warnings
                .push(format!("{} rows have no time and will be rejected", count(facts.n_missing() as u64)));
        }
        match guess.zone {
            Some(zone) => {
                self.proposal.choose("time", "zone", zone, High, "the cells say so");
            }
            None => self.proposal.zone_of_job |= guess.needs_zone,
        }
    }

    /// Without a time of day and an order, two equal purchases look like one that is told twice.
    fn duplicates(&mut self) {
        let Some(time) = self.facts(Role::Time) else { return };
        let days = time.time.as_ref().is_some_and(TimeGuess::is_day);
        if days && self.facts(Role::Order).is_none() && self.facts(Role::EventId).is_none() {
            let evidence =
                "times are days and no column names orders: equal rows may be two purchases of a day";
            let choice = self.proposal.choose("", "duplicates", "keep", Medium, evidence);
            choice.instead.push("duplicates = \"merge\"".to_owned());
        }
    }

    fn rules(&mut self) {
        let columns = Columns {
            order: self.facts(Role::Order),
            item: self.facts(Role::Item),
            quantity: self.facts(Role::Quantity),
            price: self.facts(Role::Price),
            revenue: self.facts(Role::Revenue),
            currency: self.facts(Role::Currency),
        };
        self.proposal.rules.extend(rules::suggest(columns));
        let Some((revenue, price)) = columns.revenue.zip(columns.price) else { return };
        if columns.quantity.is_some() {
            let note = format!(
                "\"{}\" is taken for the revenue of a line and goes before quantity times \"{}\"",
                super::words(revenue.name()),
                super::words(price.name())
            );
            self.proposal.warnings.push(note);
        }
    }
}
