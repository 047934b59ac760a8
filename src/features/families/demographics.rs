//! Columns given with the customers. They are as the tables hold them: the latest statement, not that at `as_of`.

use super::def;
use crate::error::SpecMismatch;
use crate::features::FeatureDef;
use crate::features::FeatureFamily::Demographics as FAMILY;
use crate::features::plan::{AttributePlan, AttributePlanKind, POOLED_LEVEL, slug};
use crate::features::{Column, FeatureKind};
use crate::tables::{Attribute, AttributeValues};

/// The columns of these attributes.
pub(in crate::features) fn defs(attributes: &[AttributePlan]) -> Vec<FeatureDef> {
    attributes.iter().map(attribute_def).collect()
}

fn attribute_def(plan: &AttributePlan) -> FeatureDef {
    // A name is often that of a column: words for people have blanks.
    let (name, label) = (slug(&plan.name), plan.name.replace('_', " "));
    match &plan.kind {
        AttributePlanKind::Number => def(name, label, "", FeatureKind::Number, FAMILY),
        AttributePlanKind::YesNo => def(name, label, "", FeatureKind::YesNo, FAMILY),
        // Not a duration: a day in the future (the end of a contract) is a negative number of days since.
        AttributePlanKind::Date => {
            let label = format!("days since {label}");
            def(format!("days_since_{name}"), label, "days", FeatureKind::Number, FAMILY)
        }
        AttributePlanKind::Category { levels } => {
            def(name, label, "", FeatureKind::Category { levels: levels.clone() }, FAMILY)
        }
    }
}

/// How an attribute becomes a column; levels of fewer than `min_customers` customers are pooled.
pub(in crate::features) fn plan(attribute: &Attribute, min_customers: usize) -> AttributePlan {
    let kind = match &attribute.values {
        AttributeValues::Number(_) => AttributePlanKind::Number,
        AttributeValues::YesNo(_) => AttributePlanKind::YesNo,
        AttributeValues::Date(_) => AttributePlanKind::Date,
        AttributeValues::Category { codes, levels } => {
            AttributePlanKind::Category { levels: kept_levels(codes, levels, min_customers) }
        }
    };
    AttributePlan { name: attribute.name.clone(), kind }
}

fn kept_levels(codes: &[Option<u32>], levels: &[String], min_customers: usize) -> Vec<String> {
    let mut n_customers = vec![0usize; levels.len()];
    for &code in codes.iter().flatten() {
        n_customers[code as usize] += 1;
    }
    let kept = |n: &usize| *n >= min_customers;
    let pooled = n_customers.iter().any(|n| *n > 0 && !kept(n));
    let mut names: Vec<String> = levels
        .iter()
        .zip(&n_customers)
        .filter(|(_, n)| **n > 0 && kept(n))
        .map(|(name, _)| name.clone())
        .collect();
    if pooled {
        names.push(POOLED_LEVEL.to_owned());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The column of a planned attribute; dates are counted in days up to `last_day`.
///
/// A date behind `last_day` that the data have since reached is missing: a last visit or a last order could not be known
/// then. One behind `data_last_day` stays, for example the end of a contract.
///
/// # Errors
/// [`SpecMismatch`] when the tables have no attribute of that name and type.
pub(in crate::features) fn column(
    plan: &AttributePlan,
    attributes: &[Attribute],
    last_day: i32,
    data_last_day: i32,
) -> Result<Column, SpecMismatch> {
    let mismatch = |table: &str| SpecMismatch {
        column: plan.name.clone(),
        model: kind_name(&plan.kind).to_owned(),
        table: table.to_owned(),
    };
    let Some(attribute) = attributes.iter().find(|attribute| attribute.name == plan.name) else {
        return Err(mismatch("no such attribute"));
    };
    let missing = f64::NAN;
    Ok(match (&plan.kind, &attribute.values) {
        (AttributePlanKind::Number, AttributeValues::Number(cells)) => {
            Column::Number(cells.iter().map(|cell| cell.unwrap_or(missing)).collect())
        }
        (AttributePlanKind::YesNo, AttributeValues::YesNo(cells)) => Column::Number(
            cells.iter().map(|cell| cell.map_or(missing, |yes| f64::from(u8::from(yes)))).collect(),
        ),
        (AttributePlanKind::Date, AttributeValues::Date(cells)) => {
            let days_since = |day: i32| {
                let known_later = last_day < day && day <= data_last_day;
                if known_later { missing } else { f64::from(last_day) - f64::from(day) }
            };
            Column::Number(cells.iter().map(|cell| cell.map_or(missing, days_since)).collect())
        }
        (AttributePlanKind::Category { levels: planned }, AttributeValues::Category { codes, levels }) => {
            let code_of = |name: &str| planned.iter().position(|level| level == name).map(|code| code as u32);
            let pooled = code_of(POOLED_LEVEL);
            let codes_planned: Vec<Option<u32>> =
                levels.iter().map(|name| code_of(name).or(pooled)).collect();
            Column::Category(codes.iter().map(|code| code.and_then(|c| codes_planned[c as usize])).collect())
        }
        (_, values) => return Err(mismatch(values_name(values))),
    })
}

fn kind_name(kind: &AttributePlanKind) -> &'static str {
    match kind {
        AttributePlanKind::Number => "number",
        AttributePlanKind::YesNo => "yes/no",
        AttributePlanKind::Date => "date",
        AttributePlanKind::Category { .. } => "category",
    }
}

fn values_name(values: &AttributeValues) -> &'static str {
    match values {
        AttributeValues::Number(_) => "number",
        AttributeValues::YesNo(_) => "yes/no",
        AttributeValues::Date(_) => "date",
        AttributeValues::Category { .. } => "category",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_words() {
        let label = |kind| attribute_def(&AttributePlan { name: "first_visit".to_owned(), kind }).label;
        assert_eq!(label(AttributePlanKind::Number), "first visit");
        assert_eq!(label(AttributePlanKind::Date), "days since first visit");
    }

    #[test]
    fn a_date_that_the_data_reached_later_is_not_known_before() {
        let attribute = Attribute {
            name: "last visit".to_owned(),
            values: AttributeValues::Date(vec![Some(90), Some(100), Some(101), Some(200), Some(201), None]),
        };
        let plan = plan(&attribute, 1);
        let days_since = |last_day| {
            let Column::Number(cells) =
                column(&plan, std::slice::from_ref(&attribute), last_day, 200).unwrap()
            else {
                panic!()
            };
            cells.iter().map(|days| (!days.is_nan()).then_some(*days as i32)).collect::<Vec<_>>()
        };
        assert_eq!(days_since(100), [Some(10), Some(0), None, None, Some(-101), None]);
        assert_eq!(days_since(200), [Some(110), Some(100), Some(99), Some(0), Some(-1), None]);
    }
}
