//! Who changed persona, churn decile or value band since the run before.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use bespoke_io::{OutColumn, OutValues, ReadBack, read_columns};

use crate::outputs::figures::{Changes, Headline, PersonaMove};
use crate::outputs::{RunRecord, files};

/// Groups of equal size by value, 1 = the most valuable.
const N_BANDS: usize = 5;
/// Moves between personas in the record.
const MAX_MOVES: usize = 10;

/// What is compared of one customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub persona: Option<String>,
    pub churn_decile: Option<u32>,
    pub value_band: Option<u32>,
}

/// What a customer changed in.
struct Change<'a> {
    customer: &'a str,
    what: &'static str,
    before: Option<String>,
    after: Option<String>,
}

/// Bands by value; customers without a value have none. Equal values share the band of the first of them.
pub fn value_bands(values: &[Option<f64>]) -> Vec<Option<u32>> {
    let mut known: Vec<f64> = values.iter().flatten().copied().collect();
    known.sort_by(|a, b| b.total_cmp(a));
    let band = |value: f64| (known.partition_point(|&v| v > value) * N_BANDS / known.len()) as u32 + 1;
    values.iter().map(|value| value.map(band)).collect()
}

/// The standings of an earlier run, from its `customers.parquet`.
///
/// # Errors
/// When the file cannot be read.
pub fn standings(run: &Path) -> Result<BTreeMap<String, Standing>> {
    let path = run.join("customers.parquet");
    let columns = read_columns(&path, &["customer_id", "persona_name", "churn_decile", "cltv"])
        .with_context(|| path.display().to_string())?;
    let [ReadBack::Text(ids), ReadBack::Text(personas), ReadBack::Number(deciles), ReadBack::Number(values)] =
        &columns[..]
    else {
        anyhow::bail!("{} has other types of columns than this version writes", path.display());
    };
    let bands = value_bands(values);
    let standing = |row: usize| Standing {
        persona: personas[row].clone(),
        churn_decile: deciles[row].map(|decile| decile as u32),
        value_band: bands[row],
    };
    Ok(ids.iter().enumerate().filter_map(|(row, id)| Some((id.clone()?, standing(row)))).collect())
}

/// The headline figures of an earlier run; `None` when its record cannot be read by this version.
pub fn headline(run: &Path) -> Option<Headline> {
    let record: RunRecord = serde_json::from_slice(&std::fs::read(run.join(files::RUN)).ok()?).ok()?;
    Some(record.headline())
}

/// The changes over all customers.
pub fn summary(
    before: &BTreeMap<String, Standing>,
    after: &[(&str, Standing)],
    headline: Option<Headline>,
) -> Changes {
    let mut changes = Changes { before: headline, ..Changes::default() };
    let mut moves: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (customer, now) in after {
        let Some(then) = before.get(*customer) else {
            changes.joined += 1;
            continue;
        };
        changes.stayed += 1;
        if let (Some(from), Some(to)) = (&then.persona, &now.persona)
            && from != to
        {
            changes.persona += 1;
            *moves.entry((from, to)).or_default() += 1;
        }
        // Decile 1 is the riskiest, band 1 the most valuable.
        if let (Some(then), Some(now)) = (then.churn_decile, now.churn_decile) {
            changes.riskier += u64::from(now < then);
            changes.safer += u64::from(now > then);
        }
        if let (Some(then), Some(now)) = (then.value_band, now.value_band) {
            changes.more_valuable += u64::from(now < then);
            changes.less_valuable += u64::from(now > then);
        }
    }
    changes.gone = before.len() as u64 - changes.stayed;
    let mut moves: Vec<PersonaMove> = moves
        .into_iter()
        .map(|((from, to), customers)| PersonaMove { from: from.to_owned(), to: to.to_owned(), customers })
        .collect();
    moves.sort_by_key(|one| std::cmp::Reverse(one.customers));
    moves.truncate(MAX_MOVES);
    changes.moves = moves;
    changes
}

/// The columns of `changes.parquet`: one row per customer and thing that changed; customers who are new or gone
/// are not changes.
pub fn columns<'a>(
    before: &BTreeMap<String, Standing>,
    after: impl Iterator<Item = (&'a str, Standing)>,
) -> Vec<OutColumn<'a>> {
    let mut changes = Vec::new();
    for (customer, now) in after {
        let Some(then) = before.get(customer) else { continue };
        let text = |n: Option<u32>| n.map(|n| n.to_string());
        let pairs = [
            ("persona", then.persona.clone(), now.persona),
            ("churn_decile", text(then.churn_decile), text(now.churn_decile)),
            ("value_band", text(then.value_band), text(now.value_band)),
        ];
        let change = |(what, before, after)| Change { customer, what, before, after };
        changes.extend(pairs.into_iter().filter(|(_, before, after)| before != after).map(change));
    }
    let text =
        |of: &dyn Fn(&Change<'a>) -> Option<Cow<'a, str>>| OutValues::Text(changes.iter().map(of).collect());
    vec![
        OutColumn::new("customer_id", text(&|change| Some(Cow::Borrowed(change.customer)))),
        OutColumn::new("what", text(&|change| Some(Cow::Borrowed(change.what)))),
        OutColumn::new("before", text(&|change| change.before.clone().map(Cow::Owned))),
        OutColumn::new("after", text(&|change| change.after.clone().map(Cow::Owned))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_fifths_by_falling_value_and_ties_share_one() {
        let values: Vec<Option<f64>> = (0..10).map(|v| Some(f64::from(v))).collect();
        let bands: Vec<u32> = value_bands(&values).into_iter().flatten().collect();
        assert_eq!(bands, [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]);
        assert_eq!(value_bands(&[Some(1.0), None, Some(1.0)]), [Some(1), None, Some(1)]);
        assert!(value_bands(&[]).is_empty());
    }

    #[test]
    fn only_what_changed_has_a_row() {
        let standing = |persona: &str, decile| Standing {
            persona: Some(persona.to_owned()),
            churn_decile: Some(decile),
            value_band: None,
        };
        let before = BTreeMap::from([("a".to_owned(), standing("x", 1)), ("b".to_owned(), standing("x", 1))]);
        let after = [("a", standing("y", 2)), ("b", standing("x", 1)), ("new", standing("x", 1))];
        let columns = columns(&before, after.into_iter());
        let OutValues::Text(what) = &columns[1].values else { panic!() };
        assert_eq!(what.iter().flatten().collect::<Vec<_>>(), ["persona", "churn_decile"]);
    }

    #[test]
    fn the_summary_counts_who_came_went_and_moved() {
        let standing = |persona: &str, decile, band| Standing {
            persona: Some(persona.to_owned()),
            churn_decile: Some(decile),
            value_band: Some(band),
        };
        let before = BTreeMap::from([
            ("a".to_owned(), standing("x", 1, 1)),
            ("b".to_owned(), standing("x", 5, 2)),
            ("gone".to_owned(), standing("x", 1, 1)),
        ]);
        let after = [("a", standing("y", 2, 3)), ("b", standing("x", 4, 1)), ("new", standing("x", 1, 1))];
        let changes = summary(&before, &after, None);
        assert_eq!((changes.joined, changes.gone, changes.stayed, changes.persona), (1, 1, 2, 1));
        assert_eq!((changes.riskier, changes.safer), (1, 1));
        assert_eq!((changes.more_valuable, changes.less_valuable), (1, 1));
        assert_eq!(changes.moves, [PersonaMove { from: "x".into(), to: "y".into(), customers: 1 }]);
    }
}
