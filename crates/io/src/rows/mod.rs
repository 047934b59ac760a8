//! Rows into the tables: where each of them goes.

mod events;
mod fields;
mod memory;
mod recorder;

use std::collections::BTreeMap;
use std::sync::Arc;

use bespoke::tables::ItemFacts;

use crate::account::{FileAccount, Rejected, RowRule};
use crate::cell::{Problem, Record};
use crate::config::TableName;
use crate::error::ReadError;
use crate::options::MAX_REJECTED;
use crate::plan::{Plan, present};
use crate::rules::{Verdict, judge};

use fields::Problems;
pub(crate) use memory::Intake;
use memory::{AttributeRun, Run, damaged};
pub(crate) use recorder::Recorder;

/// Takes the rows of one file.
pub(crate) struct Rows<'a> {
    plan: &'a mut Plan,
    intake: &'a mut Intake,
    file: Arc<str>,
    account: FileAccount,
    /// Rows per rule of the plan.
    set_aside: Vec<u64>,
    /// Accepted rows of customers and items with an id that a spreadsheet has damaged.
    damaged: u64,
    /// Rows with the id of an event that said something else.
    conflicts: u64,
    /// Problems of the row at hand with the slots they are in.
    problems: Problems,
    /// Canonical bytes of the row at hand, for its hash.
    key: Vec<u8>,
    customers: Run,
    orders: Run,
    attributes: AttributeRun,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(plan: &'a mut Plan, intake: &'a mut Intake, file: &str) -> Self {
        let account =
            FileAccount { source: plan.source.to_string(), file: file.to_owned(), ..FileAccount::default() };
        let set_aside = vec![0; plan.rules.len()];
        Self {
            plan,
            intake,
            file: file.into(),
            account,
            set_aside,
            damaged: 0,
            conflicts: 0,
            problems: Problems::default(),
            key: Vec::new(),
            customers: Run::default(),
            orders: Run::default(),
            attributes: AttributeRun::default(),
        }
    }

    /// Names of the columns by slot.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.plan.columns.iter().map(|column| &*column.name)
    }

    /// Name of the source.
    pub(crate) fn source(&self) -> &str {
        &self.plan.source
    }

    /// Takes a row whose cells can be told apart.
    pub(crate) fn row<R: Record>(&mut self, row: u64, record: &R) -> Result<(), ReadError> {
        self.account.rows_read += 1;
        let nulls = &self.plan.config.null;
        let verdict = judge(&mut self.plan.rules, |slot| present(record.cell(slot), nulls));
        let forced = match verdict {
            Verdict::SetAside(rule) => {
                self.set_aside[rule] += 1;
                return Ok(());
            }
            Verdict::Goes(kind) => kind,
        };
        match self.plan.config.table {
            TableName::Events => self.event(row, record, forced)?,
            TableName::Customers => self.customer(row, record),
            TableName::Items => self.item(record),
        }
        if !self.problems.0.is_empty() {
            self.reject(row, record);
        }
        Ok(())
    }

    /// Rejects a row without cells.
    pub(crate) fn bad_row(&mut self, row: u64, value: String, problem: Problem) {
        self.account.rows_read += 1;
        self.count_rejected(problem.rule);
        let value = if self.plan.config.pii.is_empty() { value } else { REDACTED.to_owned() };
        self.note(row, "*".into(), value, problem);
    }

    /// What became of the rows of this file.
    pub(crate) fn finish(mut self) -> FileAccount {
        let tally = self.intake.recorder.tally();
        self.account.accepted += tally.accepted;
        self.account.accepted_guests += tally.accepted_guests;
        self.account.merged += tally.merged;
        for (rule, &n) in self.plan.rules.iter().zip(&self.set_aside) {
            bump(&mut self.account.set_aside, &rule.name, n);
        }
        bump(&mut self.account.warnings, "event_id_conflict", self.conflicts);
        bump(&mut self.account.warnings, "ambiguous_local_time", tally.ambiguous);
        bump(&mut self.account.warnings, "spreadsheet_damage", self.damaged + tally.damaged);
        self.account
    }

    fn reject<R: Record>(&mut self, row: u64, record: &R) {
        let mut problems = std::mem::take(&mut self.problems.0);
        self.count_rejected(problems[0].1.rule);
        for &(slot, problem) in &problems {
            let column = &self.plan.columns[slot];
            let value = if column.redacted { REDACTED.to_owned() } else { record.cell(slot).show() };
            let name = Arc::clone(&column.name);
            self.note(row, name, value, problem);
        }
        problems.clear();
        self.problems.0 = problems;
    }

    fn count_rejected(&mut self, rule: RowRule) {
        bump(&mut self.account.rejected, rule.id(), 1);
    }

    fn note(&mut self, row: u64, column: Arc<str>, value: String, problem: Problem) {
        if self.intake.rejected.len() < MAX_REJECTED {
            let (source, file) = (Arc::clone(&self.plan.source), Arc::clone(&self.file));
            let Problem { rule, hint } = problem;
            self.intake.rejected.push(Rejected { source, file, row, column, value, rule, hint });
        }
    }

    fn customer<R: Record>(&mut self, row: u64, record: &R) {
        let slot = self.plan.slots.customer_id;
        let row_id = self.plan.config.rows_are_customers.then(|| row.to_string());
        let customer = match &row_id {
            Some(id) => Some(Some(id.as_str())),
            None => self.id(record, slot, self.plan.config.id_style.customer_id),
        };
        if let (Some(slot), Some(None)) = (slot, customer) {
            self.problems.add(slot, RowRule::NoIdentity);
        }
        let at = self.stated_at(record);
        let attributes = self.attributes(record);
        if let (true, Some(Some(customer)), Some(at)) = (self.problems.0.is_empty(), customer, at) {
            let number = self.intake.builder.customer(customer);
            for (attribute, stated) in attributes {
                self.intake.builder.customer_attribute(number, attribute, at, stated);
            }
            self.account.accepted += 1;
            self.damaged += u64::from(damaged(customer));
        }
    }

    fn item<R: Record>(&mut self, record: &R) {
        let slots = self.plan.slots;
        let item = self.id(record, slots.item_id, self.plan.config.id_style.item_id);
        if let (Some(slot), Some(None)) = (slots.item_id, item) {
            self.problems.add(slot, RowRule::MissingRequired);
        }
        let at = self.stated_at(record);
        self.currency(record);
        let facts = ItemFacts {
            title: self.label(record, slots.title),
            category: self.label(record, slots.category),
            price: self.price(record, slots.price, false).flatten(),
            available_from: self.planned(record, slots.available_from),
            available_to: self.planned(record, slots.available_to),
            stock: self.stock(record),
        };
        if let (true, Some(Some(item)), Some(at)) = (self.problems.0.is_empty(), item, at) {
            let number = self.intake.builder.item(item);
            self.intake.builder.item_facts(number, at, &facts);
            self.account.accepted += 1;
            self.damaged += u64::from(damaged(item));
        }
    }
}

const REDACTED: &str = "[redacted]";

fn bump(counts: &mut BTreeMap<String, u64>, name: &str, by: u64) {
    if by == 0 {
        return;
    }
    match counts.get_mut(name) {
        Some(n) => *n += by,
        None => drop(counts.insert(name.to_owned(), by)),
    }
}
