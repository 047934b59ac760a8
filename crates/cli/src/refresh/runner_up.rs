//! What speaks for the second nearest persona of every customer.

use std::collections::BTreeMap;

use anyhow::Result;
use bespoke::features::{Column, FeatureTable};
use bespoke::personas::{Assignment, Cell, PersonaAssigner, PersonaModel};
use rayon::prelude::*;

/// Most features that are named.
const MAX_FEATURES: usize = 3;

/// Between the names of features.
pub const SEPARATOR: &str = "; ";

/// Features by which the second persona is nearer, few distinct texts over many customers.
#[derive(Debug, Default, PartialEq)]
pub struct RunnerUp {
    /// Names of features, the strongest first, [`SEPARATOR`] between.
    pub names: Vec<String>,
    /// By customer, which text; `None` where there is no second persona or nothing speaks for it.
    pub codes: Vec<Option<u32>>,
}

/// Places of features in the table, the strongest first.
type Places = [Option<u16>; MAX_FEATURES];

/// What speaks for the second persona of every customer.
///
/// # Errors
/// When the table is not of the model's features.
pub fn of(model: &PersonaModel, table: &FeatureTable, assigned: &[Assignment]) -> Result<RunnerUp> {
    let assigner = model.assigner(table.spec())?;
    let places: Vec<Option<Places>> = (assigned.par_iter().enumerate())
        .map(|(row, assignment)| places(&assigner, table, row, assignment))
        .collect();
    let name = |f: u16| table.spec().features[usize::from(f)].name.as_str();
    Ok(coded(&places, name))
}

fn places(
    assigner: &PersonaAssigner<'_>,
    table: &FeatureTable,
    row: usize,
    assignment: &Assignment,
) -> Option<Places> {
    let cell = |column: &Column| match column {
        Column::Number(cells) => Cell::Number(cells[row]),
        Column::Category(codes) => Cell::Category(codes[row]),
    };
    let cells: Vec<Cell> = table.columns().iter().map(cell).collect();
    strongest(&assigner.leanings(&cells, assignment.persona, assignment.second?)?)
}

/// Places of the largest leanings above 0, falling, ties in the order of the table; `None` without any.
fn strongest(leanings: &[f64]) -> Option<Places> {
    let mut order: Vec<usize> = (0..leanings.len()).filter(|&f| leanings[f] > 0.0).collect();
    order.sort_by(|&a, &b| leanings[b].total_cmp(&leanings[a]).then(a.cmp(&b)));
    let place = |at: usize| order.get(at).and_then(|&f| u16::try_from(f).ok());
    (!order.is_empty()).then(|| std::array::from_fn(place))
}

/// Every distinct list of names once, in the order in which they come.
fn coded<'a>(places: &[Option<Places>], name: impl Fn(u16) -> &'a str) -> RunnerUp {
    let mut known: BTreeMap<Places, u32> = BTreeMap::new();
    let mut out = RunnerUp::default();
    for of_row in places {
        let code = of_row.map(|of_row| {
            *known.entry(of_row).or_insert_with(|| {
                let names: Vec<&str> = of_row.into_iter().flatten().map(&name).collect();
                out.names.push(names.join(SEPARATOR));
                (out.names.len() - 1) as u32
            })
        });
        out.codes.push(code);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_what_speaks_against_it_not_at_all() {
        assert_eq!(strongest(&[0.5, -3.0, 2.0, 0.0, 0.5, 0.1]), Some([Some(2), Some(0), Some(4)]));
        assert_eq!(strongest(&[0.0, 0.25, -1.0]), Some([Some(1), None, None]));
        assert_eq!(strongest(&[0.0, -1.0]), None);
    }

    #[test]
    fn equal_lists_share_a_text() {
        let (both, one) = (Some([Some(1), Some(0), None]), Some([Some(0), None, None]));
        let found = coded(&[both, None, one, both], |f| ["orders", "revenue"][usize::from(f)]);
        assert_eq!(found.names, ["revenue; orders", "orders"]);
        assert_eq!(found.codes, [Some(0), None, Some(1), Some(0)]);
    }
}
