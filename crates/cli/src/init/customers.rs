//! The lines of a source of customers, and what of it must not be shown.

use super::people;
use super::roles::Confidence::{High, Low, Medium};
use super::roles::Role;
use super::sources::Source;

impl Source<'_, '_> {
    pub(super) fn customers(&mut self) {
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
        self.mailing();
        for place in 0..self.all.len() {
            if !self.used.contains(&place) {
                self.used.push(place);
                people::attribute(&self.all[place], self.whole, &mut self.proposal);
            }
        }
    }

    /// What a mailing leaves behind is known only afterwards, and so is which mail was sent.
    fn mailing(&mut self) {
        let place = |key: &str| self.all.iter().position(|facts| facts.key == key);
        if people::MAILING.iter().any(|key| place(key).is_none()) {
            return;
        }
        for place in
            people::MAILING.iter().chain(&["segment"]).filter_map(|key| place(key)).collect::<Vec<_>>()
        {
            let reason = "which mail was sent and what came of it: known only afterwards".to_owned();
            self.proposal.unused.push((self.all[place].name().to_owned(), reason));
            self.used.push(place);
        }
    }

    /// Columns whose values must not appear in reports.
    pub(super) fn personal(&mut self) {
        let personal = |place: &&usize| people::is_personal(&self.all[**place]);
        let mut names: Vec<String> =
            self.used.iter().filter(personal).map(|&place| self.all[place].name().to_owned()).collect();
        let mapped = |name: &String| {
            self.proposal
                .choices
                .iter()
                .any(|choice| choice.section == "columns" && choice.value.as_str() == Some(name))
        };
        names.retain(mapped);
        names.dedup();
        if !names.is_empty() {
            let evidence = "addresses of people, also as ids: never shown in messages and rejected.csv";
            self.proposal.choose("", "pii", names, High, evidence);
        }
    }
}
