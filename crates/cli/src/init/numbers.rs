//! Decimal signs and texts without a value: one of each for all columns of a source.

use toml::Value;

use super::facts::Facts;
use super::proposal::line;
use super::roles::Confidence::{High, Low};
use super::roles::{Role, refused};
use super::sources::Source;
use crate::outputs::count;

fn quoted(facts: &Facts<'_>) -> String {
    format!("\"{}\"", super::words(facts.name()))
}

impl Source<'_, '_> {
    /// The mapped columns, by place; several may be the same column.
    fn mapped(&self) -> impl Iterator<Item = &Facts<'_>> {
        (0..self.all.len()).filter(|place| self.used.contains(place)).map(|place| &self.all[place])
    }

    pub(super) fn numbers_and_nulls(&mut self) {
        self.decimal_sign();
        self.null_texts();
        self.refused_numbers();
    }

    fn decimal_sign(&mut self) {
        // The points of a date are no decimals.
        let numeric = |facts: &&Facts<'_>| facts.time.is_none() && facts.day.is_none();
        let with = |sign: char| -> Vec<String> {
            let has = |f: &&Facts<'_>| f.numbers.as_ref().is_some_and(|n| n.decimal == Some(sign));
            self.mapped().filter(numeric).filter(has).map(quoted).collect()
        };
        let (commas, points) = (with(','), with('.'));
        if commas.is_empty() {
            return;
        }
        // Money decides: a wrong sign there costs rows or, worse, makes other amounts.
        let of_money =
            [Role::Price, Role::Revenue, Role::Quantity].into_iter().filter_map(|role| self.facts(role));
        let sign = of_money.filter_map(|facts| facts.numbers.as_ref()?.decimal).next();
        let comma = sign.map_or(commas.len() > points.len(), |sign| sign == ',');
        let (commas, points) = (commas.join(", "), points.join(", "));
        let sure = points.is_empty();
        let (sign, other) = if comma { (",", ".") } else { (".", ",") };
        let evidence = match sure {
            true => format!("numbers with decimal commas in {commas}"),
            false => format!(
                "decimal commas in {commas} and decimal points in {points}: a source has one sign, rows with the other \
                 are rejected"
            ),
        };
        let choice = self.proposal.choose("", "decimal", sign, if sure { High } else { Low }, evidence);
        if !sure {
            choice.instead.push(line("decimal", &other.into()));
        }
    }

    fn null_texts(&mut self) {
        let mut nulls: Vec<String> = self.mapped().flat_map(|facts| facts.nulls.clone()).collect();
        let columns: Vec<String> =
            self.mapped().filter(|facts| !facts.nulls.is_empty()).take(5).map(quoted).collect();
        let nobody = std::mem::take(&mut self.proposal.nobody);
        nulls.extend(nobody.iter().map(|(text, _)| text.clone()));
        nulls.sort();
        nulls.dedup();
        if nulls.is_empty() {
            return;
        }
        let all: Vec<Value> = std::iter::once(String::new()).chain(nulls).map(Value::from).collect();
        let mut evidence = Vec::new();
        if !columns.is_empty() {
            evidence.push(format!("stand for no value in {}", columns.join(", ")));
        }
        if !nobody.is_empty() {
            evidence.push(super::placeholders::told(&nobody));
        }
        let confidence = if nobody.is_empty() { High } else { Low };
        self.proposal.choose("", "null", all, confidence, evidence.join("; "));
    }

    /// Numbers the reader refuses, before it does.
    fn refused_numbers(&mut self) {
        let mut warnings = Vec::new();
        for role in [Role::Quantity, Role::Price, Role::Revenue] {
            let Some((_, facts)) = self.of(role).filter(|(cast, _)| self.used.contains(&cast.place)) else {
                continue;
            };
            let Some((n, cell)) = refused(role, facts) else { continue };
            let what = match role {
                Role::Quantity => "quantities are whole numbers",
                _ => "thousands signs, currency signs and words are refused: export plain numbers",
            };
            let share = 100.0 * n as f64 / facts.n_present.max(1) as f64;
            warnings.push(format!(
                "{} cells of {} ({share:.1} %) will be rejected, for example \"{}\": {what}",
                count(n as u64),
                quoted(facts),
                super::words(&cell)
            ));
        }
        self.proposal.warnings.extend(warnings);
    }
}
