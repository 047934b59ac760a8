//! From columns and their roles to the lines of a source.

use anyhow::Result;
use bespoke_io::{CellShape, FileFormat, TableName};
use toml::Value;

use super::exports;
use super::facts::Facts;
use super::people;
use super::places;
use super::proposal::{Choice, Proposal, line, table_name};
use super::roles::{
    Cast, Confidence,
    Confidence::{High, Low, Medium},
    Role, cast,
};
use super::rules::{self, Columns};
use super::sample::{Looked, format_name};
use super::tables;
use crate::outputs::count;

/// Proposes a source for a file.
///
/// # Errors
/// When the file is no table that a job can use.
pub fn propose(looked: &Looked) -> Result<Proposal> {
    let all: Vec<Facts<'_>> = looked.sample.columns.iter().map(Facts::of).collect();
    let export = exports::recognise(&all);
    let given = export.as_ref().map_or(&[][..], |(_, given)| &given[..]);
    let cast = cast(&all, given);
    let export = export.as_ref().map(|(export, _)| *export);
    let recognised = tables::recognise(&looked.name(), &all, &cast, export.map(|export| export.name))?;
    let mut source = Source {
        all: &all,
        cast,
        whole: looked.sample.whole,
        proposal: Proposal::new(recognised.table),
        used: Vec::new(),
    };
    source.proposal.choose(
        "",
        "table",
        table_name(recognised.table),
        recognised.confidence,
        recognised.evidence,
    );
    source
        .proposal
        .warnings
        .extend(export.iter().flat_map(|export| export.notes).map(|note| (*note).to_owned()));
    source.file(looked);
    match recognised.table {
        TableName::Events => source.events(),
        TableName::Customers => source.customers(),
        TableName::Items => source.items(),
    }
    source.numbers_and_nulls();
    source.proposal.currency = places::currency(&all, &source.cast);
    source.proposal.zone = places::zone(&all, &source.cast);
    source.rest();
    Ok(source.proposal)
}

/// A source in the making.
pub(super) struct Source<'a, 's> {
    all: &'a [Facts<'s>],
    cast: Vec<Cast>,
    /// The sample is the whole file.
    whole: bool,
    pub(super) proposal: Proposal,
    /// Places of columns that are mapped or spoken of.
    used: Vec<usize>,
}

impl<'a, 's> Source<'a, 's> {
    fn of(&self, role: Role) -> Option<(&Cast, &'a Facts<'s>)> {
        let cast = self.cast.iter().find(|cast| cast.role == role)?;
        Some((cast, &self.all[cast.place]))
    }

    pub(super) fn facts(&self, role: Role) -> Option<&'a Facts<'s>> {
        self.of(role).map(|(_, facts)| facts)
    }

