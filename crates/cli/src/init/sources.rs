//! From columns and their roles to the lines of a source.

use anyhow::Result;
use bespoke_io::{FileFormat, TableName};

use super::facts::Facts;
use super::proposal::{Proposal, line, table_name};
use super::roles::Confidence::{High, Medium};
use super::roles::{Cast, Role, cast, is_currency};
use super::sample::{Looked, format_name};
use super::{exports, others, places, tables, times, totals};
use crate::outputs::count;

/// What a file is good for.
pub enum Use {
    Source(Box<Proposal>),
    /// A table that a job does not read, and what it is.
    LeftOut(String),
}

/// Proposes a source for a file; rows of sums leave the sample.
///
/// # Errors
/// When the file is no table that a job can use.
pub fn propose(looked: &mut Looked) -> Result<Use> {
    let sums = totals::without_sums(&mut looked.sample);
    let mut all: Vec<Facts<'_>> = looked.sample.columns.iter().map(Facts::of).collect();
    times::settle_by_siblings(&mut all);
    let export = exports::recognise(&all);
    if let (None, Some(what)) = (&export, others::other(&all)) {
        return Ok(Use::LeftOut(format!("{}: {what}", looked.name())));
    }
    let (export, given) = export.map_or((None, Vec::new()), |(export, given)| (Some(export), given));
    let cast = cast(&all, export.map(|export| export.name), &given);
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
    source.file(looked);
    match recognised.table {
        TableName::Events => source.events(),
        TableName::Customers => source.customers(),
        TableName::Items => source.items(recognised.id),
    }
    if let Some(export) = export {
        source.export(export);
    }
    source.proposal.rules.splice(0..0, sums);
    source.numbers_and_nulls();
    source.personal();
    source.proposal.currency = places::currency(&all, &source.cast);
    source.proposal.zone = places::zone(&all, &source.cast);
    source.rest();
    Ok(Use::Source(Box::new(source.proposal)))
}

/// A source in the making.
pub(super) struct Source<'a, 's> {
    pub(super) all: &'a [Facts<'s>],
    pub(super) cast: Vec<Cast>,
    /// The sample is the whole file.
    pub(super) whole: bool,
    pub(super) proposal: Proposal,
    /// Places of columns that are mapped or spoken of.
    pub(super) used: Vec<usize>,
}

impl<'a, 's> Source<'a, 's> {
    pub(super) fn of(&self, role: Role) -> Option<(&Cast, &'a Facts<'s>)> {
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
        if looked.sample.n_fields_left > 0 {
            self.proposal.warnings.push(format!(
                "its objects have more than {} fields: {} or more were not looked at",
                count(bespoke_io::MAX_COLUMNS as u64),
                count(looked.sample.n_fields_left as u64)
            ));
        }
        self.doubled();
    }

    /// Columns of the same name cannot be told apart.
    fn doubled(&mut self) {
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

    fn items(&mut self, id: Option<usize>) {
        if let (None, Some(place)) = (self.of(Role::Item), id) {
            self.used.push(place);
            let (name, evidence) = (self.all[place].name().to_owned(), "every row has another one");
            self.proposal.choose("columns", "item_id", name, Medium, evidence);
        }
        for role in [Role::Item, Role::Title, Role::Category, Role::Price] {
            self.map(role);
        }
        self.one_currency();
        self.ids();
    }

    /// A job has one currency; a column of it is mapped so that other ones are noticed.
    pub(super) fn one_currency(&mut self) {
        let Some(facts) = self.facts(Role::Currency) else { return };
        let name = super::words(facts.name());
        if facts.levels().all(is_currency) {
            self.map(Role::Currency);
        }
        if facts.n_distinct > 1 {
            let codes: Vec<String> =
                facts.top.iter().take(5).map(|(code, n)| format!("{code} {}", count(*n as u64))).collect();
            self.proposal.warnings.push(format!(
                "\"{name}\" has several currencies ({}); a job has one, and rows in the others are set aside",
                codes.join(", ")
            ));
        }
        if facts.n_missing() > 0 {
            self.proposal.warnings.push(format!(
                "{} rows name no currency in \"{name}\" and are taken for that of the job",
                count(facts.n_missing() as u64)
            ));
        }
    }

    /// Ids that were numbers once.
    pub(super) fn ids(&mut self) {
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

    /// Says of every other column why it has no use.
    fn rest(&mut self) {
        let order = self.facts(Role::Order);
        for place in 0..self.all.len() {
            if self.used.contains(&place) {
                continue;
            }
            let facts = &self.all[place];
            let amount = facts.numbers.is_some() && Role::Revenue.may_be_named(facts);
            let total = totals::of_orders(facts, order).filter(|_| amount);
            let reason = if let Some(total) = total {
                format!("{total}; columns.revenue takes it nevertheless")
            } else if let Some((n, cell)) = &facts.nearly_numbers {
                let (n, cell) = (count(*n as u64), super::words(cell));
                format!("{n} of its cells are no numbers, such as \"{cell}\"")
            } else if totals::is_beside_the_price(facts) && facts.numbers.is_some() {
                "a discount, tax or cost, not what was paid for a line".to_owned()
            } else {
                "no part in this table was recognised".to_owned()
            };
            let telling = facts.nearly_numbers.is_some() && Role::Price.may_be_named(facts);
            if telling || (amount && reason.contains("total")) {
                let name = super::words(facts.name());
                self.proposal.warnings.push(format!("\"{name}\" is not used: {reason}"));
            }
            self.proposal.unused.push((facts.name().to_owned(), reason));
        }
    }
}