    /// How the file is opened.
    fn file(&mut self, looked: &Looked) {
        if looked.format_must_be_said {
            let format = format_name(looked.format);
            self.proposal.choose("", "format", format, Medium, "the name of the file does not tell");
        }
        if let (FileFormat::Csv, Some(delimiter)) = (looked.format, looked.delimiter) {
            let evidence = "it divides the first lines into equally many fields";
            self.proposal.choose("", "delimiter", delimiter, High, evidence);
        }
        if looked.sample.n_ragged > 0 {
            self.proposal.warnings.push(format!(
                "{} of the first {} rows have another number of fields than the header, or are no objects: they will \
                 be rejected",
                count(looked.sample.n_ragged as u64),
                count((looked.sample.n_ragged + looked.sample.n_rows) as u64)
            ));
        }
        let mut names: Vec<&str> = self.all.iter().map(Facts::name).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned());
        if let Some(twice) = twice {
            let words = super::words(&twice);
            self.proposal.warnings.push(format!(
                "column \"{words}\" is in the header twice: neither can be mapped until one is renamed"
            ));
            let doubled = |facts: &Facts<'_>| names.iter().filter(|name| **name == facts.name()).count() > 1;
            let places: Vec<usize> = (0..self.all.len()).filter(|&place| doubled(&self.all[place])).collect();
            self.cast.retain(|cast| !places.contains(&cast.place));
            self.used.extend(places);
        }
    }

    /// Maps the role's column.
    pub(super) fn map(&mut self, role: Role) {
        let Some(name) = role.column() else { return };
        let Some((cast, facts)) = self.of(role) else { return };
        let (cast, column) = (cast.clone(), facts.name().to_owned());
        if !self.used.contains(&cast.place) {
            self.used.push(cast.place);
        }
        let rival = cast.rival.map(|rival| line(name, &self.all[rival].name().into()));
        let choice = self.proposal.choose("columns", name, column, cast.confidence, cast.evidence);
        choice.instead.extend(rival);
    }

    fn events(&mut self) {
        self.kind();
        for role in [
            Role::Customer,
            Role::Item,
            Role::Time,
            Role::EventId,
            Role::Quantity,
            Role::Price,
            Role::Revenue,
        ] {
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

    fn customers(&mut self) {
        let by_position = self
            .facts(Role::Customer)
            .or_else(|| self.all.iter().find(|facts| facts.key == "id" && facts.is_unique()));
        match by_position {
            Some(facts) if facts.is_unique() && self.facts(Role::Customer).is_none() => {
                let place = self.all.iter().position(|other| other.name() == facts.name());
                self.used.extend(place);
                let (name, evidence) = (facts.name().to_owned(), "every row has another one");
                self.proposal.choose("columns", "customer_id", name, Medium, evidence);
            }
            Some(_) => self.map(Role::Customer),
            None => {
                let evidence =
                    "no column identifies customers; the number of a row in the file becomes the id";
                self.proposal.choose("", "rows_are_customers", true, Low, evidence);
            }
        }
        self.ids();
        for place in 0..self.all.len() {
            if !self.used.contains(&place) {
                self.used.push(place);
                people::attribute(&self.all[place], self.whole, &mut self.proposal);
            }
        }
    }

    fn items(&mut self) {
        for role in [Role::Item, Role::Title, Role::Category, Role::Price] {
            self.map(role);
        }
        self.one_currency();
        self.ids();
    }

    /// A job has one currency; a column of it is mapped so that other ones are noticed.
    fn one_currency(&mut self) {
        let Some(facts) = self.facts(Role::Currency) else { return };
        if facts.n_missing() == 0 {
            self.map(Role::Currency);
        }
    }

    /// Ids that were numbers once.
    fn ids(&mut self) {
        for role in [Role::Customer, Role::Item, Role::Order] {
            let mapped = self
                .of(role)
                .filter(|(cast, facts)| self.used.contains(&cast.place) && facts.is_point_zero());
            if let (Some((_, facts)), Some(name)) = (mapped, role.column()) {
                let evidence = format!("all are written like {}", super::words(&facts.top[0].0));
                self.proposal.choose("id_style", name, "integer", High, evidence);
            }
        }
    }

    fn guests(&mut self) {
        match self.facts(Role::Customer) {
            None => {
                let evidence = "no column names customers: nobody can be scored";
                self.proposal.choose("", "guests", true, Low, evidence);
            }
            Some(facts) if facts.n_missing() > 0 => {
                let share = 100.0 * facts.n_missing() as f64 / facts.n_rows as f64;
                let evidence =
                    format!("{share:.1} % of the rows have no customer: they count for popularity only");
                self.proposal.choose("", "guests", true, High, evidence);
            }
            Some(_) => {}
        }
    }

    fn time(&mut self) {
        let Some(facts) = self.facts(Role::Time) else { return };
        let Some(guess) = &facts.time else { return };
        let typed = matches!(facts.column.shape, CellShape::Instant | CellShape::Local);
        let confidence = match (&guess.instead, guess.n_bad) {
            (Some(_), _) if guess.evidence.contains("nothing in the rows") => Low,
            (Some(_), _) | (None, 1..) => Medium,
            _ => High,
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
        if guess.needs_zone {
            // The value is filled in when the zone of the job is known.
            self.proposal.choose("time", "zone", "", Low, "");
        }
    }

    /// Without a time of day and an order, two equal purchases look like one that is told twice.
    fn duplicates(&mut self) {
        let Some(time) = self.facts(Role::Time) else { return };
        let days = time.time.as_ref().is_some_and(super::times::TimeGuess::is_day);
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
            currency: self.facts(Role::Currency).filter(|facts| facts.n_missing() == 0),
        };
        self.proposal.rules = rules::suggest(columns);
        let Some((revenue, price)) = columns.revenue.zip(columns.price) else { return };
        if revenue.is_amount() && columns.quantity.is_some() {
            let note = format!(
                "\"{}\" is taken for the revenue of a line and goes before quantity times \"{}\"",
                super::words(revenue.name()),
                super::words(price.name())
            );
            self.proposal.warnings.push(note);
        }
    }

    /// Decimal sign and texts without a value; one of each for all columns of a source.
    fn numbers_and_nulls(&mut self) {
        let mapped = |place: &usize| self.used.contains(place);
        let numeric = (0..self.all.len()).filter(mapped).map(|place| &self.all[place]);
        let with_sign = |sign| {
            numeric.clone().filter(move |f| f.numbers.as_ref().is_some_and(|n| n.decimal == Some(sign)))
        };
        let quoted = |facts: &Facts<'_>| format!("\"{}\"", super::words(facts.name()));
        let (commas, points): (Vec<String>, Vec<String>) =
            (with_sign(',').map(quoted).collect(), with_sign('.').map(quoted).collect());
        let mut lines: Vec<Choice> = Vec::new();
        if commas.len() > points.len() {
            let confidence = if points.is_empty() { High } else { Medium };
            lines.push(choice(
                "decimal",
                ",".into(),
                confidence,
                format!("numbers with decimal commas in {}", commas.join(", ")),
            ));
        }
        if !commas.is_empty() && !points.is_empty() {
            let warning = format!(
                "decimal commas in {} and decimal points in {}: a source has one sign, rows with the other will be rejected",
                commas.join(", "),
                points.join(", ")
            );
            self.proposal.warnings.push(warning);
        }
        let mut nulls: Vec<String> = numeric.clone().flat_map(|facts| facts.nulls.clone()).collect();
        nulls.sort();
        nulls.dedup();
        if !nulls.is_empty() {
            let columns: Vec<String> =
                numeric.clone().filter(|facts| !facts.nulls.is_empty()).take(5).map(quoted).collect();
            let all: Vec<Value> = std::iter::once(String::new()).chain(nulls).map(Value::from).collect();
            lines.push(choice(
                "null",
                all.into(),
                High,
                format!("stand for no value in {}", columns.join(", ")),
            ));
        }
        for facts in numeric {
            let Some(numbers) = &facts.numbers else { continue };
            if let Some(cell) = &numbers.dressed {
                self.proposal.warnings.push(format!(
                    "{} has numbers like {}: thousands and currency signs are refused, export it without",
                    quoted(facts),
                    super::words(cell)
                ));
            } else if let Some(cell) = &numbers.bad {
                self.proposal.warnings.push(format!(
                    "{} cells of {} are no numbers, for example \"{}\"",
                    numbers.n_bad,
                    quoted(facts),
                    super::words(cell)
                ));
            }
        }
        self.proposal.choices.extend(lines);
    }

    /// Says of every other column that it has no use.
    fn rest(&mut self) {
        for place in 0..self.all.len() {
            if !self.used.contains(&place) {
                let reason = "no part in this table was recognised".to_owned();
                self.proposal.unused.push((self.all[place].name().to_owned(), reason));
            }
        }
    }
}

fn choice(key: &str, value: Value, confidence: Confidence, evidence: String) -> Choice {
    Choice { section: "", key: key.to_owned(), value, confidence, evidence, instead: Vec::new() }
}
